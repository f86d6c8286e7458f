package filestore

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// write puts a file in its place, whole: whoever opens the path finds what was
// there before or all of this.
func (s *Store) write(ctx context.Context, path string, parts ...[]byte) error {
	aside := filepath.Join(filepath.Dir(path), rand.Text()+asideEnding)
	f, err := s.create(aside)
	if err != nil {
		return err
	}
	err = s.fill(ctx, f, parts)
	if err == nil {
		err = os.Rename(aside, path)
	}
	if err != nil {
		return errors.Join(err, remove(aside))
	}
	if s.opts.Sync {
		return syncDir(filepath.Dir(path))
	}
	return nil
}

// create makes a file, and its directory if this is the first there.
func (s *Store) create(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return nil, err
	}
	if err := s.tag(); err != nil {
		return nil, err
	}
	if s.opts.Sync {
		if err := syncDir(s.dir); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
}

// fill writes the parts and closes the file. That is where some file systems tell
// of a full disk.
func (s *Store) fill(ctx context.Context, f *os.File, parts [][]byte) (err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, p := range parts {
		for len(p) > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			n, err := f.Write(p[:min(stretch, len(p))])
			if err != nil {
				return err
			}
			p = p[n:]
		}
	}
	if s.opts.Sync {
		return f.Sync()
	}
	return nil
}

// syncDir makes a rename last.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// cacheTag is what https://bford.info/cachedir/ says marks a directory that
// backups may leave out.
const (
	cacheTagName = "CACHEDIR.TAG"
	cacheTag     = "Signature: 8a477f597d28d172789f06886806bc55\n# Made by cacheops: values in files.\n"
)

func (s *Store) tag() error {
	path := filepath.Join(s.dir, cacheTagName)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(cacheTag), fileMode)
}
