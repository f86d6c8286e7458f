package sqldep

import (
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// reach collects the tables that a write's triggers and foreign keys may write
// in turn, whatever the rows.
type reach struct {
	w        *writePlan
	seen     map[string]bool // the events followed
	tables   map[string]bool
	anything bool
}

// touchesItself reports whether a write to t may set off another write to t.
func (w *writePlan) touchesItself(t *catalog.Table, event string, set dep.Columns, or Resolution) bool {
	if len(t.Triggers) == 0 && len(t.Children) == 0 {
		return false
	}
	r := reach{w: w, seen: make(map[string]bool), tables: make(map[string]bool)}
	r.follow(t, event, set)
	if event != "DELETE" && replaces(or, t) {
		r.follow(t, "DELETE", dep.AllColumns())
	}
	return r.anything || r.tables[t.Name]
}

// write adds a write to t, and what it sets off.
func (r *reach) write(t *catalog.Table, event string, set dep.Columns) {
	if t == nil {
		r.anything = true
		return
	}
	if t.IsView && r.w.cat.Dialect != catalog.SQLite && !r.tables[t.Name] {
		r.under(t)
	}
	for _, u := range treeOf(r.w.cat, t) {
		if u != t && !r.tables[u.Name] {
			r.anything = r.anything || elsewhere(u)
			r.tables[u.Name] = true
			r.follow(u, event, set)
			r.follow(u, "DELETE", dep.AllColumns())
		}
	}
	r.anything = r.anything || elsewhere(t)
	r.tables[t.Name] = true
	r.follow(t, event, set)
	if event != "DELETE" {
		// It may replace rows: by its own clause, by the DDL's, or by the clause of
		// the statement that set it off.
		r.follow(t, "DELETE", dep.AllColumns())
	}
}

// under adds writes to what lies under a view, which may be written through it.
func (r *reach) under(t *catalog.Table) {
	r.tables[t.Name] = true
	r.anything = r.anything || t.Base == nil
	for _, name := range t.Base {
		r.write(r.w.cat.Tables[name], "UPDATE", dep.AllColumns())
		r.write(r.w.cat.Tables[name], "INSERT", dep.AllColumns())
	}
}

// follow adds what a write to t sets off.
func (r *reach) follow(t *catalog.Table, event string, set dep.Columns) {
	key := t.Name + " " + event + " " + set.String()
	if r.seen[key] {
		return
	}
	r.seen[key] = true
	for _, tr := range t.Triggers {
		if fires(tr, event, set) {
			r.trigger(tr)
		}
	}
	if !r.w.cat.ForeignKeys || event == "INSERT" {
		return
	}
	for _, fk := range t.Children {
		r.reference(fk, event, set)
	}
}

func (r *reach) trigger(tr *catalog.Trigger) {
	r.anything = r.anything || tr.Unclear
	body := r.w.bodies[tr]
	for _, name := range tr.Writes {
		t := r.w.cat.Tables[name]
		if body == nil {
			r.write(t, "UPDATE", dep.AllColumns())
			r.write(t, "INSERT", dep.AllColumns())
		}
		for _, s := range body {
			switch to, _ := writeTarget(s); {
			case t == nil || to.Name != t.Bare:
			default:
				r.statement(t, s)
			}
		}
	}
}

func (r *reach) statement(t *catalog.Table, s Statement) {
	switch s := s.(type) {
	case *Insert:
		r.write(t, "INSERT", dep.AllColumns())
		for _, u := range s.Upserts {
			if !u.Nothing {
				r.write(t, "UPDATE", dep.AllColumns())
			}
		}
	case *Update:
		d := &dml{effects: &effects{w: r.w}, t: t}
		r.write(t, "UPDATE", d.assign(s.Set, nil).set)
	case *Delete:
		r.write(t, "DELETE", dep.AllColumns())
	}
}

func (r *reach) reference(fk *catalog.ForeignKey, event string, set dep.Columns) {
	child := r.w.cat.Tables[fk.Child]
	switch {
	case event == "DELETE" && fk.OnDelete == "CASCADE":
		r.write(child, "DELETE", dep.AllColumns())
	case event == "DELETE" && acts(fk.OnDelete), event == "UPDATE" && acts(fk.OnUpdate) && moves(fk, set):
		r.write(child, "UPDATE", closedOver(child, dep.ColumnSet(fk.Columns...)))
	}
}

// moves reports whether an update of the parent's columns set may change what
// the reference refers to.
func moves(fk *catalog.ForeignKey, set dep.Columns) bool {
	return fk.ParentColumns == nil || set.Meets(dep.ColumnSet(fk.ParentColumns...))
}
