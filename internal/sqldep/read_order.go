package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// orderColumns returns the columns that decide in which order SQLite visits the
// rows of a table, for a read that uses the columns used. Rows that ORDER BY
// leaves equal, the rows that a LIMIT keeps among them, come in the order of
// the rowid or of an index; a change of a column that the statement does not
// name may then show. See serves for which indexes
// matter.
//
// With sure unset SQLite may use fewer columns than used has. Of a table WITHOUT
// ROWID it may scan any index, whether that helps or not.
func orderColumns(t *catalog.Table, used dep.Columns, sure bool, sorts *sortTerms) dep.Columns {
	var out []string
	if t.RowID != "" {
		out = append(out, t.RowID)
	}
	every := !sure || t.WithoutRowID || slices.Contains(used.Names, t.RowID) && sorts.byRowID(t)
	serves := func(index []string) bool {
		return serves(t, index, used) ||
			slices.ContainsFunc(index, func(col string) bool { return slices.Contains(used.Names, col) && sorts.has(col) })
	}
	for _, k := range t.Keys {
		if every || serves(k.Columns) {
			out = append(out, k.Columns...)
		}
	}
	for _, index := range t.Indexes {
		if every || serves(index) {
			out = append(out, index...)
		}
	}
	for _, index := range t.PartialIndexes {
		out = append(out, index...)
	}
	if slices.Contains(out, "") {
		return dep.AllColumns() // an expression, over whatever columns
	}
	return dep.ColumnSet(out...)
}

// serves reports whether an index may decide the order in which a read visits
// its rows: its first column is one that the read uses, or it holds all of
// them, its rows' keys being part of every index. An index whose first column
// the read does not name is otherwise of use to a skip-scan, for which SQLite wants
// the statistics of ANALYZE, and where a column is sorted by that it holds anywhere:
// SQLite then tries to walk it, whether that sorts or not (indexMightHelpWithOrderBy
// in its where.c).
func serves(t *catalog.Table, index []string, used dep.Columns) bool {
	covered := true
	for _, col := range used.Names {
		if index[0] == col || index[0] == "" || t.Analyzed && slices.Contains(index, col) {
			return true
		}
		covered = covered && (slices.Contains(index, col) || isRowKey(t, col))
	}
	return covered
}

// isRowKey reports whether col is part of what locates a row.
func isRowKey(t *catalog.Table, col string) bool {
	if !t.WithoutRowID {
		return col == t.RowID
	}
	return len(t.Keys) == 0 || t.Keys[0].Primary && slices.Contains(t.Keys[0].Columns, col)
}

// settle takes the order from the mentions of which ORDER BY names a whole key,
// in a core that passes on its rows. Rows that such an ORDER BY leaves equal
// have the same row of that table, so they come in the order of the rows of the
// other tables, in whichever order this one is visited. PostgreSQL's sort is not
// stable, but repeats itself: there only an ORDER BY that leaves no rows equal
// settles anything.
func settle(order []Order, sc *scope) {
	named := map[place]bool{}
	for _, o := range order {
		if c, ok := o.Expr.(*Column); ok && (slices.Contains(sc.aliases, c.Name) || sc.shows(c)) {
			continue // what is shown comes first here
		}
		if m, col, ok := sc.operand(o.Expr); ok {
			named[place{m, col.Name}] = true
		}
	}
	whole := sc.a.cat.Dialect == catalog.PostgreSQL
	if whole && !sc.settled(named) {
		return
	}
	for _, src := range sc.sources {
		if whole || src.m != nil && src.m.pinnedBy(func(col string) bool { return named[place{src.m, col}] }) {
			src.m.ordered = false
		}
	}
}

// settled reports whether values of the columns in known leave one row of every source:
// what a key of it is equal to may be a column of another one whose row is known.
func (s *scope) settled(known map[place]bool) bool {
	f := &facts{conds: slices.Clone(s.facts.conds)}
	for _, o := range s.tree.outer {
		f.add(s.joinCond(o.join)) // a row of the side that lacks it is one of NULLs
	}
	done := map[*mention]bool{}
	has := func(m *mention, col string) bool {
		return known[place{m, col}] || slices.ContainsFunc(f.conds, func(c *cond) bool {
			return c.kind == condSame && (c.m == m && c.name == col && done[c.other] || c.other == m && c.otherCol.Name == col && done[c.m])
		})
	}
	for more := true; more; {
		more = false
		for _, src := range s.sources {
			if m := src.m; m != nil && !done[m] && m.pinnedBy(func(col string) bool { return has(m, col) }) {
				done[m], more = true, true
			}
		}
	}
	return !slices.ContainsFunc(s.sources, func(src *source) bool { return src.m == nil || !done[src.m] })
}

// shows reports whether ORDER BY may take a name for that of an item of the select
// list which is not the column: PostgreSQL calls an item without a name after its
// function, and a cast after its column or its type.
func (s *scope) shows(c *Column) bool {
	return c.Table == "" && s.a.cat.Dialect == catalog.PostgreSQL && slices.ContainsFunc(s.items, func(r ResultColumn) bool {
		if r.Star || r.Alias != "" {
			return false
		}
		switch e := r.Expr.(type) {
		case *Column, *Param, *Lifted:
			return false
		case *Func:
			return e.Name == c.Name || e.Odd
		case *Binary:
			return e.Op == OpOther
		}
		return true
	})
}

// pinnedBy reports whether every column of a key that admits one row is among
// the given ones.
func (m *mention) pinnedBy(has func(col string) bool) bool {
	for _, k := range m.table.Keys {
		if k.Pins && !slices.ContainsFunc(k.Columns, func(col string) bool { return !has(col) }) {
			return true
		}
	}
	return false
}
