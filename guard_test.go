package cacheops_test

import (
	"context"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
)

// TestReadOfEverythingIsNotKept: no tag is dropped by every write to a database.
func TestReadOfEverythingIsNotKept(t *testing.T) {
	w := newWorld(t, nil)
	w.set("t", 1, 1)
	w.uses = []dep.Use{dep.Whole("")}
	w.expect("fill", "t", 1, 1, false)
	w.mustWrite("t", 1, 2)
	w.expect("after a write to one table", "t", 1, 2, false)
}

// TestPanicOfAHookTakesTheIntentBack: it came before the commit, so the writer
// is over, and its tables are cached again.
func TestPanicOfAHookTakesTheIntentBack(t *testing.T) {
	panics := true
	hooks := cacheops.Hooks{Drop: func(context.Context, cacheops.DropEvent) {
		if panics {
			panic("of a hook")
		}
	}}
	w := newWorld(t, &cacheops.Config{Rules: everything, Hooks: hooks})
	w.expect("fill", "t", 1, 0, false)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = w.write(t.Context(), "t", 1, 2)
	}()
	panics = false
	w.expect("dropped", "t", 1, 0, false)
	w.expect("kept again", "t", 1, 0, true)
}
