package sqlx_test

import (
	"testing"

	"github.com/jmoiron/sqlx"

	program "github.com/cacheops/cacheops/examples/orms/sqlx"

	"github.com/cacheops/cacheops/examples/orms/internal/blog"
)

func TestSQLite(t *testing.T) {
	cached, bare := blog.SQLite(t)
	blog.Check(t, program.New(sqlx.NewDb(cached, "sqlite3")), program.New(sqlx.NewDb(bare, "sqlite3")))
}

func TestPostgres(t *testing.T) {
	cached, bare := blog.Postgres(t)
	blog.Check(t, program.New(sqlx.NewDb(cached, "pgx")), program.New(sqlx.NewDb(bare, "pgx")))
}
