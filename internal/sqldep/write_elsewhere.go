package sqldep

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// What the analysis of writes does otherwise on PostgreSQL and MySQL: see
// docs/dialects.md for each rule.

// narrows reports whether a statement of PostgreSQL or MySQL is one that the
// analysis may narrow as a whole: a write of one plain table, with no other write
// in it.
func narrows(stmt Statement, t *catalog.Table) bool {
	alone := true
	Walk(stmt, func(n Node) bool {
		switch n := n.(type) {
		case *Insert, *Update, *Delete, *Merge:
			alone = alone && n == stmt.(Node)
		}
		return alone
	})
	return alone && plainTarget(stmt, t) && understood(stmt)
}

// plainTarget reports whether what is written is a table that the analysis knows
// all about.
func plainTarget(stmt Statement, t *catalog.Table) bool {
	return !t.IsView && !t.Materialized && t.Opaque == "" && (t.Root == "" || throughRoot(stmt, t))
}

// understood reports whether nothing in a statement may be a write that its tree
// does not show.
func understood(stmt Statement) bool {
	clear := true
	Walk(stmt, func(n Node) bool {
		if o, ok := n.(*Opaque); ok {
			switch o.Why {
			case "array", "subscript", "field", "interval", "variable", "current of":
			default:
				clear = false
			}
		}
		return clear
	})
	return clear
}

// throughRoot reports whether a write through the root of a tree of partitions is
// one of its rows alone. An update that moves a row to another partition fires the
// triggers of a DELETE and an INSERT, and before PostgreSQL 15 the references'
// actions for a DELETE.
func throughRoot(stmt Statement, t *catalog.Table) bool {
	if !t.Partitioned {
		return false
	}
	switch s := stmt.(type) {
	case *Delete, *Copy:
		return true
	case *Insert:
		if !slices.ContainsFunc(s.Upserts, func(u *Upsert) bool { return !u.Nothing }) {
			return true
		}
	}
	return len(t.Triggers) == 0 && !slices.ContainsFunc(t.Children, func(fk *catalog.ForeignKey) bool { return acts(fk.OnDelete) || acts(fk.OnUpdate) })
}

// rewritten reports whether a trigger may change a row on its way into the table.
func (d *dml) rewritten(event string) bool {
	return d.w.cat.Dialect != catalog.SQLite && slices.ContainsFunc(d.t.Triggers, func(tr *catalog.Trigger) bool {
		return tr.When != "AFTER" && !tr.PerStatement && (tr.Event == event || tr.Event == "")
	})
}

// perStatement adds what triggers do that fire once for a statement of PostgreSQL's,
// and do so if it writes no row: for both events of an upsert, say.
func (d *dml) perStatement(name string, set dep.Columns) {
	for _, tr := range d.t.Triggers {
		switch {
		case !tr.PerStatement || !fires(tr, name, set):
		case tr.Unclear:
			d.anything = true
		default:
			for _, name := range tr.Writes {
				d.whole(d.w.cat.Tables[name])
			}
		}
	}
}

// constantFor returns the value of x where it is one that is compared with c, or
// written to it, as a value without a type of its own is.
func (d *dml) constantFor(c *catalog.Column, x Expr) (any, bool) {
	if d.w.cat.Dialect != catalog.SQLite {
		bare, ok := d.w.params.valueFor(&c.Form, x)
		if !ok {
			return nil, false
		}
		x = bare
	}
	return d.b.constant(x, d.args)
}

// numbering returns the column that the database has numbered a new row in.
func (d *dml) numbering(s *Insert, cols []*catalog.Column) (dep.Field, bool) {
	if d.w.cat.Dialect != catalog.MySQL || d.row != nil || !d.facts.HasInsertID || d.facts.InsertID <= 0 || len(s.Rows) != 1 ||
		s.Upserts != nil || s.Or == OrReplace || d.rewritten("INSERT") {
		return dep.Field{}, false
	}
	for i := range d.t.Columns {
		if c := &d.t.Columns[i]; c.Identity != "" && !slices.Contains(cols, c) {
			return dep.Field{Col: c.Name, Value: dep.IntValue(d.facts.InsertID)}, true
		}
	}
	return dep.Field{}, false
}

// placeholder is the n-th parameter of a condition of ours.
func placeholder(d catalog.Dialect, n int) string {
	if d == catalog.PostgreSQL {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}

// quotedColumn is a column's name as the dialect quotes it.
func quotedColumn(d catalog.Dialect, c *catalog.Column) string {
	switch d {
	case catalog.PostgreSQL:
		return `"` + strings.ReplaceAll(c.Real, `"`, `""`) + `"`
	case catalog.MySQL:
		return "`" + strings.ReplaceAll(c.Real, "`", "``") + "`"
	}
	return quoteName(c)
}

// treeOf returns the tables that share rows with t, itself among them, by name.
func treeOf(cat *catalog.Catalog, t *catalog.Table) []*catalog.Table {
	if t.Root == "" {
		return []*catalog.Table{t}
	}
	var out []*catalog.Table
	for _, u := range cat.Tables {
		if u.Root == t.Root {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b *catalog.Table) int { return strings.Compare(a.Name, b.Name) })
	return out
}
