package cacheops_test

import (
	"context"
	"errors"
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

// TestDoubtIsProvedByItsOwnDatabase: another that shares the table knows
// nothing of the writer, whose COMMIT may still land.
func TestDoubtIsProvedByItsOwnDatabase(t *testing.T) {
	w := newWorld(t, &cacheops.Config{Rules: sharedRules})
	replica, err := w.cache.Attach(cacheops.Backend{
		Name:  "replica",
		Prove: func(context.Context, cacheops.Writer) (bool, error) { return true, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	q := w.query(replica, "shared", cacheops.Get)
	w.set("shared", 1, 1)
	tx := w.db.Write()
	tx.Add(t.Context(), 0, update("shared", 1))
	lost := errors.New("connection lost")
	err = tx.Commit(t.Context(), "proof", func(context.Context) (cacheops.Outcome, error) {
		return cacheops.OutcomeUnknown, lost
	})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	for range 2 { // the first is refused and asks
		w.readAs(t.Context(), replica, q, "", 1)
	}
	w.set("shared", 1, 2) // the COMMIT lands
	if got := w.readAs(t.Context(), replica, q, "", 1); got != 2 {
		t.Errorf("served %d after a write of 2", got)
	}
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	eventually(t, "its own database proves it over", func() bool {
		w.readAs(t.Context(), replica, q, "", 1)
		before := w.runs
		return w.readAs(t.Context(), replica, q, "", 1) == 2 && w.runs == before
	})
}
