package xorm_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/cacheops/cacheops/examples/orms/internal/blog"
	program "github.com/cacheops/cacheops/examples/orms/xorm"
)

func TestSQLite(t *testing.T) {
	cached, bare := blog.SQLite(t)
	check(t, "sqlite", "", cached, bare)
}

func TestPostgres(t *testing.T) {
	cached, bare := blog.Postgres(t)
	check(t, "pgx", "postgres://postgres@127.0.0.1:5432/blog", cached, bare)
}

func check(t *testing.T, driver, source string, cached, bare *sql.DB) {
	t.Helper()
	open := func(db *sql.DB) *program.Articles {
		e, err := program.Open(driver, source, db)
		if err != nil {
			t.Fatal(err)
		}
		return program.New(e)
	}
	a := open(cached)
	blog.Check(t, a, open(bare))
	blog.Off(t, func(ctx context.Context) (any, error) { return a.Titles(ctx, 1) })
}
