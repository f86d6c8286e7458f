-- # A connection that runs ALTER TABLE forgets what ANALYZE has found out, others
-- # do not, and rows that ORDER BY leaves equal come in another order. The judge's
-- # bare connections read the whole schema anew; the cached reads come over others.
-- seed 3700036
-- setup
CREATE TABLE tags (id INTEGER PRIMARY KEY, cat INTEGER, data BLOB, "two words" NUMERIC)
-- setup
CREATE INDEX ix2 ON tags(cat, data)
-- setup
INSERT OR IGNORE INTO tags (id, cat, data, "two words") VALUES (3, 5, x'41', x'42')
-- setup
INSERT OR IGNORE INTO tags (id, cat, data, "two words") VALUES (4, 4, x'41', 5)
-- s3 exec class=oddity
ANALYZE
-- s1 exec class=ddl
ALTER TABLE tags RENAME COLUMN data TO renamed23
-- s1 query read class=window | blob "A"
SELECT cat, row_number() OVER (ORDER BY renamed23 ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM tags WHERE renamed23 = ?
