package memstore

import (
	"slices"
	"sync"
	"time"

	"github.com/cacheops/cacheops"
)

// sweepEvery is how often, at most, a table looks for shapes to forget.
const sweepEvery = time.Second

// table is what the store knows of one table, whole under one lock. No call
// holds two of these locks.
type table struct {
	store *Store
	name  string

	mu      sync.Mutex
	epoch   uint64
	version uint64 // of the registry
	catalog uint64
	shapes  map[string]*shape
	stamps  index
	own     *shape // stands in for a shape in the table's own stamp; never leaves
	pending pending
	swept   int64 // when sweepShapes last looked

	writers map[uint64]*writer // begun and not ended, by ID
	intents held               // of the writers
	unknown bool               // nobody knows who may be writing
}

func newTable(s *Store, name string) *table {
	t := &table{
		store:   s,
		name:    name,
		catalog: s.mint(),
		writers: make(map[uint64]*writer),
	}
	t.clean()
	return t
}

// clean makes the table's registry and stamps anew. Stamps must be dead.
func (t *table) clean() {
	t.epoch, t.version = t.store.mint(), 0
	t.shapes = make(map[string]*shape)
	t.stamps = index{}
	t.own = &shape{table: t, pinned: true}
	t.pending = pending{}
}

// void kills every stamp, and with them every entry.
func (t *table) void() {
	for st := range t.stamps.all() {
		t.kill(st)
	}
	for _, sh := range t.shapes {
		sh.gone = true
	}
	t.clean()
}

// reset voids the table and keeps its writers. They have seen none of the
// shapes that will be registered from now on, whose versions start at 1.
func (t *table) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.void()
	for _, w := range t.writers {
		w.version = 0
	}
}

func (t *table) registry() cacheops.Registry {
	shapes := make([]string, 0, len(t.shapes))
	for text := range t.shapes {
		shapes = append(shapes, text)
	}
	slices.Sort(shapes)
	return cacheops.Registry{Table: t.name, Epoch: t.epoch, Version: t.version, Catalog: t.catalog, Shapes: shapes}
}

// acquire adds one table's part of a grant.
func (t *table) acquire(g *cacheops.Grant, r *cacheops.TableRead, now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweepShapes(now)
	for i := range r.Shapes {
		t.register(r.Shapes[i].Shape, now, r.TTL)
	}
	if r.Catalog != 0 {
		g.Catalog = t.catalog
	}
	t.judge(g, r)
	t.appendDep(g, t.own, cacheops.TableTag, now)
	for i := range r.Shapes {
		sh := t.shapes[r.Shapes[i].Shape]
		for _, tag := range r.Shapes[i].Tags {
			t.appendDep(g, sh, tag, now)
		}
	}
}

// register makes sure that a shape is in the registry and stays there for the
// fill that asks for it.
func (t *table) register(text string, now int64, ttl time.Duration) {
	sh := t.shapes[text]
	if sh == nil {
		t.version++
		sh = &shape{table: t, text: text, registered: t.version}
		t.shapes[text] = sh
	}
	sh.fresh = after(now, grace)
	sh.deadline = max(sh.deadline, after(now, max(ttl, grace)))
}

// appendDep adds a tag with its stamp, and with none if there is none and the
// grant is refused: a refused fill must not leave stamps behind.
func (t *table) appendDep(g *cacheops.Grant, sh *shape, tag cacheops.Tag, now int64) {
	dep := cacheops.Dep{Table: t.name, Tag: tag}
	st := t.stampOf(tag)
	if st == nil && g.Refused == cacheops.Granted {
		st = t.newStamp(sh, tag)
	}
	if st != nil {
		dep.Stamp = st.id
		if st.shape != sh {
			sh.pinned = true
		}
		if g.Refused == cacheops.Granted {
			t.await(st, now)
		}
	}
	g.Deps = append(g.Deps, dep)
}

// sweepShapes forgets the shapes that no valid entry can depend on: those
// without a stamp, and those whose entries are all past their deadline. Get
// compares an entry's deadline with a clock reading that is not later than now.
func (t *table) sweepShapes(now int64) {
	if now < after(t.swept, sweepEvery) {
		return
	}
	t.swept = now
	for text, sh := range t.shapes {
		if sh.pinned || sh.fresh >= now || (sh.live > 0 && sh.deadline >= now) {
			continue
		}
		sh.gone = true
		delete(t.shapes, text)
	}
}
