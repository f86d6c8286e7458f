package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// dml is one statement that writes one table, or a foreign key's action.
type dml struct {
	*effects
	t   *catalog.Table
	to  Target
	row *event     // the row of the trigger that runs it, nil at the top
	or  Resolution // what prevails on a conflict
}

// prevailing returns the conflict clause of the statement that set a trigger
// off, if it had one: it overrides the one of the trigger's own statement.
func prevailing(outer, own Resolution) Resolution {
	if outer != OrDefault {
		return outer
	}
	return own
}

// column finds the column of d's table that a name written or set means. ok is
// false for a rowid without an alias and for what is no column.
func (d *dml) column(name string) (*catalog.Column, bool) {
	if c, ok := d.t.Column(name); ok {
		return c, true
	}
	if isRowID(name) && d.t.RowID != "" && d.w.cat.Dialect == catalog.SQLite {
		return d.t.Column(d.t.RowID)
	}
	return nil, false
}

// written returns what c holds after it was given x. inserted is the image of
// the row that an upsert calls excluded, nil elsewhere.
func (d *dml) written(x Expr, c *catalog.Column, inserted dep.Image) dep.Value {
	v := dep.Value{}
	if k, ok := d.constantFor(c, x); ok {
		v = c.Written(k)
	} else if from, known := d.foreign(x, inserted); from != nil {
		v = carried(from, c, known)
	}
	if v.Class() == dep.Null && c.NotNull && c.Name != d.t.RowID && replaces(d.or, d.t) {
		// A NULL where there may be none is replaced by the default.
		v = c.Default
	}
	return v
}

// foreign returns the value of NEW.x, OLD.x, excluded.x or VALUES(x), with its column; nil
// for any other expression.
func (d *dml) foreign(x Expr, inserted dep.Image) (*catalog.Column, dep.Value) {
	col, proposed := d.proposed(x)
	if col == nil || col.Schema != "" {
		return nil, dep.Value{}
	}
	t, img := d.t, inserted
	switch {
	case proposed:
		if inserted == nil {
			return nil, dep.Value{}
		}
	case col.Table == "excluded" && inserted != nil && d.w.cat.Dialect != catalog.MySQL:
	case col.Table == "new" && d.row != nil && d.row.hasNew:
		t, img = d.row.table, d.row.new
	case col.Table == "old" && d.row != nil && d.row.hasOld:
		t, img = d.row.table, d.row.old
	default:
		return nil, dep.Value{}
	}
	other := &dml{effects: d.effects, t: t}
	c, ok := other.column(col.Name)
	if !ok {
		return nil, dep.Value{}
	}
	return c, img.Get(c.Name)
}

// proposed returns the column that x is, or that MySQL's VALUES(column) names.
func (d *dml) proposed(x Expr) (col *Column, values bool) {
	f, ok := x.(*Func)
	if !ok || d.w.cat.Dialect != catalog.MySQL || f.Schema != "" || f.Name != "values" && f.Name != "value" || len(f.Args) != 1 || f.Odd {
		col, _ = x.(*Column)
		return col, false
	}
	col, _ = f.Args[0].(*Column)
	if col != nil && col.Table != "" && col.Table != d.to.Name {
		return nil, false
	}
	return col, true
}

// assigned is what a SET clause writes.
type assigned struct {
	fields []dep.Field
	set    dep.Columns // closed over generated columns
	// counted are the columns set to what they hold and a whole number more.
	counted []counted
	// rowid says that the rowid is set where no column is its alias.
	rowid bool
}

// assign evaluates a SET clause.
func (d *dml) assign(as []Assignment, inserted dep.Image) assigned {
	var out assigned
	var names []string
	give := func(name string, v func(c *catalog.Column) dep.Value) {
		c, ok := d.column(name)
		if !ok {
			out.rowid = true
			return
		}
		names = append(names, c.Name)
		val := v(c)
		if i := slices.IndexFunc(out.fields, func(f dep.Field) bool { return f.Col == c.Name }); i >= 0 {
			out.fields[i].Value = dep.Value{} // set twice
			return
		}
		out.fields = append(out.fields, dep.Field{Col: c.Name, Value: val})
	}
	for _, a := range as {
		row, isRow := a.Value.(*Row)
		for i, name := range a.Columns {
			give(name, func(c *catalog.Column) dep.Value {
				switch {
				case a.Odd:
				case len(a.Columns) == 1 && !isRow:
					if by, ok := d.counts(c, a.Value); ok {
						out.counted = append(out.counted, counted{c, by})
					}
					return d.written(a.Value, c, inserted)
				case isRow && len(row.Items) == len(a.Columns):
					return d.written(row.Items[i], c, inserted)
				}
				return dep.Value{}
			})
		}
		out.rowid = out.rowid || a.Odd
	}
	out.counted = slices.DeleteFunc(out.counted, func(k counted) bool { return slices.Index(names, k.col.Name) != lastIndex(names, k.col.Name) })
	out.set = d.closed(dep.ColumnSet(names...))
	if out.rowid {
		out.set = dep.AllColumns()
	}
	return out
}

func (d *dml) closed(set dep.Columns) dep.Columns { return closedOver(d.t, set) }

// closedOver adds the generated columns that are computed from those set, by
// way of others perhaps.
func closedOver(t *catalog.Table, set dep.Columns) dep.Columns {
	if t == nil {
		return dep.AllColumns()
	}
	for grown := true; grown; {
		grown = false
		for i := range t.Columns {
			c := &t.Columns[i]
			if self := dep.ColumnSet(c.Name); !set.Contains(self) && (c.AutoUpdated || c.Generated &&
				(c.GeneratedFrom == nil || set.Meets(dep.ColumnSet(c.GeneratedFrom...)))) {
				set, grown = set.Union(self), true
			}
		}
	}
	return set
}

// overlay returns img with some fields replaced; a field whose value is unknown
// is left out.
func overlay(img dep.Image, fields []dep.Field) dep.Image {
	out := slices.Clone(img)
	for _, f := range fields {
		out = slices.DeleteFunc(out, func(g dep.Field) bool { return g.Col == f.Col })
		if f.Value.Known() {
			out = append(out, f)
		}
	}
	return out
}

// forget returns img without the columns that an update changes.
func forget(img dep.Image, set dep.Columns) dep.Image {
	return slices.DeleteFunc(slices.Clone(img), func(f dep.Field) bool { return set.Contains(dep.ColumnSet(f.Col)) })
}
