package sqlc

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/examples/orms/internal/blog"
	"github.com/cacheops/cacheops/examples/orms/sqlc/pgdb"
)

// Pool is what the program needs of a pool, cached or bare.
type Pool interface {
	pgdb.DBTX
	Begin(ctx context.Context) (pgx.Tx, error)
}

// OnPgx is the blog's program over a pool of pgx's.
type OnPgx struct {
	over Pool
	*pgdb.Queries
}

// NewOnPgx returns the program over a pool.
func NewOnPgx(over Pool) *OnPgx { return &OnPgx{over, pgdb.New(over)} }

var _ blog.Articles = (*OnPgx)(nil)

func publicOnPgx(list []pgdb.Article) (out []blog.Article) {
	for i := range list {
		out = append(out, blog.Article(list[i]))
	}
	return out
}

// Get returns one article.
func (a *OnPgx) Get(ctx context.Context, id int64) (*blog.Article, error) {
	got, err := a.Queries.Get(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	out := blog.Article(got)
	return &out, err
}

// ByAuthor returns an author's articles.
func (a *OnPgx) ByAuthor(ctx context.Context, author int64) ([]blog.Article, error) {
	list, err := a.Queries.ByAuthor(ctx, author)
	return publicOnPgx(list), err
}

// Count counts a category's articles.
func (a *OnPgx) Count(ctx context.Context, category int64) (int, error) {
	n, err := a.Queries.Count(ctx, category)
	return int(n), err
}

// Tagged returns the articles with a tag.
func (a *OnPgx) Tagged(ctx context.Context, tag string) ([]blog.Article, error) {
	list, err := a.Queries.Tagged(ctx, tag)
	return publicOnPgx(list), err
}

// Add adds an article.
func (a *OnPgx) Add(ctx context.Context, art blog.Article) (int64, error) {
	return a.Queries.Add(ctx, pgdb.AddParams{Author: art.Author, Category: art.Category, Title: art.Title})
}

// Retitle changes a title.
func (a *OnPgx) Retitle(ctx context.Context, id int64, title string) error {
	return a.Queries.Retitle(ctx, pgdb.RetitleParams{ID: id, Title: title})
}

// Move moves an author's articles.
func (a *OnPgx) Move(ctx context.Context, author, category int64) error {
	return a.Queries.Move(ctx, pgdb.MoveParams{Author: author, Category: category})
}

// Tag adds a tag.
func (a *OnPgx) Tag(ctx context.Context, id int64, tag string) error {
	return a.Queries.Tag(ctx, pgdb.TagParams{Article: id, Tag: tag})
}

// Remove removes an article.
func (a *OnPgx) Remove(ctx context.Context, id int64) error {
	return a.Tx(ctx, func(tx blog.Articles) error {
		q := tx.(*OnPgx).Queries
		if err := q.Untag(ctx, id); err != nil {
			return err
		}
		return q.Remove(ctx, id)
	})
}

// Tx runs f in a transaction.
func (a *OnPgx) Tx(ctx context.Context, f func(blog.Articles) error) error {
	tx, err := a.over.Begin(ctx)
	if err != nil {
		return err
	}
	if err := f(&OnPgx{a.over, a.WithTx(tx)}); err != nil {
		return errors.Join(err, tx.Rollback(ctx))
	}
	return tx.Commit(ctx)
}
