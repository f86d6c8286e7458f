package elsewhere_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// A row that an upsert moves out of the way of one that it proposes leaves its place
// to the next that it proposes with the same key: that one is inserted, although the
// key was there before.
func TestUpsertsThatMoveRows(t *testing.T) {
	const made = "CREATE TABLE t (id int PRIMARY KEY, k int UNIQUE, b int); INSERT INTO t VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);"
	trigger := func(body string) string {
		return "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + body + "; RETURN NEW; END $$; CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();"
	}
	db := live.Postgres(t, pgx.QueryExecModeDescribeExec, map[string]string{"TimeZone": "UTC"})
	for i, c := range []struct{ ddl, write string }{
		{made, "INSERT INTO t VALUES (5, 1, 7), (6, 1, 77) ON CONFLICT (k) DO UPDATE SET k = 100"},
		{made, "INSERT INTO t VALUES (5, 1, 7), (6, 1, 77) ON CONFLICT (k) DO UPDATE SET k = t.k + 100, b = excluded.b"},
		{made, "INSERT INTO t VALUES (5, 1, 7), (6, 1, 77) ON CONFLICT (k) DO UPDATE SET k = NULL RETURNING *"},
		{made, "INSERT INTO t VALUES (5, 1, 7), (6, 1, 77) ON CONFLICT (k) DO UPDATE SET k = excluded.b + 10 WHERE t.b = 1"},
		{made, "INSERT INTO t VALUES (5, 3, 7), (6, 2, 77) ON CONFLICT (k) DO UPDATE SET k = t.k + 1, b = excluded.b"},
		{made, "INSERT INTO t VALUES (5, 3, 7), (6, 2, 77) ON CONFLICT (k) DO UPDATE SET k = t.k + 1, b = excluded.b RETURNING k, b"},
		{made + trigger("NEW.k := NEW.k + 100"), "INSERT INTO t VALUES (5, 1, 7), (6, 1, 77) ON CONFLICT (k) DO UPDATE SET b = 5"},
		{made + trigger("NEW.k := NEW.k + 100"), "INSERT INTO t VALUES (5, 1, 7), (6, 1, 77) ON CONFLICT (k) DO UPDATE SET b = excluded.b RETURNING *"},
		{made + trigger("NEW.k := NEW.k + 1"), "INSERT INTO t VALUES (5, 3, 7), (6, 2, 77) ON CONFLICT (k) DO UPDATE SET b = excluded.b"},
		{made + trigger("NEW.k := NEW.k + 1"), "INSERT INTO t VALUES (5, 3, 7), (6, 2, 77), (7, 9, 9) ON CONFLICT (k) DO UPDATE SET b = excluded.b"},
		{made + trigger("NEW.k := NEW.k + 1"), "INSERT INTO t VALUES (5, 3, 7), (6, 2, 77) ON CONFLICT (k) DO UPDATE SET b = excluded.b RETURNING *"},
		{made + trigger("NEW.id := NEW.id + 100"), "INSERT INTO t VALUES (1, 9, 9), (1, 10, 9) ON CONFLICT (id) DO UPDATE SET b = excluded.b"},
		{made + trigger("NEW.id := NEW.id + 100"), "INSERT INTO t VALUES (1, 9, 9) ON CONFLICT (id) DO UPDATE SET b = excluded.b"},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w := given(t, catalog.PostgreSQL, db, c.ddl)
			defer w.clear()
			w.look()
			f := figures{why: map[string]int{}}
			w.given(sqldep.NewPlanner(w.d, 0), &f, nil, "given", c.write, nil)
			if f.failedWrites > 0 {
				t.Error("the write failed")
			}
		})
	}
}

// look takes the tables as they are for the state from which writes are judged.
func (w *world) look() {
	w.state = make(map[*relation][]row)
	for _, rel := range w.tables {
		w.state[rel] = w.snapshot(rel)
	}
}
