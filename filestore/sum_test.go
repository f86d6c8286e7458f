package filestore_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/filestore"
)

// TestStretches is about files of several stretches: those at a stretch's end are
// found, and one whose bytes are other ones, or in another place, is a miss.
func TestStretches(t *testing.T) {
	const stretch = filestore.Stretch
	s, ctx := open(t, t.TempDir(), nil), t.Context()
	r := rand.NewChaCha8([32]byte{1})
	for _, name := range []string{"name", strings.Repeat("a long name ", stretch/10)} {
		before := filestore.HeaderSize + len(name)
		for _, size := range []int{before - 1, before, before + 1, stretch - 1, stretch, stretch + 1, 2*stretch - 1, 2 * stretch, 2*stretch + 1, 3*stretch + 7} {
			if size < before {
				continue
			}
			value := make([]byte, size-before)
			_, _ = r.Read(value) // never fails
			if err := s.SetBytes(ctx, name, value, time.Hour); err != nil {
				t.Fatal(err)
			}
			if v, err := s.GetBytes(ctx, name); err != nil || !bytes.Equal(v, value) {
				t.Errorf("a file of %d bytes: %d bytes, %v", size, len(v), err)
			}
		}
	}
	path := s.Path("name")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		harm func(b []byte)
	}{
		{"the first stretch", func(b []byte) { b[stretch-1]++ }},
		{"the second", func(b []byte) { b[stretch]++ }},
		{"the last", func(b []byte) { b[len(b)-1]++ }},
		{"two that change places", func(b []byte) {
			second := bytes.Clone(b[stretch : 2*stretch])
			copy(b[stretch:2*stretch], b[2*stretch:])
			copy(b[2*stretch:3*stretch], second)
		}},
	} {
		b := bytes.Clone(whole)
		if c.harm(b); os.WriteFile(path, b, 0o600) != nil {
			t.Fatal("cannot write")
		}
		if v, err := s.GetBytes(ctx, "name"); !errors.Is(err, cacheops.ErrMiss) {
			t.Errorf("%s: %d bytes, %v", c.what, len(v), err)
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetBytes(ctx, "name"); err != nil {
		t.Errorf("unharmed: %v", err)
	}
}
