-- # A type error of a STRICT table undoes an autocommit INSERT OR FAIL, although
-- # FAIL keeps rows after other broken constraints.
-- seed 7912856466807741935
-- setup
CREATE TABLE people ("group" INTEGER, ref INTEGER, note TEXT DEFAULT (lower('A')), price REAL DEFAULT (1 + 1), name TEXT, "two words" ANY) STRICT
-- setup
INSERT OR IGNORE INTO people ("group", ref, note, price, name, "two words") VALUES (2, 1, '01', 2.25, NULL, FALSE)
-- setup
INSERT OR IGNORE INTO people ("group", ref, note, price, name, "two words") VALUES (1, 1, '01', 2.0, 'a', 14)
-- s1 exec class=write | :p1 int 7
INSERT OR FAIL INTO people ([group], ref, note, price, name, "two words") SELECT [name], "two words", name, `group`, ref, [group] FROM people WHERE ref IN (TRUE, $p1) LIMIT 3
-- s3 query read class=cte
WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 4) SELECT i, (SELECT count(*) FROM people WHERE "name" = i) FROM s
