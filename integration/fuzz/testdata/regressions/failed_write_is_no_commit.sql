-- # An autocommit write that fails and keeps nothing must not make the snapshot
-- # of an open transaction stale: its next write would fail with BUSY_SNAPSHOT.
-- seed 76
-- setup
CREATE TABLE tags (id INT PRIMARY KEY, n INT CHECK (n < 9))
-- setup
INSERT INTO tags VALUES (1, 1), (2, 2)
-- s1 begin
-- s1 query read class=list
SELECT * FROM tags
-- s2 exec class=write
UPDATE tags SET n = n + 7
-- s1 exec class=write
UPDATE tags SET n = 3 WHERE id = 1
-- s1 commit
