package memstore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// TestLongTextsCount: a statement of a program's own making is kept alive by
// its entry alone, and must not go past the bound.
func TestLongTextsCount(t *testing.T) {
	const most, length = 1 << 20, 16 << 10
	s := New(most)
	defer s.Close()
	for i := range 1000 {
		k := &cacheops.Key{Hash: uint64(i), Text: fmt.Sprint(strings.Repeat("x", length), i)}
		if err := s.Put(context.Background(), k, &cacheops.Entry{Value: block(nil), TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	s.entries.CleanUp()
	if n := s.Stats().Entries; n*length > most {
		t.Errorf("%d texts of %d bytes are kept in %d", n, length, most)
	}
}

// TestBytesAreBounded: values set by name count, and so do their names.
func TestBytesAreBounded(t *testing.T) {
	const most, length = 1 << 20, 10 << 10
	s := New(most)
	defer s.Close()
	for i := range 1000 {
		name := fmt.Sprint(strings.Repeat("x", length), i)
		if err := s.SetBytes(context.Background(), name, make([]byte, length), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	s.entries.CleanUp()
	if n := s.Stats().Entries; n*2*length > most {
		t.Errorf("%d names and values of %d bytes each are kept in %d", n, length, most)
	}
}

// TestShortNamesCount: unlike a short statement, a name is one value's alone.
func TestShortNamesCount(t *testing.T) {
	n := &named{value: make([]byte, 100), name: 200}
	e := entry{value: n, text: strings.Repeat("x", 200)}
	if got, want := e.weight(), uint64(entryBytes+100+200); got != want {
		t.Errorf("weighs %d, want %d", got, want)
	}
	n.name, e.text = 1000, strings.Repeat("x", 1000)
	if got, want := e.weight(), uint64(entryBytes+100+1000); got != want {
		t.Errorf("weighs %d, want %d", got, want)
	}
}
