// Package ent is the blog with ent. The generated client goes over the cached
// *sql.DB:
//
//	client := db.NewClient(db.Driver(entsql.OpenDB(dialect.SQLite, cached)))
//
// A transaction of ent's is one of the *sql.DB; nothing else is to be done.
package ent

//go:generate go run entgo.io/ent/cmd/ent@v0.14.5 generate --target db ./schema
