package filestore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Cleaning is what a [Store.Clean] has done so far.
type Cleaning struct {
	Dirs, OfDirs int   // directories of the fan-out that are done, and there are
	Files        int64 // that were looked at
	Bytes        int64 // of those, as disks count them
	Expired      int64 // files removed because their time was over
	Damaged      int64 // that were not whole
	Abandoned    int64 // that a killed writer left behind
	Evicted      int64 // to make room
	Freed        int64 // bytes of all that was removed
}

// abandonedAfter is how long after its last write a file that was written aside
// belongs to no writer any more: a value is in memory when its writing begins.
const abandonedAfter = time.Hour

// maxCleanErrors is how many errors of single files are told.
const maxCleanErrors = 3

// Clean removes what has expired, what is damaged and what killed writers left
// behind, and then, where the store has a bound, what was written first, until
// seven eighths of the bound are left. It reads the header of every file, so its
// cost grows with them; readers and writers go on meanwhile, and any number of
// processes may clean at once. A value set while Clean looks at its name may be
// lost, which is a miss.
//
// report, if not nil, is called after each directory of the fan-out, from the
// goroutine of the caller. A file that cannot be looked at or removed does not
// stop the others; the error tells of the first few. When ctx is done Clean
// returns what it did until then.
func (s *Store) Clean(ctx context.Context, report func(Cleaning)) (Cleaning, error) {
	const call = "clean"
	if err := s.usable(ctx, call); err != nil {
		return Cleaning{}, err
	}
	w := sweep{store: s, headers: true, report: report}
	if err := w.run(ctx); err != nil {
		return w.done, failed(call, err)
	}
	return w.done, nil
}

// trim makes room. It asks the file system alone, which is quick, and leaves what
// has expired to Clean, but for what is old enough to be evicted.
func (s *Store) trim() error {
	w := sweep{store: s}
	return w.run(context.Background())
}

// sweep goes through all files once.
type sweep struct {
	store   *Store
	headers bool // read them, to find what has expired
	report  func(Cleaning)

	now    time.Time
	done   Cleaning
	left   []victim // what could be evicted
	held   int64    // bytes that were not removed
	errs   []error
	failed int
}

func (w *sweep) run(ctx context.Context) error {
	w.now = w.store.now()
	entries, err := os.ReadDir(w.store.dir)
	if err != nil && !gone(err) {
		return err
	}
	var shards []string
	for _, e := range entries {
		if e.IsDir() && isShard(e.Name()) {
			shards = append(shards, e.Name())
		}
	}
	w.done.OfDirs = len(shards)
	for _, name := range shards {
		if err := w.shard(ctx, name); err != nil {
			return err
		}
		w.done.Dirs++
		if w.report != nil {
			w.report(w.done)
		}
	}
	if err := w.evict(ctx); err != nil {
		return err
	}
	return errors.Join(w.errs...)
}

// trouble notes an error of one file. It is none if somebody removed the file.
func (w *sweep) trouble(err error) {
	if err == nil || gone(err) {
		return
	}
	if w.failed++; w.failed <= maxCleanErrors {
		w.errs = append(w.errs, err)
	}
}

func (w *sweep) shard(ctx context.Context, name string) error {
	dir := filepath.Join(w.store.dir, name)
	entries, err := os.ReadDir(dir)
	w.trouble(err)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		value := isValue(e.Name())
		if !value && !isAside(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			w.trouble(err)
			continue
		}
		path := filepath.Join(dir, e.Name())
		w.done.Files++
		w.done.Bytes += onDisk(info.Size())
		switch {
		case !value:
			w.aside(path, info)
		case !w.headers || !w.over(path, info):
			w.keep(name, e.Name(), info)
		}
	}
	return nil
}

// aside removes what was written aside and has no writer any more. Where the clock
// was set back its age is unknown, and taken for old if that was by much.
func (w *sweep) aside(path string, info fs.FileInfo) {
	if age := w.now.Sub(info.ModTime()); age > abandonedAfter || age < -abandonedAfter {
		w.remove(path, info, &w.done.Abandoned)
		return
	}
	w.held += onDisk(info.Size())
}

// over removes a value that has expired or is damaged, and reports whether it was.
func (w *sweep) over(path string, listed fs.FileInfo) bool {
	h, whole, info, err := headerOf(path)
	switch {
	case err != nil:
		w.trouble(err)
		return gone(err)
	case !whole:
		w.remove(path, info, &w.done.Damaged)
	case w.now.UnixNano() >= h.ends:
		w.remove(path, info, &w.done.Expired)
	default:
		return !os.SameFile(listed, info) // a newer value: whoever wrote it counts it
	}
	return true
}

// headerOf reads the header of a file; whole is false where it is none, or the
// file has another size than it says.
func headerOf(path string) (h header, whole bool, info fs.FileInfo, err error) {
	f, err := os.Open(path)
	if err != nil {
		return h, false, nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err = f.Stat(); err != nil {
		return h, false, nil, err
	}
	var b [headerSize]byte
	n, err := io.ReadFull(f, b[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return h, false, nil, err
	}
	h, whole = parseHeader(b[:n], info.Size())
	return h, whole, info, nil
}

// remove removes a file that is still the one that was looked at. Between the
// question and the removal a new value may take its place, and is lost: putting a
// file back could bring back what was deleted meanwhile, which is worse.
func (w *sweep) remove(path string, seen fs.FileInfo, counter *int64) {
	info, err := os.Lstat(path)
	if err == nil && !os.SameFile(info, seen) {
		return
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		w.trouble(err)
		return
	}
	*counter++
	w.done.Freed += onDisk(seen.Size())
}

// onDisk is what a file takes on a disk, in bytes.
func onDisk(size int64) int64 {
	const block = 4 << 10
	return (size + block - 1) / block * block
}
