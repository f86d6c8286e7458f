package cacheops_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// Who must not share a query's result must not share that of a function which has
// read it.

type whoKey struct{}

func as(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, whoKey{}, who)
}

func who(ctx context.Context) (string, bool) {
	s, ok := ctx.Value(whoKey{}).(string)
	return s, ok
}

// report is a function that reads in the session of its caller and returns for
// whom it ran.
func (w *world) report(opts ...cacheops.Option) *cacheops.Func[struct{}, string] {
	return cacheops.NewFunc(w.cache, "report", func(ctx context.Context, _ struct{}) (string, error) {
		name, _ := who(ctx)
		_, err := w.tryReadAs(ctx, w.db, w.query(w.db, "a", cacheops.Get), name, 1)
		return "for " + name, err
	}, opts...)
}

func TestTenantsDoNotShareFunctions(t *testing.T) {
	w := newWorld(t, &cacheops.Config{Rules: everything, Partition: who})
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) (string, error) {
		name, _ := who(ctx)
		_, err := w.tryRead(ctx, "a", 1)
		return "for " + name, err
	})
	for range 2 {
		for _, name := range []string{"ann", "bob"} {
			mustCall(t, f, as(t.Context(), name), struct{}{}, "for "+name)
		}
		mustCall(t, f, t.Context(), struct{}{}, "for ")
	}
	if s := w.cache.Stats().Functions["f"]; s.Hits != 2 || s.Bypassed != 2 {
		t.Errorf("%+v", s)
	}
}

func TestSessionsDoNotShareFunctions(t *testing.T) {
	w := newWorld(t, nil)
	// The first session of every database is the test's own, which is gone.
	w.cache, w.db = nil, nil
	cache, err := cacheops.New(w.store, &cacheops.Config{Rules: everything})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	w.cache = cache
	w.db = w.attachAs(cacheops.Backend{Name: "main", Session: who})
	f := w.report()
	for range 2 {
		for _, name := range []string{"ann", "bob"} {
			mustCall(t, f, as(t.Context(), name), struct{}{}, "for "+name)
		}
	}
	if s := w.cache.Stats().Functions["report"]; s.Hits != 2 || s.Stored != 2 {
		t.Errorf("%+v", s)
	}
}

// Two pools of one database whose sessions differ: which of them a function will
// read in cannot be known beforehand.
func TestSeveralSessionsOfOneDatabase(t *testing.T) {
	of := func(name string) func(context.Context) (string, bool) {
		return func(context.Context) (string, bool) { return name, true }
	}
	open := func(t *testing.T) *world {
		w := newWorld(t, nil)
		w.attachAs(cacheops.Backend{Name: "main", Session: of("viewer")})
		return w
	}
	t.Run("not kept", func(t *testing.T) {
		w := open(t)
		f := w.report()
		for range 2 {
			mustCall(t, f, as(t.Context(), "viewer"), struct{}{}, "for viewer")
			mustCall(t, f, as(t.Context(), ""), struct{}{}, "for ")
		}
	})
	t.Run("kept by scope", func(t *testing.T) {
		w := open(t)
		f := w.report(cacheops.Scope(who))
		for range 2 {
			mustCall(t, f, as(t.Context(), "viewer"), struct{}{}, "for viewer")
			mustCall(t, f, as(t.Context(), ""), struct{}{}, "for ")
		}
		if s := w.cache.Stats().Functions["report"]; s.Hits != 2 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("one is gone", func(t *testing.T) {
		w := newWorld(t, nil)
		gone := false
		w.attachAs(cacheops.Backend{Name: "main", Session: of("viewer"), Gone: func() bool { return gone }})
		f := w.report()
		call := func() { mustCall(t, f, as(t.Context(), ""), struct{}{}, "for ") }
		call()
		gone = true
		call()
		call()
		if s := w.cache.Stats().Functions["report"]; s.Hits != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A function for all must not be made of one that is for somebody.
func TestAFunctionWithinAnothersScope(t *testing.T) {
	for name, outer := range map[string][]cacheops.Option{"without": nil, "with": {cacheops.Scope(who)}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			mine := cacheops.NewFunc(w.cache, "mine", func(ctx context.Context, _ struct{}) (string, error) {
				name, _ := who(ctx)
				return "for " + name, nil
			}, cacheops.WithoutReads(), cacheops.Scope(who))
			page := cacheops.NewFunc(w.cache, "page", func(ctx context.Context, _ struct{}) (string, error) {
				return mine.Call(ctx, struct{}{})
			}, outer...)
			for range 2 {
				for _, name := range []string{"ann", "bob"} {
					mustCall(t, mine, as(t.Context(), name), struct{}{}, "for "+name)
					mustCall(t, page, as(t.Context(), name), struct{}{}, "for "+name)
				}
			}
			if hits := w.cache.Stats().Functions["page"].Hits; (hits == 2) != (outer != nil) {
				t.Errorf("%d hits of the page", hits)
			}
		})
	}
}

// A function that goes over to another tenant within takes nothing of that with it.
func TestAFunctionThatReadsForAnotherTenant(t *testing.T) {
	for name, inner := range map[string]func(ctx context.Context, w *world) error{
		"a read": func(ctx context.Context, w *world) error {
			_, err := w.tryRead(ctx, "a", 1)
			return err
		},
		"a function": func(ctx context.Context, w *world) error {
			_, err := cacheops.Memo(ctx, w.cache, "inner", func(context.Context) (int, error) { return 1, nil }, cacheops.WithoutReads())
			return err
		},
		"a call without one": func(_ context.Context, w *world) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w, runs := newWorld(t, &cacheops.Config{Rules: everything, Partition: who}), 0
			want := 3
			if strings.Contains(name, "without") {
				want = 1
			}
			for range 3 {
				_, err := cacheops.Memo(as(t.Context(), "ann"), w.cache, "outer", func(ctx context.Context) (int, error) {
					runs++
					return 1, inner(as(ctx, "bob"), w)
				}, cacheops.WithoutReads())
				if err != nil {
					t.Fatal(err)
				}
			}
			if runs != want {
				t.Errorf("%d runs, want %d", runs, want)
			}
		})
	}
}

// Callers with different parts of the key share nothing.
func TestCallExtraIsPartOfAFunctionsKey(t *testing.T) {
	w := newWorld(t, nil)
	for range 2 {
		for _, extra := range []string{"", "a", "b"} {
			ctx := cacheops.With(t.Context(), cacheops.Call{Extra: extra})
			got, err := cacheops.Memo(ctx, w.cache, "k", func(context.Context) (string, error) { return extra, nil }, cacheops.WithoutReads())
			if got != extra || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, extra)
			}
		}
	}
}

// A local function with what it has captured in Extra is one function for each.
func TestLocalFunctionsWithExtra(t *testing.T) {
	w, runs := newWorld(t, nil), 0
	local := func(user int) *cacheops.Func[string, string] {
		return cacheops.NewFunc(w.cache, "local", func(_ context.Context, arg string) (string, error) {
			runs++
			return fmt.Sprint(user, arg), nil
		}, cacheops.Extra(user), cacheops.WithoutReads())
	}
	for range 2 {
		mustCall(t, local(1), t.Context(), "a", "1a")
		mustCall(t, local(2), t.Context(), "a", "2a")
	}
	if err := local(1).Invalidate(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	mustCall(t, local(1), t.Context(), "a", "1a")
	mustCall(t, local(2), t.Context(), "a", "2a")
	if runs != 3 {
		t.Errorf("%d runs", runs)
	}
}

type keyed struct{ id int }

func (k *keyed) AppendKey(b []byte) []byte { return fmt.Append(b, k.id) }

// No two arguments that differ are one key.
func TestArgumentsAreTold(t *testing.T) {
	type pair struct {
		A string
		b string
	}
	w := newWorld(t, nil)
	f := cacheops.NewFunc(w.cache, "f", func(context.Context, any) (int, error) { return 0, nil })
	one, now := 1, time.Now()
	seen := make(map[string]int)
	args := []any{
		nil, 0, 1, -1, "", "1", "a", true, false, 1.0, 0.0, math.Copysign(0, -1), uint(1), complex(1, 0),
		[]string{"ab", "c"},
		[]string{"a", "bc"},
		[]string{"abc"},
		[]string{},
		[]string(nil),
		[]any{1},
		[]any{"1"},
		[]any{nil},
		pair{"ab", "c"},
		pair{"a", "bc"},
		pair{"", ""},
		map[string]int{"a": 1},
		map[string]int{"a": 2},
		map[string]int{"a": 1, "b": 1},
		map[string]int{},
		&one, now, now.Add(1), now.In(time.FixedZone("X", 3600)),
		time.Time{},
		[2]string{"a", "b"},
		[1]string{"a"},
		[]byte("a"),
		&keyed{1}, &keyed{2},
		[]any{[]any{1}, 2},
		[]any{[]any{1, 2}},
		[]any{pair{"a", "b"}},
		[]any{[2]string{"a", "b"}},
	}
	for i, a := range args {
		k := f.Key(a)
		if k == "" {
			t.Errorf("%#v has no key", a)
		}
		if j, ok := seen[k]; ok {
			t.Errorf("%#v and %#v have one key", args[j], a)
		}
		seen[k] = i
		if f.Key(a) != k {
			t.Errorf("%#v has two keys", a)
		}
	}
	type loop struct{ Next *loop }
	l := new(loop)
	l.Next = l
	for _, a := range []any{func() {}, make(chan int), l, []any{func() {}}, struct{ f func() }{func() {}}} {
		if f.Key(a) != "" {
			t.Errorf("a %T has a key", a)
		}
	}
}

// A function of another type, or of another struct of that name, takes no result
// for its own.
func TestResultsOfAnotherTypeAreNotTaken(t *testing.T) {
	w, ctx := newWorld(t, nil), t.Context()
	old := func() any {
		type value struct{ A int }
		v, err := cacheops.Memo(ctx, w.cache, "k", func(context.Context) ([]value, error) { return []value{{1}}, nil }, cacheops.WithoutReads())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	old()
	type value struct{ A, B int }
	v, err := cacheops.Memo(ctx, w.cache, "k", func(context.Context) ([]value, error) { return []value{{1, 2}}, nil }, cacheops.WithoutReads())
	if err != nil || v[0].B != 2 {
		t.Errorf("got %v, %v", v, err)
	}
	s, err := cacheops.Memo(ctx, w.cache, "k", func(context.Context) (string, error) { return "s", nil }, cacheops.WithoutReads())
	if err != nil || s != "s" {
		t.Errorf("got %v, %v", s, err)
	}
}

// What is switched off, or asked for without a cache, runs each time.
func TestFunctionsWithoutTheCache(t *testing.T) {
	w, runs := newWorld(t, nil), 0
	call := func(ctx context.Context) {
		t.Helper()
		if _, err := cacheops.Memo(ctx, w.cache, "k", func(context.Context) (int, error) { runs++; return 1, nil }, cacheops.WithoutReads()); err != nil {
			t.Error(err)
		}
	}
	call(t.Context())
	call(cacheops.NoCache(t.Context()))
	call(cacheops.With(t.Context(), cacheops.Call{WriteOnly: true}))
	call(cacheops.With(t.Context(), cacheops.Call{Peek: true}))
	w.cache.Disable()
	call(t.Context())
	w.cache.Enable()
	call(t.Context())
	if runs != 4 {
		t.Errorf("%d runs, want 4", runs)
	}
	var r cacheops.Report
	call(cacheops.With(t.Context(), cacheops.Call{Report: &r}))
	if !r.Hit {
		t.Errorf("the report says %+v", r)
	}
}

// A report is its caller's, who has it back before a run in the background ends.
func TestABackgroundRunLeavesTheReportAlone(t *testing.T) {
	w := newWorld(t, nil)
	ended := make(chan struct{}, 100)
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ int) (int, error) {
		w.read(ctx, "a", 1)
		ended <- struct{}{}
		return 1, nil
	}, cacheops.TTL(10*time.Millisecond), cacheops.ServeStale(time.Hour))
	var report cacheops.Report
	ctx := cacheops.With(t.Context(), cacheops.Call{Report: &report})
	mustCall(t, f, ctx, 0, 1)
	<-ended
	eventually(t, "a run in the background", func() bool {
		mustCall(t, f, ctx, 0, 1)
		report = cacheops.Report{Why: "mine"}
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
}

// What is kept by time, or by what was named, is not for who wants to know of each
// write.
func TestHowAResultIsKeptIsPartOfItsKey(t *testing.T) {
	for name, opt := range map[string]cacheops.Option{
		"time": cacheops.TimeOnly(time.Hour), "named": cacheops.DependsOn(cacheops.Table("b")), "fallback": cacheops.FallbackTTL(time.Hour),
	} {
		w := newWorld(t, nil)
		read := func(ctx context.Context) (int64, error) {
			if name == "fallback" {
				cacheops.Untracked(ctx, "a test")
			}
			return w.read(ctx, "a", 1), nil
		}
		memo := func(want int64, opts ...cacheops.Option) {
			t.Helper()
			for range 2 {
				if v, err := cacheops.Memo(t.Context(), w.cache, "k", read, opts...); v != want || err != nil {
					t.Errorf("%s: got %d, %v, want %d", name, v, err, want)
				}
			}
		}
		memo(0, opt)
		w.mustWrite("a", 1, 7)
		memo(0, opt)
		memo(7)
		if err := cacheops.Forget(t.Context(), w.cache, "k"); err != nil {
			t.Fatal(err)
		}
		memo(7, opt)
	}
}

// What a result was said to depend on is part of its key: another release of the
// program, or another call, may say something else.
func TestWhatAResultDependsOnIsPartOfItsKey(t *testing.T) {
	w := newWorld(t, nil)
	f := cacheops.NewFunc(w.cache, "f", func(context.Context, int) (int, error) { return 0, nil })
	reads := cacheops.Reads(func(ctx context.Context) error { _, err := w.tryRead(ctx, "b", 1); return err })
	runs := 0
	memo := func(want int, deps ...cacheops.Dependency) {
		t.Helper()
		for range 2 {
			v, err := cacheops.Memo(t.Context(), w.cache, "k", func(context.Context) (int, error) { runs++; return runs, nil }, cacheops.DependsOn(deps...))
			if v != want || err != nil {
				t.Errorf("got %d, %v, want %d", v, err, want)
			}
		}
	}
	table := cacheops.Table("b")
	for i, deps := range [][]cacheops.Dependency{
		{table}, {table.Where("id", 1)}, {table.Where("id", 2)}, {table, cacheops.Table("c")}, {f.Result(1)}, {f.Result(2)}, {reads},
	} {
		memo(i+1, deps...)
	}
	memo(1, table)
	memo(3, table.Where("id", 2))
	if _, err := cacheops.Memo(t.Context(), w.cache, "k", func(context.Context) (int, error) { return 0, nil },
		cacheops.DependsOn(table.Where("id", func() {}))); err == nil {
		t.Error("a value that no column has is no error")
	}
}

// mapped is a codec of a type that cannot be compared.
type mapped struct {
	cacheops.Codec
	_ map[string]int
}

// Memos with the same options share what is made of these; options that cannot be
// compared, and more of them than are remembered, do no harm.
func TestMemosWithOptions(t *testing.T) {
	w, runs := newWorld(t, nil), 0
	memo := func(opts ...cacheops.Option) []int64 {
		t.Helper()
		v, err := cacheops.Memo(t.Context(), w.cache, "k", func(ctx context.Context) ([]int64, error) {
			runs++
			return []int64{w.read(ctx, "a", 1)}, nil
		}, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for range 2 {
		memo(cacheops.WithCodec(mapped{Codec: cacheops.CBOR()}), cacheops.TTL(time.Minute))
		for i := range 1100 {
			memo(cacheops.TTL(time.Hour + time.Duration(i)))
		}
	}
	if runs != 1 {
		t.Errorf("%d runs: how long a result may be kept is no part of its key", runs)
	}
	w.mustWrite("a", 1, 5)
	if v := memo(cacheops.TTL(time.Hour)); v[0] != 5 {
		t.Errorf("got %v", v)
	}
	if _, err := cacheops.Memo(t.Context(), w.cache, "k", func(context.Context) (int, error) { return 1, nil }, cacheops.TTL(-1)); err == nil {
		t.Error("options that make no sense are no error")
	}
}
