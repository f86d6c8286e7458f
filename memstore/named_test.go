package memstore

import (
	"errors"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// TestNameCollides: a key whose hash, and even text, are a name's.
func TestNameCollides(t *testing.T) {
	s := New(0)
	defer s.Close()
	ctx := t.Context()
	k := &cacheops.Key{Hash: s.hashOf("name"), Text: "name"}
	if err := s.Put(ctx, k, &cacheops.Entry{Value: block(nil), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if b, err := s.GetBytes(ctx, "name"); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("an entry is taken for a named value: %q, %v", b, err)
	}
	if err := s.DeleteBytes(ctx, "name"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, k); err != nil {
		t.Errorf("deleting a name deleted an entry: %v", err)
	}
	if err := s.SetBytes(ctx, "name", []byte("value"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get(ctx, k); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("a named value is taken for an entry: %v, %v", v, err)
	}
}
