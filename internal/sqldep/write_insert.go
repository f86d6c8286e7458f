package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// inserted is a row that an INSERT may add.
type inserted struct {
	img dep.Image
	// generated says that its rowid is a new one, which nothing conflicts with.
	generated bool
	// numbered says that the statement gives it a rowid, where no column of ours
	// is the rowid's alias: it may be in the way of a row by that.
	numbered bool
}

func (d *dml) insert(s *Insert) {
	d.perStatement("INSERT", dep.AllColumns())
	rows := d.rows(s)
	if d.rewritten("INSERT") || s.Overriding == "user" {
		for i := range rows {
			rows[i].img = nil
		}
	}
	proposed := rows // of which ON CONFLICT goes by
	fates := d.fates(s, proposed)
	rows = d.completed(s, rows)
	c := dep.Change{Table: d.t.Name, Op: dep.Insert}
	replacing := replaces(d.or, d.t)
	if replacing {
		c.Op = dep.Replace
	}
	var events []event
	for i, r := range rows {
		own := len(fates) == len(rows)
		if own && !fates[i].inserted {
			continue
		}
		img := r.img
		if id, ok := d.generatedKey(s, r); ok {
			img = overlay(img, []dep.Field{id})
		}
		if id, ok := d.numbering(s, d.columns(s)); ok {
			img = overlay(img, []dep.Field{id})
		}
		c.New = append(c.New, img)
		events = append(events, event{table: d.t, new: d.early(img, r.img), hasNew: true})
		switch {
		case !replacing, own && !fates[i].met:
		case own && fates[i].known:
			c.Old = append(c.Old, fates[i].old)
		default:
			c.Old = append(c.Old, d.conflicts(r, dep.AllColumns())...)
		}
	}
	if len(events) > 0 && !d.again(&c, d.or) {
		d.add(c)
		d.inserted(&c, events)
	}
	for _, u := range s.Upserts {
		if !u.Nothing {
			d.upsert(u, proposed, fates)
		}
	}
}

// completed adds what RETURNING shows to the rows of an INSERT. Where the server
// left some out, or a query gave them, what they were given is not known of those
// shown.
func (d *dml) completed(s *Insert, rows []inserted) []inserted {
	if target := d.rivalOf(s); target != nil && d.facts.Ran {
		if seen, ok := d.shownByKey(s, target, rows); ok {
			rows = slices.Clone(rows)
			for i := range rows {
				rows[i].img = overlay(rows[i].img, seen[i])
			}
			return rows
		}
	}
	seen, ok := d.returned(s.Returning, nil)
	switch {
	case !ok:
	case s.Query != nil && s.Upserts == nil:
		all := rows[0]
		rows = make([]inserted, len(seen))
		for i := range seen {
			rows[i] = all
			rows[i].img = overlay(all.img, seen[i])
		}
	case len(seen) == len(rows) && s.Query == nil:
		rows = paired(rows, seen, s.Upserts == nil)
	}
	return rows
}

// maxPaired bounds the rows each of which is paired with each that was shown.
const maxPaired = 8

// paired adds what was shown of rows, in whatever order: SQL does not promise that
// it is that of VALUES. Where what was shown says everything that is known, it is
// all there is to say, if no row is told from the others (alike). Else each of a few
// rows may be any of those shown; of many rows only what they have in common is
// added.
func paired(rows []inserted, seen []dep.Image, alike bool) []inserted {
	switch {
	case alike && len(rows) > 1 && tellsAll(rows, seen):
		rows = slices.Clone(rows)
		for i := range rows {
			rows[i].img = seen[i]
		}
		return rows
	case len(rows) > maxPaired:
		seen = []dep.Image{common(seen)}
	}
	out := make([]inserted, 0, len(rows)*len(seen))
	for _, r := range rows {
		for _, img := range seen {
			q := r
			q.img = overlay(r.img, img)
			out = append(out, q)
		}
	}
	return out
}

// tellsAll reports whether each image has all columns that are known of any row.
func tellsAll(rows []inserted, seen []dep.Image) bool {
	for _, r := range rows {
		for _, f := range r.img {
			if slices.ContainsFunc(seen, func(img dep.Image) bool { return !img.Get(f.Col).Known() }) {
				return false
			}
		}
	}
	return true
}

// common returns what images agree on.
func common(imgs []dep.Image) dep.Image {
	return slices.DeleteFunc(slices.Clone(imgs[0]), func(f dep.Field) bool {
		return slices.ContainsFunc(imgs, func(img dep.Image) bool { return img.Get(f.Col) != f.Value })
	})
}

// inserted adds what an insert sets off.
func (d *dml) inserted(c *dep.Change, events []event) {
	if len(c.Old) > 0 {
		d.replaced(c.Old)
	}
	d.fire(d.t, "INSERT", dep.AllColumns(), events, d.or)
}

// columns returns the columns that an INSERT gives values to, nil among them
// for the rowid of a table without an alias for it.
func (d *dml) columns(s *Insert) (cols []*catalog.Column) {
	if s.Columns == nil {
		for i := range d.t.Columns {
			if c := &d.t.Columns[i]; !c.Generated && !c.Hidden {
				cols = append(cols, c)
			}
		}
		return cols
	}
	for _, name := range s.Columns {
		c, _ := d.column(name)
		cols = append(cols, c)
	}
	return cols
}

// rows returns the rows of an INSERT; one that stands for all, with what they
// have in common, for a query's.
func (d *dml) rows(s *Insert) []inserted {
	cols := d.columns(s)
	switch {
	case s.Default:
		return []inserted{d.newRow(nil, nil)}
	case s.Query != nil:
		return []inserted{d.newRow(cols, d.selected(s.Query, len(cols)))}
	}
	rows := make([]inserted, len(s.Rows))
	for i, r := range s.Rows {
		rows[i] = d.newRow(cols, r)
	}
	return rows
}

// selected returns the expressions of a query's one row of results, nil ones
// where they are not that simple.
func (d *dml) selected(q *Select, n int) []Expr {
	out := make([]Expr, n)
	if d.w.cat.Dialect != catalog.SQLite {
		return nil // its columns have types of their own
	}
	if len(q.Cores) != 1 || len(q.Cores[0].Columns) != n {
		return out
	}
	core := q.Cores[0]
	if slices.ContainsFunc(core.Columns, func(c ResultColumn) bool { return c.Star }) {
		return out
	}
	for i, c := range core.Columns {
		if _, ok := c.Expr.(*Column); ok && (among(core.From, "new") || among(core.From, "old")) {
			continue
		}
		out[i] = c.Expr
	}
	return out
}

// newRow returns the row with the given values in cols and defaults elsewhere.
func (d *dml) newRow(cols []*catalog.Column, values []Expr) inserted {
	r := inserted{numbered: slices.Contains(cols, nil)}
	given := make(map[*catalog.Column]int, len(cols))
	for _, c := range cols {
		given[c]++
	}
	for i, c := range cols {
		if c == nil || given[c] > 1 || len(values) != len(cols) {
			continue
		}
		r.give(d.t, c, d.written(values[i], c, nil))
	}
	for i := range d.t.Columns {
		c := &d.t.Columns[i]
		if given[c] > 0 || c.Generated {
			continue
		}
		if c.Name == d.t.RowID {
			r.generated = true
			continue
		}
		r.give(d.t, c, c.Default)
	}
	return r
}

func (r *inserted) give(t *catalog.Table, c *catalog.Column, v dep.Value) {
	switch {
	case c.Name == t.RowID && v.Class() == dep.Null:
		r.generated = true
	case v.Known():
		r.img = append(r.img, dep.Field{Col: c.Name, Value: v})
	}
}

// generatedKey returns the rowid that the adapter saw, where it must be that of
// the one row.
func (d *dml) generatedKey(s *Insert, r inserted) (dep.Field, bool) {
	if d.row != nil || !d.facts.HasInsertID || !r.generated || !s.Default && len(s.Rows) != 1 {
		return dep.Field{}, false
	}
	return dep.Field{Col: d.t.RowID, Value: dep.IntValue(d.facts.InsertID)}, true
}

// upsert adds the update that one ON CONFLICT clause makes of the rows that are
// in the way.
func (d *dml) upsert(u *Upsert, rows []inserted, fates []fate) {
	d.perStatement("UPDATE", d.assign(u.Set, nil).set)
	var old []dep.Image
	var fields [][]dep.Field
	set := dep.Columns{}
	for i, r := range rows {
		if !fates[i].met {
			continue
		}
		a := d.assign(u.Set, r.img)
		if d.rewritten("UPDATE") {
			a = assigned{set: dep.AllColumns()}
		}
		set = set.Union(a.set)
		if fates[i].known {
			old = append(old, fates[i].old)
			fields = append(fields, overlay(a.fields, fates[i].new))
			continue
		}
		for _, img := range d.inTheWay(u, r) {
			old = append(old, img)
			fields = append(fields, a.fields)
		}
	}
	d.modify(old, fields, set, true)
}

// inTheWay returns the images of the rows that the clause may find in r's way.
func (d *dml) inTheWay(u *Upsert, r inserted) []dep.Image {
	if u.Columns == nil && u.Constraint == "" {
		return d.conflicts(r, dep.AllColumns())
	}
	var names []string
	for _, x := range u.Columns {
		col, ok := x.(*Column)
		if !ok {
			return []dep.Image{{}}
		}
		c, ok := d.column(col.Name)
		if !ok {
			return []dep.Image{{}}
		}
		names = append(names, c.Name)
	}
	target := dep.ColumnSet(names...)
	for _, k := range d.t.Keys {
		if !slices.Equal(dep.ColumnSet(k.Columns...).Names, target.Names) {
			continue
		}
		byRowID := slices.Equal(k.Columns, []string{d.t.RowID})
		switch {
		case r.generated && byRowID:
			return nil
		case d.t.HasOddKeys && !byRowID:
			// The clause may be bound to an index over the same columns that
			// compares them otherwise.
			return []dep.Image{{}}
		}
		if img, ok := part(r.img, k.Columns); ok {
			return []dep.Image{img}
		}
		return nil
	}
	return []dep.Image{{}}
}
