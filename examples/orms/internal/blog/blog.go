// Package blog is the program that each example writes with another library:
// articles by authors, with tags. It holds the schema, and the test that an example
// passes: what is a hit, what a write drops, and that a cached program gives the
// answers of an uncached one.
package blog

import "context"

// Schema makes the tables, on SQLite and on PostgreSQL, whose authors there are.
const (
	Schema = `
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE articles (
	id INTEGER PRIMARY KEY AUTOINCREMENT, author BIGINT NOT NULL REFERENCES authors (id), category BIGINT NOT NULL,
	title TEXT NOT NULL, views BIGINT NOT NULL DEFAULT 0);
CREATE TABLE tags (id INTEGER PRIMARY KEY AUTOINCREMENT, article BIGINT NOT NULL REFERENCES articles (id), tag TEXT NOT NULL);
INSERT INTO authors (id, name) VALUES (1, 'Ann'), (2, 'Ben'), (3, 'Cid');`

	PostgresSchema = `
CREATE TABLE authors (id BIGINT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE articles (
	id BIGSERIAL PRIMARY KEY, author BIGINT NOT NULL REFERENCES authors (id), category BIGINT NOT NULL,
	title TEXT NOT NULL, views BIGINT NOT NULL DEFAULT 0);
CREATE TABLE tags (id BIGSERIAL PRIMARY KEY, article BIGINT NOT NULL REFERENCES articles (id), tag TEXT NOT NULL);
INSERT INTO authors (id, name) VALUES (1, 'Ann'), (2, 'Ben'), (3, 'Cid');`
)

// Article is a row of articles.
type Article struct {
	ID, Author, Category int64
	Title                string
	Views                int64
}

// Articles is the program.
type Articles interface {
	// Get returns one article, nil if there is none.
	Get(ctx context.Context, id int64) (*Article, error)
	// ByAuthor returns an author's articles by id.
	ByAuthor(ctx context.Context, author int64) ([]Article, error)
	// Count returns how many articles a category has.
	Count(ctx context.Context, category int64) (int, error)
	// Tagged returns the articles with a tag by id: a join, or two reads.
	Tagged(ctx context.Context, tag string) ([]Article, error)

	// Add adds an article and returns its id.
	Add(ctx context.Context, a Article) (int64, error)
	// Retitle changes a title.
	Retitle(ctx context.Context, id int64, title string) error
	// Read counts a view.
	Read(ctx context.Context, id int64) error
	// Move puts an author's articles into a category.
	Move(ctx context.Context, author, category int64) error
	// Tag adds a tag.
	Tag(ctx context.Context, id int64, tag string) error
	// Remove removes an article with its tags, in a transaction of its own.
	Remove(ctx context.Context, id int64) error
	// Tx runs f in a transaction, which it commits if f returns nil.
	Tx(ctx context.Context, f func(Articles) error) error
}
