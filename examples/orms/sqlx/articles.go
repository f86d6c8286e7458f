// Package sqlx is the blog with sqlx. The *sqlx.DB goes over the cached *sql.DB:
//
//	db := sqlx.NewDb(sqlcache.OpenDB(cache, connector, nil), "sqlite")
package sqlx

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"github.com/cacheops/cacheops/examples/orms/internal/blog"
)

const columns = "id, author, category, title, views"

// Articles is the blog's program. The queries are written with ?, and rebound for
// the database.
type Articles struct {
	db *sqlx.DB
	on querier // db, or a transaction
}

type querier interface {
	sqlx.ExtContext
	Rebind(query string) string
	BindNamed(query string, arg any) (string, []any, error)
}

// New returns the program over a database.
func New(db *sqlx.DB) *Articles { return &Articles{db: db, on: db} }

var _ blog.Articles = (*Articles)(nil)

// Get returns one article.
func (a *Articles) Get(ctx context.Context, id int64) (*blog.Article, error) {
	var out blog.Article
	err := sqlx.GetContext(ctx, a.on, &out, a.on.Rebind("SELECT "+columns+" FROM articles WHERE id = ?"), id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &out, err
}

// ByAuthor returns an author's articles, with named arguments.
func (a *Articles) ByAuthor(ctx context.Context, author int64) ([]blog.Article, error) {
	return a.list(ctx, "SELECT "+columns+" FROM articles WHERE author = :author ORDER BY id", map[string]any{"author": author})
}

func (a *Articles) list(ctx context.Context, query string, arg any) (out []blog.Article, err error) {
	text, args, err := a.on.BindNamed(query, arg)
	if err != nil {
		return nil, err
	}
	return out, sqlx.SelectContext(ctx, a.on, &out, text, args...)
}

// Count counts a category's articles.
func (a *Articles) Count(ctx context.Context, category int64) (n int, err error) {
	return n, sqlx.GetContext(ctx, a.on, &n, a.on.Rebind("SELECT count(*) FROM articles WHERE category = ?"), category)
}

// Tagged returns the articles with a tag: their ids, and then the articles IN them.
func (a *Articles) Tagged(ctx context.Context, tag string) (out []blog.Article, err error) {
	var ids []int64
	err = sqlx.SelectContext(ctx, a.on, &ids, a.on.Rebind("SELECT DISTINCT article FROM tags WHERE tag = ?"), tag)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	text, args, err := sqlx.In("SELECT "+columns+" FROM articles WHERE id IN (?) ORDER BY id", ids)
	if err != nil {
		return nil, err
	}
	return out, sqlx.SelectContext(ctx, a.on, &out, a.on.Rebind(text), args...)
}

// Add adds an article.
func (a *Articles) Add(ctx context.Context, art blog.Article) (id int64, err error) {
	text := "INSERT INTO articles (author, category, title) VALUES (?, ?, ?) RETURNING id"
	return id, sqlx.GetContext(ctx, a.on, &id, a.on.Rebind(text), art.Author, art.Category, art.Title)
}

// Retitle changes a title.
func (a *Articles) Retitle(ctx context.Context, id int64, title string) error {
	_, err := sqlx.NamedExecContext(ctx, a.on, "UPDATE articles SET title = :title WHERE id = :id", map[string]any{"title": title, "id": id})
	return err
}

// Read counts a view.
func (a *Articles) Read(ctx context.Context, id int64) error {
	return a.exec(ctx, "UPDATE articles SET views = views + 1 WHERE id = ?", id)
}

// Move moves an author's articles.
func (a *Articles) Move(ctx context.Context, author, category int64) error {
	return a.exec(ctx, "UPDATE articles SET category = ? WHERE author = ?", category, author)
}

// Tag adds a tag.
func (a *Articles) Tag(ctx context.Context, id int64, tag string) error {
	return a.exec(ctx, "INSERT INTO tags (article, tag) VALUES (?, ?)", id, tag)
}

func (a *Articles) exec(ctx context.Context, query string, args ...any) error {
	_, err := a.on.ExecContext(ctx, a.on.Rebind(query), args...)
	return err
}

// Remove removes an article.
func (a *Articles) Remove(ctx context.Context, id int64) error {
	return a.Tx(ctx, func(tx blog.Articles) error {
		in := tx.(*Articles)
		if err := in.exec(ctx, "DELETE FROM tags WHERE article = ?", id); err != nil {
			return err
		}
		return in.exec(ctx, "DELETE FROM articles WHERE id = ?", id)
	})
}

// Tx runs f in a transaction.
func (a *Articles) Tx(ctx context.Context, f func(blog.Articles) error) error {
	tx, err := a.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(&Articles{db: a.db, on: tx}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
