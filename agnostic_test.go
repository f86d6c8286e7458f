package cacheops_test

import (
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
)

var sharedRules = []cacheops.Rule{{Tables: "shared", Ops: cacheops.All, DBAgnostic: true}, {Tables: "*", Ops: cacheops.All}}

// TestEverythingOfOneDatabaseDropsSharedTablesOfOthers: also where a read joins
// an agnostic table to one of its own database, and so has an entry of its own.
func TestEverythingOfOneDatabaseDropsSharedTablesOfOthers(t *testing.T) {
	w := newWorld(t, &cacheops.Config{Rules: sharedRules})
	replica := w.attach("replica")
	version, err := replica.CatalogVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.set("shared", 1, 1)
	w.uses = []dep.Use{dep.Whole("shared"), dep.Whole("own")}
	q := &cacheops.Query{
		Text: "join", Op: cacheops.Fetch, Main: "shared", Uses: []string{"shared", "own"}, Catalog: version,
	}
	replica.Prepare(q)
	w.readAs(t.Context(), replica, q, "", 1)
	tx := w.db.Write()
	tx.Add(t.Context(), 0, dep.Anything())
	if err := tx.Commit(t.Context(), "", w.commits("shared", 1, 2, cacheops.Committed, nil)); err != nil {
		t.Fatal(err)
	}
	if got := w.readAs(t.Context(), replica, q, "", 1); got != 2 {
		t.Errorf("the replica was served %d after a write of 2 through the primary", got)
	}
}
