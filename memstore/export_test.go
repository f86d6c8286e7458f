package memstore

import (
	"maps"
	"slices"

	"github.com/cacheops/cacheops"
)

// The state of this store cannot be lost or come back. For the suite, which
// wants to see what happens when it does, the tests can make it so.

// Lose forgets tables as a store does that kept each in a key and lost it.
func (s *Store) Lose(tables []string) error {
	for _, name := range tables {
		s.table(name).lose()
	}
	return nil
}

func (t *table) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.void()
	t.writers = make(map[uint64]*writer)
	t.intents = held{}
	t.catalog = t.store.mint()
	t.unknown = true
}

// Save notes the stamps, registries and intents, and returns what brings them
// back. With noticed the store finds itself in another incarnation then.
func (s *Store) Save(noticed bool) func() error {
	var undo []func()
	for _, t := range s.all() {
		undo = append(undo, t.save())
	}
	return func() error {
		for _, u := range undo {
			u()
		}
		if noticed {
			for _, t := range s.all() {
				t.lose()
			}
		}
		return nil
	}
}

func (t *table) save() (undo func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := table{
		epoch: t.epoch, version: t.version, catalog: t.catalog, unknown: t.unknown,
		shapes: maps.Clone(t.shapes), own: t.own,
		writers: maps.Clone(t.writers),
	}
	stamps := slices.Collect(t.stamps.all())
	tags := make(map[uint64][]cacheops.Tag)
	for id, w := range t.writers {
		tags[id] = slices.Clone(w.tags)
	}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.epoch, t.version, t.catalog, t.unknown = old.epoch, old.version, old.catalog, old.unknown
		t.shapes, t.stamps, t.own = old.shapes, index{}, old.own
		t.writers, t.intents = old.writers, held{}
		for id, w := range t.writers {
			w.tags = tags[id]
			t.intents.add(w.tags)
		}
		for _, st := range stamps {
			t.stamps.add(st)
			if st.dead.Swap(false) {
				st.shape.live++
			}
		}
	}
}
