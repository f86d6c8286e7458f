package cacheops_test

import (
	"context"
	"sync"
	"testing"
	"time"

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

// TestWriteOnlyJoinsNoOlderRead: it is how a program refreshes what somebody
// wrote past the cache, so that no stamp tells the two reads apart.
func TestWriteOnlyJoinsNoOlderRead(t *testing.T) {
	w := newWorld(t, nil)
	w.set("t", 1, 1)
	reading, goOn := make(chan struct{}), make(chan struct{})
	w.hold = func() {
		w.hold = nil
		close(reading)
		<-goOn
	}
	var wg sync.WaitGroup
	wg.Go(func() { w.read(t.Context(), "t", 1) })
	<-reading
	w.set("t", 1, 2) // past the cache
	ctx, cancel := context.WithTimeout(cacheops.With(t.Context(), cacheops.Call{WriteOnly: true}), 10*time.Second)
	defer cancel()
	if got := w.read(ctx, "t", 1); got != 2 {
		t.Errorf("the refresh read %d, want 2", got)
	}
	close(goOn)
	wg.Wait()
}
