package cacheops_test

import (
	"context"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
)

// asked is a store that notes what the latest Get asked for.
type asked struct {
	cacheops.Store
	fresh bool
}

func (s *asked) Get(ctx context.Context, k *cacheops.Key) (cacheops.Value, error) {
	s.fresh = k.Fresh
	return s.Store.Get(ctx, k)
}

// TestFresh: a rule or a call asks the store to make certain, and finds the same
// entries as one that does not.
func TestFresh(t *testing.T) {
	mem := memstore.New(0)
	defer mem.Close()
	store := &asked{Store: mem}
	w := newWorldOn(t, store, &cacheops.Config{Rules: []cacheops.Rule{
		{Tables: "sure", Ops: cacheops.All, Fresh: true},
		{Tables: "*", Ops: cacheops.All},
	}})
	for _, c := range []struct {
		table string
		call  bool
		want  bool
	}{{"t", false, false}, {"t", true, true}, {"sure", false, true}, {"sure", true, true}} {
		ctx := t.Context()
		w.expectIn(ctx, "fill", c.table, 1, 0, c.call)
		if c.call {
			ctx = cacheops.With(ctx, cacheops.Call{Fresh: true})
		}
		w.expectIn(ctx, "hit", c.table, 1, 0, true)
		if store.fresh != c.want {
			t.Errorf("table %s, call %v: the store was asked with Fresh %v", c.table, c.call, store.fresh)
		}
	}
}

// belated is a store that answers with what it was last told, unless it is asked to
// make certain: as redisstore's Tracked does between a write and its push.
type belated struct {
	cacheops.Store
	last map[string]cacheops.Value
}

func (s *belated) Get(ctx context.Context, k *cacheops.Key) (cacheops.Value, error) {
	name := k.Text + string(k.Rest)
	if v, ok := s.last[name]; ok && !k.Fresh {
		return v, nil
	}
	v, err := s.Store.Get(ctx, k)
	if err == nil {
		s.last[name] = v
	}
	return v, err
}

// A function must not keep for good what such a store hands out for a moment, and
// one that has read a table whose rule says Fresh is made certain of itself.
func TestFunctionsOverAStoreThatLags(t *testing.T) {
	mem := memstore.New(0)
	defer mem.Close()
	store := &belated{mem, make(map[string]cacheops.Value)}
	w := newWorldOn(t, store, &cacheops.Config{Rules: []cacheops.Rule{
		{Tables: "sure", Ops: cacheops.All, Fresh: true},
		{Tables: "*", Ops: cacheops.All},
	}})
	ctx := t.Context()
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, table string) (int64, error) { return w.read(ctx, table, 1), nil })
	outer := cacheops.NewFunc(w.cache, "outer", func(ctx context.Context, table string) (int64, error) { return f.Call(ctx, table) })
	w.expect("fill", "t", 1, 0, false)
	w.expect("hit", "t", 1, 0, true)
	w.mustWrite("t", 1, 5)
	mustCall(t, f, ctx, "t", 5)
	for range 2 {
		mustCall(t, f, ctx, "sure", 0)
		mustCall(t, outer, ctx, "sure", 0)
	}
	w.mustWrite("sure", 1, 6)
	mustCall(t, outer, ctx, "sure", 6)
	mustCall(t, f, ctx, "sure", 6)
	if s := w.cache.Stats().Functions["f"]; s.Hits < 2 {
		t.Errorf("%+v", s)
	}
}
