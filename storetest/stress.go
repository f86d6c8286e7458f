package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cacheops/cacheops"
)

// The stress test has goroutines read and write rows through the store, beside
// a database that is an array of version numbers. They only record what they
// saw and when; stalest judges the history afterwards.

const (
	stressRows   = 4
	stressRounds = 4_000
	stressShapes = 3
)

// event is one hit. From and to bound the call on a counter that every commit
// and every call moves.
type event struct {
	row      int
	value    uint64
	from, to uint64
}

// change is one commit of a row.
type change struct {
	row   int
	value uint64
	// from is before and to after the version became visible.
	from, to uint64
}

// history is what the workers saw.
type history struct {
	hits    []event
	changes []change
}

// stalest returns a description of a hit that no moment within its call
// explains, or nothing. A version was the database's from some moment between
// its change's from and to, until some moment between the from and to of the
// change that overwrote it.
func (h *history) stalest() string {
	type id struct {
		row   int
		value uint64
	}
	over := make(map[id]change) // by the version overwritten
	made := make(map[id]change)
	for _, c := range h.changes {
		over[id{c.row, c.value - 1}] = c
		made[id{c.row, c.value}] = c
	}
	for _, e := range h.hits {
		if c, ok := over[id{e.row, e.value}]; ok && c.to < e.from {
			return fmt.Sprintf("row %d: version %d was overwritten at %d, a call at %d hit it", e.row, e.value, c.to, e.from)
		}
		if c, ok := made[id{e.row, e.value}]; e.value > 0 && (!ok || c.from > e.to) {
			return fmt.Sprintf("row %d: a call that ended at %d hit version %d before it was", e.row, e.to, e.value)
		}
	}
	return ""
}

// arena is what the workers share.
type arena struct {
	*suite
	table string
	key   [stressRows]*cacheops.Key
	clock atomic.Uint64
	db    [stressRows]struct {
		sync.Mutex
		version atomic.Uint64
	}
	mu  sync.Mutex
	log history
}

func stress(t *testing.T, open Open) {
	a := &arena{suite: newSuite(t, open), table: newTable()}
	for i := range a.key {
		a.key[i] = newKey()
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var g sync.WaitGroup
	for i := range uint64(4) {
		g.Go(func() { a.reader(rand.New(rand.NewPCG(seed, i))) })
		if i%2 == 0 {
			g.Go(func() { a.writer(rand.New(rand.NewPCG(seed, 100+i))) })
		}
	}
	g.Wait()
	t.Logf("%d hits, %d changes", len(a.log.hits), len(a.log.changes))
	if len(a.log.hits) == 0 {
		t.Error("nothing was ever hit")
	}
	if bad := a.log.stalest(); bad != "" {
		t.Errorf("stale: %s", bad)
	}
}

// rowTag is the tag of a row under a shape.
func rowTag(shape, row int) cacheops.Tag { return cacheops.Tag(7_000 + 100*shape + row) }

func stressShape(i int) string { return fmt.Sprint("storetest/stress ", i) }

func (a *arena) reader(r *rand.Rand) {
	var hits []event
	for range stressRounds {
		row := r.IntN(stressRows)
		e := event{row: row, from: a.clock.Add(1)}
		v, err := a.Store.Get(a.ctx, a.key[row])
		e.to = a.clock.Add(1)
		switch {
		case err == nil:
			e.value = uint64(v.(number))
			hits = append(hits, e)
		case !errors.Is(err, cacheops.ErrMiss):
			a.Errorf("get: %v", err)
		default:
			a.fill(row, r.IntN(stressShapes))
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log.hits = append(a.log.hits, hits...)
}

func (a *arena) fill(row, shape int) {
	g, err := a.Store.Acquire(a.ctx, []cacheops.TableRead{read(a.table, stressShape(shape), rowTag(shape, row))})
	if err != nil {
		a.Errorf("acquire: %v", err)
		return
	}
	value := number(a.db[row].version.Load())
	if g.Refused != cacheops.Granted {
		return
	}
	if err := a.Store.Put(a.ctx, a.key[row], &cacheops.Entry{Value: value, Deps: g.Deps, TTL: suiteTTL}); err != nil {
		a.Errorf("put: %v", err)
	}
}

func (a *arena) writer(r *rand.Rand) {
	var changes []change
	for range stressRounds {
		row := r.IntN(stressRows)
		w := newWriter()
		if err := a.beginRow(w, row); err != nil {
			a.Errorf("begin: %v", err)
			return
		}
		if r.IntN(4) > 0 { // else a rollback
			changes = append(changes, a.commit(row))
		}
		if err := a.Store.End(a.ctx, w, []string{a.table}); err != nil {
			a.Errorf("end: %v", err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log.changes = append(a.log.changes, changes...)
}

// beginRow is what the core does before a commit: compute the tags for every
// registered shape, and anew while the registry moves.
func (a *arena) beginRow(w cacheops.Writer, row int) error {
	reg, err := a.Store.Registry(a.ctx, a.table)
	for err == nil {
		write := cacheops.TableWrite{Table: a.table, Epoch: reg.Epoch, Version: reg.Version}
		for shape := range stressShapes {
			for _, text := range reg.Shapes {
				if text == stressShape(shape) {
					write.Tags = append(write.Tags, rowTag(shape, row))
				}
			}
		}
		var moved []cacheops.Registry
		moved, err = a.Store.Begin(a.ctx, w, []cacheops.TableWrite{write})
		if len(moved) == 0 {
			break
		}
		reg = moved[0]
	}
	return err
}

func (a *arena) commit(row int) change {
	d := &a.db[row]
	d.Lock()
	defer d.Unlock()
	c := change{row: row, from: a.clock.Add(1)}
	c.value = d.version.Add(1)
	c.to = a.clock.Add(1)
	return c
}
