-- name: Get :one
SELECT id, author, category, title, views FROM articles WHERE id = ?;

-- name: ByAuthor :many
SELECT id, author, category, title, views FROM articles WHERE author = ? ORDER BY id;

-- name: Count :one
SELECT count(*) FROM articles WHERE category = ?;

-- name: Tagged :many
SELECT DISTINCT a.id, a.author, a.category, a.title, a.views FROM articles a JOIN tags t ON t.article = a.id WHERE t.tag = ? ORDER BY a.id;

-- name: Titles :many
SELECT /* cacheops: off */ title FROM articles WHERE category = ? ORDER BY id;

-- name: Views :one
SELECT views -- cacheops: ttl=5s
FROM articles WHERE id = ?;

-- name: Add :one
INSERT INTO articles (author, category, title) VALUES (?, ?, ?) RETURNING id;

-- name: Retitle :exec
UPDATE articles SET title = ? WHERE id = ?;

-- name: Read :exec
UPDATE articles SET views = views + 1 WHERE id = ?;

-- name: Move :exec
UPDATE articles SET category = ? WHERE author = ?;

-- name: Tag :exec
INSERT INTO tags (article, tag) VALUES (?, ?);

-- name: Untag :exec
DELETE FROM tags WHERE article = ?;

-- name: Remove :exec
DELETE FROM articles WHERE id = ?;
