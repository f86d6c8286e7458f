-- # ALTER TABLE … RENAME COLUMN does not look whether the connection's picture of
-- # the schema is still right. A session's hits take no connection, so that its
-- # own may not have seen what another session's DDL added.
-- seed 1000103
-- setup
CREATE TABLE people (id INTEGER PRIMARY KEY, Mixed TEXT UNIQUE, at DATE DEFAULT ('2024-01-01'))
-- setup
CREATE VIEW v4 AS SELECT at AS k, count(*) AS n, max(at) AS m FROM people GROUP BY at
-- s1 exec id class=write | int 14
INSERT INTO [people] (id) VALUES (?)
-- s3 exec class=ddl
ALTER TABLE people ADD COLUMN extra21 TEXT
-- s1 query read class=count | :p1 text "Ab" | :p2 text "a"
SELECT count() FROM people x, v4 AS y WHERE NOT (EXISTS (SELECT 1 FROM v4 q15 WHERE q15.k NOT IN (SELECT q16.at FROM people q16 WHERE q16.Mixed BETWEEN @p1 AND @p2) AND q15.n = y.k))
-- s1 exec class=ddl
ALTER TABLE people RENAME COLUMN extra21 TO renamed28
