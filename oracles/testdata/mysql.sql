SELECT * FROM users WHERE id = ?
SELECT `users`.`id` FROM `users` WHERE `users`.`deleted_at` IS NULL ORDER BY `users`.`id` LIMIT 1
SELECT * FROM orders o JOIN customers c USING (customer_id) WHERE c.country = 'DE' AND o.total >= 100 LIMIT 5, 10
SELECT * FROM a LEFT JOIN b ON a.id = b.a_id WHERE b.x IN (1, 2) AND a.y <=> 5
SELECT count(DISTINCT x), group_concat(y ORDER BY z SEPARATOR ',') FROM t GROUP BY q WITH ROLLUP
SELECT * FROM a STRAIGHT_JOIN b ON a.id = b.id
SELECT * FROM t USE INDEX (ix) WHERE a = 1 FOR UPDATE
SELECT * FROM t WHERE a REGEXP 'x' AND b DIV 2 = 1 AND c XOR d
SELECT id FROM a UNION SELECT id FROM b ORDER BY id
WITH x AS (SELECT id FROM a) SELECT * FROM x JOIN b ON b.id = x.id
INSERT INTO users (name, age) VALUES (?, 5), (?, DEFAULT) ON DUPLICATE KEY UPDATE age = VALUES(age)
INSERT IGNORE INTO users SET name = 'x'
INSERT INTO a SELECT * FROM b WHERE x = 1
REPLACE INTO users (id, name) VALUES (1, 'x')
UPDATE users SET name = ? WHERE id = ? LIMIT 1
UPDATE a JOIN b ON a.id = b.id SET a.x = b.x WHERE b.y = 1
UPDATE a, b SET a.x = 1, b.y = 2 WHERE a.id = b.id
DELETE FROM users WHERE id = ? ORDER BY id LIMIT 1
DELETE a FROM a JOIN b ON a.id = b.id WHERE b.x = 1
DELETE FROM a USING a JOIN b ON a.id = b.id
SELECT * FROM t WHERE a = "x" OR b = 'it\'s'
SELECT a || b, a && b FROM t
SHOW TABLES
SET autocommit = 1
TRUNCATE TABLE users
START TRANSACTION
COMMIT
