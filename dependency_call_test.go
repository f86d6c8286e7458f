package cacheops_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cacheops/cacheops"
)

// What a call depends on may be named by the call.
func TestDependsInIsAskedForEachCall(t *testing.T) {
	w, runs := newWorld(t, nil), 0
	type rowKey struct{}
	f := cacheops.NewFunc(w.cache, "f", func(context.Context, int) (int, error) { runs++; return runs, nil },
		cacheops.DependsOn(cacheops.DependsIn(func(ctx context.Context) []cacheops.Dependency {
			if n, ok := ctx.Value(rowKey{}).(int); ok {
				return []cacheops.Dependency{cacheops.Table("a").Where("id", n)}
			}
			return nil
		})))
	one, two := context.WithValue(t.Context(), rowKey{}, 1), context.WithValue(t.Context(), rowKey{}, 2)
	mustCall(t, f, one, 1, 1)
	mustCall(t, f, two, 2, 2)
	w.mustWrite("a", 2, 1)
	mustCall(t, f, one, 1, 1)
	mustCall(t, f, two, 2, 3)
	mustCall(t, f, t.Context(), 3, 4) // which names nothing
	mustCall(t, f, t.Context(), 3, 5)
}

// Several results are dropped by one argument that they all depend on.
func TestResultIsDroppedByHand(t *testing.T) {
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	var f *cacheops.Func[string, int]
	f = cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ string) (int, error) {
		runs++
		return runs, cacheops.Depend(ctx, f.Result("all of a"))
	})
	mustCall(t, f, ctx, "a1", 1)
	mustCall(t, f, ctx, "a2", 2)
	mustCall(t, f, ctx, "a1", 1)
	if err := f.Invalidate(ctx, "all of b"); err != nil {
		t.Fatal(err)
	}
	mustCall(t, f, ctx, "a1", 1)
	if err := f.Invalidate(ctx, "all of a"); err != nil {
		t.Fatal(err)
	}
	mustCall(t, f, ctx, "a1", 3)
	mustCall(t, f, ctx, "a2", 4)
}

// A result may say itself how long it is good, whatever its dependencies are.
func TestEndsEndsAResult(t *testing.T) {
	for _, opts := range [][]cacheops.Option{
		nil, {cacheops.DependsOn(cacheops.Table("a"))}, {cacheops.TimeOnly(time.Hour)}, {cacheops.FallbackTTL(time.Hour)},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, ctx, runs := newWorld(t, nil), t.Context(), 0
			f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ int) (int, error) {
				runs++
				if len(opts) > 0 {
					cacheops.Untracked(ctx, "read elsewhere")
				}
				cacheops.Ends(ctx, time.Now().Add(time.Minute))
				cacheops.Ends(ctx, time.Now().Add(time.Hour))
				cacheops.Ends(ctx, time.Time{})
				return runs, nil
			}, opts...)
			mustCall(t, f, ctx, 0, 1)
			time.Sleep(time.Minute - time.Second)
			mustCall(t, f, ctx, 0, 1)
			time.Sleep(2 * time.Second)
			mustCall(t, f, ctx, 0, 2)
			g := cacheops.NewFunc(w.cache, "g", func(ctx context.Context, _ int) (int, error) {
				cacheops.Ends(ctx, time.Now().Add(-time.Second))
				return 0, nil
			}, opts...)
			mustCall(t, g, ctx, 0, 0)
			if s := w.cache.Stats().Functions["g"]; s.Stored != 0 {
				t.Error("kept beyond its end")
			}
		})
	}
}

func TestCapturedCountsWhatWasRead(t *testing.T) {
	w := newWorld(t, nil)
	_, err := cacheops.Memo(t.Context(), w.cache, "k", func(ctx context.Context) (int, error) {
		if n, _ := cacheops.Captured(ctx); n != 0 {
			t.Errorf("%d tags before anything was read", n)
		}
		w.read(context.Background(), "a", 1)
		if n, _ := cacheops.Captured(ctx); n != 0 {
			t.Errorf("%d tags for a read that was not handed the context", n)
		}
		w.read(ctx, "a", 1)
		if n, _ := cacheops.Captured(ctx); n == 0 {
			t.Error("no tags for a read")
		}
		if _, why := cacheops.Captured(ctx); why != "" {
			t.Errorf("not to be kept: %s", why)
		}
		w.read(cacheops.NoCache(ctx), "a", 1)
		if _, why := cacheops.Captured(ctx); why != "NoCache" {
			t.Errorf("a read past the cache: %q", why)
		}
		return 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Cached answers from the cache alone.
func TestCachedRunsNothing(t *testing.T) {
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ int) (int64, error) {
		runs++
		return w.read(ctx, "a", 1) + 7, nil
	})
	want := func(n int64, miss bool) {
		t.Helper()
		v, err := f.Cached(ctx, 0)
		if v != n || errors.Is(err, cacheops.ErrMiss) != miss {
			t.Errorf("got %d, %v", v, err)
		}
	}
	want(0, true)
	mustCall(t, f, ctx, 0, 7)
	want(7, false)
	w.mustWrite("a", 1, 1)
	want(0, true)
	if runs != 1 {
		t.Errorf("ran %d times", runs)
	}
}

// What a function makes of finding nothing may be something else the next time.
func TestAFunctionThatAsksInVainIsNotKept(t *testing.T) {
	w, ctx := newWorld(t, nil), t.Context()
	f := cacheops.NewFunc(w.cache, "f", func(context.Context, int) (int, error) { return 1, nil }, cacheops.WithoutReads())
	asks := func() (bool, error) {
		return cacheops.Memo(ctx, w.cache, "asks", func(ctx context.Context) (bool, error) {
			_, err := f.Cached(ctx, 0)
			return err == nil, nil
		})
	}
	if found, err := asks(); found || err != nil {
		t.Fatal(found, err)
	}
	mustCall(t, f, ctx, 0, 1)
	if found, err := asks(); !found || err != nil {
		t.Error("a vain look was kept", err)
	}
}
