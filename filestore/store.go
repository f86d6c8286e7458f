package filestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cacheops/cacheops"
)

// Options of a store. A nil *Options means all zero.
type Options struct {
	// MaxBytes bounds the directory, in bytes as disks count them (in blocks of
	// 4 KiB). Beyond it those files go that were written first. Each process
	// that writes counts what it writes alone and looks at the directory after
	// every sixteenth of MaxBytes, so that there may be an eighth of it more for
	// each further process. Zero: 1 GiB. Negative: no bound.
	MaxBytes int64
	// MaxValueBytes is the largest value that is kept, and that is read. Zero:
	// 64 MiB, or an eighth of MaxBytes where that is less.
	MaxValueBytes int64
	// Sync waits until a value is on the disk before it takes its place. Without
	// it a crash of the machine (not of the process) costs the values of the last
	// seconds, which are then misses; with it a write takes milliseconds.
	Sync bool
}

const (
	defaultMaxBytes      = 1 << 30
	defaultMaxValueBytes = 64 << 20
	// largestShare bounds a value to this part of the directory.
	largestShare = 8
)

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.MaxBytes == 0 {
		d.MaxBytes = defaultMaxBytes
	}
	if d.MaxValueBytes == 0 {
		d.MaxValueBytes = defaultMaxValueBytes
		if d.MaxBytes > 0 {
			d.MaxValueBytes = min(d.MaxValueBytes, d.MaxBytes/largestShare)
		}
	}
	return d
}

func (o *Options) validate() error {
	if o.MaxValueBytes < 0 {
		return fmt.Errorf("filestore: Options.MaxValueBytes: %d is negative", o.MaxValueBytes)
	}
	return nil
}

var errClosed = errors.New("filestore: the store is closed")

// Store is a [cacheops.BytesStore] in a directory. It is made by [Open]. Its
// methods may be called from many goroutines.
type Store struct {
	dir    string // absolute: the program may change its working directory
	opts   Options
	now    func() time.Time
	room   room
	closed atomic.Bool
}

var _ cacheops.BytesStore = (*Store)(nil)

// Open returns a store in a directory, which is made if it is not there. It reads
// nothing of it: opening costs the same however much is there. A directory that
// cannot be written to will do for reading. Close the store when it is no longer
// needed.
func Open(dir string, opts *Options) (*Store, error) {
	s := &Store{opts: opts.withDefaults(), now: time.Now}
	if err := s.opts.validate(); err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, errors.New("filestore: open: no directory is named")
	}
	var err error
	if s.dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("filestore: open: %w", err)
	}
	if err := os.MkdirAll(s.dir, dirMode); err != nil {
		return nil, fmt.Errorf("filestore: open: %w", err)
	}
	s.room.init(s.opts.MaxBytes)
	return s, nil
}

// Close waits for a clean-up that is under way. The files stay.
func (s *Store) Close() error {
	s.closed.Store(true)
	return s.room.close()
}

// usable is the error of a call that ctx or Close has made pointless.
func (s *Store) usable(ctx context.Context, call string) error {
	if s.closed.Load() {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return failed(call, err)
	}
	return nil
}

func failed(call string, err error) error { return fmt.Errorf("filestore: %s: %w", call, err) }
