package write_test

import (
	"database/sql/driver"
	"testing"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// BenchmarkChanges is the cost of knowing what a write changes, its plan being
// known.
func BenchmarkChanges(b *testing.B) {
	conn := lite.Open(b, "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT, c TEXT, d REAL)")
	cat, planner := lite.Catalog(b, conn), sqldep.NewPlanner(catalog.SQLite, 0)
	for _, c := range []struct{ name, text string }{
		{"update", "UPDATE t SET b = ?, d = ? WHERE id = ?"},
		{"insert", "INSERT INTO t (a, b, d) VALUES (?, ?, ?)"},
		{"delete", "DELETE FROM t WHERE a = ? AND b = ? AND id = ?"},
	} {
		b.Run(c.name, func(b *testing.B) {
			args := []driver.NamedValue{{Ordinal: 1, Value: "x"}, {Ordinal: 2, Value: 2.5}, {Ordinal: 3, Value: int64(7)}}
			b.ReportAllocs()
			for b.Loop() {
				bound := planner.Plan(c.text, cat)
				bound.Changes(args, sqldep.Facts{})
				bound.Target(args)
			}
		})
	}
}
