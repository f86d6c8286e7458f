package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

func (d *dml) update(s *Update) {
	ks := d.where(s.Where, s.From)
	old, a := d.rowsWhere(s.Where, s.From), d.assign(s.Set, nil)
	d.perStatement("UPDATE", a.set)
	if d.rewritten("UPDATE") {
		a = assigned{set: dep.AllColumns()}
	}
	if a.rowid && replaces(d.or, d.t) {
		d.whole(d.t) // which row is in the way is not known, and it is no key of ours
		return
	}
	fields := a.fields
	if d.facts.Read && d.row == nil {
		old = []dep.Image{overlay(certain(ks), d.facts.Old)}
		if s.From == nil {
			fields = a.from(old[0])
		}
		fields = d.seen(fields, a.set)
	}
	_, single := d.pinned(ks)
	if rows, ok := d.returned(s.Returning, s.From); ok && !d.facts.Read {
		d.modifyReturned(certain(ks), rows, a, single)
		return
	}
	d.modify(old, repeat(fields, len(old)), a.set, single)
}

// modifyReturned adds an update of which RETURNING shows every row as it is after
// it. What is not set was so before.
func (d *dml) modifyReturned(old dep.Image, rows []dep.Image, a assigned, single bool) {
	before, fields := make([]dep.Image, len(rows)), make([][]dep.Field, len(rows))
	for i, r := range rows {
		before[i] = overlay(old, forget(r, a.set))
		fields[i] = overlay(a.fields, r)
	}
	d.modify(before, fields, a.set, single)
}

// seen completes what an update sets by the values that were read after it.
func (d *dml) seen(fields []dep.Field, set dep.Columns) []dep.Field {
	fields = slices.Clone(fields)
	for _, f := range d.facts.New {
		i := slices.IndexFunc(fields, func(g dep.Field) bool { return g.Col == f.Col })
		switch {
		case i >= 0 && !fields[i].Value.Known():
			fields[i] = f
		case i < 0 && (set.All || set.Contains(dep.ColumnSet(f.Col))):
			fields = append(fields, f)
		}
	}
	return fields
}

func repeat(fields []dep.Field, n int) [][]dep.Field {
	out := make([][]dep.Field, n)
	for i := range out {
		out[i] = fields
	}
	return out
}

// modify adds an update of rows with the images old, each given the fields at
// its index, and what that sets off. set are the columns set, closed over the
// generated ones. single says that it is one row, or that each was found at the
// moment of its own update.
func (d *dml) modify(old []dep.Image, fields [][]dep.Field, set dep.Columns, single bool) {
	// A row that an earlier row's trigger, or its own BEFORE trigger, has changed
	// is no longer what the WHERE saw, nor what the update leaves of it.
	if (!single || d.before()) && d.w.touchesItself(d.t, "UPDATE", set, d.or) {
		r := d.reach()
		r.write(d.t, "UPDATE", set)
		d.spread(r)
		return
	}
	if !set.All && d.rewritten("UPDATE") { // by a foreign key's action, or an upsert
		set, fields = dep.AllColumns(), make([][]dep.Field, len(old))
	}
	c := dep.Change{Table: d.t.Name, Op: dep.Update, Old: old, Set: set}
	rows := make([]event, len(old))
	for i := range old {
		img := overlay(forget(old[i], set), fields[i])
		c.New = append(c.New, img)
		rows[i] = event{table: d.t, old: old[i], new: d.early(img, img), hasOld: true, hasNew: true}
	}
	if len(rows) == 0 {
		return // the WHERE holds for no row
	}
	if d.again(&c, d.or) {
		return
	}
	d.add(c)
	if replaces(d.or, d.t) {
		var gone []dep.Image
		for _, img := range c.New {
			gone = append(gone, d.conflicts(inserted{img: img}, set)...)
		}
		if len(gone) > 0 {
			d.add(dep.Change{Table: d.t.Name, Op: dep.Delete, Old: gone})
			d.replaced(gone)
		}
	}
	d.fire(d.t, "UPDATE", set, rows, d.or)
}

// early returns what may be said of NEW to triggers: what they all see, if one
// runs before the row is written. That one does not see a generated key, which
// given is without, nor the default that takes the place of a NULL.
func (d *dml) early(img, given dep.Image) dep.Image {
	switch {
	case !d.before():
		return img
	case replaces(d.or, d.t):
		return nil
	}
	return given
}

// before reports whether a BEFORE trigger of an update writes anything.
func (d *dml) before() bool {
	for _, tr := range d.t.Triggers {
		if tr.When != "AFTER" && (tr.Unclear || len(tr.Writes) > 0) {
			return true
		}
	}
	return false
}

// conflicts returns an image per unique key of the row that r would replace,
// among the keys that meet set.
func (d *dml) conflicts(r inserted, set dep.Columns) (gone []dep.Image) {
	for i := range d.t.Keys {
		k := d.t.Keys[i].Columns
		if !set.Meets(dep.ColumnSet(k...)) || r.generated && slices.Equal(k, []string{d.t.RowID}) {
			continue
		}
		if old, ok := part(r.img, k); ok {
			gone = append(gone, old)
		}
	}
	if d.t.HasOddKeys || r.numbered {
		gone = append(gone, dep.Image{})
	}
	return gone
}

// part returns what img knows of a key's columns. ok is false for a key with a
// NULL in it, which is in nobody's way.
func part(img dep.Image, key []string) (out dep.Image, ok bool) {
	for _, name := range key {
		switch v := img.Get(name); {
		case v.Class() == dep.Null:
			return nil, false
		case v.Known():
			out = append(out, dep.Field{Col: name, Value: v})
		}
	}
	return out, true
}

// replaced adds what the removal of rows that were in the way sets off: always
// the foreign keys' actions, triggers only under the pragma.
func (d *dml) replaced(gone []dep.Image) {
	rows := removed(d, gone)
	if d.w.cat.RecursiveTriggers || d.w.cat.Dialect != catalog.SQLite {
		d.fire(d.t, "DELETE", dep.AllColumns(), rows, d.or)
		return
	}
	d.foreignKeys(d.t, "DELETE", dep.AllColumns(), rows, d.or)
}

func removed(d *dml, old []dep.Image) []event {
	rows := make([]event, len(old))
	for i := range old {
		rows[i] = event{table: d.t, old: old[i], hasOld: true}
	}
	return rows
}

func (d *dml) delete(s *Delete) {
	d.perStatement("DELETE", dep.AllColumns())
	old := d.rowsWhere(s.Where, s.Using)
	if d.facts.Read && d.row == nil {
		old = []dep.Image{overlay(certain(d.where(s.Where, s.Using)), d.facts.Old)}
	}
	if rows, ok := d.returned(s.Returning, s.Using); ok && !d.facts.Read {
		known := certain(d.where(s.Where, s.Using))
		old = make([]dep.Image, len(rows))
		for i, r := range rows {
			old[i] = overlay(known, r)
		}
	}
	d.remove(old)
}

// remove adds a delete of rows and what it sets off.
func (d *dml) remove(old []dep.Image) {
	if len(old) == 0 {
		return
	}
	c := dep.Change{Table: d.t.Name, Op: dep.Delete, Old: old}
	if d.again(&c, d.or) {
		return
	}
	d.add(c)
	d.fire(d.t, "DELETE", dep.AllColumns(), removed(d, old), d.or)
}
