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
