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
// With sure unset SQLite may use fewer columns than used has.
func orderColumns(t *catalog.Table, used dep.Columns, sure bool) dep.Columns {
	var out []string
	if t.RowID != "" {
		out = append(out, t.RowID)
	}
	for _, k := range t.Keys {
		if k.Primary && t.WithoutRowID || !sure || serves(t, k.Columns, used) {
			out = append(out, k.Columns...)
		}
	}
	for _, index := range t.Indexes {
		if !sure || serves(t, index, used) {
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
// the read does not name is otherwise of use to a skip-scan alone, for which
// SQLite wants the statistics of ANALYZE.
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

// settles reports whether ORDER BY puts the rows of the only table of a core
// into one certain order: its terms hold all columns of a key of that table.
func settles(order []Order, sc *scope) bool {
	if len(sc.sources) != 1 || sc.sources[0].m == nil {
		return false
	}
	named := map[string]bool{}
	for _, o := range order {
		if c, ok := o.Expr.(*Column); ok && slices.Contains(sc.aliases, c.Name) {
			continue // the alias comes first here
		}
		if m, col, ok := sc.operand(o.Expr); ok && m == sc.sources[0].m {
			named[col.Name] = true
		}
	}
	for _, k := range sc.sources[0].m.table.Keys {
		if k.Pins && !slices.ContainsFunc(k.Columns, func(col string) bool { return !named[col] }) {
			return true
		}
	}
	return false
}
