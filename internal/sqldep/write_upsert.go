package sqldep

import (
	"database/sql/driver"
	"slices"
	"strconv"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// What became of the rows of an upsert or a REPLACE on PostgreSQL and MySQL. The
// statement alone leaves open for each row whether it was inserted, and what the
// row in its way held; the facts may tell.

// maxRivals bounds the rows of a statement for each of which there may be one in
// the way.
const maxRivals = maxImages

// fate is what became of one row of an upsert.
type fate struct {
	// inserted and met say what is possible: that it was inserted, that it met a row.
	inserted, met bool
	// old is the row that it met, known says that it was read; new are the values
	// that the row had after it.
	old   dep.Image
	known bool
	new   []dep.Field
}

// fates says what became of each of the proposed rows.
func (d *dml) fates(s *Insert, rows []inserted) []fate {
	out := make([]fate, len(rows))
	for i := range out {
		out[i] = fate{inserted: true, met: true}
	}
	if d.row != nil || !d.facts.Ran || d.w.cat.Dialect == catalog.SQLite {
		return out
	}
	if d.w.cat.Dialect == catalog.MySQL && len(rows) == 1 && s.Query == nil && s.Or != OrIgnore {
		d.told(s, &out[0])
	}
	target := d.rivalOf(s)
	if target == nil {
		return out
	}
	if d.rivals(s, target, rows, out) {
		for i := range out {
			out[i].met = out[i].met && out[i].known
		}
	}
	if seen, ok := d.shownByKey(s, target, rows); ok {
		for i := range out {
			out[i].new = overlay(out[i].new, seen[i])
		}
	}
	return out
}

// rivalOf returns the target of the upsert that the program runs, nil if there is
// none.
func (d *dml) rivalOf(s *Insert) *RowTarget {
	if d.row != nil {
		return nil
	}
	if !d.looked {
		d.looked = true
		if t, ok := d.w.rivalTarget(d, s); ok {
			d.rival = &t
		}
	}
	return d.rival
}

// shownByKey returns what RETURNING shows of each row of an upsert, told by its key:
// SQL does not promise the order of VALUES.
func (d *dml) shownByKey(s *Insert, target *RowTarget, rows []inserted) ([]dep.Image, bool) {
	seen, ok := d.returned(s.Returning, nil)
	if !ok || len(seen) != len(rows) || target.Moves && len(rows) > 1 {
		return nil, false
	}
	out := make([]dep.Image, len(rows))
	for i := range rows {
		key, _ := part(rows[i].img, target.Key)
		at := slices.IndexFunc(seen, func(img dep.Image) bool { return len(rows) == 1 || same(img, key) })
		if at < 0 {
			return nil, false
		}
		out[i] = seen[at]
	}
	return out, true
}

// told reads what became of one row from MySQL's count: a row that was inserted
// counts once, one that took another's place, or its values, twice. One that was
// left as it was counts once where the client asked for rows found, and then
// nothing was changed, unless by a trigger.
func (d *dml) told(s *Insert, f *fate) {
	updates := slices.ContainsFunc(d.t.Triggers, func(tr *catalog.Trigger) bool { return tr.Event != "INSERT" })
	switch {
	case d.facts.Affected == 1 && !updates:
		f.met = false
	case d.facts.Affected == 2 && s.Or != OrReplace && !d.rewritten("INSERT"):
		f.inserted = false // a trigger before it has fired all the same
	}
}

// rivals fills in the rows that were read before the statement: locked, so that
// it must have met them. It reports whether it met no other.
func (d *dml) rivals(s *Insert, target *RowTarget, rows []inserted, out []fate) (fresh bool) {
	updated := 0
	for i := range rows {
		key, _ := part(rows[i].img, target.Key)
		at := slices.IndexFunc(d.facts.Olds, func(old dep.Image) bool { return same(old, key) })
		if !d.facts.Read || at < 0 || target.Numbered && (target.Moves || !d.changed(d.facts.Olds[at], key)) {
			continue
		}
		updated++
		out[i] = fate{inserted: s.Or == OrReplace, met: true, known: true, old: d.facts.Olds[at]}
		if at := slices.IndexFunc(d.facts.News, func(now dep.Image) bool { return same(now, key) }); at >= 0 && !target.Moves {
			out[i].new = d.facts.News[at] // where rows move, another may have its key by now
		}
	}
	c := d.facts.Counts
	if !c.Known || d.facts.Affected <= 0 || d.w.cat.Dialect != catalog.PostgreSQL {
		return false
	}
	// Each of those that were read is updated then, and counted. A trigger may keep
	// a row from being updated when it has written another table.
	all := s.Upserts[0].SetWhere == nil && !d.rewritten("UPDATE")
	return c.Updated == 0 && c.Inserted >= d.facts.Affected && !d.before() ||
		all && c.Updated == int64(updated) && c.Inserted >= int64(len(rows)-updated) && c.Inserted+c.Updated > 0
}

// changed reports whether the one row that the statement has updated is the one
// with a key, which was locked before and is not as it was.
func (d *dml) changed(old, key dep.Image) bool {
	at := slices.IndexFunc(d.facts.News, func(now dep.Image) bool { return same(now, key) })
	return d.facts.Affected == 2 && at >= 0 && slices.ContainsFunc(old, func(f dep.Field) bool {
		now := d.facts.News[at].Get(f.Col)
		return f.Value.Known() && now.Known() && now != f.Value
	})
}

// same reports whether an image has the values of a key.
func same(img, key dep.Image) bool {
	return !slices.ContainsFunc(key, func(f dep.Field) bool { return img.Get(f.Col) != f.Value })
}

// rivalTarget says by which key the rows can be read that an upsert or a REPLACE
// finds in the way of its own.
func (w *writePlan) rivalTarget(d *dml, s *Insert) (RowTarget, bool) {
	replaces := s.Or == OrReplace
	switch {
	case w.cat.Dialect == catalog.SQLite, s.With != nil, s.Rows == nil, len(s.Rows) > maxRivals, s.Or == OrIgnore, s.Overriding != "",
		w.cat.Dialect == catalog.MySQL && len(s.Rows) > 1, d.rewritten("INSERT"), d.t.HasOddKeys && w.cat.Dialect == catalog.MySQL,
		!replaces && (len(s.Upserts) != 1 || s.Upserts[0].Nothing), replaces && s.Upserts != nil:
		return RowTarget{}, false
	}
	rows := d.rows(s)
	key, numbered := d.rivalKey(s, rows[0])
	if key == nil || numbered && replaces {
		return RowTarget{}, false
	}
	out := RowTarget{Table: d.t, Rows: len(rows), Key: key.Columns, Set: dep.AllColumns(), Numbered: numbered}
	if !replaces {
		a := d.assign(s.Upserts[0].Set, rows[0].img)
		out.Set, out.ReadAfter, out.Moves = a.set, d.untoldOf(s.Upserts[0], rows), d.moved(s.Upserts[0], key, rows)
		if d.rewritten("UPDATE") {
			out.Set, out.ReadAfter = dep.AllColumns(), viewColumns(d.t)
		} else if numbered {
			out.ReadAfter = out.Set.Names
		}
		if out.Moves {
			out.ReadAfter = nil // the rows are elsewhere then
		}
		if (out.Moves || d.rewritten("UPDATE")) && twice(rows, key) {
			return RowTarget{}, false // what meets the key first may leave it to the second
		}
	}
	if !d.locateRows(&out, s) || w.touchesItself(d.t, "INSERT", dep.AllColumns(), OrDefault) || w.touchesItself(d.t, "UPDATE", out.Set, OrDefault) ||
		replaces && w.touchesItself(d.t, "DELETE", dep.AllColumns(), OrDefault) {
		return RowTarget{}, false
	}
	return out, true
}

// untoldOf lists the columns of which the statement does not tell what it sets
// them to in each row.
func (d *dml) untoldOf(u *Upsert, rows []inserted) (names []string) {
	for _, r := range rows {
		names = append(names, untold(d.assign(u.Set, r.img))...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// moved reports whether an upsert may give the rows that it meets another key.
func (d *dml) moved(u *Upsert, key *catalog.Key, rows []inserted) bool {
	return slices.ContainsFunc(rows, func(r inserted) bool {
		a := d.assign(u.Set, r.img)
		return slices.ContainsFunc(key.Columns, func(name string) bool {
			if !a.set.Contains(dep.ColumnSet(name)) {
				return false
			}
			i := slices.IndexFunc(a.fields, func(f dep.Field) bool { return f.Col == name })
			return i < 0 || !a.fields[i].Value.Known() || a.fields[i].Value != r.img.Get(name)
		})
	})
}

// twice reports whether two of the rows may have one key.
func twice(rows []inserted, key *catalog.Key) bool {
	for i := range rows {
		img, _ := part(rows[i].img, key.Columns)
		if slices.ContainsFunc(rows[:i], func(r inserted) bool { return same(r.img, img) }) {
			return true
		}
	}
	return false
}

// rivalKey finds the only key by which a row may be in another's way, nil if there
// are others. numbered says that there is one besides, of a number that the server
// has yet to give.
func (d *dml) rivalKey(s *Insert, r inserted) (found *catalog.Key, numbered bool) {
	for i := range d.t.Keys {
		k := &d.t.Keys[i]
		if d.w.cat.Dialect == catalog.PostgreSQL {
			if d.arbiter(s.Upserts[0], k) && pinsElsewhere(d.t, *k) {
				return k, false
			}
			continue
		}
		img, conflicts := part(r.img, k.Columns)
		switch {
		case !conflicts:
			continue
		case d.unnumbered(k, r):
			numbered = true
			continue
		case found != nil, len(img) != len(k.Columns), !pinsElsewhere(d.t, *k):
			return nil, false
		}
		found = k
	}
	return found, numbered
}

// unnumbered reports whether a key is the number alone that the server gives a row.
func (d *dml) unnumbered(k *catalog.Key, r inserted) bool {
	c, ok := d.t.Column(k.Columns[0])
	return ok && len(k.Columns) == 1 && c.Identity != "" && !r.img.Get(c.Name).Known()
}

// arbiter reports whether an upsert of PostgreSQL's names the columns of a key,
// and no other index can be meant.
func (d *dml) arbiter(u *Upsert, k *catalog.Key) bool {
	if u.Columns == nil || u.Where != nil || d.t.HasOddKeys {
		return false
	}
	var names []string
	for _, x := range u.Columns {
		col, ok := x.(*Column)
		if !ok {
			return false
		}
		names = append(names, col.Name)
	}
	return slices.Equal(dep.ColumnSet(names...).Names, dep.ColumnSet(k.Columns...).Names)
}

// locateRows fills in Where, Order and Args. ok is false where a key's value is
// not one of the statement's own, or is compared otherwise than it is written.
func (d *dml) locateRows(r *RowTarget, s *Insert) (ok bool) {
	cols := d.columns(s)
	var conditions, items []string
	for _, row := range s.Rows {
		var parts []string
		for _, name := range r.Key {
			c, _ := d.t.Column(name)
			at := slices.Index(cols, c)
			if at < 0 || len(row) != len(cols) {
				return false
			}
			raw, ok := d.keyValue(c, row[at])
			if !ok {
				return false
			}
			r.Args = append(r.Args, driver.NamedValue{Ordinal: len(r.Args) + 1, Value: raw})
			mark := placeholder(d.w.cat.Dialect, len(r.Args))
			parts = append(parts, quotedColumn(d.w.cat.Dialect, c)+" = "+mark)
			items = append(items, mark)
		}
		conditions = append(conditions, strings.Join(parts, " AND "))
	}
	r.Where = conditions[0]
	if len(conditions) == 1 {
		return true
	}
	if c, _ := d.t.Column(r.Key[0]); len(r.Key) == 1 {
		r.Where = quotedColumn(d.w.cat.Dialect, c) + " IN (" + strings.Join(items, ", ") + ")"
	} else {
		r.Where = strings.Join(conditions, " OR ")
	}
	r.Order = "CASE"
	for i, c := range conditions {
		r.Order += " WHEN " + c + " THEN " + strconv.Itoa(i)
	}
	r.Order += " END"
	return true
}

// keyValue returns the value that a statement gives a key's column, if a
// condition with it finds the rows that have it.
func (d *dml) keyValue(c *catalog.Column, x Expr) (driver.Value, bool) {
	raw, ok := d.constantFor(c, x)
	if !ok || raw == nil {
		return nil, false
	}
	_, untyped := raw.(catalog.Literal)
	val, ok := c.Compared(raw)
	return raw, ok && !untyped && val == c.Written(raw)
}
