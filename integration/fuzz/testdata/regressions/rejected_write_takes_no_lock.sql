-- # An UPDATE that does not compile takes no lock, within a transaction either:
-- # the row that it would have changed is not read for it.
-- seed 3100263
-- setup
CREATE TABLE tags (id INTEGER PRIMARY KEY, qty NUMERIC DEFAULT (1 + 1), cat NUMERIC) WITHOUT ROWID
-- setup
CREATE TABLE people (id INT PRIMARY KEY, Mixed TEXT, "group" INTEGER, UNIQUE (Mixed)) STRICT
-- s1 query read class=point | int 4
SELECT a8.Mixed FROM PEOPLE AS a8 WHERE a8.Mixed = 'É' AND CASE WHEN a8."group" = ? THEN a8."group" ELSE 1 END
-- s0 exec
begin
-- s0 query class=returning | text "é" | text "Ab" | int 5
UPDATE people SET Mixed = ?1, extra13 = ?2 WHERE [id] = ?3 RETURNING extra13
-- s3 exec class=write
DELETE FROM tags WHERE qty NOT BETWEEN 2 AND 0 AND 9 = id
