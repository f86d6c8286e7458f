// Package squirrel is the blog with squirrel, which writes SQL and runs it on the
// cached *sql.DB:
//
//	sb := squirrel.StatementBuilder.RunWith(sqlcache.OpenDB(cache, connector, nil))
package squirrel

import (
	"context"
	"database/sql"
	"errors"

	sq "github.com/Masterminds/squirrel"

	"github.com/cacheops/cacheops/examples/orms/internal/blog"
)

// Articles is the blog's program.
type Articles struct {
	db *sql.DB
	sb sq.StatementBuilderType // over db, or a transaction
}

// New returns the program over a database whose parameters look like that.
func New(db *sql.DB, params sq.PlaceholderFormat) *Articles {
	return &Articles{db: db, sb: sq.StatementBuilder.PlaceholderFormat(params).RunWith(db)}
}

var _ blog.Articles = (*Articles)(nil)

func (a *Articles) articles() sq.SelectBuilder {
	return a.sb.Select("a.id", "a.author", "a.category", "a.title", "a.views").From("articles a")
}

// Get returns one article.
func (a *Articles) Get(ctx context.Context, id int64) (*blog.Article, error) {
	list, err := list(ctx, a.articles().Where(sq.Eq{"a.id": id}))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// ByAuthor returns an author's articles.
func (a *Articles) ByAuthor(ctx context.Context, author int64) ([]blog.Article, error) {
	return list(ctx, a.articles().Where(sq.Eq{"a.author": author}).OrderBy("a.id"))
}

// Titles returns the titles of a category, always from the database: the hint is a
// part of the query.
func (a *Articles) Titles(ctx context.Context, category int64) (out []string, err error) {
	rows, err := a.sb.Select("title").Prefix("/* cacheops: off */").From("articles").Where(sq.Eq{"category": category}).OrderBy("id").
		QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var t string
		if err := rows.Scan(&t); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// Count counts a category's articles.
func (a *Articles) Count(ctx context.Context, category int64) (n int, err error) {
	q := a.sb.Select("count(*)").From("articles").Where(sq.Eq{"category": category})
	return n, q.QueryRowContext(ctx).Scan(&n)
}

// Tagged returns the articles with a tag.
func (a *Articles) Tagged(ctx context.Context, tag string) ([]blog.Article, error) {
	return list(ctx, a.articles().Distinct().Join("tags t ON t.article = a.id").Where(sq.Eq{"t.tag": tag}).OrderBy("a.id"))
}

func list(ctx context.Context, q sq.SelectBuilder) (out []blog.Article, err error) {
	rows, err := q.QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a blog.Article
		if err := rows.Scan(&a.ID, &a.Author, &a.Category, &a.Title, &a.Views); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// Add adds an article.
func (a *Articles) Add(ctx context.Context, art blog.Article) (id int64, err error) {
	q := a.sb.Insert("articles").Columns("author", "category", "title").Values(art.Author, art.Category, art.Title).Suffix("RETURNING id")
	return id, q.QueryRowContext(ctx).Scan(&id)
}

// Retitle changes a title.
func (a *Articles) Retitle(ctx context.Context, id int64, title string) error {
	return run(a.sb.Update("articles").Set("title", title).Where(sq.Eq{"id": id}).ExecContext(ctx))
}

// Read counts a view.
func (a *Articles) Read(ctx context.Context, id int64) error {
	return run(a.sb.Update("articles").Set("views", sq.Expr("views + 1")).Where(sq.Eq{"id": id}).ExecContext(ctx))
}

// Move moves an author's articles.
func (a *Articles) Move(ctx context.Context, author, category int64) error {
	return run(a.sb.Update("articles").Set("category", category).Where(sq.Eq{"author": author}).ExecContext(ctx))
}

// Tag adds a tag.
func (a *Articles) Tag(ctx context.Context, id int64, tag string) error {
	return run(a.sb.Insert("tags").Columns("article", "tag").Values(id, tag).ExecContext(ctx))
}

func run(_ sql.Result, err error) error { return err }

// Remove removes an article.
func (a *Articles) Remove(ctx context.Context, id int64) error {
	return a.Tx(ctx, func(tx blog.Articles) error {
		in := tx.(*Articles)
		if _, err := in.sb.Delete("tags").Where(sq.Eq{"article": id}).ExecContext(ctx); err != nil {
			return err
		}
		return run(in.sb.Delete("articles").Where(sq.Eq{"id": id}).ExecContext(ctx))
	})
}

// Tx runs f in a transaction.
func (a *Articles) Tx(ctx context.Context, f func(blog.Articles) error) error {
	tx, err := a.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(&Articles{db: a.db, sb: a.sb.RunWith(tx)}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
