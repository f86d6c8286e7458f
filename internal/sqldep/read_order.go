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
// name may then show. An index can serve the read only if it has a column that
// the read uses or all of them.
func orderColumns(t *catalog.Table, used dep.Columns) dep.Columns {
	var out []string
	if t.RowID != "" {
		out = append(out, t.RowID)
	}
	for _, k := range t.Keys {
		if k.Primary && t.WithoutRowID || serves(t, k.Columns, used) {
			out = append(out, k.Columns...)
		}
	}
	for _, index := range t.Indexes {
		if slices.Contains(index, "") {
			return dep.AllColumns()
		}
		if serves(t, index, used) {
			out = append(out, index...)
		}
	}
	return dep.ColumnSet(out...)
}

func serves(t *catalog.Table, index []string, used dep.Columns) bool {
	covered := true
	for _, col := range used.Names {
		if slices.Contains(index, col) {
			return true
		}
		covered = covered && col == t.RowID
	}
	return covered
}
