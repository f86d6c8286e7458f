package cacheops_test

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
)

// lagging is a replica of a world: it shows what was committed before asOf, which
// a test says itself.
type lagging struct {
	w    *world
	asOf func(since time.Time) time.Time
	hold func() // called by a load
	v    int64  // what it shows
}

func (l *lagging) read(n int64) int64 {
	l.w.t.Helper()
	q := l.w.query(l.w.db, "t", cacheops.Get)
	p := cacheops.Probe{Args: binary.BigEndian.AppendUint64(nil, uint64(n))}
	hit, fill := l.w.db.Lookup(context.Background(), q, "", &p)
	if hit != nil {
		return int64(hit.(number))
	}
	if !fill {
		l.w.t.Fatal("the cache was not asked")
	}
	v, err := l.w.db.Fill(context.Background(), &p, cacheops.Source{
		Uses: func() ([]dep.Use, error) {
			return []dep.Use{{Table: "t", Cols: dep.ColumnSet("id", "n"), Regions: []dep.Region{{Atoms: []dep.Atom{id(n)}}}}}, nil
		},
		Load: func(context.Context) (cacheops.Loaded, error) {
			l.w.t.Error("a replica was asked as if it were the primary")
			return cacheops.Loaded{}, nil
		},
		LoadSince: func(_ context.Context, since time.Time) (cacheops.Loaded, error) {
			out := cacheops.Loaded{Value: number(l.v), Rows: true, AsOf: l.asOf(since)}
			if l.hold != nil {
				l.hold()
			}
			return out, nil
		},
	})
	if err != nil {
		l.w.t.Fatal(err)
	}
	return int64(v.(number))
}

// TestReplicaFillsOnlyWhatItMustHaveSeen: what a replica says is kept if it has
// seen every commit that may have changed it, and not before.
func TestReplicaFillsOnlyWhatItMustHaveSeen(t *testing.T) {
	w := newWorld(t, nil)
	w.set("t", 1, 1)
	seen := time.Now()
	l := &lagging{w: w, v: 1, asOf: func(time.Time) time.Time { return seen }}
	l.read(1)
	w.expect("the replica had not seen what was there before", "t", 1, 1, false)

	// The primary's reader has filled it; a write drops that, and the replica is
	// behind it.
	w.expect("the primary's own fill", "t", 1, 1, true)
	seen = time.Now()
	w.mustWrite("t", 1, 2)
	l.read(1)
	l.read(1)
	w.expect("the replica was behind the write", "t", 1, 2, false)
	w.mustWrite("t", 1, 3)
	l.read(1) // from now on it is known that nothing changes

	l.v, seen = 3, time.Now()
	if got := l.read(1); got != 3 {
		t.Errorf("read %d", got)
	}
	w.expect("the replica's fill is everybody's", "t", 1, 3, true)
	w.mustWrite("t", 1, 4)
	w.expect("and dropped like any", "t", 1, 4, false)
}

// TestReplicaFillsNothingUnderAnIntent: a writer whose outcome is in doubt may
// commit at any time, and what is refused then has no moment to be compared with.
func TestReplicaFillsNothingUnderAnIntent(t *testing.T) {
	w := newWorld(t, nil)
	l := &lagging{w: w, asOf: func(since time.Time) time.Time {
		if !since.IsZero() {
			t.Error("a refused read has a moment since when nothing was written")
		}
		return time.Now()
	}}
	l.v = 1
	w.set("t", 1, 1)
	tx := w.db.Write()
	tx.Add(t.Context(), 0, update("t", 1))
	_ = tx.Commit(t.Context(), "proof", w.commits("t", 1, 2, cacheops.OutcomeUnknown, context.DeadlineExceeded)) // the test's own error
	l.read(1)
	w.expect("in doubt", "t", 1, 2, false)
}

// TestReplicaSharesNoLoadWithThePrimary: who asks the primary gets what the
// primary says, even while the same read is on its way from a replica.
func TestReplicaSharesNoLoadWithThePrimary(t *testing.T) {
	w := newWorld(t, nil)
	w.set("t", 1, 2)
	reading, goOn := make(chan struct{}), make(chan struct{})
	l := &lagging{w: w, v: 1, asOf: func(time.Time) time.Time { return time.Time{} }}
	l.hold = func() { close(reading); <-goOn }
	var wg sync.WaitGroup
	wg.Go(func() { l.read(1) })
	<-reading
	done := make(chan int64)
	go func() { done <- w.read(t.Context(), "t", 1) }()
	select {
	case got := <-done:
		if got != 2 {
			t.Errorf("the primary's reader got %d", got)
		}
		close(goOn)
	case <-time.After(5 * time.Second):
		t.Error("the primary's reader waits for the replica's")
		close(goOn)
		<-done
	}
	wg.Wait()
}

// TestReplicaReplacesNoPrimary: it cannot prove a writer over.
func TestReplicaReplacesNoPrimary(t *testing.T) {
	w := newWorld(t, nil)
	never := func(context.Context, cacheops.Writer) (bool, error) {
		t.Error("a replica was asked")
		return true, nil
	}
	if _, err := w.cache.Attach(cacheops.Backend{Name: "main", Replica: true, Prove: never}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.cache.Attach(cacheops.Backend{Name: "main", Replica: true, Identity: "another"}); err == nil {
		t.Error("a replica of another database was attached")
	}
	tx := w.db.Write()
	tx.Add(t.Context(), 0, update("t", 1))
	_ = tx.Commit(t.Context(), "proof", w.commits("t", 1, 2, cacheops.OutcomeUnknown, context.DeadlineExceeded)) // the test's own error
	w.read(t.Context(), "t", 1)
	eventually(t, "the primary is asked", func() bool {
		w.read(t.Context(), "t", 1)
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.ask > 0
	})
}
