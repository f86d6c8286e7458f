package memstore

import (
	"sync/atomic"

	"github.com/cacheops/cacheops"
)

// stamp is a tag's current value. There is one for every tag that an entry
// depends on or a fill under way has acquired, so it is kept to 32 bytes.
//
// Whatever takes a stamp out of its table's index marks it dead first. An entry
// that still holds it is then invalid, so forgetting a stamp is always sound.
type stamp struct {
	id    cacheops.Stamp
	tag   cacheops.Tag
	shape *shape
	// refs counts the entries that hold the stamp. With the pending bit set the
	// stamp is in its table's pending queue and stays without entries. Guarded
	// by the table's lock.
	refs uint32
	dead atomic.Bool
}

const pendingBit = 1 << 31

// shape is a registered shape. All fields are guarded by the table's lock.
type shape struct {
	table *table
	text  string
	// registered is the registry version that the shape came in with.
	registered uint64
	live       int   // stamps in the table's index
	fresh      int64 // until then the shape stays, whatever its stamps do
	deadline   int64 // the latest end of an entry that depends on it
	// pinned keeps the shape for good: one of its tags collides with another
	// shape's and is counted there.
	pinned bool
	gone   bool // left the registry; its stamps are as good as dead
}

// stampOf returns the live stamp of tag, or nil.
func (t *table) stampOf(tag cacheops.Tag) *stamp {
	st := t.stamps.get(tag)
	if st == nil {
		return nil
	}
	if st.shape.gone {
		t.kill(st)
		return nil
	}
	return st
}

// newStamp mints a stamp for a tag that has none.
func (t *table) newStamp(sh *shape, tag cacheops.Tag) *stamp {
	st := &stamp{id: cacheops.Stamp(t.store.mint()), tag: tag, shape: sh}
	t.stamps.add(st)
	sh.live++
	return st
}

// kill makes every entry that holds st invalid and forgets st.
func (t *table) kill(st *stamp) {
	if st.dead.Load() {
		return
	}
	st.dead.Store(true)
	t.stamps.remove(st)
	st.shape.live--
}

// hold appends the stamps of deps, all of this table, each with a reference
// for an entry that ends at deadline. It stops at the first that is gone and
// reports false; those appended are then still referenced.
func (t *table) hold(stamps []*stamp, deps []cacheops.Dep, deadline int64) ([]*stamp, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range deps {
		st := t.stampOf(deps[i].Tag)
		if st == nil || st.id != deps[i].Stamp {
			return stamps, false
		}
		st.refs++
		st.shape.deadline = max(st.shape.deadline, deadline)
		stamps = append(stamps, st)
	}
	return stamps, true
}

// release gives back one reference to each stamp. Stamps of one table lie side
// by side, so its lock is taken once.
func release(stamps []*stamp) {
	var locked *table
	for _, st := range stamps {
		if t := st.shape.table; t != locked {
			if locked != nil {
				locked.mu.Unlock()
			}
			t.mu.Lock()
			locked = t
		}
		if st.refs--; st.refs == 0 {
			locked.kill(st)
		}
	}
	if locked != nil {
		locked.mu.Unlock()
	}
}
