package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// role makes a role of the test's own.
func (w *world) role(how string) string {
	w.Helper()
	name := "cacheops_role_" + w.dsn[strings.LastIndex(w.dsn, "_")+1:strings.LastIndex(w.dsn, "?")]
	trial.Exec(w, w.Bare, "CREATE ROLE "+name+" "+how)
	w.Cleanup(func() {
		trial.Exec(w, w.Bare, "DROP OWNED BY "+name)
		trial.Exec(w, w.Bare, "DROP ROLE "+name)
	})
	return name
}

// as is the data source name of another user.
func (w *world) as(role string) string {
	return strings.Replace(w.dsn, "postgres@", role+"@", 1)
}

// guarded is a world whose reader is kept from rows by row-level security, and says
// by Scope that all its reads are for one and the same.
type guarded struct {
	*world
	reader, bare *sql.DB
}

func guard(t *testing.T, statements ...string) *guarded {
	t.Helper()
	w := onPgx(t, nil)
	w.fill()
	role := w.role("LOGIN")
	for _, q := range statements {
		trial.Exec(t, w.DB, q)
	}
	trial.Exec(t, w.DB, "GRANT ALL ON ALL TABLES IN SCHEMA public TO "+role)
	c := pgxConnector(t, w.as(role)+"&app.kind=1")
	return &guarded{w, trial.Closing(t, sqlcache.OpenDB(w.Cache, c, &sqlcache.Options{
		Scope: func(context.Context) (string, bool) { return "kind 1", true },
	})), trial.Closing(t, sql.OpenDB(c))}
}

// seen compares what the reader is told with what the database lets it see, twice.
func (g *guarded) seen(after string, qs ...string) {
	g.Helper()
	for _, q := range qs {
		want, _ := trial.Read(g, g.bare, q)
		for range 3 {
			if got, r := trial.Read(g, g.reader, q); got != want {
				g.Errorf("after %s, %s: the cache says %s, the database %s (%+v)", after, q, got, want, r)
			}
		}
	}
}

// What a policy reads besides the row, a read of its table reads as well; and what it
// looks at in the row, the read uses.
func TestPolicyThatReads(t *testing.T) {
	g := guard(t, "CREATE TABLE allowed (kind INTEGER)", "INSERT INTO allowed VALUES (1)", "CREATE VIEW allowing AS SELECT kind FROM allowed",
		"CREATE TABLE plain (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT)", "CREATE TABLE deep (id INTEGER PRIMARY KEY, kind INTEGER)",
		"CREATE TABLE far (id INTEGER PRIMARY KEY, kind INTEGER)", "CREATE TABLE called (id INTEGER PRIMARY KEY, kind INTEGER)",
		"INSERT INTO plain SELECT * FROM item", "INSERT INTO deep SELECT id, kind FROM item", "INSERT INTO far SELECT id, kind FROM item", "INSERT INTO called SELECT id, kind FROM item",
		"CREATE FUNCTION granted(INTEGER) RETURNS BOOLEAN LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM allowed WHERE kind = $1)'",
		"ALTER TABLE item ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON item USING (kind IN (SELECT kind FROM allowed))",
		"ALTER TABLE plain ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON plain USING (kind = current_setting('app.kind')::integer)",
		"ALTER TABLE deep ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON deep USING (EXISTS (SELECT FROM item WHERE item.id = deep.id))",
		"ALTER TABLE far ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON far USING (kind IN (SELECT kind FROM allowing))",
		"ALTER TABLE called ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON called USING (granted(kind))",
		"CREATE VIEW shown WITH (security_invoker = true) AS SELECT name FROM item WHERE id < 3")
	reads := []string{
		one, "SELECT name FROM item WHERE id = 1", "SELECT count(*) FROM item", "SELECT count(*) FROM shown", "SELECT name FROM plain WHERE id = 1",
		"SELECT count(*) FROM deep", "SELECT count(*) FROM far", "SELECT count(*) FROM called", "SELECT p.id, i.id FROM plain p LEFT JOIN item i ON i.id = p.id ORDER BY 1",
	}
	g.seen("the policies", reads...)
	for _, q := range []string{reads[1], reads[4], reads[5], reads[6]} {
		g.WarmOn(g.reader, q)
	}
	for _, q := range []string{
		"DELETE FROM allowed", "INSERT INTO allowed VALUES (1)", "UPDATE plain SET kind = 2 WHERE id = 1", "UPDATE item SET kind = 3 WHERE id = 1", "UPDATE plain SET kind = 1 WHERE id = 1",
		"UPDATE allowed SET kind = 2", "TRUNCATE allowed", "INSERT INTO allowed VALUES (3), (1)",
	} {
		trial.Exec(t, g.DB, q)
		g.seen(q, reads...)
	}
}

// A policy may ask the clock.
func TestPolicyThatAsksTheClock(t *testing.T) {
	g := guard(t, "CREATE TABLE timed (id INTEGER PRIMARY KEY, until TIMESTAMPTZ)", "INSERT INTO timed VALUES (1, now() + interval '1 hour')",
		"ALTER TABLE timed ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON timed USING (until > now())",
		"ALTER TABLE item ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON item USING (CURRENT_TIMESTAMP > '2000-01-01' AND CURRENT_USER <> 'nobody')",
		"CREATE VIEW shown AS SELECT id FROM timed")
	for _, q := range []string{"SELECT id FROM timed", "SELECT count(*) FROM shown", one} {
		for range 3 {
			if _, r := trial.Read(t, g.reader, q); r.Hit {
				t.Errorf("%s: a hit", q)
			}
		}
	}
}

// What a policy calls may write, with a read of its table or with a write to it.
func TestPolicyThatWrites(t *testing.T) {
	g := guard(t, "CREATE TABLE log (id SERIAL, x INTEGER)", "GRANT ALL ON SEQUENCE log_id_seq TO PUBLIC",
		"CREATE FUNCTION noted(INTEGER) RETURNS BOOLEAN LANGUAGE sql AS 'INSERT INTO log (x) VALUES ($1) RETURNING true'",
		"CREATE TABLE entry (id INTEGER PRIMARY KEY)", "ALTER TABLE entry ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON entry USING (true) WITH CHECK (noted(id))",
		"ALTER TABLE item ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON item USING (noted(id))",
		"CREATE VIEW shown WITH (security_invoker = true) AS SELECT name FROM item WHERE id = 1")
	const logs = "SELECT count(*) FROM log"
	for _, q := range []string{"INSERT INTO entry VALUES (1)", "UPDATE entry SET id = 2", "SELECT name FROM item WHERE id = 1", "SELECT name FROM shown", "DELETE FROM item WHERE id = 1"} {
		g.WarmOn(g.reader, logs)
		if _, err := trial.Rows(context.Background(), g.reader, q); err != nil {
			t.Fatal(err)
		}
		g.seen(q, logs)
	}
}

// apart has a test use a server of its own: roles are a whole server's, and when they
// change all caches on it begin anew.
func apart(t *testing.T) {
	t.Helper()
	t.Setenv("CACHEOPS_TEST_POSTGRES", newPrimary(t).dsn())
}

// Who has lost a right is told so, and not what others may still read.
func TestRevoke(t *testing.T) {
	apart(t)
	state := func(db *sql.DB, q string) string {
		var coded interface{ SQLState() string }
		if _, err := trial.Rows(context.Background(), db, q); errors.As(err, &coded) {
			return coded.SQLState()
		}
		return ""
	}
	for _, past := range []bool{false, true} {
		t.Run(map[bool]string{false: "through the cache", true: "past it"}[past], func(t *testing.T) {
			w := onPgx(t, nil)
			w.fill()
			role := w.role("LOGIN")
			group := role + "_g"
			trial.Exec(t, w.Bare, "CREATE ROLE "+group)
			t.Cleanup(func() {
				trial.Exec(t, w.Bare, "DROP OWNED BY "+group)
				trial.Exec(t, w.Bare, "DROP ROLE "+group)
			})
			reader := trial.Closing(t, sqlcache.OpenDB(w.Cache, pgxConnector(t, w.as(role)), &sqlcache.Options{SchemaCheck: 1}))
			bare := trial.Closing(t, sql.OpenDB(pgxConnector(t, w.as(role))))
			by := w.DB
			if past {
				by = w.Bare
			}
			for _, right := range []struct{ grant, revoke string }{
				{"GRANT SELECT ON item TO " + role, "REVOKE SELECT ON item FROM " + role},
				{"GRANT SELECT (id, kind, name) ON item TO " + role, "REVOKE SELECT (name) ON item FROM " + role},
				{"GRANT SELECT ON item TO " + group + "; GRANT " + group + " TO " + role, "REVOKE " + group + " FROM " + role},
				{"GRANT SELECT ON item TO " + role, "REVOKE USAGE ON SCHEMA public FROM PUBLIC"},
			} {
				trial.Exec(t, by, right.grant)
				w.WarmOn(reader, one)
				trial.Exec(t, by, right.revoke)
				if past { // hits look at nothing
					state(reader, kinds)
				}
				if got, want := state(reader, one), state(bare, one); got != want || want == "" {
					t.Errorf("after %s: the cache's error is %q, the database's %q", right.revoke, got, want)
				}
				trial.Exec(t, w.DB, "REVOKE ALL ON item FROM "+role+", "+group)
			}
		})
	}
}

// What a role may read depends on more than grants: what it is, and what it owns.
func TestRoleThatChangesPastTheCache(t *testing.T) {
	told := func(db *sql.DB, q string) string {
		rows, err := trial.Rows(context.Background(), db, q)
		var coded interface{ SQLState() string }
		if errors.As(err, &coded) {
			return coded.SQLState()
		}
		return rows
	}
	apart(t)
	w := onPgx(t, nil)
	w.fill()
	role := w.role("LOGIN")
	database, _ := trial.Read(t, w.Bare, "SELECT current_database()")
	database = strings.Trim(database, "[]")
	trial.Script(t, w.Bare, "CREATE SCHEMA other", "CREATE TABLE other.item AS TABLE item", "GRANT SELECT ON other.item TO PUBLIC",
		"CREATE TABLE guarded AS TABLE item", "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY", "GRANT SELECT ON guarded TO PUBLIC")
	reader := trial.Closing(t, sqlcache.OpenDB(w.Cache, pgxConnector(t, w.as(role)), &sqlcache.Options{
		SchemaCheck: 1, Scope: func(context.Context) (string, bool) { return "all", true },
	}))
	bare := trial.Closing(t, sql.OpenDB(pgxConnector(t, w.as(role))))
	for _, c := range []struct{ before, read, change string }{
		{"ALTER ROLE " + role + " SUPERUSER", one, "ALTER ROLE " + role + " NOSUPERUSER"},
		{"ALTER ROLE " + role + " BYPASSRLS", "SELECT count(*) FROM guarded", "ALTER ROLE " + role + " NOBYPASSRLS"},
		{"ALTER SCHEMA other OWNER TO " + role, "SELECT name FROM other.item WHERE id = 1", "ALTER SCHEMA other OWNER TO postgres"},
		{"GRANT SELECT ON item TO pg_database_owner; ALTER DATABASE " + database + " OWNER TO " + role, one, "ALTER DATABASE " + database + " OWNER TO postgres"},
		{"GRANT pg_read_all_data TO " + role, one, "ALTER ROLE " + role + " NOINHERIT"},
	} {
		trial.Exec(t, w.DB, c.before)
		w.WarmOn(reader, c.read)
		was := told(bare, c.read)
		trial.Exec(t, w.Bare, c.change)
		told(reader, kinds) // hits look at nothing
		if got, want := told(reader, c.read), told(bare, c.read); got != want || got == was {
			t.Errorf("after %s: the cache says %s, the database %s, and before %s", c.change, got, want, was)
		}
	}
}
