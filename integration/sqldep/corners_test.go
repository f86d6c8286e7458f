package sqldep_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// review is a database file behind a cache, and bare.
type review struct {
	testing.TB
	db, bare *sql.DB
}

// ask is a read or a write with its arguments.
type ask struct {
	text string
	args []any
}

func q(text string, args ...any) ask { return ask{text, args} }

func newReview(t testing.TB, schema string) *review {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "review.db") +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)"
	cache, err := cacheops.New(memstore.New(16<<20), &cacheops.Config{
		Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}},
	})
	if err != nil {
		t.Fatal(err)
	}
	connect := func() driver.Connector {
		c, err := sqlite.NewConnector(dsn)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	r := &review{TB: t, db: sqlcache.OpenDB(cache, connect(), nil), bare: sql.OpenDB(connect())}
	t.Cleanup(func() {
		for _, c := range []interface{ Close() error }{r.db, r.bare, cache} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	for _, s := range strings.Split(schema, ";;") {
		if _, err := r.db.ExecContext(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return r
}

// answer returns names, types and values of a result, or its error.
func (r *review) answer(db *sql.DB, a ask) (out string, rep cacheops.Report) {
	ctx := cacheops.With(context.Background(), cacheops.Call{Report: &rep})
	rows, err := db.QueryContext(ctx, a.text, a.args...)
	if err != nil {
		return "error: " + err.Error(), rep
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return "error: " + err.Error(), rep
	}
	out = strings.Join(names, ",")
	for rows.Next() {
		cells, into := make([]any, len(names)), make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return "error: " + err.Error(), rep
		}
		out += "\n"
		for _, c := range cells {
			out += fmt.Sprintf("%T:%v|", c, c)
		}
	}
	if err := rows.Err(); err != nil {
		return "error: " + err.Error(), rep
	}
	return out, rep
}

// compare asks the cache twice and the bare database once.
func (r *review) compare(a ask, after string) bool {
	r.Helper()
	want, _ := r.answer(r.bare, a)
	hit := false
	for range 2 {
		got, rep := r.answer(r.db, a)
		hit = rep.Hit
		if got != want {
			r.Errorf("STALE hit=%v %s %v\nafter %s\nthe cache says\n%s\nthe database\n%s", rep.Hit, a.text, a.args, after, got, want)
			return hit
		}
		if !hit && rep.Why != "miss" && after == "" {
			r.Logf("never kept (%s): %s", rep.Why, a.text)
		}
	}
	if strings.HasPrefix(want, "error") {
		r.Logf("%s: %s", a.text, want)
	}
	return hit
}

// run interleaves every write with every read.
func (r *review) run(reads, writes []ask) {
	r.Helper()
	for _, a := range reads {
		r.compare(a, "")
	}
	for _, w := range writes {
		if strings.Contains(strings.ToUpper(w.text), "RETURNING") {
			rows, err := r.db.QueryContext(context.Background(), w.text, w.args...)
			if err == nil {
				for rows.Next() {
				}
				err = rows.Err()
				_ = rows.Close()
			}
			if err != nil {
				r.Logf("%s: %v", w.text, err)
			}
		} else if _, err := r.db.ExecContext(context.Background(), w.text, w.args...); err != nil {
			r.Logf("%s: %v", w.text, err)
		}
		for _, a := range reads {
			r.compare(a, fmt.Sprint(w.text, w.args))
		}
	}
}

type reviewCase struct {
	name, schema  string
	reads, writes []ask
}

var reviewCases = []reviewCase{
	{
		"an alias named true", `CREATE TABLE t (id INTEGER PRIMARY KEY, x INT, y INT);; INSERT INTO t VALUES (1, 5, 4), (2, 1, 0)`,
		[]ask{q(`SELECT y AS "true" FROM t WHERE x = true`), q("SELECT id FROM (SELECT id, x, y AS [true] FROM t) WHERE x = true"), q("WITH c (id, x, 'true') AS (SELECT * FROM t) SELECT id FROM c WHERE x = true"), q("SELECT id FROM t WHERE x = true")},
		[]ask{q("UPDATE t SET y = 5 WHERE id = 1"), q("INSERT INTO t VALUES (3, 7, 7)"), q("UPDATE t SET x = 9, y = 9 WHERE x = true")},
	},
	{
		"a row outside that makes the read fail", `CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT);; CREATE TABLE u (id INTEGER PRIMARY KEY, c INT);; INSERT INTO t VALUES (1, 1, '{"x":1}');; INSERT INTO u VALUES (1, 1)`,
		[]ask{
			q("SELECT id FROM t WHERE json_extract(b, '$.x') = 1 AND a = 1"), q("SELECT id FROM t WHERE b ->> 'x' = 1 AND a = 1"), q("SELECT id FROM (SELECT * FROM t WHERE b ->> 'x' = 1) WHERE a = 1"),
			q("SELECT u.id FROM u JOIN t ON json_extract(t.b, '$.x') = u.c AND t.a = 1"), q("SELECT id FROM t WHERE id = 1 AND b ->> 'x' = 1"),
			q(`SELECT id FROM t WHERE abs(a) > 0 AND b = '{"x":1}'`),
		},
		[]ask{q("INSERT INTO t VALUES (2, 2, 'bad')"), q("DELETE FROM t WHERE a = 2"), q("INSERT INTO t VALUES (3, -9223372036854775808, '1')")},
	},
	{
		"a row outside that makes a function in FROM fail", `CREATE TABLE t (id INTEGER PRIMARY KEY, a, b TEXT);; CREATE TABLE u (id INTEGER PRIMARY KEY, c);; INSERT INTO t VALUES (1, 1, '[1]');; INSERT INTO u VALUES (1, 1)`,
		[]ask{
			q("SELECT u.id, j.value FROM t CROSS JOIN json_each(t.b) j CROSS JOIN u ON u.c = t.a WHERE u.c = 1"), q("SELECT j.value FROM t, json_each(t.b) j WHERE t.a = 1"),
			q("SELECT id FROM u WHERE c = 1 AND c IN (SELECT t.a FROM t, json_each(t.b) j)"),
		},
		[]ask{q("INSERT INTO t VALUES (2, 2, 'bad')"), q("DELETE FROM t WHERE id = 2")},
	},
	{
		"a row outside that makes a query in FROM fail", `CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT);; INSERT INTO t VALUES (1, 1, '{"x":1}'), (2, 1, '{"x":1}')`,
		[]ask{
			q("WITH w AS MATERIALIZED (SELECT a, b ->> 'x' AS n FROM t) SELECT n FROM w WHERE a = 1"), q("WITH w AS MATERIALIZED (SELECT a, sum(id) AS n FROM t GROUP BY a) SELECT n FROM w WHERE a = 1"),
			q("WITH w AS MATERIALIZED (SELECT DISTINCT a FROM t ORDER BY b ->> 'x') SELECT a FROM w WHERE a = 1"),
		},
		[]ask{q("INSERT INTO t VALUES (3, 2, 'bad')"), q("DELETE FROM t WHERE id = 3"), q("INSERT INTO t VALUES (9223372036854775806, 3, '{}'), (9223372036854775805, 3, '{}')")},
	},
	{
		"a row outside that takes another's place", `CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT);; INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 3, 'x')`,
		[]ask{
			q("SELECT w.k FROM (SELECT a AS k FROM t ORDER BY a LIMIT 2) w WHERE w.k = 2"), q("WITH w AS (SELECT a AS k FROM t ORDER BY a LIMIT 2 OFFSET 1) SELECT k FROM w WHERE k = 3"),
			q("WITH w AS (SELECT a, row_number() OVER (ORDER BY a) AS n FROM t) SELECT n FROM w WHERE a = 2"), q("WITH w AS (SELECT a, b, count(*) AS n FROM t GROUP BY b) SELECT a, n FROM w WHERE a = 1"),
			q("WITH w AS (SELECT count(*) AS n, a FROM t) SELECT n FROM w WHERE a = 1"), q("WITH w AS (SELECT a FROM t) SELECT w.a, v.a FROM w, w AS v WHERE w.a = 1"),
			q("SELECT id FROM t WHERE a = 2 AND a IN (SELECT a FROM t ORDER BY a LIMIT 2)"), q("SELECT id FROM t WHERE a = 2 AND a NOT IN (SELECT a FROM t WHERE b = 'n')"),
		},
		[]ask{q("INSERT INTO t VALUES (4, 0, 'x')"), q("INSERT INTO t VALUES (5, 0, 'x')"), q("UPDATE t SET b = 'z', a = 9 WHERE id = 3"), q("DELETE FROM t WHERE a = 0"), q("INSERT INTO t VALUES (6, NULL, 'n')")},
	},
	{
		"columns that EXISTS shows by their number", `CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT);; INSERT INTO t VALUES (1, 1, 'x'), (2, 1, 'y'), (3, 3, 'x')`,
		[]ask{
			q("SELECT EXISTS (SELECT a FROM t GROUP BY 1 HAVING count(*) > 1)"), q("SELECT EXISTS (SELECT DISTINCT a FROM t LIMIT 1 OFFSET 2)"), q("SELECT EXISTS (SELECT a, b FROM t GROUP BY 2, 1 LIMIT 1 OFFSET 2)"),
			q("SELECT b FROM t WHERE id = 3 AND EXISTS (SELECT a FROM t GROUP BY 1 HAVING count(*) > 1)"),
		},
		[]ask{q("UPDATE t SET a = 2 WHERE id = 1"), q("UPDATE t SET a = 3 WHERE id = 1"), q("UPDATE t SET a = 3"), q("UPDATE t SET b = 'x'")},
	},
	{
		"totals of no row", `CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT);; CREATE TABLE u (id INTEGER PRIMARY KEY);; INSERT INTO t VALUES (1, 1, 'x')`,
		[]ask{
			q("SELECT (SELECT sum(a) FROM (SELECT 1 AS one)) FROM t WHERE id = 5"), q("SELECT (SELECT count(*) FILTER (WHERE t.a > 0)) FROM t WHERE id = 5"), q("SELECT (SELECT group_concat('a', ',' ORDER BY t.a)) FROM t WHERE id = 5"),
			q("SELECT (SELECT sum(t.a) WHERE NOT EXISTS (SELECT 1 FROM u AS t)) FROM t WHERE id = 5"), q("SELECT a, row_number() OVER w FROM t WHERE id = 5 WINDOW w AS (ORDER BY count(*))"),
			q("SELECT a, row_number() OVER w FROM t WHERE id = 5 WINDOW w AS (PARTITION BY count(*))"), q("SELECT (SELECT max(v.id) FROM u AS v) FROM t WHERE id = 5"),
		},
		[]ask{q("INSERT INTO t VALUES (5, 2, 'y')"), q("INSERT INTO u VALUES (1)"), q("DELETE FROM t WHERE id = 5")},
	},
	{
		"an equality carried to a column of another collation", `CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);; CREATE TABLE u (id INTEGER PRIMARY KEY, c TEXT COLLATE NOCASE);; INSERT INTO t VALUES (1, 'A')`,
		[]ask{
			q("SELECT id FROM t WHERE a = 'A' AND EXISTS (SELECT 1 FROM u WHERE u.c = t.a)"), q("SELECT id FROM t WHERE a = 'A' AND a IN (SELECT c FROM u)"), q("SELECT t.id, u.id FROM t JOIN u ON u.c = t.a WHERE t.a = 'A'"),
			q("SELECT t.id, w.k FROM t JOIN (SELECT c AS k FROM u GROUP BY c) w ON w.k = t.a WHERE t.a = 'A'"),
		},
		[]ask{q("INSERT INTO u VALUES (1, 'a')"), q("INSERT INTO u VALUES (2, 'A')"), q("DELETE FROM u WHERE id = 1"), q("UPDATE u SET c = 'b'")},
	},
	{
		"absences on both sides of a FULL JOIN", `CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT);; CREATE TABLE u (id INTEGER PRIMARY KEY, c INT, d INT);; INSERT INTO t VALUES (1, 1, 1), (2, 2, NULL);; INSERT INTO u VALUES (3, 3, NULL), (4, 4, 4)`,
		[]ask{
			q("SELECT t.id, u.id FROM t FULL JOIN u ON u.c = t.a WHERE u.d IS NULL"), q("SELECT t.id, u.id FROM t FULL JOIN u ON u.c = t.a WHERE t.b IS NULL"), q("SELECT t.id, u.id FROM t FULL JOIN u ON u.c = t.a AND t.b = 1 AND u.d = 4"),
		},
		[]ask{q("INSERT INTO u VALUES (1, 1, 5)"), q("INSERT INTO t VALUES (4, 4, 5)"), q("DELETE FROM u WHERE id = 1"), q("DELETE FROM t WHERE id = 4"), q("INSERT INTO u VALUES (7, 7, 7)"), q("INSERT INTO t VALUES (8, 8, 8)")},
	},
	{
		"a column named true", `CREATE TABLE t (id INTEGER PRIMARY KEY, x INT, "true" INT);; INSERT INTO t VALUES (1, 5, 4), (2, 1, 0)`,
		[]ask{q("SELECT id FROM t WHERE x = true"), q("SELECT id, x FROM t WHERE true = x"), q("SELECT id FROM t WHERE x IN (true, 7)"), q("SELECT true FROM t WHERE id = 1"), q("SELECT id FROM t WHERE x IS true")},
		[]ask{q(`UPDATE t SET "true" = 5 WHERE id = 1`), q(`UPDATE t SET x = 9 WHERE x = true`), q(`UPDATE t SET "true" = 9 WHERE id = 1`), q("INSERT INTO t VALUES (9, 33, 33)"), q(`UPDATE t SET x = true WHERE id = 2`), q(`DELETE FROM t WHERE x = true`)},
	},
	{
		"a long integer and an index on REAL", `CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL UNIQUE, s REAL);; CREATE INDEX ts ON t (s)`,
		[]ask{q("SELECT id FROM t WHERE r = 9007199254740993"), q("SELECT id FROM t WHERE s = ?", int64(9007199254740993)), q("SELECT id FROM t WHERE s = '9007199254740993'"), q("SELECT id FROM t WHERE r IN (9007199254740993, 2, 3)"), q("SELECT count(*) FROM t WHERE s >= 9007199254740993 AND s <= 9007199254740993")},
		[]ask{q("INSERT INTO t VALUES (1, 9007199254740992.0, 9007199254740992.0)"), q("UPDATE t SET r = 1 WHERE r = 9007199254740993"), q("UPDATE t SET s = 1, r = 1 WHERE s = 9007199254740993"), q("INSERT INTO t VALUES (2, 9007199254740993, 9007199254740993)"), q("DELETE FROM t WHERE s = 9007199254740993")},
	},
	{
		"an upsert bound to an index of another collation", `CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, n INT);; CREATE UNIQUE INDEX nc ON t (a COLLATE NOCASE);; INSERT INTO t VALUES (1, 'bob', 0)`,
		[]ask{q("SELECT n FROM t WHERE a = 'bob'"), q("SELECT n FROM t WHERE id = 1")},
		[]ask{q("INSERT INTO t (a, n) VALUES ('BOB', 7) ON CONFLICT (a) DO UPDATE SET n = n + 1"), q("INSERT INTO t VALUES (1, 'x', 7) ON CONFLICT (id) DO UPDATE SET n = n + 1"), q("REPLACE INTO t (a, n) VALUES ('Bob', 1)")},
	},
	{
		"a rowid alias with a default", `CREATE TABLE t (id INTEGER PRIMARY KEY DEFAULT 5, a INT)`,
		[]ask{q("SELECT a FROM t WHERE id = 1"), q("SELECT a FROM t WHERE id = 2"), q("SELECT a FROM t WHERE id = 3"), q("SELECT a FROM t WHERE id = 5")},
		[]ask{q("INSERT OR REPLACE INTO t VALUES (NULL, 1)"), q("INSERT OR REPLACE INTO t VALUES (NULL, 1), (NULL, 2)"), q("INSERT INTO t (a) VALUES (3)"), q("INSERT INTO t DEFAULT VALUES"), q("REPLACE INTO t VALUES (?, 8) RETURNING id", nil)},
	},
	{
		"an empty list and RETURNING", `CREATE TABLE t (id INTEGER PRIMARY KEY, a INT);; INSERT INTO t VALUES (1, 1), (2, 2)`,
		[]ask{q("SELECT a FROM t WHERE id = 1"), q("SELECT count(*) FROM t")},
		[]ask{q("UPDATE t SET a = 3 WHERE id = 1 AND a IN ()"), q("DELETE FROM t WHERE id = 1 AND a IN (NULL)"), q("UPDATE t SET a = 3 WHERE id = 1 AND a IN () RETURNING id"), q("DELETE FROM t WHERE id = 1 AND a IN (NULL) RETURNING id"), q("UPDATE t SET a = a + 1 WHERE id = 1 AND a IN (NULL) RETURNING id"), q("DELETE FROM t WHERE id = 1 RETURNING *")},
	},
	{
		"statistics", `CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT);; CREATE INDEX ia ON t (a);; CREATE INDEX ib ON t (b);; INSERT INTO t WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT i, i % 2, 300 - i % 60 FROM n;; ANALYZE;; DELETE FROM t;; INSERT INTO t WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT i, 300 - i % 100, i % 2 FROM n`,
		[]ask{q("SELECT id FROM t WHERE a > 0 AND b < 500"), q("SELECT id FROM t WHERE a BETWEEN 210 AND 220 AND b BETWEEN 0 AND 250"), q("SELECT a.id, b.id FROM t a, t b WHERE a.a = b.a AND a.b < 1 AND b.b > 0 LIMIT 5")},
		[]ask{q("ANALYZE"), q("PRAGMA optimize"), q("DROP INDEX ib"), q("REINDEX"), q("VACUUM")},
	},
	{
		"negative zero in a shared plan", `CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL, a);; INSERT INTO t VALUES (1, 0.0, 1)`,
		[]ask{
			q("WITH c (x) AS (VALUES (0.0)) SELECT x, typeof(x) FROM c, t"), q("WITH c (x) AS (VALUES (-0.0)) SELECT x, typeof(x) FROM c, t"), q("WITH c (x) AS (VALUES (0)) SELECT x, typeof(x) FROM c, t"), q("WITH c (x) AS (VALUES ('0')) SELECT x, typeof(x) FROM c, t"), q("WITH c (x) AS (VALUES (x'30')) SELECT x, typeof(x) FROM c, t"),
			q("SELECT id FROM t WHERE r = 0.0"), q("SELECT id FROM t WHERE r = -0.0"), q("SELECT ?, id FROM t", 0.0), q("SELECT ?, id FROM t", 0), q("SELECT ?, id FROM t", "0"), q("SELECT ?, id FROM t", false), q("SELECT ?, id FROM t", []byte("0")), q("SELECT typeof(?), id FROM t", []byte{}), q("SELECT typeof(?), id FROM t", []byte(nil)), q("SELECT typeof(?), id FROM t", ""), q("SELECT typeof(?), id FROM t", nil),
			q("SELECT ?, id FROM t", time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)), q("SELECT ?, id FROM t", time.Date(2026, 1, 2, 5, 0, 0, 0, time.FixedZone("X", 7200))), q("SELECT ?, id FROM t", time.Date(2026, 1, 2, 5, 0, 0, 0, time.FixedZone("Y", 7200))),
		},
		[]ask{q("UPDATE t SET r = -0.0 WHERE id = 1"), q("UPDATE t SET r = ? WHERE r = 0", "-0.0"), q("UPDATE t SET r = 5 WHERE r = '-0'")},
	},
	{
		"result columns", `CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT);; INSERT INTO t VALUES (1, 2, 1), (2, 1, 2)`,
		[]ask{
			q("SELECT a+1 FROM t"), q("SELECT a+2 FROM t"), q("SELECT id FROM t ORDER BY 1"), q("SELECT a, id FROM t ORDER BY 1"), q("SELECT a, id FROM t ORDER BY 2"), q("SELECT a, id FROM t ORDER BY (1)"), q("SELECT a, id FROM t ORDER BY (2)"), q("SELECT a, id FROM t ORDER BY +2"), q("SELECT a, id FROM t ORDER BY 1 COLLATE NOCASE"),
			q("SELECT * FROM (SELECT a, 'x' FROM t)"), q("SELECT * FROM (SELECT a, 'y' FROM t)"), q("SELECT * FROM (SELECT a IN (1) FROM t)"), q("SELECT * FROM (SELECT a IN (2) FROM t)"), q("WITH c AS (SELECT a = 1 FROM t) SELECT * FROM c"), q("WITH c AS (SELECT a = 2 FROM t) SELECT * FROM c"),
			q("SELECT count(*) FILTER (WHERE a = 1) FROM t"), q("SELECT count(*) FILTER (WHERE a = 2) FROM t"), q("SELECT sum(a) OVER (ORDER BY id ROWS 1 PRECEDING) FROM t"), q("SELECT sum(a) OVER (ORDER BY id ROWS 0 PRECEDING) FROM t"), q("SELECT sum(a) OVER w FROM t WINDOW w AS (ORDER BY id ROWS BETWEEN 0 PRECEDING AND 1 FOLLOWING)"), q("SELECT sum(a) OVER w FROM t WINDOW w AS (ORDER BY id ROWS BETWEEN 0 PRECEDING AND 0 FOLLOWING)"),
			q("SELECT a FROM t GROUP BY 1"), q("SELECT id, a FROM t GROUP BY 2"), q("SELECT id, a FROM t GROUP BY 1"), q("SELECT a FROM t UNION SELECT 2 ORDER BY 1"), q("SELECT a FROM t UNION SELECT 3 ORDER BY 1 DESC"), q("SELECT a FROM t LIMIT 1"), q("SELECT a FROM t LIMIT 1 OFFSET 1"), q("SELECT a FROM t LIMIT 1 OFFSET 0"), q("SELECT a FROM t LIMIT 0, 1"), q("SELECT a FROM t LIMIT 1, 1"),
			q("SELECT a FROM t WHERE b = '1'"), q("SELECT a FROM t WHERE b = 1"), q("SELECT a FROM t WHERE b = 1.0"), q("SELECT a FROM t WHERE b = x'31'"), q("SELECT a FROM t WHERE '1' = '1'"), q("SELECT a FROM t WHERE '1' = 1"), q("SELECT a FROM t WHERE 'x' = 'X' COLLATE NOCASE"), q("SELECT a FROM t WHERE 'x' = 'X'"), q(`SELECT a FROM t WHERE 'x''' = "x'"`), q("SELECT a FROM t WHERE 10 / 4 = 2"), q("SELECT a FROM t WHERE 10.0 / 4 = 2"), q("SELECT a FROM t WHERE 10 / 4.0 = 2"),
		},
		[]ask{q("UPDATE t SET a = 7 WHERE id = 1"), q("INSERT INTO t VALUES (3, 0, 0)")},
	},
}

func TestCorners(t *testing.T) {
	for _, c := range reviewCases {
		t.Run(c.name, func(t *testing.T) { newReview(t, c.schema).run(c.reads, c.writes) })
	}
}

// TestLongTextsEnd plans texts beyond what SQLite accepts, which are looked at
// before it can refuse them.
func TestLongTextsEnd(t *testing.T) {
	cat := lite.Catalog(t, lite.Open(t, "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT)"))
	const n = 60_000
	list := func(item, sep string, n int) string { return strings.Repeat(item+sep, n-1) + item }
	for name, text := range map[string]string{
		"OR":      "SELECT * FROM t WHERE " + list("a=?", " OR ", n),
		"AND":     "UPDATE t SET a = 1 WHERE " + list("a=?", " AND ", n),
		"ranges":  "SELECT * FROM t WHERE " + list("a>?", " AND ", n),
		"groups":  "SELECT * FROM t WHERE " + list("("+list("a=?", " OR ", 100)+")", " AND ", n/100),
		"FROM":    "SELECT * FROM " + list("t", ",", n),
		"JOIN":    "SELECT * FROM t " + list("JOIN t x ON x.a = t.a", " ", n/4),
		"WITH":    "WITH " + list("c AS (SELECT a FROM t)", ",", n/2) + " SELECT * FROM c",
		"row":     "SELECT * FROM t WHERE (" + list("a", ",", n) + ") = (" + list("?", ",", n) + ")",
		"columns": "SELECT " + list("a AS x", ",", n/2) + "," + list("y", ",", n/2) + " FROM t",
		"deep":    "SELECT " + list("a", "|", 50*n) + " FROM t", // once overflowed the stack
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			b := sqldep.NewPlanner(catalog.SQLite, 0).Plan(text, cat)
			b.Uses(nil)
			b.Changes(nil, sqldep.Facts{})
			b.Target(nil)
		}()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: %d bytes are still being planned", name, len(text))
		}
	}
}
