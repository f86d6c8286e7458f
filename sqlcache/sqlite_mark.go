package sqlcache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// A loose writer does not hold SQLite's write lock from before it tells the store
// until it is over, so that a process which asks for that lock may get it between
// two of its statements. Who shares the store must see it all the same: a store
// that lost its state is believed again once nobody who may have begun before can
// still write. So a loose writer marks the database's file, by a lock of the
// operating system on a file beside it. That lock is there as long as the process
// is, frozen or not, and no longer.
//
// It is not on the database's file itself: SQLite locks that one in a way that
// ends for the whole process as soon as anybody closes the file. And it stays
// where it is when it is marked no more, since two processes that each made it
// anew would not see each other.

// markSuffix names the file beside the database's, as SQLite's own are named.
const markSuffix = "-cacheops"

// marks are the files that a loose writer has marked.
type marks []*os.File

var (
	// errMarked says that somebody has marked the file.
	errMarked = errors.New("sqlcache: marked by a writer")
	// errNoMarks says that files cannot be marked here. Then nothing is ever
	// proved by there being no mark, and writers need none.
	errNoMarks = errors.New("sqlcache: files cannot be locked here")
)

// markPause is the pause between two attempts to mark a file, while somebody
// looks whether it is.
const markPause = time.Millisecond

// mark marks the database, and the others that the writer may reach.
func (d *sqlite) mark(ctx context.Context, others []*cacheops.Database) (marks, error) {
	if !d.engine.db.Shared() {
		return nil, nil
	}
	var m marks
	for _, db := range append([]*cacheops.Database{d.engine.db}, others...) {
		path := db.Identity()
		if !filepath.IsAbs(path) { // in memory, or not SQLite's
			continue
		}
		f, err := markFile(ctx, path+markSuffix)
		switch {
		case errors.Is(err, errNoMarks):
		case errors.Is(err, fs.ErrNotExist): // its directory is gone, and so is it
		case errors.Is(err, syscall.EROFS): // then it cannot be written to either
		case err != nil:
			m.remove()
			return nil, fmt.Errorf("let other processes know that this one may write: %w", err)
		default:
			m = append(m, f)
		}
	}
	return m, nil
}

func markFile(ctx context.Context, path string) (*os.File, error) {
	f, err := openMark(path, os.O_CREATE)
	if err != nil {
		return nil, err
	}
	for {
		err := lockFile(f, false)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, errMarked) {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(markPause):
		}
	}
}

// openMark opens for writing, as some file systems want it of who locks a file, or
// else for reading, where it is another user's.
func openMark(path string, create int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|create, 0o666) //nolint:gosec // for whoever may write to the database
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		if there, openErr := os.Open(path); openErr == nil {
			return there, nil
		}
	}
	return f, err
}

// remove takes the marks away. A lock ends with its file.
func (m marks) remove() {
	for _, f := range m {
		_ = f.Close() // nothing was written
	}
}

// unmarked reports whether certainly nobody has marked a database's file.
func unmarked(path string) (bool, error) {
	if !filepath.IsAbs(path) {
		return true, nil // in memory, it is this process's alone
	}
	f, err := openMark(path+markSuffix, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return canMark, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for other processes that may write: %w", err)
	}
	defer f.Close()
	switch err := lockFile(f, true); {
	case err == nil:
		return true, nil
	case errors.Is(err, errMarked), errors.Is(err, errNoMarks):
		return false, nil
	default:
		return false, fmt.Errorf("look for other processes that may write: %w", err)
	}
}

// settles reports whether a text does nothing but to read, or to change the
// session, or to begin and end transactions.
func settles(p *sqldep.Plan) bool {
	switch p.Class {
	case sqldep.Read, sqldep.Session, sqldep.Empty:
		return !p.Everything
	case sqldep.Multi:
		return !slices.ContainsFunc(p.Parts, func(part *sqldep.Plan) bool { return !settles(part) })
	}
	return controls(p.Class)
}
