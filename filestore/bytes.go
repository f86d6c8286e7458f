package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/cacheops/cacheops"
)

// GetBytes implements [cacheops.BytesStore]. A file that is damaged, or was put
// there by somebody else, is a miss; one that cannot be read is an error.
func (s *Store) GetBytes(ctx context.Context, name string) ([]byte, error) {
	_, value, err := s.find(ctx, name, "get bytes")
	return value, err
}

// SetBytes implements [cacheops.BytesStore]. A value of more than
// [Options.MaxValueBytes] is too large. Where the write fails (a full disk, a
// read-only directory), what was there is gone as well if it can be removed. Where
// room could not be made for what was set before, one call returns that and does
// nothing else.
func (s *Store) SetBytes(ctx context.Context, name string, value []byte, ttl time.Duration) error {
	const call = "set bytes"
	if err := s.usable(ctx, call); err != nil {
		return err
	}
	if ttl <= 0 {
		return fmt.Errorf("filestore: %s: a TTL of %v: it must be more than zero", call, ttl)
	}
	if int64(len(value)) > s.opts.MaxValueBytes {
		return s.DeleteBytes(ctx, name)
	}
	size := onDisk(int64(headerSize) + int64(len(name)) + int64(len(value)))
	if err := s.room.take(ctx, size, s.trim); err != nil {
		return failed(call, err)
	}
	path := s.path(name)
	h := newHeader(s.now(), ttl, name, value)
	err := s.write(ctx, path, h.seal(name, value), value)
	if err == nil {
		return nil
	}
	if left := remove(path); left != nil {
		err = fmt.Errorf("%w (and what was there stays: %w)", err, left)
	}
	return failed(call, err)
}

// BytesTTL implements [cacheops.BytesStore]. It reads the whole file, to be sure
// that GetBytes would find it.
func (s *Store) BytesTTL(ctx context.Context, name string) (time.Duration, error) {
	h, _, err := s.find(ctx, name, "ask for the TTL of bytes")
	if err != nil {
		return 0, err
	}
	left := h.ends - s.now().UnixNano()
	if left <= 0 {
		return 0, cacheops.ErrMiss
	}
	return time.Duration(left), nil
}

// DeleteBytes implements [cacheops.BytesStore].
func (s *Store) DeleteBytes(ctx context.Context, name string) error {
	const call = "delete bytes"
	if err := s.usable(ctx, call); err != nil {
		return err
	}
	if err := remove(s.path(name)); err != nil {
		return failed(call, err)
	}
	return nil
}

func (s *Store) find(ctx context.Context, name, call string) (header, []byte, error) {
	if err := s.usable(ctx, call); err != nil {
		return header{}, nil, err
	}
	around := int64(headerSize) + int64(len(name))
	b, sum, err := readFile(ctx, s.path(name), around+min(s.opts.MaxValueBytes, math.MaxInt64-around))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return header{}, nil, cacheops.ErrMiss
	case err != nil:
		return header{}, nil, failed(call, err)
	}
	h, value, ok := open(b, sum, name)
	if !ok || !h.lives(s.now()) {
		return h, nil, cacheops.ErrMiss
	}
	return h, value, nil
}

// remove removes a file, if it is there.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !gone(err) {
		return err
	}
	return nil
}
