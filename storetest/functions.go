package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/cacheops/cacheops"
)

// What functions (cacheops.NewFunc) need of a store: their own drops, and entries
// that hand on what they depend on.

func testFunctions(s *suite) {
	cache, err := cacheops.New(s.Store, nil)
	s.ok(err)
	defer func() { s.ok(cache.Close()) }()
	type value struct {
		Arg  int
		Runs []int
		When time.Time
	}
	name, runs := newTable(), 0
	inner := cacheops.NewFunc(cache, name+" inner", func(_ context.Context, n int) (value, error) {
		runs++
		return value{n, []int{runs}, time.Unix(int64(runs), 1).UTC()}, nil
	}, cacheops.WithoutReads())
	outer := cacheops.NewFunc(cache, name+" outer", func(ctx context.Context, n int) (*value, error) {
		v, err := inner.Call(ctx, n)
		return &v, err
	})
	run := func(n int) int {
		s.Helper()
		one, err := inner.Call(s.ctx, n)
		s.ok(err)
		two, err := outer.Call(s.ctx, n)
		s.ok(err)
		if fmt.Sprint(one) != fmt.Sprint(*two) || one.Arg != n {
			s.Fatalf("the inner says %v, the outer %v", one, *two)
		}
		return one.Runs[0]
	}
	kept := func(n int) int { // a store may not know at first who is writing
		s.Helper()
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
			if a, b := run(n), run(n); a == b && cache.Stats().Functions[name+" outer"].Hits > 0 {
				return a
			}
		}
		s.Fatalf("never kept: %+v", cache.Stats())
		return 0
	}
	one, two := kept(1), kept(2)
	if one == two {
		s.Fatal("two arguments share a result")
	}
	s.ok(inner.Invalidate(s.ctx, 1))
	if again := kept(1); again == one {
		s.Error("what was dropped is served")
	}
	if run(2) != two {
		s.Error("what was not dropped is not served")
	}
	s.ok(outer.InvalidateAll(s.ctx))
	if run(2) != two {
		s.Error("the drop of a function dropped what it calls")
	}
	s.ok(inner.InvalidateAll(s.ctx))
	if kept(2) == two {
		s.Error("what was dropped is served")
	}
}
