package sqldep

import (
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// foreignKeys adds what the references to t do about its rows.
func (e *effects) foreignKeys(t *catalog.Table, name string, set dep.Columns, rows []event, or Resolution) {
	if !e.w.cat.ForeignKeys || name == "INSERT" {
		return
	}
	for _, fk := range t.Children {
		child := e.w.cat.Tables[fk.Child]
		action := fk.OnDelete
		if name == "UPDATE" {
			action = fk.OnUpdate
			if !moves(fk, set) {
				continue
			}
		}
		switch {
		case !acts(action):
		case child == nil:
			e.anything = true
		case e.spent(), child.Root != "", child.Opaque != "" && e.w.cat.Dialect != catalog.SQLite:
			e.whole(child)
		default:
			e.depth++
			e.act(fk, child, t, action, name, e.affordable(rows, 1), or)
			e.depth--
		}
	}
}

// act follows one reference for each row of the parent.
func (e *effects) act(fk *catalog.ForeignKey, child, parent *catalog.Table, action, name string, rows []event, or Resolution) {
	var old []dep.Image
	var set [][]dep.Field
	for i := range rows {
		img, any := referring(fk, child, parent, rows[i].old)
		if !any {
			continue
		}
		old = append(old, img)
		set = append(set, referred(fk, child, parent, action, rows[i].new))
	}
	if len(old) == 0 {
		return
	}
	d := &dml{effects: e, t: child, or: or}
	if name == "DELETE" && action == "CASCADE" {
		d.remove(old)
		return
	}
	d.modify(old, set, d.closed(dep.ColumnSet(fk.Columns...)), false)
}

// referring returns the image of the child's rows that refer to a parent's row.
// any is false where there are none: a NULL refers to nothing.
func referring(fk *catalog.ForeignKey, child, parent *catalog.Table, row dep.Image) (img dep.Image, any bool) {
	for i, name := range fk.ParentColumns {
		p, ok1 := parent.Column(name)
		c, ok2 := child.Column(fk.Columns[i])
		v := row.Get(name)
		if v.Class() == dep.Null {
			return nil, false
		}
		// The parent's collation and affinity rule the comparison.
		if ok1 && ok2 && v.Known() && catalog.SameEquality(p, c) {
			img = append(img, dep.Field{Col: c.Name, Value: v})
		}
	}
	return img, true
}

// referred returns what a reference's action writes to the child.
func referred(fk *catalog.ForeignKey, child, parent *catalog.Table, action string, row dep.Image) (set []dep.Field) {
	for i, name := range fk.Columns {
		c, ok := child.Column(name)
		if !ok {
			continue
		}
		v := dep.Value{}
		if len(fk.Columns) > 1 && c.Form.Dialect != 0 && action != "CASCADE" {
			// PostgreSQL's ON DELETE SET NULL (a) sets some of them.
			set = append(set, dep.Field{Col: c.Name})
			continue
		}
		switch action {
		case "SET NULL":
			v = dep.NullValue()
		case "SET DEFAULT":
			v = c.Default
		case "CASCADE":
			if i < len(fk.ParentColumns) {
				if p, ok := parent.Column(fk.ParentColumns[i]); ok {
					v = carried(p, c, row.Get(p.Name))
				}
			}
		}
		set = append(set, dep.Field{Col: c.Name, Value: v})
	}
	return set
}

// carried returns what c holds after it was given a value of the column from.
func carried(from, c *catalog.Column, v dep.Value) dep.Value {
	switch {
	case v.Class() == dep.Null:
		return v
	case !catalog.SameEquality(from, c):
		return dep.Value{}
	case c.Affinity == catalog.RealAffinity && from.Affinity != catalog.RealAffinity:
		return dep.Value{} // a long integer is rounded on the way
	}
	return v
}
