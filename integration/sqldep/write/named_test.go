package write_test

import (
	"database/sql/driver"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// TestWritesThatMislead holds the statements whose rows are not what they seem,
// each with all regions of up to two columns judged.
func TestWritesThatMislead(t *testing.T) {
	const abc = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT); INSERT INTO t VALUES (1, 1, 0), (2, 1, 3);"
	for _, c := range []struct{ why, ddl, stmt string }{
		{
			"the first row's trigger changes the second after the WHERE has seen it",
			abc + "CREATE TRIGGER r AFTER UPDATE OF b ON t BEGIN UPDATE t SET a = 5 WHERE b = 3; END",
			"UPDATE t SET b = 7 WHERE a = 1",
		},
		{
			"the row that the first one's trigger replaces has a trigger that changes the second",
			"PRAGMA recursive_triggers = ON;" + abc + "CREATE TABLE u (k INT UNIQUE, v INT); INSERT INTO u VALUES (1, 1);" +
				"CREATE TRIGGER r AFTER UPDATE OF b ON t BEGIN INSERT OR REPLACE INTO u VALUES (1, NEW.a); END;" +
				"CREATE TRIGGER d AFTER DELETE ON u BEGIN UPDATE t SET a = 5 WHERE b = 3; END",
			"UPDATE t SET b = 7 WHERE a = 1",
		},
		{
			"its own BEFORE trigger changes the row",
			abc + "CREATE TRIGGER r BEFORE UPDATE OF b ON t BEGIN UPDATE t SET a = 5 WHERE b = 3; END",
			"UPDATE t SET b = 7 WHERE id = 2 AND a = 1",
		},
		{
			"a BEFORE trigger does not see the generated key",
			abc + "CREATE TABLE l (x INT); CREATE TRIGGER r BEFORE INSERT ON t BEGIN INSERT INTO l VALUES (NEW.id); END",
			"INSERT INTO t (a) VALUES (4)",
		},
		{
			"a BEFORE trigger does not see the default in a NULL's place",
			"CREATE TABLE t (id INTEGER PRIMARY KEY, a INT NOT NULL DEFAULT 3); CREATE TABLE l (x INT);" +
				"CREATE TRIGGER r BEFORE INSERT ON t BEGIN INSERT INTO l VALUES (NEW.a); END",
			"INSERT OR REPLACE INTO t (a) VALUES (NULL)",
		},
		{
			"OR REPLACE prevails in a trigger",
			abc + "CREATE TABLE u (k INT UNIQUE, v INT); INSERT INTO u VALUES (1, 1);" +
				"CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO u VALUES (1, 2); END",
			"INSERT OR REPLACE INTO t VALUES (9, 9, 9)",
		},
		{
			"a replaced row counts as deleted for foreign keys",
			"PRAGMA foreign_keys = ON;" + abc + "CREATE TABLE c (p INT REFERENCES t ON DELETE SET NULL); INSERT INTO c VALUES (1);",
			"REPLACE INTO t VALUES (1, 8, 8)",
		},
		{
			"a replaced row fires delete triggers under the pragma",
			"PRAGMA recursive_triggers = ON;" + abc + "CREATE TABLE l (x INT); CREATE TRIGGER r AFTER DELETE ON t BEGIN INSERT INTO l VALUES (OLD.b); END;",
			"REPLACE INTO t VALUES (2, 8, 8)",
		},
		{
			"a DDL's conflict clause makes an UPDATE delete",
			"CREATE TABLE t (id INTEGER PRIMARY KEY, a INT UNIQUE ON CONFLICT REPLACE, b INT); INSERT INTO t VALUES (1, 1, 1), (2, 2, 2);",
			"UPDATE t SET a = 2 WHERE id = 1",
		},
		{
			"an index may hold equal what the column does not",
			"CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT); CREATE UNIQUE INDEX i ON t (a COLLATE NOCASE); INSERT INTO t VALUES (1, 'x', 1);",
			"REPLACE INTO t VALUES (5, 'X', 2)",
		},
		{
			"a parent's collation rules the child's",
			"PRAGMA foreign_keys = ON; CREATE TABLE t (k TEXT PRIMARY KEY COLLATE NOCASE); CREATE TABLE c (k TEXT REFERENCES t ON DELETE CASCADE, b INT);" +
				"INSERT INTO t VALUES ('x'); INSERT INTO c VALUES ('X', 1);",
			"DELETE FROM t WHERE k = 'x'",
		},
		{
			"a cascade keeps the parent's spelling",
			"PRAGMA foreign_keys = ON; CREATE TABLE t (k TEXT PRIMARY KEY COLLATE NOCASE); CREATE TABLE c (k TEXT REFERENCES t ON UPDATE CASCADE, b INT);" +
				"INSERT INTO t VALUES ('x'); INSERT INTO c VALUES ('x', 1);",
			"UPDATE t SET k = 'Y' WHERE k = 'x'",
		},
		{
			"generated columns follow",
			"CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, g INT AS (a + 1)); INSERT INTO t (id, a) VALUES (1, 1);",
			"UPDATE t SET a = 5 WHERE id = 1 AND g = 2",
		},
		{
			"generated columns follow one another",
			"CREATE TABLE t (id INTEGER PRIMARY KEY, h INT AS (\"G\" + 1), g INT AS ([a] + 1), a INT, b INT); INSERT INTO t (id, a) VALUES (1, 1);",
			"UPDATE t SET a = 5 WHERE id = 1 AND h = 3",
		},
		{
			"generated columns follow a foreign key's action",
			"PRAGMA foreign_keys = ON; CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE c (p INT REFERENCES t ON DELETE SET NULL, g INT AS (p + 1));" +
				"INSERT INTO t VALUES (1); INSERT INTO c (p) VALUES (1);",
			"DELETE FROM t WHERE id = 1",
		},
		{
			"in UPDATE FROM a bare name may be another table's",
			abc + "CREATE TABLE o (rowid INT); INSERT INTO o VALUES (7);",
			"UPDATE t SET b = 7 FROM o WHERE rowid = 7 AND t.a = 1",
		},
		{
			"the rowid is a key without a column",
			"CREATE TABLE t (a INT, b INT); INSERT INTO t (rowid, a, b) VALUES (5, 1, 1);",
			"INSERT INTO t (rowid, a, b) VALUES (5, 2, 2) ON CONFLICT DO UPDATE SET b = 9",
		},
		{
			"a rowid that moves",
			"CREATE TABLE t (a INT, b INT); INSERT INTO t (rowid, a, b) VALUES (5, 1, 1);",
			"UPDATE t SET rowid = 6 WHERE a = 1",
		},
		{
			"cascades that go round",
			"PRAGMA foreign_keys = ON; CREATE TABLE t (id INTEGER PRIMARY KEY, p INT REFERENCES t ON DELETE CASCADE, b INT);" +
				"INSERT INTO t VALUES (1, NULL, 1), (2, 1, 2), (3, 2, 3), (4, 3, 4);",
			"DELETE FROM t WHERE id = 1",
		},
		{
			"a trigger may go on where nothing more is known",
			"PRAGMA recursive_triggers = ON; CREATE TABLE t (id INTEGER PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 2), (2, 3), (3, 4);" +
				"CREATE TRIGGER r AFTER DELETE ON t BEGIN DELETE FROM t WHERE id = OLD.a; END",
			"DELETE FROM t WHERE id = 1 AND a = 2",
		},
		{
			"what a running trigger keeps from happening may happen elsewhere",
			"CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE u (k INT); INSERT INTO t VALUES (1), (2); INSERT INTO u VALUES (2);" +
				"CREATE TRIGGER a AFTER DELETE ON t BEGIN DELETE FROM u WHERE k = OLD.id; END;" +
				"CREATE TRIGGER b AFTER DELETE ON u BEGIN DELETE FROM t WHERE id = 2; END;" +
				"CREATE TRIGGER c AFTER DELETE ON t BEGIN DELETE FROM t WHERE id = 2; END",
			"DELETE FROM t WHERE id = 1",
		},
		{
			"no row affected, and a trigger has written",
			abc + "CREATE TABLE l (x INT); CREATE TRIGGER r BEFORE UPDATE ON t BEGIN INSERT INTO l VALUES (1); SELECT RAISE(IGNORE); END",
			"UPDATE t SET b = 7",
		},
		{
			"a row that is the second of the alternatives",
			abc, "UPDATE t SET b = 7 WHERE id = 1 AND a IN (99, 1, 2, 3)",
		},
		{
			"a row that is the second of the alternatives of an OR",
			abc, "UPDATE t SET b = 7 WHERE id = 1 AND (a = 99 OR b < 1000)",
		},
		{
			"a row that goes by the second of the alternatives",
			abc, "DELETE FROM t WHERE a = 99 OR id = 1",
		},
		{
			"a trigger that fires itself",
			"PRAGMA recursive_triggers = ON;" + abc + "CREATE TRIGGER r AFTER UPDATE ON t WHEN NEW.b < 9 BEGIN UPDATE t SET b = b + 1 WHERE id = NEW.id + 1 OR id = NEW.id; END",
			"UPDATE t SET b = 5 WHERE id = 1",
		},
	} {
		t.Run(c.why, func(t *testing.T) { judgeNamed(t, c.ddl, c.stmt) })
	}
}

func judgeNamed(t *testing.T, ddl, stmt string) {
	conn := lite.Open(t, ddl)
	b := &bench{
		t: t, m: &maker{Rand: rand.New(rand.NewPCG(1, 1))}, conn: conn, cat: lite.Catalog(t, conn),
		planner: sqldep.NewPlanner(catalog.SQLite, 0), tally: &tally{}, ddl: ddl,
	}
	bound := b.planner.Plan(stmt, b.cat)
	before := b.dump()
	plain := bound.Changes(nil, sqldep.Facts{})
	facts, ran := b.run(bound, stmt, nil, []driver.NamedValue{})
	if !ran {
		t.Fatal("the statement failed")
	}
	after := b.dump()
	unread := facts
	if facts.Old != nil {
		unread.Old = dep.Image{} // no column of the row was of interest when it was read
	}
	for _, changes := range [][]dep.Change{plain, bound.Changes(nil, facts), bound.Changes(nil, unread)} {
		for name, rows := range before {
			table := b.cat.Tables[name]
			for _, r := range slices.Concat(rows, after[name]) {
				for i := range table.Columns {
					for j := range table.Columns {
						for _, cols := range []dep.Columns{{}, dep.AllColumns()} {
							b.look(stmt, nil, "", table, r, slices.Compact([]int{i, j}), cols, changes, rows, after[name])
						}
					}
				}
			}
		}
	}
	if b.tally.Regions == 0 {
		t.Error("nothing changed")
	}
}
