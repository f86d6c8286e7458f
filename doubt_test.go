package cacheops_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
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

// cold is a store that has lost what it knew of some tables.
type cold struct {
	cacheops.Store

	mu   sync.Mutex
	lost map[string]bool
}

func (c *cold) Acquire(ctx context.Context, reads []cacheops.TableRead) (cacheops.Grant, error) {
	g, err := c.Store.Acquire(ctx, reads)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range reads {
		if c.lost[reads[i].Table] {
			g.Refused = cacheops.StateUnknown
			g.Doubts = append(g.Doubts, cacheops.Doubt{Table: reads[i].Table})
		}
	}
	return g, err
}

func (c *cold) Clear(_ context.Context, d cacheops.Doubt) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.lost, d.Table)
	return nil
}

// TestColdTablesAreProvedTogether: a program that starts meets many tables that
// the store does not know. The question about one is no reason not to ask about
// the next, and one question serves all that are waiting.
func TestColdTablesAreProvedTogether(t *testing.T) {
	tables := []string{"a", "b", "c", "d", "e"}
	store := &cold{Store: memstore.New(1 << 20), lost: make(map[string]bool)}
	for _, table := range tables {
		store.lost["main/"+table] = true
	}
	w := newWorldOn(t, store, nil)
	var asked atomic.Int32
	answer := make(chan struct{})
	_, err := w.cache.Attach(cacheops.Backend{Name: "main", Prove: func(context.Context, cacheops.Writer) (bool, error) {
		asked.Add(1)
		<-answer
		return true, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.read(t.Context(), tables[0], 1)
	eventually(t, "the database is asked", func() bool { return asked.Load() == 1 })
	for _, table := range tables[1:] {
		w.read(t.Context(), table, 1) // once
	}
	close(answer)
	eventually(t, "all tables are known", func() bool {
		store.mu.Lock()
		defer store.mu.Unlock()
		return len(store.lost) == 0
	})
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times: the four that came during the first question share the second", n)
	}
}
