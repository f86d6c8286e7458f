-- # An autocommit INSERT OR IGNORE fails on a type error in a trigger. SQLite
-- # undoes it with its transaction, not with the statement: the row must go.
-- seed 243
-- setup
CREATE TABLE "order" (id ANY PRIMARY KEY, qty INTEGER, ref INTEGER, Mixed TEXT NOT NULL DEFAULT (lower('A')), "two words" ANY DEFAULT (1 + 1), flag INTEGER, FOREIGN KEY (ref) REFERENCES "order"(id) ON DELETE CASCADE ON UPDATE SET DEFAULT) STRICT
-- setup
CREATE TRIGGER trg2 AFTER INSERT ON "order" BEGIN UPDATE "order" SET ref = 'a' WHERE id = NEW.id; END
-- s3 exec id class=write | :p1 int 5 | :p2 int 3 | :p3 int 1
INSERT OR IGNORE INTO "order" (id, [two words], ref, qty, MIXED, flag) VALUES (2, @p1, 2, @p2, 'ab', @p3)
-- s3 query prepared read class=join
SELECT * FROM `order` x LEFT JOIN [order] AS y ON x.ref = y.ref WHERE NOT (y.qty IS NOT DISTINCT FROM 5)
