package redisstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

const wholeName = "life/"

// wholeReads is a read of a table and of its database as a whole.
func wholeReads(table string, catalog uint64) []cacheops.TableRead {
	return []cacheops.TableRead{{Table: table, TTL: time.Minute}, {Table: wholeName, Catalog: catalog, TTL: time.Minute}}
}

// apart returns two tables whose reads have different stripes.
func apart() (one, two string) {
	at := func(name string) int { return stripeOf(wholeReads(name, 0)) }
	one = "life/t0"
	for i := 1; ; i++ {
		if two = fmt.Sprint("life/t", i); at(two) != at(one) {
			return one, two
		}
	}
}

// settled acquires, lifting the doubts about new tables.
func settled(t *testing.T, s *Store, reads []cacheops.TableRead) cacheops.Grant {
	t.Helper()
	g, err := s.Acquire(t.Context(), reads)
	for _, d := range g.Doubts {
		if err := s.Clear(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.Doubts) > 0 {
		g, err = s.Acquire(t.Context(), reads)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestEverythingOnACluster(t *testing.T) {
	b := newClusterBench(t)
	one, two := pair(t, b, Options{})
	ctx := t.Context()
	a, c := apart()
	catalog, err := one.Registry(ctx, wholeName)
	if err != nil {
		t.Fatal(err)
	}
	put := func(k *cacheops.Key, table string) {
		t.Helper()
		g := settled(t, one, wholeReads(table, catalog.Catalog))
		if g.Refused != cacheops.Granted || len(g.Deps) != 2 || g.Catalog != catalog.Catalog {
			t.Fatalf("%+v", g)
		}
		if err := one.Put(ctx, k, &cacheops.Entry{Value: block("v"), Deps: g.Deps, TTL: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	put(lifeKey(1), a)
	put(lifeKey(2), c)
	if x, y := settled(t, one, wholeReads(a, 0)).Deps[1], settled(t, one, wholeReads(c, 0)).Deps[1]; x.Table == y.Table {
		t.Errorf("both depend on %q", x.Table)
	}

	// A writer of something else drops nothing, and is known at the home.
	w := cacheops.Writer{ID: nonzero()}
	if _, err := two.Begin(ctx, w, []cacheops.TableWrite{{Table: wholeName, Unverified: true, Catalog: catalog.Catalog}}); err != nil {
		t.Fatal(err)
	}
	if !hits(t, two, lifeKey(1)) || !hits(t, two, lifeKey(2)) {
		t.Error("a writer of something dropped everything")
	}
	ddl := cacheops.Writer{ID: nonzero()}
	all := []cacheops.TableWrite{{Table: wholeName, Unverified: true, Tags: []cacheops.Tag{cacheops.TableTag}, BumpCatalog: true}}
	if moved, err := two.Begin(ctx, ddl, all); err != nil || len(moved) > 0 {
		t.Fatal(moved, err)
	}
	for _, s := range []*Store{one, two} {
		if hits(t, s, lifeKey(1)) || hits(t, s, lifeKey(2)) {
			t.Error("a writer of everything left an entry")
		}
		for _, table := range []string{a, c} {
			if g := settled(t, s, wholeReads(table, 0)); g.Refused == cacheops.Granted {
				t.Error("granted under a write of everything")
			}
		}
	}
	if err := two.End(ctx, ddl, []string{wholeName}); err != nil {
		t.Fatal(err)
	}
	if g := settled(t, one, wholeReads(a, 0)); g.Refused != cacheops.CatalogMoved {
		t.Errorf("with a writer in flight that planned under the old schema: %v", g.Refused)
	}
	if err := two.End(ctx, w, []string{wholeName}); err != nil {
		t.Fatal(err)
	}
	if catalog, err = one.Registry(ctx, wholeName); err != nil {
		t.Fatal(err)
	}
	put(lifeKey(1), a)
	put(lifeKey(2), c)
	if !hits(t, two, lifeKey(1)) || !hits(t, two, lifeKey(2)) {
		t.Error("no hit afterwards")
	}
}

// TestEverythingInDoubtOnACluster: the writer's process is gone; another, which
// never saw it begin, finds it over.
func TestEverythingInDoubtOnACluster(t *testing.T) {
	b := newClusterBench(t)
	one, two := pair(t, b, Options{})
	ctx := t.Context()
	a, c := apart()
	for _, table := range []string{a, c} {
		settled(t, one, wholeReads(table, 0))
	}
	w := cacheops.Writer{ID: nonzero(), Proof: "p"}
	all := []cacheops.TableWrite{{Table: wholeName, Unverified: true, Tags: []cacheops.Tag{cacheops.TableTag}}}
	if _, err := two.Begin(ctx, w, all); err != nil {
		t.Fatal(err)
	}
	if err := two.Doubt(ctx, w, []string{wholeName}); err != nil {
		t.Fatal(err)
	}
	g, err := one.Acquire(ctx, wholeReads(a, 0))
	if err != nil || g.Refused != cacheops.IntentHeld || len(g.Doubts) != 2 || g.Doubts[0].Writer != w {
		t.Fatalf("%+v, %v", g, err)
	}
	if err := one.End(ctx, w, []string{wholeName}); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{a, c} {
		if g, err := one.Acquire(ctx, wholeReads(table, 0)); err != nil || g.Refused != cacheops.Granted {
			t.Errorf("%+v, %v", g, err)
		}
	}
}
