// Package xorm is the blog with xorm. The engine goes over the cached *sql.DB:
//
//	engine, err := xorm.NewEngineWithDB("sqlite", dsn, core.FromDB(sqlcache.OpenDB(cache, connector, nil)))
//
// xorm's own cache (SetDefaultCacher) stays off: it knows nothing of other
// processes, of raw SQL, or of a transaction's end.
package xorm

import (
	"context"
	"database/sql"
	"errors"

	"xorm.io/xorm"
	"xorm.io/xorm/core"

	"github.com/cacheops/cacheops/examples/orms/internal/blog"
)

// Open returns an engine over a database; xorm reads the dialect, and no more, from
// the driver's name and the source.
func Open(driver, source string, db *sql.DB) (*xorm.Engine, error) {
	return xorm.NewEngineWithDB(driver, source, core.FromDB(db))
}

type article struct {
	ID       int64 `xorm:"pk autoincr 'id'"`
	Author   int64
	Category int64
	Title    string
	Views    int64
}

func (article) TableName() string { return "articles" }

type tag struct {
	ID      int64 `xorm:"pk autoincr 'id'"`
	Article int64
	Tag     string
}

func (tag) TableName() string { return "tags" }

// Articles is the blog's program.
type Articles struct {
	engine *xorm.Engine
	tx     *xorm.Session // nil outside of one
}

// New returns the program over a database.
func New(engine *xorm.Engine) *Articles { return &Articles{engine: engine} }

var _ blog.Articles = (*Articles)(nil)

// session is what a statement is built on.
func (a *Articles) session(ctx context.Context) *xorm.Session {
	if a.tx != nil {
		return a.tx.Context(ctx)
	}
	return a.engine.Context(ctx)
}

func public(list []article) (out []blog.Article) {
	for i := range list {
		out = append(out, blog.Article(list[i]))
	}
	return out
}

// Get returns one article.
func (a *Articles) Get(ctx context.Context, id int64) (*blog.Article, error) {
	var got article
	found, err := a.session(ctx).ID(id).Get(&got)
	if err != nil || !found {
		return nil, err
	}
	out := blog.Article(got)
	return &out, nil
}

// ByAuthor returns an author's articles.
func (a *Articles) ByAuthor(ctx context.Context, author int64) ([]blog.Article, error) {
	var list []article
	err := a.session(ctx).Where("author = ?", author).Asc("id").Find(&list)
	return public(list), err
}

// Titles returns the titles of a category, always from the database.
func (a *Articles) Titles(ctx context.Context, category int64) (out []string, err error) {
	err = a.session(ctx).SQL("SELECT title FROM articles WHERE category = ? ORDER BY id /* cacheops: off */", category).Find(&out)
	return out, err
}

// Count counts a category's articles.
func (a *Articles) Count(ctx context.Context, category int64) (int, error) {
	n, err := a.session(ctx).Where("category = ?", category).Count(&article{})
	return int(n), err
}

// Tagged returns the articles with a tag.
func (a *Articles) Tagged(ctx context.Context, name string) ([]blog.Article, error) {
	var list []article
	err := a.session(ctx).Table("articles").Alias("a").Distinct("a.id", "a.author", "a.category", "a.title", "a.views").
		Join("INNER", []string{"tags", "t"}, "t.article = a.id").Where("t.tag = ?", name).Asc("a.id").Find(&list)
	return public(list), err
}

// Add adds an article.
func (a *Articles) Add(ctx context.Context, art blog.Article) (int64, error) {
	made := article(art)
	_, err := a.session(ctx).Insert(&made)
	return made.ID, err
}

// Retitle changes a title.
func (a *Articles) Retitle(ctx context.Context, id int64, title string) error {
	_, err := a.session(ctx).ID(id).Cols("title").Update(&article{Title: title})
	return err
}

// Read counts a view.
func (a *Articles) Read(ctx context.Context, id int64) error {
	_, err := a.session(ctx).ID(id).Incr("views").Update(&article{})
	return err
}

// Move moves an author's articles.
func (a *Articles) Move(ctx context.Context, author, category int64) error {
	_, err := a.session(ctx).Where("author = ?", author).Cols("category").Update(&article{Category: category})
	return err
}

// Tag adds a tag.
func (a *Articles) Tag(ctx context.Context, id int64, name string) error {
	_, err := a.session(ctx).Insert(&tag{Article: id, Tag: name})
	return err
}

// Remove removes an article.
func (a *Articles) Remove(ctx context.Context, id int64) error {
	return a.Tx(ctx, func(tx blog.Articles) error {
		in := tx.(*Articles)
		if _, err := in.session(ctx).Where("article = ?", id).Delete(&tag{}); err != nil {
			return err
		}
		_, err := in.session(ctx).ID(id).Delete(&article{})
		return err
	})
}

// Tx runs f in a transaction.
func (a *Articles) Tx(ctx context.Context, f func(blog.Articles) error) (err error) {
	s := a.engine.NewSession().Context(ctx)
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Begin(); err != nil {
		return err
	}
	if err := f(&Articles{engine: a.engine, tx: s}); err != nil {
		return errors.Join(err, s.Rollback())
	}
	return s.Commit()
}
