package sqldep

import (
	"database/sql/driver"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// What RETURNING of PostgreSQL's shows are the very rows that the statement wrote,
// each once: as they are after an INSERT or UPDATE, as they were before a DELETE,
// with what the server and BEFORE triggers have made of them.

// returned returns the images of the rows that RETURNING showed, as far as its
// columns are the table's own. ok is false where that is not known.
func (d *dml) returned(list []ResultColumn, from From) (rows []dep.Image, ok bool) {
	if d.row != nil || !d.facts.Ran || d.facts.Returned == nil || d.w.cat.Dialect != catalog.PostgreSQL {
		return nil, false
	}
	cols, ok := d.shown(list, from)
	if !ok {
		return nil, false
	}
	for _, vals := range d.facts.Returned {
		if len(vals) != len(cols) {
			return nil, false
		}
		rows = append(rows, imageOf(cols, vals))
	}
	// A row that a trigger has kept from being written is not among them, and what
	// that trigger did is.
	return rows, len(rows) > 0 && len(rows) <= maxImages
}

func imageOf(cols []*catalog.Column, vals []driver.Value) (img dep.Image) {
	for i, c := range cols {
		if c == nil || img.Get(c.Name).Known() {
			continue
		}
		if v := c.Stored(vals[i]); v.Known() {
			img = append(img, dep.Field{Col: c.Name, Value: v})
		}
	}
	return img
}

// shown returns the table's columns that the columns of a RETURNING are, nil for
// what is none.
func (d *dml) shown(list []ResultColumn, from From) (cols []*catalog.Column, ok bool) {
	name := aliasOr(d.to.Alias, d.to.Name)
	if len(list) == 0 || name == "old" || name == "new" {
		return nil, false
	}
	for i := range list {
		r := &list[i]
		if !r.Star {
			c, _ := d.mine(r.Expr, from)
			cols = append(cols, c)
			continue
		}
		if from != nil || r.Table != "" && r.Table != name {
			return nil, false
		}
		for j := range d.t.Columns {
			cols = append(cols, &d.t.Columns[j])
		}
	}
	return cols, true
}

// affected completes the facts with the number of rows that RETURNING showed.
func (w *writePlan) affected(f Facts) Facts {
	if f.Affected < 0 && f.Returned != nil && w.cat.Dialect == catalog.PostgreSQL && returning(w.stmt) != nil {
		f.Affected = int64(len(f.Returned))
	}
	return f
}

func returning(stmt Statement) []ResultColumn {
	switch s := stmt.(type) {
	case *Insert:
		return s.Returning
	case *Update:
		return s.Returning
	case *Delete:
		return s.Returning
	}
	return nil
}
