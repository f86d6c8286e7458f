package cacheops_test

import (
	"context"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/faultstore"
	"github.com/cacheops/cacheops/memstore"
)

// degradedWorld is a world whose writes go on without the store.
func degradedWorld(t *testing.T, rules []cacheops.Rule) (*world, *faultstore.Store) {
	t.Helper()
	store := faultstore.New(memstore.New(1 << 20))
	return newWorldOn(t, store, &cacheops.Config{Rules: rules, DegradeOnFailure: true}), store
}

// drained waits until a read of the table is a hit again.
func (w *world) drained(table string) {
	w.t.Helper()
	eventually(w.t, "the drops are sent", func() bool {
		before := w.runs
		w.read(w.t.Context(), table, 1)
		return w.runs == before
	})
}

// TestOwedEverythingCoversSharedTables: what may have changed anything in one
// database may have changed an agnostic table, whose entries another serves.
func TestOwedEverythingCoversSharedTables(t *testing.T) {
	w, store := degradedWorld(t, sharedRules)
	replica := w.attach("replica")
	w.set("shared", 1, 1)
	w.expect("fill", "shared", 1, 1, false)
	q := w.query(replica, "shared", cacheops.Get)
	store.Break(faultstore.Begin)
	tx := w.db.Write()
	tx.Add(t.Context(), 0, dep.Anything())
	if err := tx.Commit(t.Context(), "", w.commits("shared", 1, 2, cacheops.Committed, nil)); err != nil {
		t.Fatal(err)
	}
	if got := w.readAs(t.Context(), replica, q, "", 1); got != 2 {
		t.Errorf("the replica was served %d after a write of 2 whose drop is owed", got)
	}
	store.Mend()
	w.drained("shared")
}

// TestOwedWriteComparesItsCatalog: a write that was planned before somebody's
// DDL may have fired a trigger it does not know of, sent late or not.
func TestOwedWriteComparesItsCatalog(t *testing.T) {
	w, store := degradedWorld(t, everything)
	before, err := w.db.CatalogVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.set("t", 1, 1)
	ddl := w.db.Write()
	ddl.AddDDL() // a trigger on u that writes t
	if err := ddl.Commit(t.Context(), "", committed); err != nil {
		t.Fatal(err)
	}
	w.expect("fill", "t", 1, 1, false)
	store.Break(faultstore.Begin)
	tx := w.db.Write()
	tx.Add(t.Context(), before, update("u", 1))
	if err := tx.Commit(t.Context(), "", w.commits("t", 1, 2, cacheops.Committed, nil)); err != nil {
		t.Fatal(err)
	}
	store.Mend()
	w.drained("u")
	w.expect("what the trigger wrote", "t", 1, 2, false)
}

// TestOutageIsCountedOnce: sending drops again is no further write.
func TestOutageIsCountedOnce(t *testing.T) {
	w, store := degradedWorld(t, everything)
	store.Break(faultstore.Begin)
	w.mustWrite("t", 1, 2)
	tried := store.Calls(faultstore.Begin)
	eventually(t, "the drops are tried again", func() bool { return store.Calls(faultstore.Begin) >= tried+2 })
	if n := w.cache.Stats().Writes; n != 1 {
		t.Errorf("one write is counted %d times", n)
	}
	store.Mend()
	w.drained("t")
}

// TestBacklogIsBounded: an outage of any length owes a bounded number of drops.
func TestBacklogIsBounded(t *testing.T) {
	const writes, most = 4000, 2002
	w, store := degradedWorld(t, everything)
	w.expect("fill", "t", 1, 0, false)
	store.Break(faultstore.Begin)
	for n := range int64(writes) {
		w.mustWrite("t", n, 7)
	}
	w.expect("owed", "t", 1, 7, false)
	store.Mend()
	before := store.Calls(faultstore.Begin)
	w.drained("t")
	if n := store.Calls(faultstore.Begin) - before; n > most {
		t.Errorf("%d writes of an outage took %d drops", writes, n)
	}
	w.expect("sent", "t", 1, 7, true)
}

func committed(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil }

// A function's result is not served while drops are owed that may be of it: which
// those are its entry alone would tell.
func TestFunctionsWhileDropsAreOwed(t *testing.T) {
	w, store := degradedWorld(t, everything)
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ struct{}) (int64, error) { return w.read(ctx, "t", 1), nil })
	timed := cacheops.NewFunc(w.cache, "timed", func(context.Context, struct{}) (int64, error) { return 1, nil }, cacheops.TimeOnly(time.Hour))
	for range 2 {
		mustCall(t, f, t.Context(), struct{}{}, 0)
		mustCall(t, timed, t.Context(), struct{}{}, 1)
	}
	store.Break(faultstore.Begin)
	w.mustWrite("t", 1, 2)
	mustCall(t, f, t.Context(), struct{}{}, 2)
	mustCall(t, timed, t.Context(), struct{}{}, 1)
	store.Mend()
	w.drained("t")
	mustCall(t, f, t.Context(), struct{}{}, 2)
	if s := w.cache.Stats().Functions["timed"]; s.Misses != 1 {
		t.Errorf("%+v", s)
	}
}
