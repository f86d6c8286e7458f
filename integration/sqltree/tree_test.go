package sqltree

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

const schema = `
	CREATE TABLE t (id INTEGER PRIMARY KEY, a, b TEXT COLLATE NOCASE, c INT, d REAL);
	CREATE TABLE u (id INTEGER PRIMARY KEY, a INT UNIQUE, e TEXT, f BLOB);
	CREATE TABLE w (n);
	CREATE INDEX ta ON t (a, b);
`

// program returns what SQLite makes of a text.
func program(t *testing.T, conn *sql.Conn, text string) ([]string, error) {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN "+text, append(slices.Repeat([]any{1}, 9), sql.Named("x", 1))...)
	if err != nil {
		return nil, err
	}
	var ops []string
	for rows.Next() {
		var addr, p1, p2, p3, p5 int
		var op string
		var p4, comment any
		if err := rows.Scan(&addr, &op, &p1, &p2, &p3, &p4, &p5, &comment); err != nil {
			t.Fatal(err)
		}
		ops = append(ops, fmt.Sprintf("%d %s %d %d %d %v %d", addr, op, p1, p2, p3, p4, p5))
	}
	if err := rows.Close(); err != nil {
		return nil, err
	}
	return ops, rows.Err()
}

// compare reports whether the tree of a text is compared at all: SQLite accepts
// the text and we understand it.
func compare(t *testing.T, conn *sql.Conn, text string) bool {
	t.Helper()
	want, err := program(t, conn, text)
	if err != nil {
		return false
	}
	tree := sqldep.Parse(text, catalog.SQLite)
	if tree == nil {
		t.Errorf("%s\nis not understood", text)
		return false
	}
	opaque := false
	sqldep.Walk(tree, func(n sqldep.Node) bool {
		if _, ok := n.(*sqldep.Opaque); ok {
			opaque = true
		}
		return !opaque
	})
	if opaque {
		return false
	}
	back := format(tree)
	got, err := program(t, conn, back)
	if err != nil {
		t.Errorf("%s\n%s\n%v", text, back, err)
		return true
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\n%s\nare not the same to SQLite", text, back)
	}
	return true
}

// TestStatements compares statements of all kinds.
func TestStatements(t *testing.T) {
	conn := lite.Open(t, schema)
	for _, text := range []string{
		"SELECT * FROM t",
		"SELECT t.*, u.*, main.t.a x, e AS y FROM t JOIN u ON t.id = u.id",
		"SELECT DISTINCT a, count(*) FROM t WHERE a > 5 GROUP BY a HAVING count(*) > 3 ORDER BY a DESC, 2 LIMIT 10 OFFSET 20",
		"SELECT a FROM t LIMIT 20, 10",
		"SELECT a FROM t UNION SELECT a FROM u UNION ALL SELECT 3 EXCEPT SELECT 4 INTERSECT SELECT 5 ORDER BY 1",
		"VALUES (1, 'a'), (2, 'b')",
		"SELECT * FROM t LEFT JOIN u USING (id) WHERE t.a = 5",
		"SELECT * FROM t NATURAL JOIN u",
		"SELECT * FROM t LEFT OUTER JOIN (u JOIN t AS v ON u.a = v.a) ON t.id = u.id",
		"SELECT * FROM t, u LEFT JOIN t AS v ON v.id = u.id AND v.a = 3, u AS w WHERE w.a = t.a",
		"SELECT * FROM t RIGHT JOIN u ON t.a = u.a FULL JOIN t AS v ON v.id = u.id",
		"SELECT * FROM t left JOIN u ON t.id = u.id INNER JOIN t w ON w.a = u.a",
		"SELECT * FROM t CROSS JOIN u ON t.id = u.id",
		"WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < 5) SELECT * FROM x JOIN t ON t.id = n",
		"WITH x AS (SELECT a FROM t), y AS (SELECT a FROM x) SELECT * FROM y",
		"SELECT * FROM (SELECT a FROM t WHERE id = 5) AS s WHERE s.a = 1",
		"SELECT (SELECT max(a) FROM u WHERE u.id = t.id) AS m FROM t",
		"SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id) AND NOT EXISTS (SELECT 1 FROM u WHERE a = 5)",
		"SELECT * FROM t WHERE a IN (SELECT a FROM u) AND (a, c) IN (VALUES (1, 2)) AND c IN () AND d NOT IN (1, 2)",
		"SELECT count(DISTINCT a), sum(c) FILTER (WHERE c > 0), group_concat(b, ',' ORDER BY b DESC) FROM t",
		"SELECT rank() OVER (PARTITION BY a ORDER BY b DESC), sum(c) OVER w FROM t WINDOW w AS (ORDER BY d)",
		"SELECT CASE WHEN a = 1 THEN 'x' WHEN b THEN 'y' ELSE 'z' END, CASE a WHEN 1 THEN 2 END FROM t",
		"SELECT CAST(a AS INTEGER), b COLLATE rtrim, a -> '$.x', a ->> '$.y' FROM t ORDER BY b COLLATE binary DESC",
		`SELECT * FROM t WHERE "a" = "nothing like it" AND t."b" = 'x'`,
		"SELECT * FROM 't' WHERE 't'.'a' = [b]",
		"SELECT json_each.value FROM json_each('[1]')",
		"SELECT * FROM t WHERE a = ? AND b = ?5 AND c = ? AND d = :x AND id = :x",
		"INSERT INTO t (a, b) VALUES (1, 'x'), (-5, x'00ff')",
		"INSERT OR REPLACE INTO t SELECT * FROM t WHERE a = 1",
		"REPLACE INTO u (id, a) VALUES (1, 2) RETURNING id, a AS z, *",
		"INSERT INTO u (id, a) VALUES (1, 2) ON CONFLICT (a) DO UPDATE SET a = excluded.a + 1, (e, f) = (3, 4) WHERE u.a < 5 ON CONFLICT DO NOTHING",
		"INSERT INTO t DEFAULT VALUES",
		"UPDATE t SET a = 1, c = c + 1 WHERE id = 7 RETURNING a",
		"UPDATE OR IGNORE t AS v SET (a, c) = (SELECT 1, 2), b = 'x' FROM u WHERE u.id = v.id",
		"DELETE FROM t WHERE id = 5 AND a BETWEEN 1 AND 2 OR c IS NULL RETURNING *",
		"WITH x AS (SELECT 1 AS n) DELETE FROM t WHERE id IN (SELECT n FROM x)",
	} {
		if !compare(t, conn, text) {
			t.Errorf("%s\nis not understood, or SQLite rejects it", text)
		}
	}
}

// TestPrecedence compares random expressions without parentheses.
func TestPrecedence(t *testing.T) {
	conn := lite.Open(t, schema)
	for _, seed := range []uint64{1, uint64(time.Now().UnixNano())} {
		r := rand.New(rand.NewPCG(seed, 0))
		n := 0
		for range 3000 {
			if compare(t, conn, "SELECT id FROM t WHERE "+random(r)) {
				n++
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		t.Logf("seed %d: %d of 3000 compared", seed, n)
		if n < 1000 {
			t.Errorf("seed %d: only %d of 3000 expressions were compared", seed, n)
		}
	}
}

func pick(r *rand.Rand, from string) string {
	list := strings.Split(from, "|")
	return list[r.IntN(len(list))]
}

// random writes operands and operators in a row.
func random(r *rand.Rand) string {
	var out strings.Builder
	for i := range 2 + r.IntN(5) {
		if i > 0 {
			infix := pick(r, "=|==|<>|!=|<|<=|>|>=|AND|OR|AND|OR|+|-|*|/|%|&|<<|>>|->|->>|IS|IS NOT|IS DISTINCT FROM|"+
				"IS NOT DISTINCT FROM|LIKE|NOT LIKE|GLOB|BETWEEN x AND|NOT BETWEEN x AND|CONCAT|BITOR")
			infix = strings.NewReplacer("x", operand(r), "CONCAT", "||", "BITOR", "|").Replace(infix)
			fmt.Fprintf(&out, " %s ", infix)
		}
		out.WriteString(pick(r, "||||||NOT |NOT |- |+ |~ |- ~ "))
		out.WriteString(operand(r))
		out.WriteString(pick(r, "|||||||| ISNULL| NOTNULL| NOT NULL| IS NULL| IS TRUE| IS NOT FALSE| COLLATE nocase| IN (1, c)| NOT IN (2)| IN w| IN main.w| IN (SELECT n FROM w)| IN ()| ESCAPE '!'"))
	}
	return out.String()
}

func operand(r *rand.Rand) string {
	return pick(r, "a|b|c|d|id|t.a|1|2|-3|1.5|'x'|'1'|NULL|TRUE|?|x'00'|abs(c)|max(a, b)|(a OR c)|CASE WHEN a THEN b END|(SELECT e FROM u WHERE a = c)|EXISTS (SELECT 1 FROM w)|CAST(a AS text)|likely(a)")
}
