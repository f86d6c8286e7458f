//go:build linux

package filestore_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// mount makes a small file system of its own for the test, which takes a
// superuser.
func mount(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("none", dir, "tmpfs", 0, "size=256k")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("may not mount a file system")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	dir := mount(t)
	if err := refused(open(t, dir, nil), syscall.ENOSPC); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", "*.cacheops-new")); err != nil || len(left) > 0 {
		t.Errorf("files are left behind: %q, %v", left, err)
	}
	// Now to the last block: not even a directory can be made.
	s, n := open(t, dir, nil), 0
	for ; n < 1000; n++ {
		if err := s.SetBytes(t.Context(), fileName(n), make([]byte, 3000), time.Hour); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			break
		}
	}
	if n < 10 || n == 1000 {
		t.Fatalf("%d values fit", n)
	}
	for i := range n {
		if v, err := s.GetBytes(t.Context(), fileName(i)); err != nil || len(v) != 3000 {
			t.Errorf("%d bytes, %v", len(v), err)
		}
	}
	if v, err := s.GetBytes(t.Context(), fileName(n)); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("%d bytes, %v", len(v), err)
	}
	s.SetClock(func() time.Time { return time.Now().Add(time.Hour) })
	if done, err := s.Clean(t.Context(), nil); err != nil || done.Expired < int64(n) {
		t.Errorf("%+v, %v", done, err)
	}
	if err := s.SetBytes(t.Context(), "name", make([]byte, 3000), time.Hour); err != nil {
		t.Errorf("on the disk that is empty again: %v", err)
	}
}

// TestReadOnly: what is there is served, and whoever writes hears why he cannot.
func TestReadOnly(t *testing.T) {
	var dir string
	var want error
	protect := func() error { return os.Chmod(dir, 0o500) }
	if os.Getuid() == 0 { // whom no mode keeps from writing
		dir, want = mount(t), syscall.EROFS
		protect = func() error {
			return syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
		}
	} else {
		dir, want = t.TempDir(), os.ErrPermission
	}
	if err := open(t, dir, nil).SetBytes(t.Context(), "name", []byte("value"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir, nil).SetBytes(t.Context(), "short", []byte("value"), 1); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		for _, name := range []string{"name", "short"} {
			if err := os.Chmod(filepath.Dir(open(t, dir, nil).Path(name)), 0o500); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(filepath.Dir(open(t, dir, nil).Path(name)), 0o700) })
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	}
	if err := protect(); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, nil)
	if v, err := s.GetBytes(t.Context(), "name"); err != nil || string(v) != "value" {
		t.Errorf("%q, %v", v, err)
	}
	for _, name := range []string{"name", "another"} {
		if err := s.SetBytes(t.Context(), name, []byte("new"), time.Hour); !errors.Is(err, want) {
			t.Errorf("set %s: %v", name, err)
		}
	}
	if err := s.DeleteBytes(t.Context(), "name"); !errors.Is(err, want) {
		t.Errorf("delete: %v", err)
	}
	if done, err := s.Clean(t.Context(), nil); !errors.Is(err, want) || done.Freed != 0 || done.Files != 2 {
		t.Errorf("clean: %+v, %v", done, err)
	}
}
