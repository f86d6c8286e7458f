package sqlc

import (
	"context"
	"database/sql"
	"errors"

	"github.com/cacheops/cacheops/examples/orms/internal/blog"
	"github.com/cacheops/cacheops/examples/orms/sqlc/db"
)

// Articles is the blog's program over database/sql.
type Articles struct {
	over *sql.DB
	*db.Queries
}

// New returns the program over a database.
func New(over *sql.DB) *Articles { return &Articles{over, db.New(over)} }

var _ blog.Articles = (*Articles)(nil)

func public(list []db.Article) (out []blog.Article) {
	for i := range list {
		out = append(out, blog.Article(list[i]))
	}
	return out
}

// Get returns one article.
func (a *Articles) Get(ctx context.Context, id int64) (*blog.Article, error) {
	got, err := a.Queries.Get(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	out := blog.Article(got)
	return &out, err
}

// ByAuthor returns an author's articles.
func (a *Articles) ByAuthor(ctx context.Context, author int64) ([]blog.Article, error) {
	list, err := a.Queries.ByAuthor(ctx, author)
	return public(list), err
}

// Count counts a category's articles.
func (a *Articles) Count(ctx context.Context, category int64) (int, error) {
	n, err := a.Queries.Count(ctx, category)
	return int(n), err
}

// Tagged returns the articles with a tag.
func (a *Articles) Tagged(ctx context.Context, tag string) ([]blog.Article, error) {
	list, err := a.Queries.Tagged(ctx, tag)
	return public(list), err
}

// Add adds an article.
func (a *Articles) Add(ctx context.Context, art blog.Article) (int64, error) {
	return a.Queries.Add(ctx, db.AddParams{Author: art.Author, Category: art.Category, Title: art.Title})
}

// Retitle changes a title.
func (a *Articles) Retitle(ctx context.Context, id int64, title string) error {
	return a.Queries.Retitle(ctx, db.RetitleParams{ID: id, Title: title})
}

// Move moves an author's articles.
func (a *Articles) Move(ctx context.Context, author, category int64) error {
	return a.Queries.Move(ctx, db.MoveParams{Author: author, Category: category})
}

// Tag adds a tag.
func (a *Articles) Tag(ctx context.Context, id int64, tag string) error {
	return a.Queries.Tag(ctx, db.TagParams{Article: id, Tag: tag})
}

// Remove removes an article.
func (a *Articles) Remove(ctx context.Context, id int64) error {
	return a.Tx(ctx, func(tx blog.Articles) error {
		q := tx.(*Articles).Queries
		if err := q.Untag(ctx, id); err != nil {
			return err
		}
		return q.Remove(ctx, id)
	})
}

// Tx runs f in a transaction.
func (a *Articles) Tx(ctx context.Context, f func(blog.Articles) error) error {
	tx, err := a.over.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(&Articles{a.over, a.WithTx(tx)}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
