package filestore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// readFile returns a whole file, and the sum of what follows its checksum. What is
// no file, is larger than most, or is cut short while it is read counts as not
// being there. It makes one system call less than os.ReadFile, which does not
// believe the size it is told.
func readFile(ctx context.Context, path string, most int64) (b []byte, sum uint64, err error) {
	// A pipe under our name must not have us wait for somebody to write to it.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, absent(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, 0, fs.ErrNotExist
	}
	b = make([]byte, info.Size())
	for at := 0; at < len(b); {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		to := min(at+stretch, len(b))
		_, err := io.ReadFull(f, b[at:to])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, 0, fs.ErrNotExist
		}
		if err != nil {
			return nil, 0, err
		}
		sum = addStretch(sum, b[min(max(at, atWritten), to):to])
		at = to
	}
	return b, sum, nil
}

// absent turns an error of opening a file into fs.ErrNotExist where it says that
// there is something else in its place.
func absent(err error) error {
	if gone(err) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) {
		return fs.ErrNotExist
	}
	return err
}

// gone reports whether an error says that there is no such file: its directory
// may be something else by now.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }
