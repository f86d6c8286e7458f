package cacheops_test

import (
	"context"
	"errors"
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
