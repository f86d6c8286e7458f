package cacheops_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cacheops/cacheops"
)

// total is a function of two counters' sum, with how often it ran.
func total(w *world, runs *atomic.Int64, opts ...cacheops.Option) *cacheops.Func[string, int64] {
	return cacheops.NewFunc(w.cache, "total", func(ctx context.Context, table string) (int64, error) {
		runs.Add(1)
		return w.read(ctx, table, 1) + w.read(ctx, table, 2), nil
	}, opts...)
}

func mustCall[A any, T comparable](t *testing.T, f *cacheops.Func[A, T], ctx context.Context, arg A, want T) { //nolint:revive // t comes first
	t.Helper()
	got, err := f.Call(ctx, arg)
	if err != nil || got != want {
		t.Fatalf("got %v, %v, want %v", got, err, want)
	}
}

// This is what functions are for: a result is kept until what it was made of
// changes, and no longer.
func TestAFunctionDependsOnWhatItReads(t *testing.T) {
	w, runs := newWorld(t, nil), atomic.Int64{}
	w.set("a", 1, 10)
	w.set("a", 2, 5)
	f, ctx := total(w, &runs), t.Context()
	mustCall(t, f, ctx, "a", 15)
	mustCall(t, f, ctx, "a", 15)
	if n := runs.Load(); n != 1 {
		t.Fatalf("it ran %d times for one result", n)
	}
	w.mustWrite("a", 3, 1) // which it has not read
	w.mustWrite("b", 1, 1)
	mustCall(t, f, ctx, "a", 15)
	if n := runs.Load(); n != 1 {
		t.Fatalf("a write of something else made it run again")
	}
	w.mustWrite("a", 2, 7)
	mustCall(t, f, ctx, "a", 17)
	mustCall(t, f, ctx, "a", 17)
	if n := runs.Load(); n != 2 {
		t.Fatalf("it ran %d times for two results", n)
	}
}

// A read that nothing caches is one that the function depends on all the same.
func TestReadsThatNoRuleNamesAreTracked(t *testing.T) {
	w, runs := newWorld(t, &cacheops.Config{}), atomic.Int64{}
	f, ctx := total(w, &runs), t.Context()
	mustCall(t, f, ctx, "a", 0)
	w.mustWrite("a", 1, 3)
	mustCall(t, f, ctx, "a", 3)
	mustCall(t, f, ctx, "a", 3)
	if n := runs.Load(); n != 2 {
		t.Fatalf("it ran %d times", n)
	}
	before := w.runs
	w.read(ctx, "a", 1)
	if w.runs == before {
		t.Error("the read itself was kept, which no rule asks for")
	}
}

// Whatever a function reads is what those that call it depend on, on its hit as
// on its miss.
func TestFunctionsNest(t *testing.T) {
	w, inner, outer := newWorld(t, nil), atomic.Int64{}, atomic.Int64{}
	f, ctx := total(w, &inner), t.Context()
	double := cacheops.NewFunc(w.cache, "double", func(ctx context.Context, table string) (int64, error) {
		outer.Add(1)
		n, err := f.Call(ctx, table)
		return 2 * n, err
	})
	twice := cacheops.NewFunc(w.cache, "twice", func(ctx context.Context, table string) (int64, error) {
		n, err := double.Call(ctx, table)
		m, err2 := f.Call(ctx, table) // a hit by now
		return n + m, errors.Join(err, err2)
	})
	mustCall(t, f, ctx, "a", 0)
	mustCall(t, double, ctx, "a", 0) // over a hit
	mustCall(t, twice, ctx, "a", 0)
	if inner.Load() != 1 || outer.Load() != 1 {
		t.Fatalf("ran %d and %d times", inner.Load(), outer.Load())
	}
	w.mustWrite("a", 1, 4)
	mustCall(t, twice, ctx, "a", 12)
	mustCall(t, double, ctx, "a", 8)
	mustCall(t, f, ctx, "a", 4)
	if inner.Load() != 2 || outer.Load() != 2 {
		t.Fatalf("ran %d and %d times after the write", inner.Load(), outer.Load())
	}
	if err := f.Invalidate(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	mustCall(t, twice, ctx, "a", 12)
	if inner.Load() != 3 {
		t.Error("a drop by hand did not reach the function that calls")
	}
}

// A write that comes between a function's read and its end keeps the result from
// being served.
func TestAWriteWhileAFunctionRuns(t *testing.T) {
	w, ctx := newWorld(t, nil), t.Context()
	var during func()
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) (int64, error) {
		n := w.read(ctx, "a", 1)
		if during != nil {
			during()
		}
		return n, nil
	})
	during = func() { w.mustWrite("a", 1, 9) }
	mustCall(t, f, ctx, struct{}{}, 0)
	during = nil
	mustCall(t, f, ctx, struct{}{}, 9)
	mustCall(t, f, ctx, struct{}{}, 9)
}

// Also where the read was a hit of an entry that was there before.
func TestAWriteAfterAHitWithinAFunction(t *testing.T) {
	w, ctx := newWorld(t, nil), t.Context()
	w.read(ctx, "a", 1)
	once := true
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) (int64, error) {
		n := w.read(ctx, "a", 1)
		if once {
			once = false
			w.mustWrite("a", 1, 9)
			w.read(context.Background(), "a", 1) // the entry is there again
		}
		return n, nil
	})
	mustCall(t, f, ctx, struct{}{}, 0)
	mustCall(t, f, ctx, struct{}{}, 9)
}

// A caller that comes after a commit shares no run that began before it.
func TestALaterCallerDoesNotShareARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t, nil), t.Context()
		reached, goOn := make(chan struct{}), make(chan struct{})
		var runs atomic.Int64
		f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) (int64, error) {
			n := w.read(ctx, "a", 1)
			if runs.Add(1) == 1 {
				close(reached)
				<-goOn
			}
			return n, nil
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if n, err := f.Call(ctx, struct{}{}); n != 0 || err != nil {
				t.Errorf("the first caller got %d, %v", n, err)
			}
		})
		<-reached
		w.mustWrite("a", 1, 5)
		for range 4 {
			wg.Go(func() {
				if n, err := f.Call(ctx, struct{}{}); n != 5 || err != nil {
					t.Errorf("a later caller got %d, %v, want what was committed", n, err)
				}
			})
		}
		synctest.Wait() // they wait
		close(goOn)
		wg.Wait()
	})
}

// What cannot be tracked is not kept, and the statistics say why.
func TestWhatIsNotKept(t *testing.T) {
	for _, c := range []struct {
		name, why string
		fn        func(ctx context.Context, w *world)
	}{
		{"NoCache", "NoCache", func(ctx context.Context, w *world) { w.read(cacheops.NoCache(ctx), "a", 1) }},
		{"a transaction", "transaction", func(ctx context.Context, w *world) {
			w.db.Bypass(ctx, w.query(w.db, "a", cacheops.Get), "transaction")
		}},
		{"a write", "writes", func(ctx context.Context, w *world) {
			if err := w.write(ctx, "b", 1, 1); err != nil {
				t.Error(err)
			}
		}},
		{"a write that drops nothing", "writes", func(ctx context.Context, w *world) {
			if err := w.write(cacheops.WithoutInvalidation(ctx), "b", 1, 1); err != nil {
				t.Error(err)
			}
		}},
		{"an uncacheable read", "random", func(ctx context.Context, w *world) {
			q := w.query(w.db, "a", cacheops.Get)
			q.Uncacheable = "random"
			w.readAs(ctx, w.db, q, "", 1)
		}},
		{"a private read", "for one", func(ctx context.Context, w *world) {
			q := w.query(w.db, "a", cacheops.Get)
			q.Uncacheable, q.Private = "for one", true
			w.readAs(ctx, w.db, q, "", 1)
		}},
		{"a session that is not the database's", "its key does not hold", func(ctx context.Context, w *world) {
			w.readAs(ctx, w.db, w.query(w.db, "a", cacheops.Get), "admin", 1)
		}},
		{"the adapter's word", "copy", func(ctx context.Context, _ *world) { cacheops.Untracked(ctx, "copy") }},
		{"another cache", "another cache", func(ctx context.Context, w *world) {
			other := newWorld(w.t, nil)
			other.read(ctx, "a", 1)
		}},
		{"a drop by hand", "writes", func(ctx context.Context, w *world) {
			if err := cacheops.Forget(ctx, w.cache, "x"); err != nil {
				t.Error(err)
			}
		}},
		{"on a goroutine", "NoCache", func(ctx context.Context, w *world) {
			var wg sync.WaitGroup
			wg.Go(func() { w.read(cacheops.NoCache(ctx), "a", 1) })
			wg.Wait()
		}},
		{"in a function that is called", "NoCache", func(ctx context.Context, w *world) {
			_, _ = cacheops.Memo(ctx, w.cache, "inner", func(ctx context.Context) (int64, error) {
				return w.read(cacheops.NoCache(ctx), "a", 1), nil
			})
		}},
		{"in a function whose error is swallowed", "NoCache", func(ctx context.Context, w *world) {
			_, _ = cacheops.Memo(ctx, w.cache, "inner", func(ctx context.Context) (int64, error) {
				w.read(cacheops.NoCache(ctx), "a", 1)
				return 0, errors.New("no")
			})
		}},
		{"in a function whose panic is swallowed", "panicked", func(ctx context.Context, w *world) {
			defer func() { _ = recover() }()
			_, _ = cacheops.Memo(ctx, w.cache, "inner", func(context.Context) (int64, error) { panic("no") }, cacheops.WithoutReads())
		}},
		{"a function under NoCache", "NoCache", func(ctx context.Context, w *world) {
			_, _ = cacheops.Memo(cacheops.NoCache(ctx), w.cache, "inner", func(ctx context.Context) (int64, error) {
				return w.read(ctx, "a", 1), nil
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, runs := newWorld(t, nil), 0
			for range 2 {
				_, err := cacheops.Memo(t.Context(), w.cache, "k", func(ctx context.Context) (int, error) {
					runs++
					c.fn(ctx, w)
					return 1, nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if runs != 2 {
				t.Error("the result was kept")
			}
			for why := range w.cache.Stats().Refused {
				if strings.Contains(why, c.why) {
					return
				}
			}
			t.Errorf("nothing says %q: %v", c.why, w.cache.Stats().Refused)
		})
	}
}

// A goroutine that outlives its function may hand what it reads to the function
// that called.
func TestAGoroutineThatOutlivesItsFunction(t *testing.T) {
	w, ctx := newWorld(t, nil), t.Context()
	runs := 0
	f := cacheops.NewFunc(w.cache, "outer", func(ctx context.Context, _ struct{}) (int64, error) {
		runs++
		later := make(chan func() int64, 1)
		_, err := cacheops.Memo(ctx, w.cache, fmt.Sprint("inner", runs), func(ctx context.Context) (int, error) {
			later <- func() int64 { return w.read(context.WithoutCancel(ctx), "a", 1) }
			return 0, nil
		}, cacheops.WithoutReads())
		if err != nil {
			return 0, err
		}
		return (<-later)(), nil
	})
	mustCall(t, f, ctx, struct{}{}, 0)
	w.mustWrite("a", 1, 3)
	mustCall(t, f, ctx, struct{}{}, 3)
	if w.cache.Stats().LateReads == 0 {
		t.Error("the late reads are not counted")
	}
}

func TestAMemoOfAnythingIsACopy(t *testing.T) {
	w, ctx := newWorld(t, nil), t.Context()
	type page struct {
		Title string
		Tags  []string
		When  time.Time
		Next  *page
	}
	get := func() *page {
		p, err := cacheops.Memo(ctx, w.cache, "page", func(context.Context) (*page, error) {
			return &page{Title: "one", Tags: []string{"a", "b"}, When: time.Unix(1, 5).UTC(), Next: &page{Title: "two"}}, nil
		}, cacheops.WithoutReads())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for range 3 {
		p := get()
		if p.Title != "one" || len(p.Tags) != 2 || p.Tags[0] != "a" || p.Next.Title != "two" || !p.When.Equal(time.Unix(1, 5)) {
			t.Fatalf("got %+v", p)
		}
		p.Tags[0], p.Next.Title, p.Title = "changed", "changed", "changed"
	}
	if s := w.cache.Stats().Functions[""]; s.Hits != 2 || s.Stored != 1 {
		t.Errorf("%+v", s)
	}
}

// A value that the codec would change is not kept.
func TestValuesThatTheCodecDoesNotKeep(t *testing.T) {
	w, ctx := newWorld(t, nil), t.Context()
	type hidden struct {
		Shown  []int
		secret int
	}
	type loop struct{ Next *loop }
	for range 2 {
		h, err := cacheops.Memo(ctx, w.cache, "hidden", func(context.Context) (hidden, error) { return hidden{[]int{1}, 2}, nil }, cacheops.WithoutReads())
		if err != nil || h.secret != 2 {
			t.Errorf("got %+v, %v", h, err)
		}
		a, err := cacheops.Memo(ctx, w.cache, "any", func(context.Context) (any, error) { return 5, nil }, cacheops.WithoutReads())
		if n, ok := a.(int); err != nil || !ok || n != 5 {
			t.Errorf("got %T %v, %v", a, a, err)
		}
		_, err = cacheops.Memo(ctx, w.cache, "loop", func(context.Context) (*loop, error) {
			l := new(loop)
			l.Next = l
			return l, nil
		}, cacheops.WithoutReads())
		if err != nil {
			t.Error(err)
		}
		f, err := cacheops.Memo(ctx, w.cache, "func", func(context.Context) (func() int, error) { return func() int { return 1 }, nil }, cacheops.WithoutReads())
		if err != nil || f() != 1 {
			t.Error(err)
		}
	}
	if s := w.cache.Stats().Functions[""]; s.Hits != 0 {
		t.Errorf("%+v", s)
	}
}

func TestNilAndZeroAreKept(t *testing.T) {
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	for range 2 {
		p, err := cacheops.Memo(ctx, w.cache, "nil", func(context.Context) (*int, error) { runs++; return nil, nil }, cacheops.WithoutReads())
		if p != nil || err != nil {
			t.Errorf("got %v, %v", p, err)
		}
		s, err := cacheops.Memo(ctx, w.cache, "slice", func(context.Context) ([]string, error) { runs++; return nil, nil }, cacheops.WithoutReads())
		if s != nil || err != nil {
			t.Errorf("got %v, %v", s, err)
		}
		e, err := cacheops.Memo(ctx, w.cache, "empty", func(context.Context) ([]string, error) { runs++; return []string{}, nil }, cacheops.WithoutReads())
		if e == nil || len(e) != 0 || err != nil {
			t.Errorf("got %v, %v", e, err)
		}
		a, err := cacheops.Memo(ctx, w.cache, "any", func(context.Context) (any, error) { runs++; return nil, nil }, cacheops.WithoutReads())
		if a != nil || err != nil {
			t.Errorf("got %v, %v", a, err)
		}
	}
	if runs != 4 {
		t.Errorf("%d runs for four results", runs)
	}
}

// The stamps are acquired before the cache is asked: what is written between the
// two must drop the function's result, whose read was answered from before.
func TestAWriteBetweenAHitAndItsStamps(t *testing.T) {
	var write func()
	w := newWorld(t, &cacheops.Config{Rules: everything, Hooks: cacheops.Hooks{Hit: func(_ context.Context, e cacheops.ReadEvent) {
		if f := write; f != nil && e.Function == "" {
			write = nil
			f()
		}
	}}})
	ctx := t.Context()
	w.read(ctx, "a", 1)
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) (int64, error) { return w.read(ctx, "a", 1), nil })
	write = func() { w.mustWrite("a", 1, 9) }
	mustCall(t, f, ctx, struct{}{}, 0)
	mustCall(t, f, ctx, struct{}{}, 9)
}
