// Package schema is what ent's code in db is generated from.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
)

// Article is a row of articles.
type Article struct{ ent.Schema }

// Fields of the table.
func (Article) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"), field.Int64("author"), field.Int64("category"), field.String("title"), field.Int64("views").Default(0),
	}
}

// Edges to other tables.
func (Article) Edges() []ent.Edge { return []ent.Edge{edge.To("tags", Tag.Type)} }

// Tag is a row of tags.
type Tag struct{ ent.Schema }

// Fields of the table.
func (Tag) Fields() []ent.Field {
	return []ent.Field{field.Int64("id"), field.Int64("article"), field.String("tag")}
}

// Edges to other tables.
func (Tag) Edges() []ent.Edge {
	return []ent.Edge{edge.From("owner", Article.Type).Ref("tags").Field("article").Unique().Required()}
}
