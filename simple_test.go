package cacheops_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
)

func TestTheSimpleCache(t *testing.T) {
	w, ctx := newWorld(t, nil), t.Context()
	if _, err := w.cache.Get(ctx, "k"); !errors.Is(err, cacheops.ErrMiss) {
		t.Fatalf("an empty cache says %v", err)
	}
	if err := w.cache.Set(ctx, "k", []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	if b, err := w.cache.Get(ctx, "k"); string(b) != "v" || err != nil {
		t.Fatalf("got %q, %v", b, err)
	}
	w.cache.Disable()
	if _, err := w.cache.Get(ctx, "k"); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("a cache that is off says %v", err)
	}
	w.cache.Enable()
	if err := w.cache.Delete(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.cache.Get(ctx, "k"); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("after a delete: %v", err)
	}
	if err := w.cache.Set(ctx, "k", nil, -1); err == nil {
		t.Error("a negative TTL is no error")
	}
}

func TestValuesOfTheSimpleCache(t *testing.T) {
	type point struct{ X, Y int }
	store := memstore.New(1 << 20)
	defer store.Close()
	s, ctx := cacheops.NewSimple(store, nil), t.Context()
	if err := cacheops.Save(ctx, s, "p", map[string]point{"a": {1, 2}}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if p, err := cacheops.Load[map[string]point](ctx, s, "p"); err != nil || p["a"] != (point{1, 2}) {
		t.Errorf("got %v, %v", p, err)
	}
	if p, err := cacheops.Load[map[string]int](ctx, s, "p"); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("another type got %v, %v", p, err)
	}
	if err := cacheops.Save(ctx, s, "f", struct{ f []int }{[]int{1}}, time.Minute); err == nil {
		t.Error("a value that would lose a field is no error")
	}
	runs := 0
	for range 2 {
		v, err := cacheops.Remember(ctx, s, "r", time.Minute, func(context.Context) (string, error) { runs++; return "slow", nil })
		if v != "slow" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
	}
	if runs != 1 {
		t.Errorf("%d runs", runs)
	}
}

// A tenant sees no other's values, and a call without one sees none.
func TestTheSimpleCacheIsPartitioned(t *testing.T) {
	type key struct{}
	w := newWorld(t, &cacheops.Config{Partition: func(ctx context.Context) (string, bool) {
		s, ok := ctx.Value(key{}).(string)
		return s, ok
	}})
	one, two := context.WithValue(t.Context(), key{}, "1"), context.WithValue(t.Context(), key{}, "11")
	if err := w.cache.Set(one, "1k", []byte("v"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if b, err := w.cache.Get(one, "1k"); string(b) != "v" {
		t.Errorf("got %q, %v", b, err)
	}
	for name, ctx := range map[string]context.Context{"another": two, "none": t.Context()} {
		for _, k := range []string{"k", "1k"} {
			if b, err := w.cache.Get(ctx, k); !errors.Is(err, cacheops.ErrMiss) {
				t.Errorf("%s tenant got %q, %v", name, b, err)
			}
		}
	}
}

// What was replaced while the cache was off does not come back when it is on again.
func TestASetWhileTheCacheIsOffReplaces(t *testing.T) {
	w, ctx := newWorld(t, nil), t.Context()
	if err := w.cache.Set(ctx, "k", []byte("old"), time.Minute); err != nil {
		t.Fatal(err)
	}
	w.cache.Disable()
	if err := w.cache.Set(ctx, "k", []byte("new"), time.Minute); err != nil {
		t.Fatal(err)
	}
	w.cache.Enable()
	if b, err := w.cache.Get(ctx, "k"); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("got %q, %v", b, err)
	}
}
