SELECT * FROM users WHERE id = $1
SELECT u.id, u.name FROM public.users AS u WHERE u.id = 42 LIMIT 1
SELECT "users"."id" FROM "users" WHERE "users"."deleted_at" IS NULL AND name ILIKE 'a%' ORDER BY "users"."id" LIMIT 1
SELECT * FROM orders o JOIN customers c USING (customer_id) WHERE c.country = 'DE' AND o.total >= 100
SELECT * FROM a LEFT JOIN b ON a.id = b.a_id WHERE b.x = ANY($1) AND a.y = 5
SELECT id::text, data->>'x' FROM docs WHERE data @> '{"a":1}'::jsonb AND created > now() - interval '1 day'
SELECT DISTINCT ON (user_id) * FROM posts ORDER BY user_id, created DESC
SELECT count(*) FILTER (WHERE paid) FROM orders GROUP BY user_id HAVING count(*) > 3
WITH moved AS (DELETE FROM a WHERE id = $1 RETURNING *) INSERT INTO b SELECT * FROM moved
WITH x AS (UPDATE a SET n = n + 1 RETURNING id) SELECT * FROM x JOIN c ON c.id = x.id
SELECT * FROM t WHERE (a, b) IN ((1, 2), (3, 4)) AND c IS NOT DISTINCT FROM 4 FOR UPDATE
SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.a_id = a.id LIMIT 3) s
(SELECT id FROM a) UNION ALL (SELECT id FROM b ORDER BY id LIMIT 1)
SELECT * FROM generate_series(1, 10) AS g(n) JOIN t ON t.id = g.n
SELECT * FROM ONLY t WHERE NOT (a BETWEEN SYMMETRIC 5 AND 1)
INSERT INTO users (name, age) VALUES ($1, $2), ($3, DEFAULT) ON CONFLICT (name) DO UPDATE SET age = EXCLUDED.age WHERE users.age < 9 RETURNING id
INSERT INTO users DEFAULT VALUES
UPDATE users SET name = $1, tags[1] = 'x' WHERE id = $2 RETURNING *
UPDATE a SET x = b.x FROM b WHERE b.id = a.id
DELETE FROM a USING b WHERE a.id = b.a_id
TRUNCATE a, b CASCADE
SELECT x INTO newtable FROM t
COPY t FROM stdin
EXPLAIN ANALYZE DELETE FROM t
SET search_path = a
BEGIN
COMMIT
