SELECT * FROM users WHERE id = 1
SELECT * FROM `users` WHERE `users`.`id` = ? AND `users`.`deleted_at` IS NULL ORDER BY `users`.`id` LIMIT 1
SELECT count(*) FROM `orders` WHERE customer_id = ? AND status IN ('paid', 'sent')
SELECT "u"."id", "u"."name" FROM "users" AS "u" WHERE ("u"."id" = 42) LIMIT 1
SELECT `t`.`id`, `t`.`age` FROM `cards` AS `t` WHERE `t`.`user_cards` IN (?, ?, ?) ORDER BY `t`.`id`
SELECT `users`.`id` FROM `users` WHERE EXISTS (SELECT `cards`.`id` FROM `cards` WHERE `users`.`id` = `cards`.`user_id`)
SELECT p.name, c.name FROM products p LEFT JOIN categories c ON c.id = p.category_id AND c.visible = 1 WHERE p.price BETWEEN 5 AND 20
SELECT category_id, avg(price) AS a FROM products GROUP BY category_id HAVING avg(price) > 10 ORDER BY a DESC
SELECT * FROM orders o JOIN customers c USING (customer_id) WHERE c.country = 'DE' AND o.total >= 100 AND NOT o.cancelled
SELECT * FROM reviews WHERE product_id = ? AND (rating = 5 OR rating = 4) ORDER BY created DESC LIMIT 10 OFFSET 20
SELECT name FROM products WHERE name LIKE 'ab%' OR name GLOB 'x*' OR name IS NULL
SELECT DISTINCT city FROM customers WHERE city IS NOT NULL
SELECT max(id) FROM orders WHERE customer_id = (SELECT id FROM customers WHERE email = ?)
SELECT * FROM products WHERE id NOT IN (SELECT product_id FROM reviews WHERE rating < 3)
WITH top AS (SELECT product_id, count(*) n FROM order_items GROUP BY product_id) SELECT p.* FROM top JOIN products p ON p.id = top.product_id WHERE n > 3
WITH RECURSIVE sub(id) AS (SELECT id FROM categories WHERE id = ? UNION ALL SELECT c.id FROM categories c JOIN sub ON c.parent_id = sub.id) SELECT * FROM sub
SELECT id FROM a UNION ALL SELECT id FROM b EXCEPT SELECT id FROM c
SELECT id, row_number() OVER (PARTITION BY category_id ORDER BY price DESC) AS r FROM products
SELECT coalesce(nick, name, 'x') FROM users WHERE lower(email) = lower(?)
SELECT CASE WHEN price > 10 THEN 'dear' ELSE 'cheap' END AS c FROM products WHERE id IN (1, 2, 3)
SELECT * FROM a, b, c WHERE a.id = b.a_id AND b.id = c.b_id AND c.x = 5
SELECT * FROM a LEFT JOIN (b JOIN c ON b.id = c.b_id) ON a.id = b.a_id
SELECT * FROM (SELECT id, name FROM users WHERE active = 1) x WHERE x.name > 'm'
SELECT (SELECT count(*) FROM orders WHERE orders.user_id = users.id) AS n FROM users
SELECT * FROM products WHERE -price < 5 AND price + 1 = 6 AND tags ->> '$.a' = 'b'
SELECT 1 FROM users WHERE id = ? LIMIT 1
SELECT * FROM t WHERE id IN t2
SELECT * FROM t WHERE (a, b) IN (SELECT x, y FROM u) AND c IS NOT DISTINCT FROM 4
SELECT cast(price AS integer), name COLLATE nocase FROM products ORDER BY name COLLATE nocase, 1
INSERT INTO `users` (`name`,`age`) VALUES (?,?),(?,?) RETURNING `id`
INSERT INTO users (name, age) VALUES ('x', 5)
INSERT INTO counters (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = n + excluded.n WHERE n < 100
INSERT OR IGNORE INTO tags (name) VALUES ('a')
INSERT OR REPLACE INTO settings (id, v) SELECT id, v FROM old_settings WHERE v IS NOT NULL
REPLACE INTO settings (id, v) VALUES (:id, :v)
INSERT INTO log DEFAULT VALUES
WITH x AS (SELECT id FROM a) INSERT INTO b SELECT id FROM x
UPDATE `users` SET `name`=?,`updated_at`=? WHERE `users`.`deleted_at` IS NULL AND `id` = ?
UPDATE products SET price = price * 2 WHERE category_id = 5 AND price < 10
UPDATE products AS p SET price = s.price FROM sales s WHERE s.product_id = p.id
UPDATE OR REPLACE t SET (a, b) = (1, 2) WHERE id = 1 RETURNING *
DELETE FROM users WHERE id = ?
DELETE FROM sessions WHERE expires < 100 AND user_id IN (SELECT id FROM users WHERE banned)
DELETE FROM main.t
CREATE TABLE x (id INTEGER PRIMARY KEY, y TEXT REFERENCES z(id))
CREATE VIEW v AS SELECT * FROM users
DROP TABLE IF EXISTS x
ALTER TABLE x ADD COLUMN z
PRAGMA foreign_keys
BEGIN IMMEDIATE
SAVEPOINT a
ROLLBACK TO a
VACUUM
