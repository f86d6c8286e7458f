package memstore

import (
	"slices"

	"github.com/cacheops/cacheops"
)

// writer is an attempt to commit that has begun on a table and not ended.
type writer struct {
	cacheops.Writer
	version  uint64 // of the registry, the oldest that its tags were computed from
	planned  uint64 // the oldest catalog version it was planned with, zero if none
	bumped   uint64 // the catalog version it made, zero if none
	tags     []cacheops.Tag
	doubtful bool
}

// judge decides whether an acquire may be granted on this table. The first
// refusal of a grant stands; doubtful writers are gathered from all tables.
func (t *table) judge(g *cacheops.Grant, r *cacheops.TableRead) {
	refuse := func(why cacheops.Refusal) {
		if g.Refused == cacheops.Granted {
			g.Refused = why
		}
	}
	if t.unknown {
		refuse(cacheops.StateUnknown)
		g.Doubts = append(g.Doubts, cacheops.Doubt{Table: t.name, Epoch: t.epoch})
	}
	if len(t.writers) > 0 {
		for _, w := range t.writers {
			why := t.blocks(w, r)
			if why == cacheops.Granted {
				continue
			}
			refuse(why)
			if w.doubtful {
				g.Doubts = append(g.Doubts, cacheops.Doubt{Table: t.name, Writer: w.Writer, Epoch: t.epoch})
			}
		}
	}
	if r.Catalog != 0 && r.Catalog != t.catalog {
		refuse(cacheops.CatalogMoved)
	}
}

// blocks says why w forbids r, or Granted if it does not.
func (t *table) blocks(w *writer, r *cacheops.TableRead) cacheops.Refusal {
	if t.covers(w, r) {
		return cacheops.IntentHeld
	}
	for i := range r.Shapes {
		if w.version < t.shapes[r.Shapes[i].Shape].registered {
			return cacheops.ShapeUnseen
		}
	}
	if w.planned != 0 && w.planned != t.catalog {
		return cacheops.CatalogMoved
	}
	return cacheops.Granted
}

// covers reports whether w holds an intent on one of r's tags. All writers
// together are asked first: mostly none does.
func (t *table) covers(w *writer, r *cacheops.TableRead) bool {
	if t.intents.maybe(cacheops.TableTag) && slices.Contains(w.tags, cacheops.TableTag) {
		return true
	}
	for i := range r.Shapes {
		for _, tag := range r.Shapes[i].Tags {
			if t.intents.maybe(tag) && slices.Contains(w.tags, tag) {
				return true
			}
		}
	}
	return false
}

// begin records w's intent, or returns the present registry and false if the
// write was computed from another.
func (t *table) begin(rec cacheops.Writer, write *cacheops.TableWrite) (cacheops.Registry, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.writers[rec.ID]
	if !t.verify(w, write) {
		return t.registry(), false
	}
	if w == nil {
		w = &writer{Writer: rec, version: write.Version}
		t.writers[rec.ID] = w
	}
	t.plan(w, write)
	for _, tag := range write.Tags {
		if st := t.stamps.get(tag); st != nil {
			t.kill(st)
		}
	}
	t.intents.add(write.Tags)
	w.tags = append(w.tags, write.Tags...)
	return cacheops.Registry{}, true
}

// verify reports whether write was computed from the present state. A writer
// that has itself made the present catalog version may go on with the one
// before, which is what its plan was made from.
func (t *table) verify(w *writer, write *cacheops.TableWrite) bool {
	if !write.Unverified && (write.Epoch != t.epoch || write.Version != t.version) {
		return false
	}
	own := w != nil && w.bumped == t.catalog && w.planned == write.Catalog
	return write.Catalog == 0 || write.Catalog == t.catalog || own
}

// plan records what w was computed from. What a writer adds to an earlier
// Begin does not bring the earlier part up to date, so the oldest counts.
func (t *table) plan(w *writer, write *cacheops.TableWrite) {
	if !write.Unverified {
		w.version = min(w.version, write.Version)
	}
	if w.planned == 0 {
		w.planned = write.Catalog
	}
	if write.BumpCatalog && w.bumped == 0 {
		t.catalog = t.store.mint()
		w.bumped = t.catalog
	}
}

func (t *table) end(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(id)
}

// forget removes a writer and its intents. Where it has changed the schema the
// catalog version moves once more: who read the catalog while the change was
// in flight may have read it as it was before.
func (t *table) forget(id uint64) {
	w := t.writers[id]
	if w == nil {
		return
	}
	delete(t.writers, id)
	t.intents.remove(w.tags)
	if w.bumped != 0 {
		t.catalog = t.store.mint()
	}
}

func (t *table) doubt(rec cacheops.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w := t.writers[rec.ID]; w != nil {
		w.doubtful = true
		if rec.Proof != "" {
			w.Proof = rec.Proof
		}
	}
}

// clear removes a writer that is proved over, or lifts the doubt about all
// writers. The latter proof must be about the table's present state; the former
// names a writer, and IDs are not used twice.
func (t *table) clear(d cacheops.Doubt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case d.Writer.ID != 0:
		t.forget(d.Writer.ID)
	case d.Epoch == t.epoch:
		t.unknown = false
	}
}
