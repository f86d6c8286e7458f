// Package bun is the blog with Bun. The *bun.DB goes over the cached *sql.DB:
//
//	db := bun.NewDB(sqlcache.OpenDB(cache, connector, nil), sqlitedialect.New())
//
// Bun writes arguments into the text; the cache takes them out again, so that its
// plans are one for each form of a query.
package bun

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"github.com/cacheops/cacheops/examples/orms/internal/blog"
)

type article struct {
	bun.BaseModel `bun:"table:articles,alias:a"`

	ID       int64 `bun:",pk,autoincrement"`
	Author   int64
	Category int64
	Title    string
	Views    int64
	Tags     []tag `bun:"rel:has-many,join:id=article"`
}

type tag struct {
	bun.BaseModel `bun:"table:tags,alias:t"`

	ID      int64 `bun:",pk,autoincrement"`
	Article int64
	Tag     string
}

// Articles is the blog's program.
type Articles struct {
	db *bun.DB
	on bun.IDB // db, or a transaction
}

// New returns the program over a database.
func New(db *bun.DB) *Articles { return &Articles{db: db, on: db} }

var _ blog.Articles = (*Articles)(nil)

func (a *article) public() blog.Article {
	return blog.Article{ID: a.ID, Author: a.Author, Category: a.Category, Title: a.Title, Views: a.Views}
}

func public(list []article) (out []blog.Article) {
	for i := range list {
		out = append(out, list[i].public())
	}
	return out
}

// Get returns one article.
func (a *Articles) Get(ctx context.Context, id int64) (*blog.Article, error) {
	got := article{ID: id}
	err := a.on.NewSelect().Model(&got).WherePK().Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	out := got.public()
	return &out, err
}

// ByAuthor returns an author's articles.
func (a *Articles) ByAuthor(ctx context.Context, author int64) ([]blog.Article, error) {
	var list []article
	err := a.on.NewSelect().Model(&list).Where("a.author = ?", author).Order("a.id").Scan(ctx)
	return public(list), err
}

// Titles returns the titles of a category, always from the database.
func (a *Articles) Titles(ctx context.Context, category int64) (out []string, err error) {
	err = a.on.NewSelect().Model((*article)(nil)).Column("title").Where("category = ?", category).Order("id").
		Comment("cacheops: off").Scan(ctx, &out)
	return out, err
}

// Count counts a category's articles.
func (a *Articles) Count(ctx context.Context, category int64) (int, error) {
	return a.on.NewSelect().Model((*article)(nil)).Where("category = ?", category).Count(ctx)
}

// Tagged returns the articles with a tag, and all their tags in a query of its own.
func (a *Articles) Tagged(ctx context.Context, name string) ([]blog.Article, error) {
	var list []article
	with := a.on.NewSelect().Model((*tag)(nil)).Column("article").Where("tag = ?", name)
	err := a.on.NewSelect().Model(&list).Relation("Tags").Where("a.id IN (?)", with).Order("a.id").Scan(ctx)
	return public(list), err
}

// Add adds an article.
func (a *Articles) Add(ctx context.Context, art blog.Article) (int64, error) {
	made := article{Author: art.Author, Category: art.Category, Title: art.Title}
	_, err := a.on.NewInsert().Model(&made).Exec(ctx)
	return made.ID, err
}

// Retitle changes a title.
func (a *Articles) Retitle(ctx context.Context, id int64, title string) error {
	_, err := a.on.NewUpdate().Model(&article{ID: id, Title: title}).Column("title").WherePK().Exec(ctx)
	return err
}

// Read counts a view.
func (a *Articles) Read(ctx context.Context, id int64) error {
	_, err := a.on.NewUpdate().Model(&article{ID: id}).Set("views = views + 1").WherePK().Exec(ctx)
	return err
}

// Move moves an author's articles.
func (a *Articles) Move(ctx context.Context, author, category int64) error {
	_, err := a.on.NewUpdate().Model((*article)(nil)).Set("category = ?", category).Where("author = ?", author).Exec(ctx)
	return err
}

// Tag adds a tag.
func (a *Articles) Tag(ctx context.Context, id int64, name string) error {
	_, err := a.on.NewInsert().Model(&tag{Article: id, Tag: name}).Exec(ctx)
	return err
}

// Remove removes an article.
func (a *Articles) Remove(ctx context.Context, id int64) error {
	return a.Tx(ctx, func(tx blog.Articles) error {
		on := tx.(*Articles).on
		if _, err := on.NewDelete().Model((*tag)(nil)).Where("article = ?", id).Exec(ctx); err != nil {
			return err
		}
		_, err := on.NewDelete().Model(&article{ID: id}).WherePK().Exec(ctx)
		return err
	})
}

// Tx runs f in a transaction.
func (a *Articles) Tx(ctx context.Context, f func(blog.Articles) error) error {
	return a.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		return f(&Articles{db: a.db, on: tx})
	})
}
