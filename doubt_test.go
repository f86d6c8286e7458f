package cacheops_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
)

// ledger is a store that remembers which tables have writers.
type ledger struct {
	cacheops.Store

	mu   sync.Mutex
	open map[string]int // writers by table
}

func (l *ledger) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) ([]cacheops.Registry, error) {
	moved, err := l.Store.Begin(ctx, w, writes)
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range writes {
		l.open[writes[i].Table]++
	}
	for i := range moved {
		l.open[moved[i].Table]--
	}
	return moved, err
}

func (l *ledger) End(ctx context.Context, w cacheops.Writer, tables []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range tables {
		l.open[t]--
	}
	return l.Store.End(ctx, w, tables)
}

func (l *ledger) Clear(ctx context.Context, d cacheops.Doubt) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[d.Table]--
	return l.Store.Clear(ctx, d)
}

// TestProvedWriterLeavesNothing: its intent on the database as a whole refuses
// nobody, so that no read would ever ask about it.
func TestProvedWriterLeavesNothing(t *testing.T) {
	store := &ledger{Store: memstore.New(1 << 20), open: make(map[string]int)}
	w := newWorldOn(t, store, nil)
	w.over = true
	w.expect("fill", "t", 1, 0, false)
	tx := w.db.Write()
	tx.Add(t.Context(), 0, update("t", 1))
	lost := errors.New("connection lost")
	if err := tx.Commit(t.Context(), "proof", w.commits("t", 1, 2, cacheops.OutcomeUnknown, lost)); !errors.Is(err, lost) {
		t.Fatal(err)
	}
	w.expect("in doubt", "t", 1, 2, false)
	eventually(t, "the writer is proved over", func() bool {
		before := w.runs
		w.read(t.Context(), "t", 1)
		return w.runs == before
	})
	store.mu.Lock()
	defer store.mu.Unlock()
	for table, n := range store.open {
		if n != 0 {
			t.Errorf("%q still has %d writers", table, n)
		}
	}
}
