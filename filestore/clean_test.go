package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/filestore"
)

const files = 300

func fileName(i int) string { return fmt.Sprint("value ", i) }

// TestClean: what is over goes, what lives stays, and nothing that the store did
// not make is touched.
func TestClean(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	s := open(t, dir, nil)
	for i := range files {
		if err := s.SetBytes(ctx, fileName(i), []byte(fileName(i)), time.Duration(1+i%3)*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	foreign := plant(t, dir)
	damage(t, s.Path(fileName(2)), func(path string) error { return os.Truncate(path, int64(filestore.HeaderSize)) })
	damage(t, s.Path(fileName(5)), func(path string) error { return os.WriteFile(path, nil, 0o600) })
	old := filepath.Join(filepath.Dir(s.Path(fileName(0))), "KILLED.cacheops-new")
	young := filepath.Join(filepath.Dir(s.Path(fileName(0))), "BUSY.cacheops-new")
	for _, path := range []string{old, young} {
		damage(t, path, func(path string) error { return os.WriteFile(path, make([]byte, 5000), 0o600) })
	}
	now := time.Now().Add(90 * time.Minute) // the first third has expired
	s.SetClock(func() time.Time { return now })
	damage(t, old, func(path string) error { return os.Chtimes(path, now, now.Add(-2*time.Hour)) })
	damage(t, young, func(path string) error { return os.Chtimes(path, now, now.Add(-time.Minute)) })

	var calls []filestore.Cleaning
	done, err := s.Clean(ctx, func(c filestore.Cleaning) { calls = append(calls, c) })
	if err != nil {
		t.Fatal(err)
	}
	want := filestore.Cleaning{
		Dirs: done.OfDirs, OfDirs: done.OfDirs, Files: files + 2, Bytes: (files-1)*4096 + 2*8192,
		Expired: files / 3, Damaged: 2, Abandoned: 1, Freed: (files/3+1)*4096 + 8192,
	}
	if done != want || done.OfDirs < 100 || len(calls) != done.OfDirs || calls[len(calls)-1] != done {
		t.Errorf("got %+v in %d calls, want %+v", done, len(calls), want)
	}
	for i := range files {
		v, err := s.GetBytes(ctx, fileName(i))
		if lives := i%3 > 0 && i != 2 && i != 5; lives != (err == nil && string(v) == fileName(i)) {
			t.Fatalf("%s: %q, %v", fileName(i), v, err)
		}
	}
	for _, path := range append(foreign, young) {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
	if again, err := s.Clean(ctx, nil); err != nil || again.Freed != 0 || again.Files != files*2/3-1 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func damage(t *testing.T, path string, how func(string) error) {
	t.Helper()
	if err := how(path); err != nil {
		t.Fatal(err)
	}
}

// plant puts files of somebody else's into the directory, a Git repository's
// objects among them.
func plant(t *testing.T, dir string) (paths []string) {
	t.Helper()
	for _, name := range []string{
		"notes.txt", "ab/" + strings.Repeat("c", 38), "ab/notes.cacheops", "AB/" + strings.Repeat("c", 38) + ".cacheops",
		"abc/" + strings.Repeat("c", 38) + ".cacheops", strings.Repeat("c", 38) + ".cacheops", "ab/cd/" + strings.Repeat("c", 38) + ".cacheops",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("of somebody else's"), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// TestCleanStops: with ctx, at once, telling what was done.
func TestCleanStops(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	for i := range files {
		if err := s.SetBytes(t.Context(), fileName(i), nil, 1); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done, err := s.Clean(ctx, func(c filestore.Cleaning) {
		if c.Expired >= files/2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || done.Expired < files/2 || done.Expired > files*3/4 {
		t.Errorf("%+v, %v", done, err)
	}
	rest, err := s.Clean(t.Context(), nil)
	if err != nil || rest.Expired+done.Expired != files {
		t.Errorf("%+v after %+v, %v", rest, done, err)
	}
}

// TestCleanNothing: a directory that is gone holds nothing.
func TestCleanNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	s := open(t, dir, nil)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if done, err := s.Clean(t.Context(), nil); err != nil || done != (filestore.Cleaning{}) {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := s.GetBytes(t.Context(), "name"); !errors.Is(err, cacheops.ErrMiss) {
		t.Error(err)
	}
	if err := s.SetBytes(t.Context(), "name", nil, time.Hour); err != nil {
		t.Error(err)
	}
}

// held is what a directory holds, as disks count it.
func held(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // evicted meanwhile
		}
		if err != nil || !e.Type().IsRegular() || e.Name() == "CACHEDIR.TAG" {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		bytes += (info.Size() + 4095) / 4096 * 4096
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// diskTick is how far apart two files may be written and have the same time: the
// kernel stamps them with its timer's last tick, of which there are 100 a second at
// least. Of two with one time either may be evicted first.
const diskTick = 10 * time.Millisecond

// TestBound: the directory stays within its bound by itself, and what was written
// last is what stays.
func TestBound(t *testing.T) {
	const bound = 4 << 20
	dir, ctx := t.TempDir(), t.Context()
	s := open(t, dir, &filestore.Options{MaxBytes: bound})
	value := make([]byte, 16<<10-500) // four blocks of a disk
	const writes = 10 * bound / (16 << 10)
	var began [writes]time.Time
	for i := range writes {
		began[i] = time.Now()
		if err := s.SetBytes(ctx, fileName(i), value, time.Hour); err != nil {
			t.Fatal(err)
		}
		if i%64 == 0 {
			if h := held(t, dir); h > bound {
				t.Fatalf("after %d writes the directory holds %d bytes, of at most %d", i, h, bound)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if h := held(t, dir); h > bound || h < bound/2 {
		t.Errorf("the directory holds %d bytes, of at most %d", h, bound)
	}
	s = open(t, dir, &filestore.Options{MaxBytes: bound})
	for i := range writes {
		_, err := s.GetBytes(ctx, fileName(i))
		if i >= writes-100 && err != nil {
			t.Fatalf("write %d of %d: %v", i, writes, err)
		}
		if oldest := began[writes-bound/(16<<10)]; began[i].Before(oldest.Add(-diskTick)) && !errors.Is(err, cacheops.ErrMiss) {
			t.Fatalf("write %d of %d: %v", i, writes, err)
		}
	}
	if done, err := s.Clean(ctx, nil); err != nil || done.Bytes-done.Freed > bound/8*7 {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestBoundOfShortLives: processes that write less than a step each keep the bound
// together.
func TestBoundOfShortLives(t *testing.T) {
	const bound = 1 << 20
	dir, ctx := t.TempDir(), t.Context()
	for i := range 4000 {
		s, err := filestore.Open(dir, &filestore.Options{MaxBytes: bound})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetBytes(ctx, fileName(i), nil, time.Hour); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// They wrote sixteen times the bound, and each looks with a chance of one in
	// sixteen. That 288 in a row do not, which is what it takes to hold twice the
	// bound, happens once in a hundred million runs.
	if h := held(t, dir); h > bound*2 {
		t.Errorf("the directory holds %d bytes, of at most about %d", h, bound)
	}
}

// TestBoundFails: that room cannot be made is told to somebody.
func TestBoundFails(t *testing.T) {
	const bound = 1 << 20
	dir := filepath.Join(t.TempDir(), "dir")
	s := open(t, dir, &filestore.Options{MaxBytes: bound})
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, dir); err != nil { // which nobody can list
		t.Fatal(err)
	}
	for range 100 {
		err := s.SetBytes(t.Context(), "name", make([]byte, bound/16), time.Hour)
		if err == nil {
			t.Fatal("a value is kept nowhere")
		}
		if strings.Contains(err.Error(), "make room") {
			return
		}
	}
	t.Error("nobody hears that room cannot be made")
}

// TestEvictionSparesTheNew: what is set while room is made is not what was seen to
// be the oldest.
func TestEvictionSparesTheNew(t *testing.T) {
	const bound = 1 << 20
	dir, ctx := t.TempDir(), t.Context()
	s := open(t, dir, &filestore.Options{MaxBytes: -1})
	for i := range bound / 4096 {
		if err := s.SetBytes(ctx, fileName(i), nil, time.Hour); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-time.Duration(bound-i) * time.Second)
		damage(t, s.Path(fileName(i)), func(path string) error { return os.Chtimes(path, old, old) })
	}
	bounded := open(t, dir, &filestore.Options{MaxBytes: bound})
	done, err := bounded.Clean(ctx, func(c filestore.Cleaning) {
		if c.Dirs == c.OfDirs && c.Evicted == 0 {
			if err := s.SetBytes(ctx, fileName(0), []byte("new"), time.Hour); err != nil {
				t.Fatal(err)
			}
		}
	})
	if err != nil || done.Evicted != bound/4096/8 {
		t.Errorf("%+v, %v", done, err)
	}
	for i, want := range map[int]bool{0: true, 1: false, 32: false, 33: true, bound/4096 - 1: true} {
		if v, err := s.GetBytes(ctx, fileName(i)); want != (err == nil) {
			t.Errorf("%s: %q, %v", fileName(i), v, err)
		}
	}
}
