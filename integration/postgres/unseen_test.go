package postgres

import (
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// What a user's aggregate calls may read tables, and write them, though every
// aggregate is declared immutable.
func TestUserAggregate(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		trial.Script(w, w.DB,
			"CREATE TABLE rate (r INTEGER)",
			"INSERT INTO rate VALUES (1)",
			"CREATE FUNCTION step(INTEGER, INTEGER) RETURNS INTEGER LANGUAGE sql STABLE AS 'SELECT $1 + $2 * (SELECT r FROM rate LIMIT 1)'",
			"CREATE FUNCTION noted(INTEGER, INTEGER) RETURNS INTEGER LANGUAGE sql AS 'INSERT INTO rate VALUES ($2) RETURNING 1'",
			"CREATE AGGREGATE rated(INTEGER) (sfunc = step, stype = INTEGER, initcond = '0')",
			"CREATE AGGREGATE noting(INTEGER) (sfunc = noted, stype = INTEGER, initcond = '0')",
			"CREATE AGGREGATE plain(INTEGER) (sfunc = int4pl, stype = INTEGER, initcond = '0')",
		)
		w.Same("SELECT rated(kind) FROM item")
		trial.Exec(w, w.DB, "UPDATE rate SET r = 5")
		w.Same("SELECT rated(kind) FROM item")
		w.Warm("SELECT count(*) FROM rate")
		trial.Read(w, w.DB, "SELECT noting(kind) FROM item")
		w.Same("SELECT count(*) FROM rate")
		w.Warm("SELECT plain(kind) FROM item")
	})
}

// A text that PostgreSQL takes for the present may be an argument, too.
func TestArgumentAsksTheClock(t *testing.T) {
	each(t, func(w *world) {
		trial.Exec(w, w.DB, "CREATE TABLE event (id INTEGER PRIMARY KEY, at TIMESTAMPTZ)")
		trial.Exec(w, w.DB, "INSERT INTO event VALUES (1, NULL)")
		const q = "SELECT coalesce(at, $1) FROM event WHERE id = 1"
		for _, arg := range []any{"now", "tomorrow", " Today "} {
			for range 3 {
				if _, r := trial.Read(w, w.DB, q, arg); r.Hit {
					w.Errorf("%v: a hit", arg)
				}
			}
		}
		w.Warm(q, "2020-01-01 00:00:00+00")
	})
}

// EXPLAIN takes its options in quotes.
func TestExplainAnalyzeInQuotes(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.Warm(kinds)
		trial.Exec(w, w.DB, `EXPLAIN (COSTS, "analyze") DELETE FROM item WHERE id = 1`)
		w.Same(kinds)
	})
}

// A constraint, an index or a domain evaluates functions that may write.
func TestChecksThatWrite(t *testing.T) {
	each(t, func(w *world) {
		trial.Script(w, w.DB,
			"CREATE TABLE log (x INTEGER)",
			"CREATE FUNCTION noted(INTEGER) RETURNS BOOLEAN LANGUAGE sql AS 'INSERT INTO log VALUES ($1) RETURNING true'",
			"CREATE FUNCTION hidden(INTEGER) RETURNS INTEGER LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM noted($1); RETURN $1; END'",
			"CREATE DOMAIN noting AS INTEGER CHECK (noted(VALUE))",
			"CREATE TABLE checked (id INTEGER PRIMARY KEY CHECK (noted(id)))",
			"CREATE TABLE domained (id noting)",
			"CREATE TABLE indexed (id INTEGER)",
			"CREATE INDEX ON indexed (hidden(id))",
			"CREATE TABLE generated (id INTEGER, g INTEGER GENERATED ALWAYS AS (hidden(id)) STORED)",
		)
		for _, q := range []string{
			"INSERT INTO checked VALUES (1)", "INSERT INTO domained VALUES (2)", "INSERT INTO indexed VALUES (3)", "INSERT INTO generated VALUES (4)",
			"SELECT 5::noting", "SELECT id::noting FROM checked",
		} {
			w.Warm("SELECT count(*) FROM log")
			trial.Read(w, w.DB, q)
			w.Same("SELECT count(*) FROM log")
		}
	})
}

// A foreign table may lie in this very database; several statements in one text say
// only which tables they name.
func TestForeignTableOfThisDatabase(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		trial.Exec(w, w.DB, "CREATE EXTENSION postgres_fdw")
		trial.Exec(w, w.DB, `DO $$ BEGIN EXECUTE format('CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
			host(inet_server_addr()), inet_server_port(), current_database()); END $$`)
		trial.Exec(w, w.DB, "CREATE USER MAPPING FOR CURRENT_USER SERVER here OPTIONS (user 'postgres')")
		trial.Exec(w, w.DB, "CREATE FOREIGN TABLE mirror (id INTEGER, kind INTEGER, name TEXT) SERVER here OPTIONS (table_name 'item')")
		trial.Exec(w, w.DB, "CREATE TABLE tree (id INTEGER, kind INTEGER, name TEXT) PARTITION BY LIST (kind)")
		trial.Exec(w, w.DB, "CREATE FOREIGN TABLE leaf PARTITION OF tree FOR VALUES IN (1, 2, 3, 4) SERVER here OPTIONS (table_name 'item')")
		for _, q := range []string{
			"UPDATE mirror SET kind = 2 WHERE id = 1", "INSERT INTO tree VALUES (5, 3, 'five')", "DELETE FROM tree WHERE id = 5",
			"UPDATE mirror SET kind = 3 WHERE id = 1; UPDATE mirror SET kind = 4 WHERE id = 2",
		} {
			w.Warm(kinds)
			w.Warm(one)
			trial.Exec(w, w.DB, q)
			w.Same(kinds)
			w.Same(one)
		}
	})
}

// What a routine or a trigger leaves in the session is left by the statement that
// calls it: whoever comes next must not be answered by another's search path.
func TestRoutinesThatSetTheSession(t *testing.T) {
	const q = "SELECT who FROM mine"
	each(t, func(w *world) {
		trial.Script(w, w.DB,
			"CREATE TABLE public.mine (who TEXT)", "INSERT INTO public.mine VALUES ('nobody')",
			"CREATE SCHEMA ann", "CREATE TABLE ann.mine (who TEXT)", "INSERT INTO ann.mine VALUES ('ann')",
			"CREATE TABLE entry (id INTEGER PRIMARY KEY)", "CREATE TABLE plain (id INTEGER PRIMARY KEY)",
			"CREATE FUNCTION as_ann() RETURNS VOID LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('search_path', 'ann, public', false); END $$",
			"CREATE FUNCTION as_ann_too() RETURNS VOID LANGUAGE plpgsql AS $$ BEGIN SET search_path = ann, public; END $$",
			"CREATE FUNCTION as_anybody(who TEXT) RETURNS VOID LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SET search_path = ' || who; END $$",
			"CREATE FUNCTION behind() RETURNS INTEGER LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM as_ann(); RETURN 1; END $$",
			"CREATE FUNCTION entered() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN PERFORM as_ann(); RETURN NEW; END $$",
			"CREATE TRIGGER entered BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION entered()",
			"CREATE FUNCTION locally() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('search_path', 'ann', true); SET LOCAL role = DEFAULT; UPDATE public.mine SET who = who; RETURN NEW; END $$",
			"CREATE TRIGGER locally BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION locally()",
			"CREATE VIEW login AS SELECT behind()", "CREATE VIEW around AS SELECT * FROM login", "CREATE SEQUENCE numbers",
		)
		for _, s := range []string{
			"SELECT as_ann()", "SELECT as_ann(), nextval('numbers')", "SELECT as_ann_too()", "SELECT as_anybody('ann')", "SELECT behind()", "SELECT * FROM around",
			"INSERT INTO entry VALUES (1)", "INSERT INTO entry VALUES (2) RETURNING id", "SELECT as_ann(), set_config('a.b', 'c', true)",
		} {
			trial.Exec(w, w.DB, "UPDATE public.mine SET who = who || '.'")
			trial.Read(w, w.DB, s)
			w.Same(q)
			w.Warm(q)
			c := w.Conn()
			trial.Exec(w, c, "DELETE FROM entry")
			trial.Read(w, c, s)
			if got, _ := trial.Read(w, c, q); got != "[ann]" {
				t.Errorf("%s: the connection reads %s", s, got)
			}
			_ = c.Close()
			trial.Exec(w, w.DB, "DELETE FROM entry")
			w.Warm(q)
			w.Same(q)
		}
		c := w.Conn()
		trial.Exec(w, c, "INSERT INTO plain VALUES (1)") // it leaves nothing
		w.WarmOn(c, q)
	})
}
