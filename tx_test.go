package cacheops

import (
	"slices"
	"testing"

	"github.com/cacheops/cacheops/internal/dep"
)

// TestATransactionAcrossSchemasIsBounded: each of its statements may have been planned
// with another schema than the first, and a million of them are as wide as one.
func TestATransactionAcrossSchemasIsBounded(t *testing.T) {
	tx := &Tx{}
	wide := func() bool {
		return slices.ContainsFunc(tx.changes, func(c dep.Change) bool { return c.Table == "" })
	}
	write := func(catalog uint64) {
		tx.Add(t.Context(), catalog, dep.Change{Table: "t", Op: dep.Update, Old: []dep.Image{{}}, New: []dep.Image{{}}})
	}
	write(1)
	tx.Savepoint("s")
	for range 2 { // the second time after a rollback, which forgets what it stood for
		for i := range 10_000 {
			write(uint64(1 + i%2))
		}
		if n := len(tx.changes); !wide() || n > maxImages {
			t.Errorf("%d changes, anything among them: %v", n, wide())
		}
		if tx.RollbackTo("s"); wide() || len(tx.changes) != 1 {
			t.Errorf("%d changes after a rollback", len(tx.changes))
		}
	}
}
