package sqldep_test

import "testing"

// TestOrderOfEqualRows has a cache for each read: with several in one, their
// shapes would share the widest of them.
func TestOrderOfEqualRows(t *testing.T) {
	const schema = `CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE, a INT, b INT);; CREATE INDEX akb ON t (a, k, b);; CREATE INDEX tb ON t (b)
		;; CREATE TABLE u (id INTEGER PRIMARY KEY, c INT, d INT, e TEXT);; CREATE INDEX cd ON u (c, d)
		;; CREATE TABLE w (id TEXT PRIMARY KEY, a INT, b INT) WITHOUT ROWID;; CREATE INDEX wb ON w (b)
		;; CREATE TABLE v (id INTEGER PRIMARY KEY, d INT, e INT, f TEXT, g TEXT);; CREATE INDEX de ON v (d, e)
		;; INSERT INTO v VALUES (1, 1, 1, 'f', 'g'), (2, 2, 2, 'f', 'g'), (3, 3, 3, 'f', 'g')
		;; INSERT INTO t VALUES (1, NULL, 1, 1), (2, NULL, 1, 2), (3, 'x', 1, 3)
		;; INSERT INTO u VALUES (1, 1, 1, 'p'), (2, 1, 2, 'q'), (3, 2, 3, 'r')
		;; INSERT INTO w VALUES ('a', 1, 1), ('b', 1, 2), ('c', 2, 3)`
	writes := []ask{
		q("UPDATE t SET b = 9 WHERE id = 1"), q("UPDATE u SET d = 9 WHERE id = 1"), q("UPDATE w SET b = 9 WHERE id = 'a'"),
		q("UPDATE t SET b = 0 WHERE id = 2"), q("UPDATE u SET d = 0 WHERE id = 2"), q("UPDATE w SET b = 0 WHERE id = 'c'"),
		q("UPDATE v SET d = 9 WHERE id = 1"), q("UPDATE v SET d = 0 WHERE id = 2"),
		q("INSERT INTO t VALUES (4, NULL, 1, 5)"),
	}
	for name, read := range map[string]string{
		"a key that may be NULL twice":          "SELECT id FROM t WHERE a = 1 ORDER BY k",
		"a join of the same":                    "SELECT t.id FROM w CROSS JOIN t ON w.a = t.a ORDER BY t.k, w.id",
		"the key of the other table":            "SELECT t.id, u.id FROM t JOIN u ON u.c = t.a ORDER BY t.id",
		"the key of the other, limited":         "SELECT t.id, u.id FROM t JOIN u ON u.c = t.a ORDER BY t.id LIMIT 1",
		"absent rows of an outer join":          "SELECT t.id, u.id FROM t LEFT JOIN u ON u.c = t.a + 1 WHERE t.a = 1 ORDER BY u.id, t.k LIMIT 2",
		"an index that the text names":          "SELECT e FROM u INDEXED BY cd",
		"any index of a WITHOUT ROWID":          "SELECT w.a, w.id, u.e FROM w LEFT JOIN u ON w.id = u.e ORDER BY u.id DESC LIMIT 2 OFFSET 1",
		"an aggregate of rows":                  "SELECT group_concat(t.id) FROM t JOIN u ON u.c = t.a ORDER BY t.id, u.id",
		"a column beside an aggregate":          "SELECT max(u.c), t.id FROM t JOIN u ON u.c = t.a GROUP BY u.c ORDER BY t.id",
		"an alias in the place of a key":        "SELECT a AS id, t.id AS n FROM t ORDER BY id",
		"what an outer query leaves unused":     "SELECT e FROM (SELECT e, f, g FROM v)",
		"the same of a join":                    "SELECT e FROM (SELECT e, f, g FROM v) JOIN w ON w.id = 'a'",
		"the same of a common table expression": "WITH x AS (SELECT e, f, g FROM v) SELECT e FROM x WHERE e > 0",
		"the same of a group":                   "SELECT e FROM (SELECT e, max(f), min(g), id FROM v GROUP BY e, id) WHERE e > 0",
		"a key under another's collation":       "SELECT id FROM w WHERE a = 1 ORDER BY id COLLATE NOCASE",
	} {
		t.Run(name, func(t *testing.T) { newReview(t, schema).run([]ask{q(read)}, writes) })
	}
}
