package postgres

import (
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// TestReadsOfMoreThanTheyShow: what a read leaves out may still decide what it shows.
func TestReadsOfMoreThanTheyShow(t *testing.T) {
	four := []string{"CREATE TABLE t (id int PRIMARY KEY, x int, b int)", "INSERT INTO t VALUES (1, 9, 1), (2, 9, 1), (3, 1, 1), (4, 1, 1)"}
	two := []string{"CREATE TABLE t (id int PRIMARY KEY, x int)", "INSERT INTO t VALUES (1, 9), (2, 9)"}
	trial.Fresh(t, onPgx(t, nil).World, []trial.Changing{
		{Schema: four, Read: "SELECT x FROM (SELECT x FROM t ORDER BY id OFFSET 2) q WHERE q.x = 1", Write: "DELETE FROM t WHERE id = 1"},
		{Schema: four, Read: "SELECT count(*) FROM (SELECT x FROM t OFFSET 2) q WHERE q.x = 1", Write: "UPDATE t SET b = 2 WHERE id = 1"},
		{Schema: four, Read: "WITH q AS (SELECT id, x FROM t ORDER BY id OFFSET 2) SELECT id FROM q WHERE x = 1", Write: "DELETE FROM t WHERE id = 1"},
		{Schema: four, Read: "SELECT id FROM t o WHERE id = 3 AND id IN (SELECT id FROM t ORDER BY id OFFSET 2)", Write: "DELETE FROM t WHERE id = 1"},
		{Schema: two, Read: "SELECT EXISTS (SELECT DISTINCT x FROM t OFFSET 1)", Write: "UPDATE t SET x = 8 WHERE id = 1"},
		{Schema: two, Read: "SELECT EXISTS (SELECT DISTINCT ON (1) x FROM t OFFSET 1)", Write: "UPDATE t SET x = 8 WHERE id = 1"},
		{Schema: four, Read: "SELECT EXISTS (SELECT x FROM t GROUP BY 1 HAVING count(*) > 2)", Write: "UPDATE t SET x = 1 WHERE id = 1"},
	})
}

// TestOrderByWhatIsShown: PostgreSQL names an item of the select list that has no
// name, and ORDER BY takes that before a column.
func TestOrderByWhatIsShown(t *testing.T) {
	keyed := []string{"CREATE TABLE t (name text PRIMARY KEY, x int)", "INSERT INTO t VALUES ('ab', 1), ('aa', 1)"}
	lower := []string{"CREATE TABLE t (lower text PRIMARY KEY, name text, x int)", "INSERT INTO t VALUES ('ab', 'A', 1), ('aa', 'a', 1)"}
	trial.Fresh(t, onPgx(t, nil).World, []trial.Changing{
		{Schema: keyed, Read: "SELECT name::char(1), name AS n FROM t ORDER BY name", Write: "UPDATE t SET x = 2 WHERE name = 'ab'"},
		{Schema: lower, Read: "SELECT name, lower(name) FROM t ORDER BY lower", Write: "UPDATE t SET x = 2 WHERE lower = 'ab'"},
		{Schema: keyed, Read: "SELECT (SELECT 1 AS name), name AS n FROM t ORDER BY name", Write: "UPDATE t SET x = 2 WHERE name = 'ab'"},
	})
}

// TestWholeRowAsValue: t.* is no function of t's.
func TestWholeRowAsValue(t *testing.T) {
	trial.Fresh(t, onPgx(t, nil).World, []trial.Changing{{
		Schema: []string{"CREATE TABLE t (id int PRIMARY KEY, x int)", "CREATE TABLE u (id int PRIMARY KEY, t int)", "INSERT INTO t VALUES (1, NULL)", "INSERT INTO u VALUES (1, 1)"},
		Read:   "SELECT count(t.*) FROM u LEFT JOIN t ON t.id = u.t", Write: "DELETE FROM t WHERE id = 1",
	}})
}

// TestKeyOfAnotherEquality: what is equal in the column is not in this key.
func TestKeyOfAnotherEquality(t *testing.T) {
	schema := []string{
		"CREATE EXTENSION IF NOT EXISTS citext", "DROP DOMAIN IF EXISTS folded", "CREATE DOMAIN folded AS citext", "CREATE TABLE t (id int PRIMARY KEY, c citext NOT NULL, d folded NOT NULL)",
		"CREATE UNIQUE INDEX i ON t (c text_ops)", "CREATE UNIQUE INDEX j ON t (d text_ops)", "INSERT INTO t VALUES (1, 'a', 'a')",
	}
	trial.Fresh(t, onPgx(t, nil).World, []trial.Changing{
		{Schema: schema, Read: "SELECT id FROM t WHERE c = 'a'", Write: "INSERT INTO t VALUES (2, 'A', 'b')"},
		{Schema: schema, Read: "SELECT id FROM t WHERE d = 'a'", Write: "INSERT INTO t VALUES (2, 'b', 'A')"},
	})
}

// TestFieldThatIsAFunction: (t).f calls f with a row of t's, if t has no f.
func TestFieldThatIsAFunction(t *testing.T) {
	w := onPgx(t, nil)
	trial.Script(
		w, w.DB, "CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE u (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)",
		"CREATE FUNCTION f(t) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM u'",
	)
	for _, write := range []string{"INSERT INTO u VALUES (1)", "INSERT INTO u VALUES (2)"} {
		for range 2 {
			w.Same("SELECT (t).f FROM t")
		}
		trial.Exec(t, w.DB, write)
	}
	w.Same("SELECT (t).f FROM t")
}

// TestAggregateThatLooksLikeAFunction: its row is there whether the rows are or not.
func TestAggregateThatLooksLikeAFunction(t *testing.T) {
	schema := []string{
		"CREATE TABLE t (id int PRIMARY KEY, x int)", "INSERT INTO t VALUES (1, 1)",
		"DROP AGGREGATE IF EXISTS hex(int)", "CREATE AGGREGATE hex(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')",
	}
	write := "INSERT INTO t VALUES (5, 2)"
	trial.Fresh(t, onPgx(t, nil).World, []trial.Changing{
		{Schema: schema, Read: "SELECT rank(3) WITHIN GROUP (ORDER BY x) FROM t WHERE id = 5", Write: write},
		{Schema: schema, Read: "SELECT (SELECT count(*) FILTER (WHERE t.x > 0)) FROM t WHERE id = 5", Write: write},
		{Schema: schema, Read: "SELECT hex(x) FROM t WHERE id = 5", Write: write},
	})
}

// TestTiesOfAJoin: the server's sort is not stable, so that how the rows came decides
// in which order it leaves those that are equal.
func TestTiesOfAJoin(t *testing.T) {
	trial.Fresh(t, onPgx(t, nil).World, []trial.Changing{{
		Schema: []string{
			"CREATE TABLE t (id int PRIMARY KEY, z int)", "CREATE TABLE u (id int PRIMARY KEY, t int)",
			"INSERT INTO t SELECT i, 0 FROM generate_series(1, 300) i", "INSERT INTO u SELECT i, 1 + i % 30 FROM generate_series(1, 400) i", "ANALYZE t", "ANALYZE u",
		},
		Read: "SELECT t.id, u.id FROM t JOIN u ON u.t % 100 = t.id % 100 ORDER BY t.id", Write: "UPDATE t SET z = 1 WHERE id IN (3, 5, 8)",
	}})
}
