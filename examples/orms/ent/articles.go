package ent

import (
	"context"
	"errors"

	"github.com/cacheops/cacheops/examples/orms/ent/db"
	"github.com/cacheops/cacheops/examples/orms/ent/db/article"
	"github.com/cacheops/cacheops/examples/orms/ent/db/tag"
	"github.com/cacheops/cacheops/examples/orms/internal/blog"
)

// Articles is the blog's program.
type Articles struct {
	root *db.Client
	on   *db.Client // root, or a transaction's
}

// New returns the program over a client.
func New(client *db.Client) *Articles { return &Articles{root: client, on: client} }

var _ blog.Articles = (*Articles)(nil)

func public(list []*db.Article) (out []blog.Article) {
	for _, a := range list {
		out = append(out, blog.Article{ID: a.ID, Author: a.Author, Category: a.Category, Title: a.Title, Views: a.Views})
	}
	return out
}

// Get returns one article.
func (a *Articles) Get(ctx context.Context, id int64) (*blog.Article, error) {
	got, err := a.on.Article.Get(ctx, id)
	if db.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &public([]*db.Article{got})[0], nil
}

// ByAuthor returns an author's articles.
func (a *Articles) ByAuthor(ctx context.Context, author int64) ([]blog.Article, error) {
	list, err := a.on.Article.Query().Where(article.Author(author)).Order(article.ByID()).All(ctx)
	return public(list), err
}

// Count counts a category's articles.
func (a *Articles) Count(ctx context.Context, category int64) (int, error) {
	return a.on.Article.Query().Where(article.Category(category)).Count(ctx)
}

// Tagged returns the articles with a tag, and all their tags in a query of its own.
func (a *Articles) Tagged(ctx context.Context, name string) ([]blog.Article, error) {
	list, err := a.on.Article.Query().Where(article.HasTagsWith(tag.Tag(name))).WithTags().Order(article.ByID()).All(ctx)
	return public(list), err
}

// Add adds an article.
func (a *Articles) Add(ctx context.Context, art blog.Article) (int64, error) {
	made, err := a.on.Article.Create().SetAuthor(art.Author).SetCategory(art.Category).SetTitle(art.Title).Save(ctx)
	if err != nil {
		return 0, err
	}
	return made.ID, nil
}

// Retitle changes a title.
func (a *Articles) Retitle(ctx context.Context, id int64, title string) error {
	return a.on.Article.Update().Where(article.ID(id)).SetTitle(title).Exec(ctx)
}

// Read counts a view.
func (a *Articles) Read(ctx context.Context, id int64) error {
	return a.on.Article.Update().Where(article.ID(id)).AddViews(1).Exec(ctx)
}

// Move moves an author's articles.
func (a *Articles) Move(ctx context.Context, author, category int64) error {
	return a.on.Article.Update().Where(article.Author(author)).SetCategory(category).Exec(ctx)
}

// Tag adds a tag.
func (a *Articles) Tag(ctx context.Context, id int64, name string) error {
	return a.on.Tag.Create().SetArticle(id).SetTag(name).Exec(ctx)
}

// Remove removes an article.
func (a *Articles) Remove(ctx context.Context, id int64) error {
	return a.Tx(ctx, func(tx blog.Articles) error {
		on := tx.(*Articles).on
		if _, err := on.Tag.Delete().Where(tag.Article(id)).Exec(ctx); err != nil {
			return err
		}
		_, err := on.Article.Delete().Where(article.ID(id)).Exec(ctx)
		return err
	})
}

// Tx runs f in a transaction.
func (a *Articles) Tx(ctx context.Context, f func(blog.Articles) error) error {
	tx, err := a.root.Tx(ctx)
	if err != nil {
		return err
	}
	if err := f(&Articles{root: a.root, on: tx.Client()}); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
