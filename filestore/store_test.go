package filestore_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/filestore"
	"github.com/cacheops/cacheops/storetest"
)

// TestStore is what the package is for: a value outlives the process that set it,
// until its time is over or somebody deletes it.
func TestStore(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	one := open(t, dir, nil)
	if err := one.SetBytes(ctx, "report 2026-11", []byte("dear"), time.Hour); err != nil {
		t.Fatal(err)
	}
	two := open(t, dir, nil)
	if v, err := two.GetBytes(ctx, "report 2026-11"); err != nil || string(v) != "dear" {
		t.Fatalf("%q, %v", v, err)
	}
	two.SetClock(func() time.Time { return time.Now().Add(time.Hour) })
	if v, err := two.GetBytes(ctx, "report 2026-11"); !errors.Is(err, cacheops.ErrMiss) {
		t.Fatalf("after its time: %q, %v", v, err)
	}
	if _, err := os.Stat(one.Path("report 2026-11")); err != nil {
		t.Errorf("the read of an expired value has touched the disk: %v", err)
	}
	if done, err := two.Clean(ctx, nil); err != nil || done.Expired != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := os.Stat(one.Path("report 2026-11")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the expired file: %v", err)
	}
}

func TestBytes(t *testing.T) {
	for _, sync := range []bool{false, true} {
		t.Run(fmt.Sprintf("sync %v", sync), func(t *testing.T) {
			dir := t.TempDir()
			storetest.Bytes(t, func(t testing.TB) cacheops.BytesStore {
				return open(t, dir, &filestore.Options{Sync: sync})
			})
		})
	}
}

func TestOptions(t *testing.T) {
	if _, err := filestore.Open("", nil); err == nil {
		t.Error("no directory is taken")
	}
	if _, err := filestore.Open(t.TempDir(), &filestore.Options{MaxValueBytes: -1}); err == nil {
		t.Error("a negative size is taken")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := filestore.Open(file, nil); err == nil {
		t.Error("a file is taken for a directory")
	}
}

func TestAfterClose(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	if err := s.SetBytes(t.Context(), "name", []byte("value"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetBytes(t.Context(), "name"); err == nil || errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("get: %v", err)
	}
	if err := s.SetBytes(t.Context(), "name", nil, time.Hour); err == nil {
		t.Error("set")
	}
	if err := s.DeleteBytes(t.Context(), "name"); err == nil {
		t.Error("delete")
	}
	if _, err := s.Clean(t.Context(), nil); err == nil {
		t.Error("clean")
	}
}

// TestDamage: whatever becomes of a file's bytes, its value is served whole or not
// at all.
func TestDamage(t *testing.T) {
	s, ctx := open(t, t.TempDir(), nil), t.Context()
	const name, value = "a name", "a value"
	set := func(name, value string) []byte {
		t.Helper()
		if err := s.SetBytes(ctx, name, []byte(value), time.Hour); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(s.Path(name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	whole, other := set(name, value), set("another", "of another")
	damaged := map[string][]byte{
		"empty": {}, "another's": other, "longer": append(bytes.Clone(whole), 0), "twice": append(bytes.Clone(whole), whole...),
		"zeros": make([]byte, len(whole)), "large": make([]byte, 1<<20), "text": []byte(strings.Repeat("somebody's notes\n", 100)),
	}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1 << (i % 8)
		damaged[fmt.Sprintf("bit flipped in byte %d", i)] = flipped
		damaged[fmt.Sprintf("cut at %d", i)] = whole[:i]
		torn := bytes.Clone(whole)
		clear(torn[i:])
		damaged[fmt.Sprintf("zeros from %d", i)] = torn
	}
	for what, b := range damaged {
		if err := os.WriteFile(s.Path(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if v, err := s.GetBytes(ctx, name); !errors.Is(err, cacheops.ErrMiss) {
			t.Errorf("%s: %q, %v", what, v, err)
		}
		if left, err := s.BytesTTL(ctx, name); !errors.Is(err, cacheops.ErrMiss) {
			t.Errorf("%s: %v left, %v", what, left, err)
		}
	}
	set(name, value)
	if v, err := s.GetBytes(ctx, name); err != nil || string(v) != value {
		t.Errorf("set anew: %q, %v", v, err)
	}
}

// TestForeign: what is no file in a value's place is a miss, and does not hang.
func TestForeign(t *testing.T) {
	s, ctx := open(t, t.TempDir(), nil), t.Context()
	path := s.Path("name")
	if err := s.SetBytes(ctx, "name", []byte("value"), time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		make func() error
		sets bool // over it
	}{
		{"a pipe", func() error { return syscall.Mkfifo(path, 0o600) }, true},
		{"a link to itself", func() error { return os.Symlink(path, path) }, true},
		{"a link to nothing", func() error { return os.Symlink(path+"x", path) }, true},
		{"a device", func() error { return os.Symlink("/dev/zero", path) }, true},
		{"a directory", func() error { return os.MkdirAll(filepath.Join(path, "with something in it"), 0o700) }, false},
	} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := c.make(); err != nil {
			t.Fatal(err)
		}
		if v, err := s.GetBytes(ctx, "name"); !errors.Is(err, cacheops.ErrMiss) {
			t.Errorf("%s: %q, %v", c.what, v, err)
		}
		if done, err := s.Clean(ctx, nil); err != nil || done.Freed != 0 {
			t.Errorf("%s: %+v, %v", c.what, done, err)
		}
		err := s.SetBytes(ctx, "name", []byte("anew"), time.Hour)
		if v, getErr := s.GetBytes(ctx, "name"); c.sets != (err == nil && getErr == nil && string(v) == "anew") {
			t.Errorf("%s: set %v, then got %q, %v", c.what, err, v, getErr)
		}
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Dir(path), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if v, err := s.GetBytes(ctx, "name"); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("a file for a directory: %q, %v", v, err)
	}
	if err := s.DeleteBytes(ctx, "name"); err != nil {
		t.Errorf("a file for a directory: %v", err)
	}
	if err := s.SetBytes(ctx, "name", nil, time.Hour); err == nil {
		t.Error("set where a file is in the directory's place")
	}
}

// TestClock: a value ends by the clock, and one from the clock's future is none.
func TestClock(t *testing.T) {
	s, ctx := open(t, t.TempDir(), nil), t.Context()
	start := time.Now()
	at := func(d time.Duration) { s.SetClock(func() time.Time { return start.Add(d) }) }
	at(0)
	if err := s.SetBytes(ctx, "name", []byte("value"), time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   time.Duration
		left time.Duration
	}{
		{-24 * time.Hour, 0},
		{-1, 0},
		{0, time.Hour},
		{time.Hour - 1, 1},
		{time.Hour, 0},
		{math.MaxInt64 / 2, 0},
	} {
		at(c.at)
		v, err := s.GetBytes(ctx, "name")
		if (c.left > 0) != (err == nil && string(v) == "value") || err != nil && !errors.Is(err, cacheops.ErrMiss) {
			t.Errorf("at %v: %q, %v", c.at, v, err)
		}
		if left, err := s.BytesTTL(ctx, "name"); left != c.left || (left == 0) != errors.Is(err, cacheops.ErrMiss) {
			t.Errorf("at %v: %v left, %v", c.at, left, err)
		}
	}
	at(-24 * time.Hour)
	if err := s.SetBytes(ctx, "name", []byte("after the clock was set back"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if v, err := s.GetBytes(ctx, "name"); err != nil || string(v) != "after the clock was set back" {
		t.Errorf("%q, %v", v, err)
	}
}

// TestTooLarge: see also the suite, for the default.
func TestTooLarge(t *testing.T) {
	s, ctx := open(t, t.TempDir(), &filestore.Options{MaxValueBytes: 10}), t.Context()
	for _, c := range []struct {
		value string
		kept  bool
	}{{"0123456789", true}, {"0123456789a", false}, {"", true}} {
		if err := s.SetBytes(ctx, "name", []byte(c.value), time.Hour); err != nil {
			t.Fatal(err)
		}
		if v, err := s.GetBytes(ctx, "name"); c.kept != (err == nil && string(v) == c.value) {
			t.Errorf("%q: %q, %v", c.value, v, err)
		}
		if _, err := os.Stat(s.Path("name")); c.kept != (err == nil) {
			t.Errorf("the file of %q: %v", c.value, err)
		}
	}
	large := open(t, filepath.Dir(filepath.Dir(s.Path("name"))), nil)
	if err := large.SetBytes(ctx, "name", make([]byte, 1000), time.Hour); err != nil {
		t.Fatal(err)
	}
	if v, err := s.GetBytes(ctx, "name"); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("too large for this one: %d bytes, %v", len(v), err)
	}
}

// Whoever wants values without a bound says so with the largest number.
func TestTheLargestBoundIsNone(t *testing.T) {
	s := open(t, t.TempDir(), &filestore.Options{MaxValueBytes: math.MaxInt64, MaxBytes: math.MaxInt64})
	if err := s.SetBytes(t.Context(), "k", []byte("v"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if v, err := s.GetBytes(t.Context(), "k"); string(v) != "v" {
		t.Errorf("got %q, %v", v, err)
	}
}

// TestPrivate: values are nobody else's business.
func TestPrivate(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "made", "by", "open"), nil)
	if err := s.SetBytes(t.Context(), "name", []byte("value"), time.Hour); err != nil {
		t.Fatal(err)
	}
	for path := s.Path("name"); filepath.Base(path) != "made"; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}
