package cacheops_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cacheops/cacheops"
)

func TestFragments(t *testing.T) {
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	show := func(fr cacheops.Fragment, want string, anew bool) {
		t.Helper()
		before := runs
		got, err := w.cache.Fragment(ctx, fr, func(ctx context.Context, out *strings.Builder) error {
			runs++
			out.WriteString(strconv.FormatInt(w.read(ctx, "a", 1), 10))
			return nil
		})
		if got != want || err != nil || (runs > before) != anew {
			t.Errorf("%+v: got %q, %v, run %v; want %q, %v", fr, got, err, runs > before, want, anew)
		}
	}
	fr := cacheops.Fragment{Template: "page", Place: "3:1", Source: "x"}
	show(fr, "0", true)
	show(fr, "0", false)
	for _, other := range []cacheops.Fragment{
		{Template: "page2", Place: "3:1", Source: "x"},
		{Template: "page", Place: "3:2", Source: "x"},
		{Template: "page", Place: "3:1", Source: "y"},
		{Template: "page", Place: "3:1", Source: "x", Extra: []any{1}},
		{Template: "page", Place: "3:1", Source: "x", Extra: []any{1, 2}},
		{Template: "page", Place: "3:1", Source: "x", Extra: []any{nil}},
		{Name: "n", Template: "page", Place: "3:1", Source: "x"},
	} {
		show(other, "0", true)
		show(other, "0", false)
	}
	w.mustWrite("a", 1, 2)
	show(fr, "2", true)
	one := cacheops.Fragment{Template: "page", Place: "3:1", Source: "x", Extra: []any{1}}
	show(one, "2", true)
	if err := w.cache.InvalidateFragment(ctx, "page", 1); err != nil {
		t.Fatal(err)
	}
	show(fr, "2", false)
	show(one, "2", true)
	_, err := w.cache.Fragment(ctx, cacheops.Fragment{Template: "bad"}, func(context.Context, *strings.Builder) error {
		return errors.ErrUnsupported
	})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if _, err := w.cache.Fragment(ctx, cacheops.Fragment{Extra: []any{func() {}}}, nil); err == nil {
		t.Error("an extra that cannot be part of a key is no error")
	}
}

// A page that lacks a fragment is not kept, though whoever made it has said nothing.
func TestAFunctionAroundAFragmentThatFails(t *testing.T) {
	for name, fr := range map[string]cacheops.Fragment{
		"rendered": {Template: "part"},
		"its key":  {Template: "part", Extra: []any{func() {}}},
	} {
		w, fails := newWorld(t, nil), true
		f := cacheops.NewFunc(w.cache, "page", func(ctx context.Context, _ int) (string, error) {
			n := w.read(ctx, "a", 1)
			one := fr
			if !fails {
				one.Extra = nil
			}
			part, err := w.cache.Fragment(ctx, one, func(_ context.Context, out *strings.Builder) error {
				out.WriteString("part")
				if fails {
					return errors.New("no")
				}
				return nil
			}, cacheops.WithoutReads())
			if err != nil {
				return fmt.Sprint(n, " half"), nil //nolint:nilerr // as handlers do that only log it
			}
			return fmt.Sprint(n, " ", part), nil
		})
		mustCall(t, f, t.Context(), 1, "0 half")
		fails = false
		mustCall(t, f, t.Context(), 1, "0 part")
		if s := w.cache.Stats().Functions["page"]; s.Stored != 1 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// Who drops a fragment knows its numbers, and not of which type the template had them.
func TestAFragmentIsDroppedByValuesOfAnyType(t *testing.T) {
	type id uint
	type slug string
	w, ctx, runs := newWorld(t, nil), t.Context(), 0
	show := func(extra any, anew bool) {
		t.Helper()
		before := runs
		fr := cacheops.Fragment{Template: "page", Extra: []any{extra, "x"}}
		_, err := w.cache.Fragment(ctx, fr, func(context.Context, *strings.Builder) error {
			runs++
			return nil
		}, cacheops.WithoutReads())
		if err != nil || (runs > before) != anew {
			t.Errorf("%T(%v): run %v, %v", extra, extra, runs > before, err)
		}
	}
	sevens := []any{7, int8(7), uint(7), uint64(7), id(7)}
	others := []any{"7", slug("7"), 7.0, uint64(math.MaxUint64), int64(-1), []int{7}, nil}
	for _, v := range slices.Concat(sevens, others) {
		show(v, true)
		show(v, false)
	}
	show(int64(7), false)
	if err := w.cache.InvalidateFragment(ctx, "page", 7, "x"); err != nil {
		t.Fatal(err)
	}
	for _, v := range sevens {
		show(v, true)
	}
	for _, v := range others {
		show(v, false)
	}
	if err := w.cache.InvalidateFragment(ctx, "page", "7", slug("x")); err != nil {
		t.Fatal(err)
	}
	show(slug("7"), true)
	show(7, false)
}

func TestOptionsOfFragments(t *testing.T) {
	for _, c := range []struct {
		deps, timeout any
		ok            bool
	}{
		{nil, nil, true},
		{nil, 1.5, true},
		{nil, math.MaxInt32, true},
		{"a", "1h", true},
		{[]string{"a", "b"}, nil, true},
		{[]any{"a", []string{"b"}}, nil, true},
		{nil, 0, false},
		{nil, -1, false},
		{nil, "1", false},
		{nil, math.MaxInt64, false},
		{nil, math.Inf(1), false},
		{nil, math.NaN(), false},
		{1, nil, false},
		{[]any{1}, nil, false},
	} {
		if _, err := cacheops.FragmentOptions(c.deps, c.timeout); (err == nil) != c.ok {
			t.Errorf("%v, %v: %v", c.deps, c.timeout, err)
		}
	}
}
