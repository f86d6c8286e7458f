package memstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/storetest"
)

func TestBytes(t *testing.T) {
	storetest.Bytes(t, func(t testing.TB) cacheops.BytesStore {
		s := memstore.New(0)
		t.Cleanup(func() { s.Close() })
		return s
	})
}

func TestBytesAfterClose(t *testing.T) {
	s := memstore.New(0)
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
		t.Error("set after Close")
	}
}

func BenchmarkGetBytes(b *testing.B) {
	s := memstore.New(0)
	defer s.Close()
	if err := s.SetBytes(b.Context(), "a name", make([]byte, 100), time.Hour); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.GetBytes(b.Context(), "a name")
	}
}
