package elsewhere_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// PostgreSQL's triggers that are a statement's fire where it writes no row, and those
// of both events of an upsert whatever becomes of its rows.
func TestTriggersOfStatements(t *testing.T) {
	db := live.Postgres(t, pgx.QueryExecModeDescribeExec, map[string]string{"TimeZone": "UTC"})
	for _, c := range []struct {
		event  string
		writes []string
	}{
		{"AFTER INSERT", []string{
			"INSERT INTO t VALUES (1, 7, 7) ON CONFLICT (id) DO UPDATE SET b = 5",
			"INSERT INTO t VALUES (1, 7, 7), (2, 9, 9) ON CONFLICT (id) DO UPDATE SET b = 5",
			"INSERT INTO t SELECT 9, 9, 9 WHERE false",
			"MERGE INTO t USING (SELECT 1 AS x) s ON t.id = s.x WHEN NOT MATCHED THEN INSERT VALUES (9, 9, 9)",
		}},
		{"BEFORE UPDATE OF b", []string{
			"INSERT INTO t VALUES (5, 7, 7) ON CONFLICT (id) DO UPDATE SET b = 5",
			"INSERT INTO t VALUES (5, NULL, 7) ON CONFLICT (k) DO UPDATE SET b = 5",
			"UPDATE t SET b = 3 WHERE id = 99",
			"UPDATE t SET b = 3 WHERE id = 99 RETURNING b",
			"UPDATE t SET b = 3 WHERE id IN (NULL)",
			"WITH c AS (UPDATE t SET b = 3 WHERE id IN (NULL)) SELECT 1",
			"MERGE INTO t USING (SELECT 1 AS x) s ON t.id = s.x AND t.b IN (NULL) WHEN MATCHED THEN UPDATE SET b = 3",
		}},
		{"AFTER DELETE", []string{
			"DELETE FROM t WHERE id = 99",
			"DELETE FROM t WHERE id = 99 RETURNING *",
			"DELETE FROM t WHERE id IN (NULL)",
			"MERGE INTO t USING (SELECT 1 AS x) s ON t.id = s.x AND t.b IN (NULL) WHEN MATCHED THEN DELETE",
		}},
	} {
		for _, write := range c.writes {
			t.Run(write, func(t *testing.T) {
				w := given(t, catalog.PostgreSQL, db, "CREATE TABLE t (id int PRIMARY KEY, k int UNIQUE, b int); CREATE TABLE u (id int PRIMARY KEY, n int);"+
					"INSERT INTO t VALUES (1, 1, 1), (2, 2, 2); INSERT INTO u VALUES (1, 1);"+
					"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE u SET n = n + 1; RETURN NULL; END $$;"+
					"CREATE TRIGGER g "+c.event+" ON t EXECUTE FUNCTION f()")
				w.fires(write)
			})
		}
	}
}

// A row may come after we looked for it, and a trigger write another table before it
// keeps the row from being written: nothing is affected then.
func TestTriggersThatSuppress(t *testing.T) {
	db := live.Postgres(t, pgx.QueryExecModeDescribeExec, map[string]string{"TimeZone": "UTC"})
	w := given(t, catalog.PostgreSQL, db, "CREATE TABLE t (id int PRIMARY KEY, b int); CREATE TABLE u (id int PRIMARY KEY, n int); INSERT INTO u VALUES (1, 1);"+
		"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE u SET n = n + 1; RETURN NULL; END $$;"+
		"CREATE TRIGGER g BEFORE UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()")
	defer w.clear()
	u, _ := w.cat.Lookup("", "u")
	for write, facts := range map[string]sqldep.Facts{
		"UPDATE t SET b = 3 WHERE id = 1":                                          {Read: true},
		"DELETE FROM t WHERE id = 1":                                               {Read: true},
		"INSERT INTO t VALUES (1, 1), (2, 2) ON CONFLICT (id) DO UPDATE SET b = 3": {Affected: 1, Counts: sqldep.Counts{Known: true, Inserted: 1}},
	} {
		facts.Ran = true
		changes := sqldep.NewPlanner(w.d, 0).Plan(write, w.cat).Changes(nil, facts)
		if !slices.ContainsFunc(changes, func(c dep.Change) bool { return c.Table == u.Name }) {
			t.Errorf("%s changes %+v", write, changes)
		}
	}
}

// MySQL's triggers before an INSERT fire for a row that is then not inserted.
func TestTriggersBeforeUpserts(t *testing.T) {
	for i, write := range []string{
		"INSERT INTO t VALUES (1, 7, 7) ON DUPLICATE KEY UPDATE b = 5",
		"INSERT INTO t VALUES (1, 7, 7) ON DUPLICATE KEY UPDATE b = 1",
		"INSERT IGNORE INTO t VALUES (1, 7, 7)",
		"REPLACE INTO t VALUES (1, 1, 7)",
		"REPLACE INTO t VALUES (1, 1, 1)",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w := given(t, catalog.MySQL, live.MySQL(t, false, "parseTime=true"), "CREATE TABLE t (id int PRIMARY KEY, k int UNIQUE, b int); CREATE TABLE u (id int PRIMARY KEY, n int); "+
				"INSERT INTO t VALUES (1, 1, 1), (2, 2, 2); INSERT INTO u VALUES (1, 1); CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW UPDATE u SET n = n + 1")
			w.fires(write)
		})
	}
}

// fires judges a write that sets a trigger off which counts in the table u.
func (w *world) fires(write string) {
	defer w.clear()
	w.look()
	f := figures{why: map[string]int{}}
	w.given(sqldep.NewPlanner(w.d, 0), &f, nil, "given", write, nil)
	var n int
	if err := w.conn.QueryRowContext(w.t.Context(), "SELECT n FROM u").Scan(&n); err != nil || n < 2 || f.failedWrites > 0 {
		w.t.Errorf("counted to %d, %d writes failed: %v", n, f.failedWrites, err)
	}
}
