package elsewhere_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// What an UPDATE counts up or down is computed from the row before it, or else read
// after it. Every region in which the row was or is must be dropped, whatever the
// server makes of a number that does not fit.
func TestCountedColumns(t *testing.T) {
	types := []string{"int", "tinyint", "int unsigned zerofill", "bigint", "bigint unsigned", "decimal(6,1)", "double", "varchar(10)", "bit(8)", "year", "boolean", "set('1','2')"}
	sets := []string{
		"a = a + 1", "a = a - 1", "a = 1 + a", "a = 1 - a", "a = a + -1", "a = a - -1", "a = a + 300", "a = a - 300", "a = a + 1.5", "a = a + '1'", "a = a + '1e0'", "a = a + NULL", "a = a + TRUE", "a = a + 0x1",
		"a = a + 9223372036854775807", "a = a - 9223372036854775807", "a = a + 18446744073709551615", "a = a + a", "a = b + 1", "a = a + 1, a = a + 1", "b = a + 1, a = a + 1", "a = a + 1, b = a + 1", "b = 9, a = t.a + 1",
		"a = b, b = b + 1", "a = -a + 1", "a = a + 1 + 1", "a = a * 2", "a = a + b'1'", "a = (a + 1)", "a = a + 1, b = DEFAULT", "a = a + 1e0", "a = a - 0", "b = b + 1", "a = a + DATE '2024-01-01'",
	}
	args := []any{2, uint64(2), uint8(1), int64(2), int64(-2), int64(9223372036854775807), int64(-9223372036854775808), 0.5, "1", "x", nil, true, []byte("1")}
	for _, interpolate := range []bool{false, true} {
		db := live.MySQL(t, interpolate, "parseTime=true")
		for _, typ := range types {
			for _, mode := range []string{"STRICT_ALL_TABLES", "NO_UNSIGNED_SUBTRACTION"} {
				t.Run(fmt.Sprintf("%s in mode %q, interpolated %t", typ, mode, interpolate), func(t *testing.T) {
					w := given(t, catalog.MySQL, db, "SET sql_mode = '"+mode+"'; CREATE TABLE t (id int PRIMARY KEY, a "+typ+", b int DEFAULT 4, g int AS (b + 1) STORED, h int AS (length(a)) VIRTUAL)")
					defer w.clear()
					for _, arg := range args {
						for _, set := range []string{"a = a + ?", "a = a - ?", "a = ? - a"} {
							w.countedFrom("UPDATE t SET "+set+" WHERE id = 1", arg)
						}
					}
					for _, set := range sets {
						if !interpolate { // it makes no difference
							w.countedFrom("UPDATE t SET " + set + " WHERE id = 1")
						}
					}
				})
			}
		}
	}
}

// countedFrom runs an update of row 1 from each of some values.
func (w *world) countedFrom(text string, args ...any) {
	rel := w.tables[0]
	for _, from := range []string{"1", "127", "255", "9223372036854775807", "NULL"} {
		if _, err := w.conn.ExecContext(w.t.Context(), "REPLACE INTO t (id, a, b) VALUES (1, "+from+", 5)"); err != nil {
			continue // it is no value of the column's
		}
		before := w.ordered(rel)
		plan := sqldep.NewPlanner(w.d, 0).Plan(text, w.cat)
		target, ok := plan.Target(arguments(args))
		if !ok {
			w.t.Fatalf("%s has no target", text)
		}
		facts := sqldep.Facts{Ran: true, Affected: -1, Read: true, Old: w.image(rel, before[0])}
		if w.write(text, args, &facts) != nil {
			continue
		}
		after := w.ordered(rel)
		facts.New = slices.DeleteFunc(w.image(rel, after[0]), func(f dep.Field) bool { return !slices.Contains(target.ReadAfter, f.Col) })
		changes := plan.Changes(arguments(args), facts)
		if u, ok := missed(w.exact(rel, before, after), changes); ok {
			w.t.Errorf("%s %v from %s\nfacts %+v\nchanges %+v\nmisses %+v", text, args, from, facts, changes, u)
		}
	}
}
