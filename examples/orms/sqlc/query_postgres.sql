-- name: Get :one
SELECT id, author, category, title, views FROM articles WHERE id = $1;

-- name: ByAuthor :many
SELECT id, author, category, title, views FROM articles WHERE author = $1 ORDER BY id;

-- name: Count :one
SELECT count(*) FROM articles WHERE category = $1;

-- name: Tagged :many
SELECT DISTINCT a.id, a.author, a.category, a.title, a.views FROM articles a JOIN tags t ON t.article = a.id WHERE t.tag = $1 ORDER BY a.id;

-- name: Titles :many
SELECT /* cacheops: off */ title FROM articles WHERE category = $1 ORDER BY id;

-- name: Views :one
SELECT views -- cacheops: ttl=5s
FROM articles WHERE id = $1;

-- name: Add :one
INSERT INTO articles (author, category, title) VALUES ($1, $2, $3) RETURNING id;

-- name: Retitle :exec
UPDATE articles SET title = $1 WHERE id = $2;

-- name: Read :exec
UPDATE articles SET views = views + 1 WHERE id = $1;

-- name: Move :exec
UPDATE articles SET category = $1 WHERE author = $2;

-- name: Tag :exec
INSERT INTO tags (article, tag) VALUES ($1, $2);

-- name: Untag :exec
DELETE FROM tags WHERE article = $1;

-- name: Remove :exec
DELETE FROM articles WHERE id = $1;
