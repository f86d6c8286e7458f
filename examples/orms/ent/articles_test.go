package ent_test

import (
	"database/sql"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	program "github.com/cacheops/cacheops/examples/orms/ent"
	"github.com/cacheops/cacheops/examples/orms/ent/db"
	"github.com/cacheops/cacheops/examples/orms/internal/blog"
)

func open(name string, over *sql.DB) *program.Articles {
	return program.New(db.NewClient(db.Driver(entsql.OpenDB(name, over))))
}

func TestSQLite(t *testing.T) {
	cached, bare := blog.SQLite(t)
	blog.Check(t, open(dialect.SQLite, cached), open(dialect.SQLite, bare))
}

func TestPostgres(t *testing.T) {
	cached, bare := blog.Postgres(t)
	blog.Check(t, open(dialect.Postgres, cached), open(dialect.Postgres, bare))
}
