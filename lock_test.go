package cacheops_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/memstore"
)

// lockingStore is a store in memory that several caches share as processes
// share one: the least that a Locker does.
type lockingStore struct {
	cacheops.Store
	waiting, asked atomic.Int32
	err            error  // of every Lock, if not nil
	before         func() // called by each Lock, if not nil

	mu    sync.Mutex
	locks map[string]*heldLock
}

type heldLock struct {
	waiters    int32
	unlocked   chan struct{}
	unkeepable bool
}

func (s *lockingStore) Lock(ctx context.Context, k *cacheops.Key, deps []cacheops.Dep) (unlock func(bool), unkeepable bool, err error) {
	s.asked.Add(1)
	if s.before != nil {
		s.before()
	}
	if s.err != nil {
		return nil, false, s.err
	}
	name := fmt.Sprintf("%q %q %v", k.Text, k.Rest, deps)
	s.mu.Lock()
	l, held := s.locks[name]
	if !held {
		l = &heldLock{unlocked: make(chan struct{})}
		s.locks[name] = l
		s.mu.Unlock()
		return func(unkeepable bool) { s.unlock(name, l, unkeepable) }, false, nil
	}
	l.waiters++
	s.waiting.Add(1)
	s.mu.Unlock()
	select {
	case <-l.unlocked:
		return nil, l.unkeepable, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locks[name] == l {
		l.waiters--
		s.waiting.Add(-1)
	}
	return nil, false, context.Cause(ctx)
}

// unlock counts the waiters off before they wake, so that a test which waits for
// waiters does not meet those of the round before.
func (s *lockingStore) unlock(name string, l *heldLock, unkeepable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.unkeepable = unkeepable
	delete(s.locks, name)
	s.waiting.Add(-l.waiters)
	close(l.unlocked)
}

func (s *lockingStore) held() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.locks)
}

// processes are caches over one store and one row, each as of a process.
type processes struct {
	*testing.T
	store  *lockingStore
	worlds []*world
	row    atomic.Int64
	loads  atomic.Int32
	// loading, if not nil, is called by each load after it has read the row.
	loading func(ctx context.Context, n int32) (discard string, err error)
}

func newProcesses(t *testing.T, n int, lock time.Duration) *processes {
	t.Helper()
	p := &processes{T: t, store: &lockingStore{Store: memstore.New(1 << 20), locks: make(map[string]*heldLock)}}
	for range n {
		rules := []cacheops.Rule{{Tables: "*", Ops: cacheops.All, Lock: lock}}
		p.worlds = append(p.worlds, newWorldOn(t, p.store, &cacheops.Config{Rules: rules}))
	}
	return p
}

// read reads the row in one of the processes.
func (p *processes) read(ctx context.Context, process int) (int64, error) {
	w := p.worlds[process]
	version, err := w.db.CatalogVersion(ctx)
	if err != nil {
		return 0, err
	}
	q := &cacheops.Query{Text: "SELECT n FROM t WHERE id = 1", Op: cacheops.Get, Main: "t", Uses: []string{"t"}, Catalog: version}
	w.db.Prepare(q)
	probe := cacheops.Probe{Args: binary.BigEndian.AppendUint64(nil, 1)}
	hit, fill := w.db.Lookup(ctx, q, "", &probe)
	if hit != nil {
		return int64(hit.(number)), nil
	}
	if !fill {
		return 0, errors.New("not cached")
	}
	v, err := w.db.Fill(ctx, &probe, cacheops.Source{
		Uses: func() ([]dep.Use, error) {
			return []dep.Use{{Table: "t", Cols: dep.ColumnSet("id", "n"), Regions: []dep.Region{{Atoms: []dep.Atom{id(1)}}}}}, nil
		},
		Load: func(ctx context.Context) (l cacheops.Loaded, err error) {
			n := p.loads.Add(1)
			l.Value, l.Rows = number(p.row.Load()), true
			if p.loading != nil {
				l.Discard, err = p.loading(ctx, n)
			}
			return l, err
		},
	})
	if err != nil {
		return 0, err
	}
	return int64(v.(number)), nil
}

// expect starts a read of the row that must get want.
func (p *processes) expect(wg *sync.WaitGroup, process int, want int64) {
	wg.Go(func() {
		if got, err := p.read(p.Context(), process); err != nil || got != want {
			p.Errorf("process %d read %d, %v, want %d", process, got, err, want)
		}
	})
}

// write sets the row in one of the processes.
func (p *processes) write(process int, v int64) {
	p.Helper()
	tx := p.worlds[process].db.Write()
	tx.Add(p.Context(), 0, update("t", 1))
	err := tx.Commit(p.Context(), "", func(context.Context) (cacheops.Outcome, error) {
		p.row.Store(v)
		return cacheops.Committed, nil
	})
	if err != nil {
		p.Fatal(err)
	}
}

// soon is eventually for other goroutines than the test's.
func soon(t *testing.T, what string, ok func() bool) {
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%s: not within ten seconds", what)
			return
		}
	}
}

func (p *processes) eventuallyWaiting(n int32) {
	p.Helper()
	soon(p.T, fmt.Sprintf("%d processes wait", n), func() bool { return p.store.waiting.Load() == n })
}

func (p *processes) loaded(want int32) {
	p.Helper()
	if n := p.loads.Load(); n != want {
		p.Errorf("%d loads, want %d", n, want)
	}
	if n := p.store.held(); n != 0 {
		p.Errorf("%d locks are still held", n)
	}
}

const long = time.Hour // longer than a test may take

func TestLockLoadsOnceForAllProcesses(t *testing.T) {
	p := newProcesses(t, 3, long)
	p.row.Store(7)
	var wg sync.WaitGroup
	p.loading = func(context.Context, int32) (string, error) {
		p.eventuallyWaiting(2)
		return "", nil
	}
	for i := range 30 {
		p.expect(&wg, i%3, 7)
	}
	wg.Wait()
	p.loaded(1)
}

// Another process stores the entry between a read's miss and its lock.
func TestLockLooksAgain(t *testing.T) {
	p := newProcesses(t, 2, long)
	p.store.before = func() {
		p.store.before = nil
		if _, err := p.read(t.Context(), 0); err != nil {
			t.Error(err)
		}
	}
	if _, err := p.read(t.Context(), 1); err != nil {
		t.Error(err)
	}
	p.loaded(1)
}

// A read that called after a commit must not even wait for a load that began
// before it, let alone get its rows.
func TestReadAfterAWriteDoesNotWaitForAnOlderLoad(t *testing.T) {
	p := newProcesses(t, 2, long)
	p.row.Store(1)
	var wg sync.WaitGroup
	p.loading = func(_ context.Context, n int32) (string, error) {
		if n == 1 {
			p.write(1, 2)
			if got, err := p.read(t.Context(), 1); err != nil || got != 2 {
				t.Errorf("after the write: %d, %v", got, err)
			}
		}
		return "", nil
	}
	p.expect(&wg, 0, 1) // it called before the write
	wg.Wait()
	p.loaded(2)
	p.expect(&wg, 0, 2)
	wg.Wait()
	p.loaded(2)
}

// What was waited for turns out to be older than a write: nothing of it reaches
// the waiter.
func TestWaiterLoadsAnewWhatAWriteDropped(t *testing.T) {
	p := newProcesses(t, 2, long)
	p.row.Store(1)
	var wg sync.WaitGroup
	p.loading = func(_ context.Context, n int32) (string, error) {
		if n == 1 {
			p.expect(&wg, 1, 2)
			p.eventuallyWaiting(1)
			p.write(0, 2)
		}
		return "", nil
	}
	p.expect(&wg, 0, 1)
	wg.Wait()
	p.loaded(2)
	p.expect(&wg, 1, 2) // the waiter's was kept: it had acquired anew
	wg.Wait()
	p.loaded(2)
}

func TestUnkeepableReleasesAllAtOnce(t *testing.T) {
	p := newProcesses(t, 4, long)
	var wg sync.WaitGroup
	var together atomic.Int32
	p.loading = func(_ context.Context, n int32) (string, error) {
		if n == 1 {
			p.eventuallyWaiting(3)
			return "too large", nil
		}
		together.Add(1)
		soon(t, "the others load, too", func() bool { return together.Load() == 3 })
		return "too large", nil
	}
	for i := range p.worlds {
		p.expect(&wg, i, 0)
	}
	wg.Wait()
	p.loaded(4)
}

// A load that fails, panics or is given up leaves the next to one waiter.
func TestFailedLoadIsTriedByOneOther(t *testing.T) {
	boom := errors.New("boom")
	for _, how := range []string{"error", "panic", "cancel"} {
		t.Run(how, func(t *testing.T) {
			p := newProcesses(t, 3, long)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var wg sync.WaitGroup
			p.loading = func(ctx context.Context, n int32) (string, error) {
				if n > 1 {
					p.eventuallyWaiting(1)
					return "", nil
				}
				p.expect(&wg, 1, 0)
				p.expect(&wg, 2, 0)
				p.eventuallyWaiting(2)
				switch how {
				case "panic":
					panic(boom)
				case "cancel":
					cancel()
					<-ctx.Done()
					return "", ctx.Err()
				}
				return "", boom
			}
			func() {
				defer func() {
					if r := recover(); (r != nil) != (how == "panic") {
						t.Errorf("recovered %v", r)
					}
				}()
				if _, err := p.read(ctx, 0); err == nil {
					t.Error("the failed load's own caller has no error")
				}
			}()
			wg.Wait()
			p.loaded(2)
		})
	}
}

// What the store declines in silence must not have the waiters take turns.
func TestTurnsAreBounded(t *testing.T) {
	p := newProcesses(t, 8, long)
	p.store.Store = declining{p.store.Store}
	var wg sync.WaitGroup
	p.loading = func(_ context.Context, n int32) (string, error) {
		switch {
		case n < 4:
			p.eventuallyWaiting(int32(len(p.worlds)) - n)
		default: // the rest at once
			soon(t, "all load", func() bool { return p.loads.Load() == int32(len(p.worlds)) })
		}
		return "", nil
	}
	for i := range p.worlds {
		p.expect(&wg, i, 0)
	}
	wg.Wait()
	p.loaded(8)
}

type declining struct{ cacheops.Store }

func (declining) Put(context.Context, *cacheops.Key, *cacheops.Entry) error { return nil }

func TestWaitIsBounded(t *testing.T) {
	p := newProcesses(t, 2, 20*time.Millisecond)
	var wg sync.WaitGroup
	p.loading = func(_ context.Context, n int32) (string, error) {
		if n == 1 {
			p.expect(&wg, 1, 0)
			soon(t, "the other loads by itself", func() bool { return p.loads.Load() == 2 })
		}
		return "", nil
	}
	p.expect(&wg, 0, 0)
	wg.Wait()
	p.loaded(2)
}

func TestLockFails(t *testing.T) {
	p := newProcesses(t, 1, long)
	p.store.err = errors.New("down")
	var wg sync.WaitGroup
	p.expect(&wg, 0, 0)
	wg.Wait()
	p.loaded(1)
	if n := p.worlds[0].cache.Stats().StoreErrors; n != 1 {
		t.Errorf("%d store errors", n)
	}
	p.expect(&wg, 0, 0)
	wg.Wait()
	p.loaded(1) // it was kept all the same
}

// Without the rule, for a read that refreshes its entry, and for one whose
// result will not be kept, the store is not asked.
func TestNoLock(t *testing.T) {
	p := newProcesses(t, 1, 0)
	if _, err := p.read(t.Context(), 0); err != nil || p.store.asked.Load() != 0 {
		t.Errorf("no rule: asked for %d locks, %v", p.store.asked.Load(), err)
	}
	p = newProcesses(t, 1, long)
	ctx := cacheops.With(t.Context(), cacheops.Call{WriteOnly: true})
	if _, err := p.read(ctx, 0); err != nil || p.store.asked.Load() != 0 {
		t.Errorf("write only: asked for %d locks, %v", p.store.asked.Load(), err)
	}
	p = newProcesses(t, 1, long)
	tx := p.worlds[0].db.Write()
	tx.Add(t.Context(), 0, update("t", 1))
	err := tx.Commit(t.Context(), "", func(ctx context.Context) (cacheops.Outcome, error) {
		_, err := p.read(ctx, 0)
		return cacheops.Committed, err
	})
	if err != nil || p.store.asked.Load() != 0 {
		t.Errorf("refused: asked for %d locks, %v", p.store.asked.Load(), err)
	}
}

// Close waits for fills, and so must end their waits: a caller that cannot give
// up would keep it for as long as the rule says.
func TestCloseEndsWaits(t *testing.T) {
	p := newProcesses(t, 2, long)
	var wg sync.WaitGroup
	p.loading = func(_ context.Context, n int32) (string, error) {
		if n == 1 {
			wg.Go(func() {
				if _, err := p.read(context.Background(), 1); err != nil {
					t.Errorf("the waiter: %v", err)
				}
			})
			p.eventuallyWaiting(1)
			if err := p.worlds[1].cache.Close(); err != nil {
				t.Error(err)
			}
			if p.store.waiting.Load() != 0 {
				t.Error("still waiting after Close")
			}
		}
		return "", nil
	}
	p.expect(&wg, 0, 0)
	wg.Wait()
}
