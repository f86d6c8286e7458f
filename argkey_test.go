package cacheops_test

import (
	"context"
	"math/rand"
	randv2 "math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// Two places that have one offset in winter may part in summer.
func TestAZoneIsMoreThanItsOffset(t *testing.T) {
	w := newWorld(t, nil)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	f := cacheops.NewFunc(w.cache, "f", func(_ context.Context, at time.Time) (string, error) {
		return at.AddDate(0, 6, 0).Format(time.RFC3339), nil
	}, cacheops.WithoutReads())
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, berlin)
	mustCall(t, f, t.Context(), at, "2024-07-01T00:00:00+02:00")
	mustCall(t, f, t.Context(), at.In(time.FixedZone("CET", 3600)), "2024-07-01T00:00:00+01:00")
}

// Types of one name in packages whose paths end alike are two types, also where they
// are pointed to or listed.
func TestTypesOfOneNameAreApart(t *testing.T) {
	w := newWorld(t, nil)
	f := cacheops.NewFunc(w.cache, "f", func(_ context.Context, v any) (string, error) {
		return reflect.TypeOf(v).Elem().PkgPath(), nil
	}, cacheops.WithoutReads())
	mustCall(t, f, t.Context(), any([]rand.Source{}), "math/rand")
	mustCall(t, f, t.Context(), any([]randv2.Source{}), "math/rand/v2")
	mustCall(t, f, t.Context(), any((*rand.Source)(nil)), "math/rand")
	mustCall(t, f, t.Context(), any((*randv2.Source)(nil)), "math/rand/v2")
	mustCall(t, f, t.Context(), any(map[string]rand.Source{}), "math/rand")
	mustCall(t, f, t.Context(), any(map[string]randv2.Source{}), "math/rand/v2")
}
