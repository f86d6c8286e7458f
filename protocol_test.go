package cacheops_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/faultstore"
	"github.com/cacheops/cacheops/memstore"
)

// These tests hold one rule of the protocol each. The store's own rules are
// walked through all interleavings in package storetest; here it is the core
// that must not forget its part of them.

// TestFillOvertakenByAWriteIsNotKept: pre → acquire → read old → begin, commit,
// end → store → hit would be stale.
func TestFillOvertakenByAWriteIsNotKept(t *testing.T) {
	w := newWorld(t, nil)
	w.set("t", 1, 1)
	w.hold = func() {
		w.hold = nil
		w.mustWrite("t", 1, 2)
	}
	if got := w.read(t.Context(), "t", 1); got != 1 {
		t.Fatalf("the overtaken fill read %d", got)
	}
	w.expect("after the write", "t", 1, 2, false)
}

// TestFillDuringACommitIsRefused: a fill between Begin and COMMIT reads the old
// row, and nothing would drop it any more.
func TestFillDuringACommitIsRefused(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprintf("shape known=%v", known), func(t *testing.T) {
			w := newWorld(t, nil)
			w.set("t", 1, 1)
			if known {
				w.expect("fill", "t", 1, 1, false)
			}
			tx := w.db.Write()
			tx.Add(t.Context(), 0, update("t", 1))
			err := tx.Commit(t.Context(), "", func(context.Context) (cacheops.Outcome, error) {
				w.expect("before the commit", "t", 1, 1, false)
				w.set("t", 1, 2)
				return cacheops.Committed, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			w.expect("after the commit", "t", 1, 2, false)
			w.expect("and then", "t", 1, 2, true)
		})
	}
}

// TestNothingIsDroppedBeforeCommit: a rollback leaves every entry, and so does
// a rollback to a savepoint what came after it.
func TestNothingIsDroppedBeforeCommit(t *testing.T) {
	w := newWorld(t, nil)
	for n := range int64(4) {
		w.expect("fill", "t", n, 0, false)
	}
	tx := w.db.Write()
	add := func(n int64) { tx.Add(t.Context(), 0, update("t", n)) }
	add(0)
	tx.Savepoint("a")
	add(1)
	tx.Savepoint("B")
	add(2)
	tx.RollbackTo("b")
	tx.RollbackTo("unknown")
	w.expect("uncommitted", "t", 0, 0, true)
	tx.RollbackTo("a")
	add(3)
	tx.Release("a")
	if err := tx.Commit(t.Context(), "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil }); err != nil {
		t.Fatal(err)
	}
	w.expect("committed", "t", 0, 0, false)
	w.expect("rolled back", "t", 1, 0, true)
	w.expect("rolled back twice", "t", 2, 0, true)
	w.expect("written after the rollback", "t", 3, 0, false)
	tx.Add(t.Context(), 0, update("t", 1))
	tx.Forget()
	if !tx.Empty() {
		t.Error("a rolled back transaction remembers its changes")
	}
}

// TestUnknownOutcomeRefusesFillsUntilProof: the COMMIT of a lost connection may
// land at any later time.
func TestUnknownOutcomeRefusesFillsUntilProof(t *testing.T) {
	lost := errors.New("connection lost")
	for _, how := range []string{"error", "panic"} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t, nil)
			w.set("t", 1, 1)
			w.expect("fill", "t", 1, 1, false)
			tx := w.db.Write()
			tx.Add(t.Context(), 0, update("t", 1))
			func() {
				defer func() { _ = recover() }()
				err := tx.Commit(t.Context(), "", func(context.Context) (cacheops.Outcome, error) {
					if how == "panic" {
						panic(lost)
					}
					return cacheops.OutcomeUnknown, lost
				})
				if !errors.Is(err, cacheops.ErrOutcomeUnknown) || !errors.Is(err, lost) {
					t.Errorf("the error is %v", err)
				}
			}()
			w.expect("in doubt", "t", 1, 1, false)
			w.expect("in doubt, not kept", "t", 1, 1, false)
			w.set("t", 1, 2) // the COMMIT lands
			w.expect("landed", "t", 1, 2, false)
			w.mu.Lock()
			w.over = true
			w.mu.Unlock()
			eventually(t, "the doubt is lifted", func() bool {
				before := w.runs
				w.read(t.Context(), "t", 1)
				return w.runs == before
			})
			w.expect("proved over", "t", 1, 2, true)
		})
	}
}

// TestProofIsRateLimited: a thousand readers of a doubtful row ask the database
// about it a few times, not a thousand.
func TestProofIsRateLimited(t *testing.T) {
	w := newWorld(t, nil)
	tx := w.db.Write()
	tx.Add(t.Context(), 0, update("t", 1))
	if err := tx.Commit(t.Context(), "", w.commits("t", 1, 1, cacheops.OutcomeUnknown, nil)); !errors.Is(err, cacheops.ErrOutcomeUnknown) {
		t.Fatalf("an unknown outcome without an error: %v", err)
	}
	for range 1000 {
		w.read(t.Context(), "t", 1)
	}
	asked := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.ask
	}
	eventually(t, "the database is asked", func() bool { return asked() > 0 })
	if n := asked(); n > 100 {
		t.Errorf("the database was asked %d times", n)
	}
}

// TestCallerAfterACommitDoesNotJoinAnOlderFill: single-flight must not hand rows
// from before a commit to a caller that came after it.
func TestCallerAfterACommitDoesNotJoinAnOlderFill(t *testing.T) {
	w := newWorld(t, nil)
	w.set("t", 1, 1)
	loaded, release := make(chan struct{}), make(chan struct{})
	w.hold = func() {
		w.hold = nil
		close(loaded)
		<-release
	}
	var wg sync.WaitGroup
	wg.Go(func() { w.read(t.Context(), "t", 1) })
	<-loaded
	w.mustWrite("t", 1, 2)
	if got := w.read(t.Context(), "t", 1); got != 2 {
		t.Errorf("a reader that called after the commit got %d from a fill before it", got)
	}
	close(release)
	wg.Wait()
	w.expect("afterwards", "t", 1, 2, true)
}

// TestPlanOfAnOlderSchemaIsRefused: what it thinks the read depends on may be
// wrong, and DDL drops everything that was kept before it.
func TestPlanOfAnOlderSchemaIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	q := w.query(w.db, "t", cacheops.Get)
	w.readAs(t.Context(), w.db, q, "", 1)
	ddl := w.db.Write()
	ddl.AddDDL()
	if err := ddl.Commit(t.Context(), "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil }); err != nil {
		t.Fatal(err)
	}
	before := w.runs
	w.readAs(t.Context(), w.db, q, "", 1)
	w.readAs(t.Context(), w.db, q, "", 1)
	if w.runs != before+2 {
		t.Error("a read planned under the old schema was kept")
	}
	w.expect("planned anew", "t", 1, 0, false)
	w.expect("planned anew", "t", 1, 0, true)
}

// TestWritePlannedUnderAnOlderSchemaDropsEverything: a cascade or a trigger that
// it does not know of may have written other tables.
func TestWritePlannedUnderAnOlderSchemaDropsEverything(t *testing.T) {
	w := newWorld(t, nil)
	old, err := w.db.CatalogVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ddl := w.db.Write()
	ddl.AddDDL()
	if err := ddl.Commit(t.Context(), "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil }); err != nil {
		t.Fatal(err)
	}
	w.expect("fill the child", "child", 1, 0, false)
	tx := w.db.Write()
	tx.Add(t.Context(), old, update("parent", 1))
	if err := tx.Commit(t.Context(), "", w.commits("child", 1, 7, cacheops.Committed, nil)); err != nil {
		t.Fatal(err)
	}
	w.expect("the cascade that the old plan missed", "child", 1, 7, false)
}

// TestTwoSchemasInOneTransactionDropEverything.
func TestTwoSchemasInOneTransactionDropEverything(t *testing.T) {
	w := newWorld(t, nil)
	w.expect("fill", "other", 1, 0, false)
	tx := w.db.Write()
	tx.Add(t.Context(), 1, update("t", 1))
	tx.Add(t.Context(), 2, update("t", 2))
	if err := tx.Commit(t.Context(), "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil }); err != nil {
		t.Fatal(err)
	}
	w.expect("another table", "other", 1, 0, false)
}

// TestFailedBeginFailsTheWriteBeforeItsCommit, and takes back what of it stands.
func TestFailedBeginFailsTheWriteBeforeItsCommit(t *testing.T) {
	for _, after := range []bool{false, true} {
		store := faultstore.New(memstore.New(1 << 20))
		w := newWorldOn(t, store, nil)
		w.set("t", 1, 1)
		w.expect("fill", "t", 1, 1, false)
		if after {
			store.BreakAfter(faultstore.Begin)
		} else {
			store.Break(faultstore.Begin)
		}
		committed := false
		tx := w.db.Write()
		tx.Add(t.Context(), 0, update("t", 1))
		err := tx.Commit(t.Context(), "", func(context.Context) (cacheops.Outcome, error) {
			committed = true
			return cacheops.Committed, nil
		})
		if !errors.Is(err, cacheops.ErrStore) || committed {
			t.Errorf("the write was committed: %v, error %v", committed, err)
		}
		store.Mend()
		w.read(t.Context(), "t", 1)
		w.expect("the intent was taken back", "t", 1, 1, true)
	}
}

// TestFailedEndIsNoFailedCommit.
func TestFailedEndIsNoFailedCommit(t *testing.T) {
	store := faultstore.New(memstore.New(1 << 20))
	var reported error
	w := newWorldOn(t, store, &cacheops.Config{Rules: everything, Hooks: cacheops.Hooks{
		Error: func(_ context.Context, err error) { reported = err },
	}})
	store.Break(faultstore.End)
	if err := w.write(t.Context(), "t", 1, 2); err != nil {
		t.Errorf("a committed write failed: %v", err)
	}
	if !errors.Is(reported, faultstore.ErrInjected) {
		t.Errorf("the hooks heard %v", reported)
	}
	w.expect("the intent stands: not kept", "t", 1, 2, false)
	w.expect("the intent stands: not kept", "t", 1, 2, false)
}

// TestReadsSurviveTheStore: its failure costs the cache, not the read, and
// after a few failures not even the asking.
func TestReadsSurviveTheStore(t *testing.T) {
	store := faultstore.New(memstore.New(1 << 20))
	w := newWorldOn(t, store, nil)
	w.set("t", 1, 1)
	w.read(t.Context(), "t", 1)
	for _, m := range []faultstore.Method{faultstore.Acquire, faultstore.Put, faultstore.Registry} {
		store.Break(m)
		w.expect(string(m), "u", int64(len(m)), 0, false)
		store.Mend()
	}
	store.Break()
	asked := store.Calls(faultstore.Get)
	for range 100 {
		w.expect("store down", "t", 1, 1, false)
	}
	if n := store.Calls(faultstore.Get) - asked; n > 10 {
		t.Errorf("a dead store was asked %d times in a row", n)
	}
	store.Mend()
	eventually(t, "the store is asked again", func() bool {
		before := w.runs
		w.read(t.Context(), "t", 1)
		return w.runs == before
	})
}

// TestRefreshesSurviveTheStore: a read that is to refresh its entry waits no
// longer for a dead store than others, and finds it again as they do.
func TestRefreshesSurviveTheStore(t *testing.T) {
	store := faultstore.New(memstore.New(1 << 20))
	w := newWorldOn(t, store, nil)
	ctx := cacheops.With(t.Context(), cacheops.Call{WriteOnly: true})
	for range 2 { // then the registry need not be asked for
		w.expectIn(ctx, "fill", "t", 1, 0, false)
	}
	store.Break()
	asked := store.Calls(faultstore.Acquire)
	for range 100 {
		w.expectIn(ctx, "store down", "t", 1, 0, false)
	}
	if n := store.Calls(faultstore.Acquire) - asked; n > 10 {
		t.Errorf("a dead store was asked %d times in a row", n)
	}
	store.Mend()
	eventually(t, "the entry is refreshed at every read", func() bool {
		before := store.Calls(faultstore.Put)
		w.read(ctx, "t", 1)
		w.read(ctx, "t", 1)
		return store.Calls(faultstore.Put) == before+2
	})
}

// TestDegradedWritesAreDroppedLater: with DegradeOnFailure the write goes
// through, this process does not cache its table until the drop is sent.
func TestDegradedWritesAreDroppedLater(t *testing.T) {
	store := faultstore.New(memstore.New(1 << 20))
	w := newWorldOn(t, store, &cacheops.Config{Rules: everything, DegradeOnFailure: true})
	w.set("t", 1, 1)
	w.expect("fill", "t", 1, 1, false)
	w.expect("fill", "u", 1, 0, false)
	store.Break(faultstore.Begin)
	w.mustWrite("t", 1, 2)
	w.expect("not served while the drop is owed", "t", 1, 2, false)
	w.expect("not served while the drop is owed", "t", 1, 2, false)
	w.expect("another table is", "u", 1, 0, true)
	store.Mend()
	eventually(t, "the drop is sent", func() bool {
		before := w.runs
		w.read(t.Context(), "t", 1)
		return w.runs == before
	})
	w.expect("and nothing stale is left", "t", 1, 2, true)
}

// TestCloseTellsOfLostDrops.
func TestCloseTellsOfLostDrops(t *testing.T) {
	store := faultstore.New(memstore.New(1 << 20))
	defer func() { _ = store.Close() }()
	cache, err := cacheops.New(store, &cacheops.Config{Rules: everything, DegradeOnFailure: true})
	if err != nil {
		t.Fatal(err)
	}
	db, err := cache.Attach(cacheops.Backend{Name: "main"})
	if err != nil {
		t.Fatal(err)
	}
	store.Break()
	tx := db.Write()
	tx.Add(t.Context(), 0, update("t", 1))
	if err := tx.Commit(t.Context(), "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil }); err != nil {
		t.Fatal(err)
	}
	if err := cache.Close(); err == nil || !strings.Contains(err.Error(), "1 writes") {
		t.Errorf("Close says %v of a lost drop", err)
	}
}

// TestShapesOfAnotherVersionWiden: a shape that this version cannot read may
// stand for anything, so a write drops the table.
func TestShapesOfAnotherVersionWiden(t *testing.T) {
	w := newWorld(t, nil)
	w.expect("fill", "t", 2, 0, false)
	read := []cacheops.TableRead{{Table: "main/t", TTL: 1e12, Shapes: []cacheops.ShapeTags{{Shape: "99 of the future", Tags: []cacheops.Tag{77}}}}}
	if _, err := w.store.Acquire(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	w.mustWrite("t", 1, 1)
	w.expect("a row that the write did not touch", "t", 2, 0, false)
}

// TestRegistryIsBounded: ten thousand kinds of filters register no more than
// the cap, every one of them is cached, and none goes stale.
func TestRegistryIsBounded(t *testing.T) {
	w := newWorld(t, nil)
	filter := func(i int) []dep.Use {
		atoms := []dep.Atom{id(1)}
		for b := range 14 {
			if i&(1<<b) != 0 {
				atoms = append(atoms, dep.Atom{Col: fmt.Sprintf("c%02d", b), Kind: dep.Eq, Value: dep.IntValue(0)})
			}
		}
		return []dep.Use{{Table: "t", Cols: dep.AllColumns(), Regions: []dep.Region{{Atoms: atoms}}}}
	}
	for i := range 10_000 {
		w.uses = filter(i)
		n := int64(i)
		before := w.runs
		w.read(t.Context(), "t", n)
		if i%97 != 0 {
			continue
		}
		w.read(t.Context(), "t", n)
		if w.runs != before+1 {
			t.Fatalf("filter %d is not cached", i)
		}
		img := []dep.Image{{{Col: "id", Value: dep.IntValue(1)}}}
		tx := w.db.Write()
		tx.Add(t.Context(), 0, dep.Change{Table: "t", Op: dep.Delete, Old: img})
		if err := tx.Commit(t.Context(), "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil }); err != nil {
			t.Fatal(err)
		}
		before = w.runs
		w.read(t.Context(), "t", n)
		if w.runs == before {
			t.Fatalf("filter %d is stale", i)
		}
	}
	r, err := w.store.Registry(t.Context(), "main/t")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Shapes) > 64+1 {
		t.Errorf("%d shapes are registered", len(r.Shapes))
	}
}

// TestManyTagsWiden: an entry checks no more than about a hundred stamps.
func TestManyTagsWiden(t *testing.T) {
	w := newWorld(t, nil)
	var regions []dep.Region
	for n := range int64(500) {
		regions = append(regions, dep.Region{Atoms: []dep.Atom{id(n), {Col: "kind", Kind: dep.Eq, Value: dep.IntValue(1)}}})
	}
	w.uses = []dep.Use{{Table: "t", Regions: regions, Cols: dep.ColumnSet("id", "kind", "n")}}
	w.expect("fill", "t", 1, 0, false)
	w.expect("hit", "t", 1, 0, true)
	w.mustWrite("t", 400, 1)
	w.expect("dropped", "t", 1, 0, false)
}

// TestManyImagesWiden: a transaction of a million rows drops the table.
func TestManyImagesWiden(t *testing.T) {
	w := newWorld(t, nil)
	w.expect("fill", "t", -1, 0, false)
	w.expect("fill", "u", -1, 0, false)
	tx := w.db.Write()
	for n := range int64(10_000) {
		tx.Add(t.Context(), 0, update("t", n))
	}
	if err := tx.Commit(t.Context(), "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil }); err != nil {
		t.Fatal(err)
	}
	w.expect("a row of that table", "t", -1, 0, false)
	w.expect("another table", "u", -1, 0, true)
	if s := w.cache.Stats(); s.Tables != 1 {
		t.Errorf("%d tables were dropped as a whole", s.Tables)
	}
}

// TestInsertSparesRowsFoundByKey: a read by a whole unique key that found its
// row does not depend on inserts; one that found none does.
func TestInsertSparesRowsFoundByKey(t *testing.T) {
	w := newWorld(t, nil)
	w.pin = true
	w.set("t", 1, 10)
	w.expect("fill, found", "t", 1, 10, false)
	w.expect("fill, absent", "t", 2, 0, false)
	tx := w.db.Write()
	tx.Add(t.Context(), 0, dep.Change{Table: "t", Op: dep.Insert, New: []dep.Image{{}}})
	if err := tx.Commit(t.Context(), "", w.commits("t", 2, 20, cacheops.Committed, nil)); err != nil {
		t.Fatal(err)
	}
	w.expect("found, after an insert of an unknown key", "t", 1, 10, true)
	w.expect("absent, after an insert of an unknown key", "t", 2, 20, false)
	w.mustWrite("t", 1, 11)
	w.expect("found, after its update", "t", 1, 11, false)
	w.mustCommit(dep.AnyOf("t"))
	w.expect("found, after a write of anything in the table", "t", 1, 11, false)
	w.mustCommit(dep.Anything())
	w.expect("found, after a write of anything", "t", 1, 11, false)
}

// A read may look at a row by its key and, by other conditions, at the rows
// that could stand beside it.
func TestPinnedBesideUnpinnedRegions(t *testing.T) {
	pinned := dep.Region{Atoms: []dep.Atom{id(1)}, Pinned: true}
	for _, regions := range [][]dep.Region{{pinned, {Atoms: pinned.Atoms}}, {{Atoms: pinned.Atoms}, pinned}} {
		w := newWorld(t, nil)
		w.uses = []dep.Use{{Table: "t", Cols: dep.ColumnSet("id", "n"), Regions: regions}}
		w.set("t", 1, 10)
		w.expect("fill", "t", 1, 10, false)
		w.expect("again", "t", 1, 10, true)
		w.mustCommit(dep.Change{Table: "t", Op: dep.Insert, New: []dep.Image{{}}})
		w.expect("after an insert of an unknown key", "t", 1, 10, false)
	}
}

// TestStillOpenKeepsTheChanges: a COMMIT that failed with the transaction open
// may be tried again, and must then drop what it changed.
func TestStillOpenKeepsTheChanges(t *testing.T) {
	w := newWorld(t, nil)
	w.set("t", 1, 1)
	tx := w.db.Write()
	tx.Add(t.Context(), 0, update("t", 1))
	busy := errors.New("busy")
	if err := tx.Commit(t.Context(), "", w.commits("t", 1, 2, cacheops.StillOpen, busy)); !errors.Is(err, busy) {
		t.Fatal(err)
	}
	w.expect("still open", "t", 1, 1, false)
	w.expect("and kept", "t", 1, 1, true)
	if err := tx.Commit(t.Context(), "", w.commits("t", 1, 2, cacheops.Committed, nil)); err != nil {
		t.Fatal(err)
	}
	w.expect("committed at last", "t", 1, 2, false)
	if !tx.Empty() {
		t.Error("a committed transaction remembers its changes")
	}
}
