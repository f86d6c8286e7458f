package cacheops_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

const silent = "reads nothing under its context"

// A function that does not hand on its context depends on what nobody knows of:
// kept, it would be stale until its TTL.
func TestAFunctionThatForgetsItsContextIsNotKept(t *testing.T) {
	for name, opts := range map[string][]cacheops.Option{
		"alone": nil, "with a TTL": {cacheops.TTL(time.Minute)}, "served stale": {cacheops.ServeStale(time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			w, ctx := newWorld(t, nil), t.Context()
			f := cacheops.NewFunc(w.cache, "f", func(context.Context, struct{}) (int64, error) {
				return w.read(context.Background(), "a", 1), nil
			}, opts...)
			page := cacheops.NewFunc(w.cache, "page", func(ctx context.Context, _ struct{}) (int64, error) {
				w.read(ctx, "b", 1)
				return f.Call(ctx, struct{}{})
			})
			mustCall(t, f, ctx, struct{}{}, 0)
			mustCall(t, page, ctx, struct{}{}, 0)
			w.mustWrite("a", 1, 5)
			mustCall(t, f, ctx, struct{}{}, 5)
			mustCall(t, page, ctx, struct{}{}, 5)
			s := w.cache.Stats()
			if s.Refused[silent] != 6 || s.Functions["f"].Stored != 0 || s.Functions["page"].Stored != 0 || s.LateReads != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// What is kept without reads is kept because somebody said so, and not for who did
// not.
func TestWithoutReads(t *testing.T) {
	for name, c := range map[string]struct {
		opt cacheops.Option
		in  func(context.Context) // called in the function
	}{
		"said":      {opt: cacheops.WithoutReads()},
		"by time":   {opt: cacheops.TimeOnly(time.Minute)},
		"fallback":  {opt: cacheops.FallbackTTL(time.Minute)},
		"named":     {opt: cacheops.DependsOn(cacheops.Table("a"))},
		"an end":    {opt: cacheops.Extra(1), in: func(ctx context.Context) { cacheops.Ends(ctx, time.Now().Add(time.Minute)) }},
		"a depend":  {opt: cacheops.Extra(2), in: depend},
		"no option": {opt: cacheops.Extra(3)},
	} {
		t.Run(name, func(t *testing.T) {
			w, runs := newWorld(t, nil), 0
			memo := func(opts ...cacheops.Option) {
				t.Helper()
				_, err := cacheops.Memo(t.Context(), w.cache, "k", func(ctx context.Context) (int, error) {
					runs++
					if c.in != nil && len(opts) > 0 {
						c.in(ctx)
					}
					return 1, nil
				}, opts...)
				if err != nil {
					t.Fatal(err)
				}
			}
			memo(c.opt)
			memo(c.opt)
			if kept := runs == 1; kept == (name == "no option") {
				t.Errorf("ran %d times", runs)
			}
			before := runs
			memo()
			memo()
			if runs != before+2 {
				t.Error("who has not said it was given what is kept without reads")
			}
		})
	}
}

func depend(ctx context.Context) {
	if err := cacheops.Depend(ctx, cacheops.Table("a")); err != nil {
		panic(err)
	}
}

// The same for fragments, which are rendered with the page's context when somebody
// forgets to hand on the fragment's.
func TestAFragmentThatForgetsItsContextIsNotKept(t *testing.T) {
	w := newWorld(t, nil)
	for want := range int64(2) {
		w.mustWrite("a", 1, want)
		out, err := w.cache.Fragment(t.Context(), cacheops.Fragment{Template: "t"}, func(_ context.Context, out *strings.Builder) error {
			out.WriteByte('0' + byte(w.read(t.Context(), "a", 1)))
			return nil
		})
		if err != nil || out != string('0'+byte(want)) {
			t.Errorf("got %q, %v, want %d", out, err, want)
		}
	}
	if n := w.cache.Stats().Refused[silent]; n != 2 {
		t.Errorf("refused %d times", n)
	}
}
