package elsewhere_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// corner is a read whose result a write changes, by a way that a wrong rule
// would miss.
type corner struct {
	ddl   string // with rows; statements are separated by a semicolon at a line's end
	read  string
	args  []any
	write string
	with  []any
}

// oddCollations are those of which two do not go together, or under which there are
// no patterns: an error, where there is a row.
const oddCollations = "CREATE COLLATION nd (provider = icu, locale = 'und-u-ks-level2', deterministic = false); CREATE TABLE t (id int, a text COLLATE nd, b text, c text COLLATE \"C\", d text COLLATE \"POSIX\"); CREATE TABLE u (id int, d text COLLATE \"POSIX\", c text COLLATE \"POSIX\"); INSERT INTO u VALUES (2, 'x', 'x')"

var postgresCorners = []corner{
	{"CREATE TABLE t (id int, a int); INSERT INTO t VALUES (1, 5), (2, 6)", "SELECT a FROM t WHERE 10 / (a - 4) > 0 AND id IN (1, 7, 8, 9, 10, 11, 12, 13)", nil, "INSERT INTO t VALUES (3, 4)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 5), (2, 6)", "SELECT s.a FROM (SELECT id, 10 / a AS a FROM t OFFSET 0) s WHERE s.id = 1", nil, "UPDATE t SET a = 0 WHERE id = 2", nil},
	{"CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'a')", `SELECT id FROM t WHERE name LIKE $1 AND id > 100`, []any{`ab\`}, "INSERT INTO t VALUES (0, 'abc')", nil},
	{oddCollations, "SELECT d FROM t WHERE b LIKE 'x%' AND c > 'a' AND a = 'x' AND id = 2", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE a LIKE 'x%' AND id = 1", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE NOT a ILIKE 'x%' AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE b LIKE 'x%' COLLATE nd AND id = 1", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE b LIKE a AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT s.z FROM (SELECT b AS z, a AS y, id FROM t OFFSET 0) s WHERE s.y LIKE 'x%' AND s.id = 1", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT s.z FROM (SELECT b COLLATE nd AS z, id FROM t OFFSET 0) s WHERE s.z LIKE 'x%' AND s.id = 1", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "WITH s AS MATERIALIZED (SELECT b AS z, a AS y, id FROM t) SELECT z FROM s WHERE y LIKE 'x%' AND id = 1", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE a = c AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE c < d AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE c BETWEEN a AND 'z' AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE c IS DISTINCT FROM d AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE CASE c WHEN d THEN false ELSE true END AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE coalesce(c, d) = 'x' AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE nullif(c, d) IS NULL AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE greatest(c, d) IS NULL AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE lower(coalesce(c, d)) IS NULL AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE (c, id) = (d, 1) AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT b FROM t WHERE c = (SELECT d FROM u LIMIT 1) AND b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{oddCollations, "SELECT s.b FROM (SELECT b COLLATE \"C\" AS z, d, b FROM t OFFSET 0) s WHERE s.z = s.d AND s.b = 'y'", nil, "INSERT INTO t VALUES (2, 'x', 'x', 'x', 'x')", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, 1, 1)", "SELECT t FROM t WHERE id = 1", nil, "UPDATE t SET b = 2 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, 1, 1)", "SELECT x::text AS x FROM t x WHERE id = 1", nil, "UPDATE t SET b = 2 WHERE a = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, 1, 1)", "SELECT id, count(x) AS x, max(x::text) FROM t x GROUP BY id", nil, "UPDATE t SET b = 2 WHERE a = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, at date); INSERT INTO t VALUES (1, '2024-01-02')", "SELECT id FROM t WHERE at < $1::timestamp", []any{"2024-01-03 10:00:00"}, "UPDATE t SET at = '2024-01-04' WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, at date); INSERT INTO t VALUES (1, '2024-01-02'), (2, '2024-01-03')", "SELECT id FROM t WHERE at = '2024-01-02 00:00:00'::timestamp", nil, "DELETE FROM t WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name char(3)); INSERT INTO t VALUES (1, 'a')", "SELECT id FROM t WHERE name = $1", []any{"a  "}, "DELETE FROM t WHERE name = 'a'", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name varchar(3)); INSERT INTO t VALUES (1, 'abc')", "SELECT id FROM t WHERE name = $1::varchar(3)", []any{"abcde"}, "DELETE FROM t WHERE name = 'abc'", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, price numeric(10,2)); INSERT INTO t VALUES (1, 1.5)", "SELECT id FROM t WHERE price = $1::numeric(10,1)", []any{"1.46"}, "DELETE FROM t WHERE price = 1.50", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name text, key uuid); INSERT INTO t VALUES (1, 'a', '6ba7b810-9dad-11d1-80b4-00c04fd430c8')", "SELECT id FROM t WHERE key = $1", []any{"6BA7B810-9DAD-11D1-80B4-00C04FD430C8"}, "DELETE FROM t WHERE key = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'abc')", "SELECT id FROM t WHERE name LIKE 'a_c'", nil, "UPDATE t SET name = 'adc2' WHERE name = 'abc'", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'xyz')", "SELECT id FROM t WHERE name LIKE 'a_c'", nil, "UPDATE t SET name = 'adc' WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'Abc')", "SELECT id FROM t WHERE name ILIKE 'a%'", nil, "DELETE FROM t WHERE name = 'Abc'", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, f boolean); INSERT INTO t VALUES (1, true)", "SELECT id FROM t WHERE f", nil, "UPDATE t SET f = false WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, f boolean); INSERT INTO t VALUES (1, NULL)", "SELECT id FROM t WHERE f IS NOT TRUE", nil, "UPDATE t SET f = true WHERE f IS NULL", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, f boolean); INSERT INTO t VALUES (1, NULL)", "SELECT id FROM t WHERE f IS NOT DISTINCT FROM $1", []any{nil}, "UPDATE t SET f = true WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 5), (7, 7)", "SELECT a FROM t WHERE id = ANY($1)", []any{[]int64{1, 7}}, "UPDATE t SET a = 0 WHERE id = 7", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 5), (7, 7)", "SELECT a FROM t WHERE id <> ALL($1)", []any{[]int64{1, 2}}, "UPDATE t SET a = 0 WHERE id = 7", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, at date, ts timestamp); INSERT INTO t VALUES (1, '2024-01-02', '2024-01-02 10:00:00'), (2, NULL, '2024-01-02')", "SELECT id FROM t WHERE at = $1 OR ts = $1", []any{"2024-01-02 10:00:00"}, "UPDATE t SET at = '2025-01-01' WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, at date, ts timestamp); INSERT INTO t VALUES (1, '2024-01-02', '2024-01-02 10:00:00'), (2, NULL, '2024-01-02')", "SELECT id FROM t WHERE at = $1 OR ts = $1", []any{"2024-01-02"}, "DELETE FROM t WHERE ts = '2024-01-02'", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE u (id int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 1)", "SELECT t.id, u.b FROM t LEFT JOIN u ON u.id = t.a WHERE t.id = 1", nil, "UPDATE u SET b = 2 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE u (id int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (2, 1)", "SELECT t.id, u.b FROM t LEFT JOIN u ON u.id = t.id AND u.b = 3 WHERE t.a = 1", nil, "INSERT INTO u VALUES (1, 3)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE u (id int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 3)", "SELECT t.id FROM t LEFT JOIN u ON u.id = t.id WHERE u.id IS NULL", nil, "DELETE FROM u WHERE b = 3", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE u (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 3)", "SELECT t.id FROM t NATURAL JOIN u", nil, "UPDATE u SET a = 1 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE VIEW v AS SELECT id AS n FROM t WHERE a > 3; INSERT INTO t VALUES (1, 1)", "SELECT n FROM v", nil, "UPDATE t SET a = 4 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE VIEW v AS SELECT id, a FROM t; INSERT INTO t VALUES (1, 1)", "SELECT a FROM t WHERE id = 1", nil, "UPDATE v SET a = 4 WHERE id = 1", nil},
	{"CREATE TABLE t (id int, a int) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2); INSERT INTO t VALUES (1, 1)", "SELECT id FROM t1 WHERE id = 1", nil, "UPDATE t SET a = 2 WHERE id = 1", nil},
	{"CREATE TABLE t (id int, a int) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); INSERT INTO t VALUES (1, 1)", "SELECT id FROM t WHERE id = 1", nil, "DELETE FROM t1 WHERE id = 1", nil},
	{"CREATE TABLE t (id int, a int, PRIMARY KEY (id, a)) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2); INSERT INTO t VALUES (1, 1)", "SELECT t.id FROM t JOIN t1 ON t1.id = 1 WHERE t.id = 5", nil, "INSERT INTO t VALUES (5, 2)", nil},
	{"CREATE TABLE t (id int, a int, PRIMARY KEY (id, a)) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2); INSERT INTO t VALUES (5, 1)", "SELECT t.id FROM t JOIN t1 ON t1.id = 6 WHERE t.id = 5", nil, "INSERT INTO t VALUES (6, 1)", nil},
	{"CREATE TABLE t (id int, a int, PRIMARY KEY (id, a)) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2); INSERT INTO t VALUES (5, 1)", "SELECT a FROM t WHERE id = 5 AND a = 1", nil, "UPDATE t1 SET id = 6 WHERE id = 5", nil},
	{"CREATE TABLE t (id int, a int, PRIMARY KEY (id, a)) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2); INSERT INTO t VALUES (5, 1)", "SELECT a FROM t WHERE a = 2", nil, "UPDATE t SET a = 2 WHERE id = 5", nil},
	{"CREATE TABLE t (id int, a int, PRIMARY KEY (id, a)) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2); CREATE TABLE u (id int PRIMARY KEY, n int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE u SET n = n + 1; RETURN NULL; END $$; CREATE TRIGGER g AFTER INSERT ON t2 FOR EACH ROW EXECUTE FUNCTION f(); INSERT INTO u VALUES (1, 1); INSERT INTO t VALUES (5, 1)", "SELECT n FROM u WHERE id = 1", nil, "UPDATE t SET a = 2 WHERE id = 5 AND a = 1", nil},
	{"CREATE TABLE t (id int, a int, PRIMARY KEY (id, a)) PARTITION BY LIST (a); CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2); CREATE TABLE u (id int PRIMARY KEY, n int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE u SET n = n + 1; RETURN NULL; END $$; CREATE TRIGGER g AFTER DELETE ON t1 FOR EACH ROW EXECUTE FUNCTION f(); INSERT INTO u VALUES (1, 1); INSERT INTO t VALUES (5, 1)", "SELECT n FROM u WHERE id = 1", nil, "DELETE FROM t WHERE id = 5 AND a = 1", nil},
	{"CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (b int) INHERITS (p); INSERT INTO c VALUES (1, 1)", "SELECT id FROM p WHERE id = 1", nil, "INSERT INTO c VALUES (1, 2)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int, n int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := 7; RETURN NEW; END $$; CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f(); INSERT INTO t VALUES (1, 1, 1)", "SELECT id FROM t WHERE n = 7", nil, "UPDATE t SET a = 2 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, n int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := 7; RETURN NEW; END $$; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", "SELECT id FROM t WHERE n = 7", nil, "INSERT INTO t VALUES (1, 2)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY, n int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE u SET n = n + 1; RETURN NULL; END $$; CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f(); INSERT INTO u VALUES (1, 1)", "SELECT n FROM u WHERE id = 1", nil, "INSERT INTO t VALUES (1)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY, t int REFERENCES t ON DELETE SET NULL ON UPDATE CASCADE); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1, 1)", "SELECT id FROM u WHERE t IS NULL", nil, "DELETE FROM t WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY, t int REFERENCES t ON DELETE SET NULL ON UPDATE CASCADE); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1, 1)", "SELECT id FROM u WHERE t = 5", nil, "UPDATE t SET id = 5 WHERE id = 1", nil},
	{"CREATE TABLE t (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE u (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES t ON DELETE SET NULL (b)); INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 1, 1)", "SELECT b FROM u WHERE a = 1 AND b IS NULL", nil, "DELETE FROM t WHERE a = 1 AND b = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, a int); INSERT INTO t VALUES (1, 5, 0)", "SELECT a FROM t WHERE id = 1", nil, "INSERT INTO t VALUES (9, 5, 3) ON CONFLICT (n) DO UPDATE SET a = excluded.a", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, a int); INSERT INTO t VALUES (1, 5, 0)", "SELECT a FROM t WHERE id = 1", nil, "INSERT INTO t VALUES (1, 6, 3) ON CONFLICT ON CONSTRAINT t_pkey DO UPDATE SET a = 8", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE NULLS NOT DISTINCT, a int); INSERT INTO t VALUES (1, NULL, 0)", "SELECT a FROM t WHERE id = 1", nil, "INSERT INTO t VALUES (9, NULL, 3) ON CONFLICT (n) DO UPDATE SET a = excluded.a", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int, g int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO t VALUES (1, 5)", "SELECT id FROM t WHERE g = 10 ORDER BY id", nil, "UPDATE t SET a = 6 WHERE id = 1", nil},
	{"CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a int)", "SELECT a FROM t WHERE id = 1", nil, "INSERT INTO t (id, a) OVERRIDING USER VALUE VALUES (50, 1)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 5), (2, 5)", "SELECT id FROM t WHERE a = 5 ORDER BY id LIMIT 1", nil, "WITH d AS (DELETE FROM t WHERE id = 1 RETURNING id) SELECT id FROM d", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 5)", "SELECT a FROM t WHERE id = 1", nil, "TRUNCATE t", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE s (id int PRIMARY KEY); INSERT INTO t VALUES (1, 5)", "SELECT a FROM t WHERE id = 1", nil, "WITH d AS (DELETE FROM t WHERE id = 1) INSERT INTO s VALUES (1)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY, n int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE u SET n = n + 1; RETURN NULL; END $$; CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f(); INSERT INTO u VALUES (1, 1)", "SELECT n FROM u WHERE id = 1", nil, "WITH x AS (INSERT INTO t VALUES (1)) SELECT 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, c char(3), name text)", "SELECT id FROM t WHERE c = $1 AND name = $1", []any{"a "}, "INSERT INTO t VALUES (1, 'a', 'a')", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE u (id int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 1)", "SELECT t.id FROM t LEFT JOIN u ON u.id = t.id AND t.a = 1", nil, "INSERT INTO t VALUES (2, 5)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE u (id int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 1)", "SELECT t.id FROM t FULL JOIN u ON u.id = t.id AND u.b = 1", nil, "INSERT INTO u VALUES (2, 5)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY REFERENCES t); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)", "SELECT id FROM u WHERE id = 1", nil, "TRUNCATE t CASCADE", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE s (id int, a int); INSERT INTO t VALUES (1, 5); INSERT INTO s VALUES (1, 9)", "SELECT a FROM t WHERE id = 1", nil, "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = s.a", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE s (id int, a int); INSERT INTO t VALUES (1, 5); INSERT INTO s VALUES (1, 9)", "SELECT id FROM t WHERE a = 9", nil, "UPDATE t SET a = s.a FROM s WHERE s.id = t.id AND s.a = 9", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE s (id int, a int); INSERT INTO t VALUES (1, 5); INSERT INTO s VALUES (1, 9)", "SELECT id FROM t WHERE a = 5", nil, "DELETE FROM t USING s WHERE s.id = t.id AND s.a = 9", nil},
	{`CREATE TABLE t ("ID" int PRIMARY KEY, "Name" text); INSERT INTO t VALUES (1, 'a')`, `SELECT "Name" FROM t WHERE "ID" = 1`, nil, `UPDATE t SET "Name" = 'b' WHERE "ID" = 1`, nil},
	{"CREATE TABLE t (id int PRIMARY KEY, tags text[]); INSERT INTO t VALUES (1, '{a}')", "SELECT id FROM t WHERE 'b' = ANY(tags)", nil, "UPDATE t SET tags[2] = 'b' WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, 2)", "SELECT a, count(*) FROM t GROUP BY ROLLUP (a) HAVING a IS NULL", nil, "INSERT INTO t VALUES (3, 2)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, 2)", "SELECT * FROM (SELECT a, count(*) FROM t GROUP BY ROLLUP (a)) s WHERE a IS NULL", nil, "INSERT INTO t VALUES (3, 2)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, 2)", "SELECT DISTINCT ON (a) id FROM t WHERE a < 3 ORDER BY a, id DESC", nil, "INSERT INTO t VALUES (3, 2)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, 2)", "SELECT id FROM t WHERE a = (SELECT max(a) FROM t)", nil, "INSERT INTO t VALUES (3, 3)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, 2)", "SELECT id FROM t WHERE id = 1 AND a = (SELECT x.a FROM t x WHERE x.a < 2)", nil, "UPDATE t SET a = 0 WHERE id = 2", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, ok boolean); INSERT INTO t VALUES (1, true)", "SELECT id FROM t WHERE ($1::int IS NULL OR id = $1) AND ok = TRUE", []any{int64(1)}, "UPDATE t SET ok = 'off' WHERE id = '1'", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE VIEW v AS SELECT id, a FROM t ORDER BY a LIMIT 1; INSERT INTO t VALUES (1, 5), (2, 6)", "SELECT a FROM v WHERE id = 2", nil, "DELETE FROM t WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE u (id int PRIMARY KEY, b int); CREATE VIEW v AS SELECT t.id, u.b FROM t LEFT JOIN u ON u.id = t.id; INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 3)", "SELECT id FROM v WHERE b IS NULL", nil, "DELETE FROM u WHERE b = 3", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE VIEW w AS SELECT id AS n, a AS id FROM t; CREATE VIEW v AS SELECT id AS n, n AS id FROM w WHERE n > 0; INSERT INTO t VALUES (1, 7)", "SELECT n FROM v WHERE id = 1", nil, "UPDATE t SET a = 8 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE VIEW v AS SELECT id, row_number() OVER (ORDER BY b) AS r FROM t WHERE a = 1; INSERT INTO t VALUES (1, 1, 1), (2, 1, 2)", "SELECT r FROM v WHERE id = 2", nil, "DELETE FROM t WHERE id = 1", nil},
}

var mysqlCorners = []corner{
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE VIEW v AS SELECT id, a FROM t ORDER BY a LIMIT 1; INSERT INTO t VALUES (1, 5), (2, 6)", "SELECT a FROM v WHERE id = 2", nil, "DELETE FROM t WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE u (id int PRIMARY KEY, b int); CREATE VIEW v AS SELECT t.id, u.b FROM t LEFT JOIN u ON u.id = t.id; INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 3)", "SELECT id FROM v WHERE b IS NULL", nil, "DELETE FROM u WHERE b = 3", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE VIEW w AS SELECT id AS n, a AS id FROM t; CREATE VIEW v AS SELECT id AS n, n AS id FROM w WHERE n > 0; INSERT INTO t VALUES (1, 7)", "SELECT n FROM v WHERE id = 1", nil, "UPDATE t SET a = 8 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, at date NOT NULL); INSERT IGNORE INTO t VALUES (1, '0000-00-00')", "SELECT id FROM t WHERE at < '2000-01-01'", nil, "UPDATE t SET at = '2024-01-01' WHERE at IS NULL", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, at date); INSERT INTO t VALUES (1, '1970-01-01')", "SELECT id FROM t WHERE at", nil, "DELETE FROM t WHERE id = 1 AND at = '1970-01-01'", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name varchar(20)); INSERT INTO t VALUES (1, '0123')", "SELECT id FROM t WHERE name = 123", nil, "DELETE FROM t WHERE name = '0123'", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name varchar(20)); INSERT INTO t VALUES (1, 'abc')", "SELECT id FROM t WHERE name = 'ABC'", nil, "DELETE FROM t WHERE name = 'abc '", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name varchar(20)); INSERT INTO t VALUES (1, 'é')", "SELECT id FROM t WHERE name = 'e'", nil, "UPDATE t SET name = 'x' WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name varchar(20)); INSERT INTO t VALUES (1, 'x')", "SELECT id FROM t WHERE name = 'e'", nil, "UPDATE t SET name = 'é' WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name varchar(20)); INSERT INTO t VALUES (1, 'x')", "SELECT id FROM t WHERE name LIKE 'AB%'", nil, "INSERT INTO t VALUES (2, 'abc')", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 5)", "SELECT id FROM t WHERE a = '5'", nil, "DELETE FROM t WHERE a = 5.0", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 5)", "SELECT id FROM t WHERE a = '5x'", nil, "DELETE FROM t WHERE a = 5", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a tinyint); INSERT INTO t VALUES (1, 2)", "SELECT id FROM t WHERE a", nil, "UPDATE t SET a = 0 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a tinyint); INSERT INTO t VALUES (1, 2)", "SELECT id FROM t WHERE NOT a", nil, "UPDATE t SET a = 0 WHERE a = 2", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, NULL)", "SELECT id FROM t WHERE a <=> ?", []any{nil}, "UPDATE t SET a = 0 WHERE a IS NULL", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int, at datetime NULL ON UPDATE CURRENT_TIMESTAMP); INSERT INTO t VALUES (1, 1, '2020-01-01')", "SELECT at FROM t WHERE id = 1", nil, "UPDATE t SET a = 2 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int, at datetime NULL ON UPDATE CURRENT_TIMESTAMP); INSERT INTO t VALUES (1, 1, '2020-01-01')", "SELECT id FROM t WHERE at = '2020-01-01'", nil, "INSERT INTO t (id, a) VALUES (1, 2) ON DUPLICATE KEY UPDATE a = VALUES(a)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, a int); INSERT INTO t VALUES (1, 5, 0), (2, 6, 0)", "SELECT a FROM t WHERE id = 1", nil, "INSERT INTO t VALUES (9, 5, 3) ON DUPLICATE KEY UPDATE a = 4", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, a int); INSERT INTO t VALUES (1, 5, 0), (2, 6, 0)", "SELECT a FROM t WHERE id = 1", nil, "REPLACE INTO t VALUES (2, 5, 3)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, n int UNIQUE, a int); INSERT INTO t VALUES (1, 5, 0), (2, 6, 0)", "SELECT a FROM t WHERE id = 2", nil, "REPLACE INTO t VALUES (2, 5, 3)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY, t int, FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1, 1)", "SELECT id FROM u WHERE t = 1", nil, "REPLACE INTO t VALUES (1)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY, t int, FOREIGN KEY (t) REFERENCES t (id) ON UPDATE CASCADE); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1, 1)", "SELECT id FROM u WHERE t = 5", nil, "UPDATE t SET id = 5 WHERE id = 1", nil},
	{"CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, a int)", "SELECT a FROM t WHERE id = 1", nil, "INSERT INTO t (a) VALUES (3)", nil},
	{"CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, a int)", "SELECT a FROM t WHERE id = 1", nil, "INSERT INTO t (id, a) VALUES (0, 3)", nil},
	{"CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, n int UNIQUE, a int); INSERT INTO t VALUES (7, 1, 1)", "SELECT a FROM t WHERE id = 7", nil, "INSERT INTO t (n, a) VALUES (1, 3) ON DUPLICATE KEY UPDATE a = 9", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW SET NEW.a = 7; INSERT INTO t VALUES (1, 1)", "SELECT id FROM t WHERE a = 7", nil, "UPDATE t SET a = 2 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE u (id int PRIMARY KEY); CREATE TRIGGER g AFTER DELETE ON t FOR EACH ROW DELETE FROM u WHERE id = OLD.a; INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1)", "SELECT id FROM u WHERE id = 1", nil, "DELETE FROM t WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, 1, 1)", "SELECT id FROM t WHERE b = 5", nil, "UPDATE t SET a = 5, b = a WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE s (id int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 1); INSERT INTO s VALUES (1, 9)", "SELECT b FROM s WHERE id = 1", nil, "UPDATE t JOIN s ON t.id = s.id SET s.b = 3, t.a = 2 WHERE t.id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE s (id int PRIMARY KEY, b int); INSERT INTO t VALUES (1, 1); INSERT INTO s VALUES (1, 9)", "SELECT b FROM s WHERE id = 1", nil, "DELETE t, s FROM t JOIN s ON t.id = s.id WHERE t.id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, 1)", "SELECT * FROM (SELECT a, count(*) AS n FROM t GROUP BY a WITH ROLLUP) s WHERE a IS NULL", nil, "INSERT INTO t VALUES (3, 1)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a bigint); INSERT INTO t VALUES (1, 1), (2, 1)", "SELECT id FROM t WHERE a + 9223372036854775806 > 5 AND id = 1", nil, "UPDATE t SET a = 3 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int, b int, KEY (b)); INSERT INTO t VALUES (1, 1, 1), (2, 1, 2)", "SELECT id FROM t LIMIT 1", nil, "UPDATE t SET b = 3 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name enum('1','a')); INSERT INTO t VALUES (1, 'a')", "SELECT id FROM t WHERE name = 2", nil, "UPDATE t SET name = '1' WHERE name = 'a'", nil},
	{"CREATE TABLE T1 (Id int PRIMARY KEY, Name varchar(9)); INSERT INTO T1 VALUES (1, 'a')", "SELECT NAME FROM T1 WHERE ID = 1", nil, "UPDATE T1 SET naMe = 'b' WHERE iD = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, a int); CREATE VIEW v AS SELECT id, a FROM t WHERE a > 0; INSERT INTO t VALUES (1, 1)", "SELECT a FROM v WHERE id = 1", nil, "UPDATE v SET a = 2 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, d decimal(10,2)); INSERT INTO t VALUES (1, 1.50)", "SELECT id FROM t WHERE d = 1.5", nil, "UPDATE t SET d = 2 WHERE d = '1.50'", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name varchar(3)); INSERT INTO t VALUES (1, 'x')", "SELECT id FROM t WHERE name = 'abc'", nil, "UPDATE IGNORE t SET name = 'abcdef' WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, n tinyint NOT NULL); INSERT INTO t VALUES (1, 1)", "SELECT id FROM t WHERE n = 127", nil, "INSERT IGNORE INTO t VALUES (2, 300)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, n tinyint NOT NULL); INSERT INTO t VALUES (1, 1)", "SELECT id FROM t WHERE n = 0", nil, "INSERT IGNORE INTO t VALUES (2, NULL)", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name varchar(9)); CREATE TABLE u (id int PRIMARY KEY, name varchar(9) COLLATE utf8mb4_bin); INSERT INTO t VALUES (1, 'a'); INSERT INTO u VALUES (1, 'A')", "SELECT u.id FROM t, u WHERE t.name = u.name AND t.name = 'a'", nil, "UPDATE u SET name = 'a' WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name varchar(9)); CREATE TABLE u (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, '01'); INSERT INTO u VALUES (1, 2)", "SELECT t.id FROM t, u WHERE t.name = u.n AND u.n = 1", nil, "UPDATE u SET n = 1 WHERE id = 1", nil},
	{"CREATE TABLE t (id int PRIMARY KEY, name varchar(9)); CREATE TABLE u (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, '0x'); INSERT INTO u VALUES (1, 1)", "SELECT t.id FROM t, u WHERE t.name = u.n AND u.n = 1", nil, "INSERT INTO t VALUES (2, '01')", nil},
}

func TestPostgresCorners(t *testing.T) {
	corners(t, catalog.PostgreSQL, live.Postgres(t, pgx.QueryExecModeDescribeExec, map[string]string{"TimeZone": "UTC"}), postgresCorners)
}

func TestMySQLCorners(t *testing.T) {
	corners(t, catalog.MySQL, live.MySQL(t, false, "parseTime=true&time_zone=%27%2B00%3A00%27"), mysqlCorners)
}

func corners(t *testing.T, d catalog.Dialect, db *sql.DB, all []corner) {
	for i, c := range all {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w := given(t, d, db, c.ddl)
			defer w.clear()
			w.corner(&c)
		})
	}
}

// given is a world with a schema that a test gives.
func given(t *testing.T, d catalog.Dialect, db *sql.DB, ddl string) *world {
	w := &world{t: t, d: d, schema: "given"}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.conn = conn
	if d == catalog.PostgreSQL {
		w.must("CREATE SCHEMA given")
		w.must("SET search_path = given, public")
		w.must(ddl)
	} else {
		for s := range strings.SplitSeq(ddl, "; ") {
			w.must(s)
		}
	}
	w.reread()
	for _, table := range w.cat.Tables {
		if table.IsView || table.Opaque != "" {
			continue
		}
		rel := &relation{name: table.Bare}
		for _, c := range table.Columns {
			rel.cols = append(rel.cols, column{name: c.Name})
		}
		w.tables = append(w.tables, rel)
	}
	return w
}

// reread reads the catalog.
func (w *world) reread() {
	read := catalog.ReadPostgres
	if w.d == catalog.MySQL {
		read = catalog.ReadMySQL
	}
	var err error
	if w.cat, err = read(w.t.Context(), w.query(), catalog.Session{UTC: true, Microseconds: true}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) clear() {
	if w.d == catalog.PostgreSQL {
		w.must("DROP SCHEMA given CASCADE")
	} else {
		w.must("SET foreign_key_checks = 0")
		for _, t := range w.cat.Tables {
			kind := "TABLE "
			if t.IsView {
				kind = "VIEW "
			}
			w.must("DROP " + kind + t.Real)
		}
		w.must("SET foreign_key_checks = 1")
	}
	if err := w.conn.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) corner(c *corner) {
	p := sqldep.NewPlanner(w.d, 0)
	r := &open{text: c.read, args: c.args, named: arguments(c.args), total: true}
	plan := p.Plan(r.text, w.cat)
	if plan.Class != sqldep.Read || plan.Uncacheable != "" {
		w.t.Fatalf("%s is not cached: %s", c.read, plan.Uncacheable)
	}
	r.uses = plan.Uses(r.named)
	if !w.run(r) {
		_, err := w.conn.QueryContext(w.t.Context(), r.text, r.args...)
		w.t.Fatalf("%s: %v", c.read, err)
	}
	was, found := r.before, r.rows > 0
	write := p.Plan(c.write, w.cat)
	changes := write.Changes(arguments(c.with), sqldep.Facts{})
	if _, err := w.conn.ExecContext(w.t.Context(), c.write, c.with...); err != nil {
		w.t.Fatalf("%s: %v", c.write, err)
	}
	if w.run(r); !r.dead && r.before == was {
		w.t.Fatalf("%s changes nothing of %s: %q", c.write, c.read, was)
	}
	informed := write.Changes(arguments(c.with), sqldep.Facts{Ran: true, Affected: -1})
	for _, cs := range [][]dep.Change{changes, informed} {
		if !meets(r.uses, cs, found) {
			w.t.Errorf("%s\nuses %+v\n%s\nchanges %+v", c.read, r.uses, c.write, cs)
		}
	}
	if slices.ContainsFunc(r.uses, func(u dep.Use) bool { return len(u.Regions) != 1 || len(u.Regions[0].Atoms) > 0 }) {
		w.t.Log("narrow")
	}
}
