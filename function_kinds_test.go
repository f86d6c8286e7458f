package cacheops_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cacheops/cacheops"
)

// What a function is said to depend on drops its result, and nothing else does.
func TestDependsOnTablesAndRows(t *testing.T) {
	for _, c := range []struct {
		name           string
		deps           []cacheops.Dependency
		drops, ignores []func(*world)
	}{
		{"a table", []cacheops.Dependency{cacheops.Table("a")}, []func(*world){at("a", 1), at("a", 2)}, []func(*world){at("b", 1)}},
		{"a row", []cacheops.Dependency{cacheops.Table("a").Where("id", 1)}, []func(*world){at("a", 1)}, []func(*world){at("a", 2), at("b", 1)}},
		{
			"several",
			[]cacheops.Dependency{cacheops.Table("a").Where("id", 1), cacheops.Table("b").Where("id", 2), cacheops.Table("c")},
			[]func(*world){at("a", 1), at("b", 2), at("c", 7)},
			[]func(*world){at("a", 2), at("b", 1)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, runs := newWorld(t, nil), 0
			f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) (int, error) {
				runs++
				w.read(ctx, "elsewhere", 1) // which does not matter
				return runs, nil
			}, cacheops.DependsOn(c.deps...))
			call := func(what string, want int) {
				t.Helper()
				if n, err := f.Call(t.Context(), struct{}{}); n != want || err != nil {
					t.Errorf("%s: got the result of run %d, %v, want that of %d", what, n, err, want)
				}
			}
			call("the first call", 1)
			for i, write := range append(c.ignores, at("elsewhere", 1)) {
				write(w)
				call(fmt.Sprint("a write that does not matter, ", i), runs)
			}
			for i, write := range c.drops {
				write(w)
				call(fmt.Sprint("a write that matters, ", i), i+2)
				call("and once more", i+2)
			}
		})
	}
}

// at writes a row, its value a new one each time.
func at(table string, id int64) func(*world) {
	return func(w *world) { w.mustWrite(table, id, time.Now().UnixNano()) }
}

// The world's databases do not say which version of the catalog they resolve names
// with; this one's does.
func TestDependsOnNeedsACatalogThatIsKnown(t *testing.T) {
	w, ctx := newWorld(t, nil), t.Context()
	w.attachKnowing(0)
	for range 2 {
		_, err := cacheops.Memo(ctx, w.cache, "k", func(context.Context) (int, error) { return 1, nil }, cacheops.DependsOn(cacheops.Table("a")))
		if err != nil {
			t.Fatal(err)
		}
	}
	if s := w.cache.Stats().Functions[""]; s.Hits != 0 {
		t.Error("kept, though the table was resolved with nobody knows what")
	}
	_, err := cacheops.Memo(ctx, w.cache, "n", func(context.Context) (int, error) { return 1, nil }, cacheops.DependsOn(cacheops.Table("nowhere")))
	if s := w.cache.Stats().Functions[""]; err != nil || s.Stored != 0 {
		t.Errorf("a table that is nowhere: %v, %+v", err, s)
	}
}

// What depends on a table that is never to be cached is no more kept than a read of it.
func TestDependsOnATableThatIsNeverCached(t *testing.T) {
	w, ctx := newWorld(t, &cacheops.Config{Rules: append([]cacheops.Rule{{Tables: "a", Never: true}}, everything...)}), t.Context()
	for table, hits := range map[string]int{"a": 0, "b": 1} {
		runs := 0
		for range 2 {
			if _, err := cacheops.Memo(ctx, w.cache, table, func(context.Context) (int, error) {
				runs++
				return runs, nil
			}, cacheops.DependsOn(cacheops.Table(table))); err != nil {
				t.Fatal(err)
			}
		}
		if runs != 2-hits {
			t.Errorf("of table %s: %d runs", table, runs)
		}
	}
}

// Reads says what queries depend on, without making them.
func TestDependsOnQueries(t *testing.T) {
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	f := cacheops.NewFunc(w.cache, "f", func(context.Context, struct{}) (int, error) {
		runs++
		return runs, nil
	}, cacheops.DependsOn(cacheops.Reads(func(ctx context.Context) error {
		_, err := w.tryRead(ctx, "a", 1)
		return err
	}), cacheops.Reads(func(ctx context.Context) error {
		_, err := w.tryRead(ctx, "b", 2)
		return fmt.Errorf("an ORM: %w", err)
	})))
	before := w.runs
	mustCall(t, f, ctx, struct{}{}, 1)
	mustCall(t, f, ctx, struct{}{}, 1)
	if w.runs != before {
		t.Error("the queries reached the database")
	}
	w.mustWrite("a", 2, 1)
	w.mustWrite("b", 1, 1)
	mustCall(t, f, ctx, struct{}{}, 1)
	w.mustWrite("b", 2, 1)
	mustCall(t, f, ctx, struct{}{}, 2)
	w.mustWrite("a", 1, 1)
	mustCall(t, f, ctx, struct{}{}, 3)

	failing := cacheops.DependsOn(cacheops.Reads(func(context.Context) error { return errors.ErrUnsupported }))
	_, err := cacheops.Memo(ctx, w.cache, "k", func(context.Context) (int, error) { return 1, nil }, failing)
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a query that fails by itself: %v", err)
	}
}

// A transaction's snapshot may be older than what was acquired for the result.
func TestDependsOnIsNotKeptFromATransaction(t *testing.T) {
	w, runs := newWorld(t, nil), 0
	for range 2 {
		_, err := cacheops.Memo(t.Context(), w.cache, "k", func(ctx context.Context) (int, error) {
			runs++
			cacheops.InTransaction(ctx)
			return 1, nil
		}, cacheops.DependsOn(cacheops.Table("a")))
		if err != nil {
			t.Fatal(err)
		}
	}
	if runs != 2 {
		t.Error("kept")
	}
}

func TestTimeOnly(t *testing.T) {
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) (int64, error) {
		runs++
		return w.read(ctx, "a", 1), nil
	}, cacheops.TimeOnly(time.Minute))
	mustCall(t, f, ctx, struct{}{}, 0)
	w.mustWrite("a", 1, 1)
	mustCall(t, f, ctx, struct{}{}, 0)
	if err := f.Invalidate(ctx, struct{}{}); err != nil {
		t.Fatal(err)
	}
	mustCall(t, f, ctx, struct{}{}, 1)
}

// The end of what a function calls is its own end, too.
func TestAFunctionEndsWithWhatItCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t, nil), t.Context()
		var runs atomic.Int64
		short := cacheops.NewFunc(w.cache, "short", func(context.Context, struct{}) (int64, error) {
			return runs.Add(1), nil
		}, cacheops.TimeOnly(time.Minute), cacheops.Jitter(0))
		long := cacheops.NewFunc(w.cache, "long", func(ctx context.Context, _ struct{}) (int64, error) {
			return short.Call(ctx, struct{}{})
		})
		mustCall(t, short, ctx, struct{}{}, 1)
		time.Sleep(time.Minute / 2)
		mustCall(t, long, ctx, struct{}{}, 1) // over a hit
		time.Sleep(time.Minute/2 + time.Second)
		mustCall(t, long, ctx, struct{}{}, 2) // over a miss
		time.Sleep(time.Minute / 2)
		mustCall(t, long, ctx, struct{}{}, 2)
		time.Sleep(time.Minute/2 + time.Second)
		mustCall(t, long, ctx, struct{}{}, 3)
	})
}

func TestInvalidate(t *testing.T) {
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	f := cacheops.NewFunc(w.cache, "f", func(_ context.Context, n int) (int, error) { runs++; return n, nil }, cacheops.WithoutReads())
	g := cacheops.NewFunc(w.cache, "g", func(_ context.Context, n int) (int, error) { runs++; return n, nil }, cacheops.WithoutReads())
	call := func(what string, want int) {
		t.Helper()
		runs = 0
		for n := range 3 {
			mustCall(t, f, ctx, n, n)
		}
		mustCall(t, g, ctx, 0, 0)
		if runs != want {
			t.Errorf("%s: %d runs, want %d", what, runs, want)
		}
	}
	call("at first", 4)
	call("then", 0)
	if err := f.Invalidate(ctx, 1); err != nil {
		t.Fatal(err)
	}
	call("one dropped", 1)
	if err := f.InvalidateAll(ctx); err != nil {
		t.Fatal(err)
	}
	call("all dropped", 3)
	if f.Key(1) == f.Key(2) || f.Key(1) == g.Key(1) || f.Key(1) == "" {
		t.Error("keys are not apart")
	}
}

// A result that is being made when it is dropped is not kept.
func TestInvalidateWhileTheFunctionRuns(t *testing.T) {
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	var f *cacheops.Func[int, int]
	f = cacheops.NewFunc(w.cache, "f", func(_ context.Context, n int) (int, error) {
		runs++
		if runs == 1 {
			if err := f.Invalidate(context.Background(), n); err != nil {
				t.Error(err)
			}
		}
		return runs, nil
	}, cacheops.WithoutReads())
	mustCall(t, f, ctx, 1, 1)
	mustCall(t, f, ctx, 1, 2)
	mustCall(t, f, ctx, 1, 2)
}

func TestCacheErrors(t *testing.T) {
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	notFound, other := errors.New("not found"), errors.New("other")
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, n int64) (int64, error) {
		runs++
		switch v := w.read(ctx, "a", n); {
		case v == 0:
			return 0, fmt.Errorf("row %d: %w", n, notFound)
		case v < 0:
			return 0, other
		default:
			return v, nil
		}
	}, cacheops.CacheErrors(notFound, time.Minute))
	for range 2 {
		if _, err := f.Call(ctx, 1); !errors.Is(err, notFound) || err.Error() != "row 1: not found" {
			t.Errorf("got %v", err)
		}
	}
	if runs != 1 {
		t.Errorf("%d runs", runs)
	}
	w.mustWrite("a", 1, -1)
	for range 2 {
		if _, err := f.Call(ctx, 1); !errors.Is(err, other) {
			t.Errorf("got %v", err)
		}
	}
	if runs != 3 {
		t.Errorf("%d runs: an error that was not named was kept", runs)
	}
	w.mustWrite("a", 1, 7)
	mustCall(t, f, ctx, 1, 7)
}

// Errors of one text are several errors.
func TestCachedErrorsOfOneText(t *testing.T) {
	w, runs := newWorld(t, nil), 0
	named := []error{errors.New("not found"), errors.New("not found"), errors.New("not found")}
	f := cacheops.NewFunc(w.cache, "f", func(_ context.Context, which int) (int, error) {
		runs++
		return 0, named[which]
	}, cacheops.WithoutReads(), cacheops.CacheErrors(named[0], time.Hour), cacheops.CacheErrors(named[1], time.Hour), cacheops.CacheErrors(named[2], time.Hour))
	for i := range 2 * len(named) {
		which := i % len(named)
		_, err := f.Call(t.Context(), which)
		for j, other := range named {
			if errors.Is(err, other) != (j == which) {
				t.Errorf("error %d is error %d: %v", which, j, errors.Is(err, other))
			}
		}
	}
	if runs != len(named) {
		t.Errorf("%d runs", runs)
	}
}

// A result whose time is over goes on being served while it is made anew; one that
// a write has dropped does not.
func TestServeStaleAndRefreshEarly(t *testing.T) {
	for name, opts := range map[string][]cacheops.Option{
		"stale": {cacheops.TTL(time.Millisecond), cacheops.ServeStale(time.Hour)},
		"early": {cacheops.TTL(time.Hour), cacheops.RefreshEarly(time.Hour - time.Millisecond)},
	} {
		t.Run(name, func(t *testing.T) {
			w, ctx := newWorld(t, nil), t.Context()
			var runs, slow atomic.Int64
			goOn := make(chan struct{})
			f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) (int64, error) {
				n := w.read(ctx, "a", 1)
				if runs.Add(1) == 2 {
					slow.Add(1)
					<-goOn
				}
				return n*100 + runs.Load(), nil
			}, opts...)
			mustCall(t, f, ctx, struct{}{}, 1)
			eventually(t, "it is made anew", func() bool {
				mustCall(t, f, ctx, struct{}{}, 1) // and served meanwhile
				return slow.Load() == 1
			})
			mustCall(t, f, ctx, struct{}{}, 1)
			close(goOn)
			eventually(t, "the new result", func() bool {
				n, err := f.Call(ctx, struct{}{})
				return n == 2 && err == nil
			})
			w.mustWrite("a", 1, 1)
			if n, err := f.Call(ctx, struct{}{}); n < 100 || err != nil {
				t.Errorf("after a write: got %d, %v", n, err)
			}
		})
	}
}

// What the function panics with when it is made anew reaches the hook alone.
func TestAPanicInTheBackground(t *testing.T) {
	var told atomic.Int64
	w := newWorld(t, &cacheops.Config{Hooks: cacheops.Hooks{Error: func(context.Context, error) { told.Add(1) }}})
	var runs atomic.Int64
	f := cacheops.NewFunc(w.cache, "f", func(context.Context, struct{}) (int64, error) {
		if runs.Add(1) > 1 {
			panic("no")
		}
		return 1, nil
	}, cacheops.WithoutReads(), cacheops.TTL(time.Millisecond), cacheops.ServeStale(time.Hour))
	eventually(t, "the hook hears of it", func() bool {
		mustCall(t, f, t.Context(), struct{}{}, 1)
		return told.Load() > 0
	})
}

func TestFallbackTTL(t *testing.T) {
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	untracked := func(how func(context.Context)) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) { runs++; how(ctx); return 1, nil }
	}
	tracked := 0
	for i, how := range []func(context.Context){
		func(ctx context.Context) { cacheops.Untracked(ctx, "no") },
		cacheops.InTransaction,
		cacheops.Wrote,
	} {
		for range 2 {
			_, err := cacheops.Memo(ctx, w.cache, fmt.Sprint(i), untracked(how), cacheops.FallbackTTL(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
		}
		tracked = runs
	}
	if tracked != 4 {
		t.Errorf("%d runs, want one, one and two", tracked)
	}
}

func TestOneRunForManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t, nil), t.Context()
		var runs atomic.Int64
		reached, goOn := make(chan struct{}), make(chan struct{})
		f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) ([]int64, error) {
			if runs.Add(1) == 1 {
				close(reached)
			}
			<-goOn
			return []int64{w.read(ctx, "a", 1)}, nil
		})
		var wg sync.WaitGroup
		call := func() {
			v, err := f.Call(ctx, struct{}{})
			if err != nil || len(v) != 1 || v[0] != 0 {
				t.Errorf("got %v, %v", v, err)
				return
			}
			v[0] = 99 // everybody has a copy
		}
		wg.Go(call)
		<-reached
		for range 20 {
			wg.Go(call)
		}
		synctest.Wait() // they wait
		close(goOn)
		wg.Wait()
		if n := runs.Load(); n != 1 {
			t.Errorf("%d runs", n)
		}
	})
}

func TestAPanicIsTheFirstCallersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t, nil), t.Context()
		var runs atomic.Int64
		reached, goOn := make(chan struct{}), make(chan struct{})
		f := cacheops.NewFunc(w.cache, "f", func(context.Context, struct{}) (int64, error) {
			if runs.Add(1) == 1 {
				close(reached)
				<-goOn
				panic("first")
			}
			return 7, nil
		}, cacheops.WithoutReads())
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() {
				if r := recover(); r != "first" {
					t.Errorf("the first caller recovered %v", r)
				}
			}()
			_, _ = f.Call(ctx, struct{}{})
		})
		<-reached
		for range 5 {
			wg.Go(func() { mustCall(t, f, ctx, struct{}{}, 7) })
		}
		synctest.Wait() // they wait
		close(goOn)
		wg.Wait()
	})
}

func TestACallerThatGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		reached, goOn := make(chan struct{}), make(chan struct{})
		f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) (int64, error) {
			close(reached)
			<-goOn
			return 7, ctx.Err()
		}, cacheops.WithoutReads())
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := f.Call(first, struct{}{}); !errors.Is(err, context.Canceled) {
				t.Errorf("the caller that gave up got %v", err)
			}
		})
		<-reached
		wg.Go(func() { mustCall(t, f, t.Context(), struct{}{}, 7) })
		synctest.Wait() // it waits
		cancel()
		synctest.Wait() // and goes on waiting
		close(goOn)
		wg.Wait()
	})
}

// A function that calls itself with its own key is not kept waiting for itself.
func TestRecursion(t *testing.T) {
	w := newWorld(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var f *cacheops.Func[int, int]
	f = cacheops.NewFunc(w.cache, "fib", func(ctx context.Context, n int) (int, error) {
		if n < 2 {
			return n, nil
		}
		a, err := f.Call(ctx, n-1)
		b, err2 := f.Call(ctx, n-2)
		return a + b, errors.Join(err, err2)
	}, cacheops.WithoutReads())
	mustCall(t, f, ctx, 50, 12586269025)
	depth := 0
	var g *cacheops.Func[int, int]
	g = cacheops.NewFunc(w.cache, "self", func(ctx context.Context, n int) (int, error) {
		if depth++; depth == 3 {
			return n, nil
		}
		return g.Call(ctx, n)
	}, cacheops.WithoutReads())
	mustCall(t, g, ctx, 5, 5)
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	w := newWorld(t, nil)
	for name, opt := range map[string]cacheops.Option{
		"negative":  cacheops.TTL(-1),
		"jitter":    cacheops.Jitter(2),
		"extra":     cacheops.Extra(func() {}),
		"early":     cacheops.RefreshEarly(2 * time.Hour),
		"error":     cacheops.CacheErrors(nil, time.Hour),
		"no codec":  cacheops.WithCodec(nil),
		"no depend": cacheops.DependsOn(nil),
	} {
		f := cacheops.NewFunc(w.cache, "f", func(context.Context, int) (int, error) { return 1, nil }, opt)
		if _, err := f.Call(t.Context(), 1); err == nil {
			t.Errorf("%s: no error", name)
		}
		if err := f.Invalidate(t.Context(), 1); err == nil {
			t.Errorf("%s: no error of Invalidate", name)
		}
	}
	f := cacheops.NewFunc(w.cache, "f", func(context.Context, func()) (int, error) { return 1, nil })
	if _, err := f.Call(t.Context(), func() {}); err == nil {
		t.Error("an argument that cannot be part of a key is no error")
	}
}

// What a function does for one caller it does for each: a run that writes, or reads
// in a transaction, is shared by nobody.
func TestARunThatIsItsCallersAlone(t *testing.T) {
	for name, how := range map[string]func(context.Context){"writes": cacheops.Wrote, "transaction": cacheops.InTransaction} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, ctx := newWorld(t, nil), t.Context()
				var runs atomic.Int64
				reached, goOn := make(chan struct{}), make(chan struct{})
				f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) (int64, error) {
					how(ctx)
					if runs.Add(1) == 1 {
						close(reached)
						<-goOn
					}
					time.Sleep(time.Millisecond) // of the bubble's time, so that runs meet
					return 1, nil
				})
				var wg sync.WaitGroup
				wg.Go(func() { mustCall(t, f, ctx, struct{}{}, 1) })
				<-reached
				for range 8 {
					wg.Go(func() { mustCall(t, f, ctx, struct{}{}, 1) })
				}
				synctest.Wait() // they wait
				close(goOn)
				wg.Wait()
				if n := runs.Load(); n != 9 {
					t.Errorf("%d runs for nine callers", n)
				}
			})
		})
	}
}

// A database that attaches itself while a function runs may have the table that the
// function was said to depend on.
func TestADatabaseThatIsAttachedMeanwhile(t *testing.T) {
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	for range 3 {
		_, err := cacheops.Memo(ctx, w.cache, "k", func(context.Context) (int, error) {
			if runs++; runs == 1 {
				w.attach("second")
			}
			return 1, nil
		}, cacheops.DependsOn(cacheops.Table("a")))
		if err != nil {
			t.Fatal(err)
		}
	}
	// The second call has another key, for that holds the databases' sessions; what
	// the first has kept must not come back when the second is detached again.
	if s := w.cache.Stats().Functions[""]; s.Stored != 1 || s.Refused != 1 {
		t.Errorf("%+v", s)
	}
}
