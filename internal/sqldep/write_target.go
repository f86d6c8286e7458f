package sqldep

import (
	"database/sql/driver"
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// pinned finds a key that pins, each of whose columns has one value.
func (d *dml) pinned(ks []known) (found []known, ok bool) {
	for i := range d.t.Keys {
		k := &d.t.Keys[i]
		if !k.Pins || !pinsElsewhere(d.t, *k) {
			continue
		}
		found = found[:0]
		for _, name := range k.Columns {
			at := slices.IndexFunc(ks, func(o known) bool { return o.col.Name == name && len(o.values) == 1 })
			if at < 0 {
				break
			}
			found = append(found, ks[at])
		}
		if len(found) == len(k.Columns) {
			return found, true
		}
	}
	return nil, false
}

// target says by which key the one row that the statement writes can be read.
func (w *writePlan) target(b Bound, args []driver.NamedValue) (RowTarget, bool) {
	if w.anything || w.parts != nil {
		return RowTarget{}, false
	}
	e := &effects{w: w, b: b, args: args}
	t, ok := e.table("", mustTarget(w.stmt))
	if !ok || t.IsView || t.Opaque != "" {
		return RowTarget{}, false
	}
	d := &dml{effects: e, t: t, to: mustTarget(w.stmt)}
	out := RowTarget{Table: t}
	var where Expr
	var from From
	event, or := "DELETE", OrDefault
	keyed := dep.Columns{}
	switch s := w.stmt.(type) {
	case *Update:
		if s.With != nil || s.From != nil && d.w.cat.Dialect == catalog.SQLite || s.Limit != nil || replaces(s.Or, t) {
			return RowTarget{}, false
		}
		a := d.assign(s.Set, nil)
		where, from, out.Set, out.ReadAfter = s.Where, s.From, a.set, untold(a)
		if s.From == nil {
			out.ReadAfter = a.uncounted(out.ReadAfter)
		}
		if d.rewritten("UPDATE") {
			out.Set, out.ReadAfter = dep.AllColumns(), viewColumns(t)
		}
		keyed = a.set
		event, or = "UPDATE", s.Or
	case *Delete:
		if s.With != nil || s.Limit != nil {
			return RowTarget{}, false
		}
		where, from, out.Set = s.Where, s.Using, dep.AllColumns()
	case *Insert:
		return w.rivalTarget(d, s)
	default:
		return RowTarget{}, false
	}
	key, ok := d.pinned(d.where(where, from))
	if !ok || !out.locate(w.cat.Dialect, key, keyed) || w.touchesItself(t, event, out.Set, or) {
		return RowTarget{}, false
	}
	out.Maybe = from != nil || len(conjuncts(where, nil)) > len(key)
	return out, true
}

// untold lists the columns set to what the statement does not tell.
func untold(a assigned) (names []string) {
	for _, name := range a.set.Names {
		i := slices.IndexFunc(a.fields, func(f dep.Field) bool { return f.Col == name })
		if i < 0 || !a.fields[i].Value.Known() {
			names = append(names, name)
		}
	}
	return names
}

// locate fills in Where and Args. ok is false where the write moves the key, or
// the key's value is not one of the statement's own.
func (r *RowTarget) locate(d catalog.Dialect, key []known, set dep.Columns) (ok bool) {
	var where []string
	for i, k := range key {
		_, untyped := k.raw.(catalog.Literal)
		if k.raw == nil || untyped || set.Meets(dep.ColumnSet(k.col.Name)) {
			return false
		}
		where = append(where, quotedColumn(d, k.col)+" = "+placeholder(d, i+1))
		r.Args = append(r.Args, driver.NamedValue{Ordinal: i + 1, Value: k.raw})
	}
	r.Where = strings.Join(where, " AND ")
	return len(where) > 0
}

func quoteName(c *catalog.Column) string {
	return `"` + strings.ReplaceAll(c.Name, `"`, `""`) + `"`
}

// usable returns the facts that agree with one another.
func (w *writePlan) usable(b Bound, args []driver.NamedValue, f Facts) Facts {
	if _, upsert := w.stmt.(*Insert); upsert || !f.Read {
		return f // an upsert's rows are told by their keys
	}
	if _, ok := w.target(b, args); !ok || f.Old == nil || f.Affected > 1 || f.Affected == 0 {
		f.Read = false
	}
	return f
}
