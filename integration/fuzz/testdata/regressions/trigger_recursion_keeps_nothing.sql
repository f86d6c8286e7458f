-- # A statement that ends with too deep a recursion of triggers keeps nothing,
-- # although one of the triggers may FAIL, which would keep rows.
-- seed 8799612820283919359
-- pragma recursive_triggers(1)
-- setup
CREATE TABLE people (id INTEGER PRIMARY KEY, note VARCHAR(20), price NUMERIC, qty INTEGER)
-- setup
INSERT INTO people VALUES (14, 'zz', NULL, 5)
-- s0 exec class=ddl
CREATE TRIGGER trg11 AFTER UPDATE ON people BEGIN SELECT RAISE(FAIL, 'no') WHERE NEW.price = 3; UPDATE people SET qty = 'a' WHERE id = NEW.id; END
-- s3 exec prepared class=returning | :p1 text "01"
UPDATE OR ABORT people SET note = $p1 WHERE price IS NULL RETURNING *
-- s3 exec class=write
UPDATE people SET note = '02' WHERE price IS NULL
-- s2 query read class=list
SELECT * FROM people
