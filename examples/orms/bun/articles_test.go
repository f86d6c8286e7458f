package bun_test

import (
	"context"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	program "github.com/cacheops/cacheops/examples/orms/bun"
	"github.com/cacheops/cacheops/examples/orms/internal/blog"
)

func TestSQLite(t *testing.T) {
	cached, bare := blog.SQLite(t)
	a := program.New(bun.NewDB(cached, sqlitedialect.New()))
	blog.Check(t, a, program.New(bun.NewDB(bare, sqlitedialect.New())))
	blog.Off(t, func(ctx context.Context) (any, error) { return a.Titles(ctx, 1) })
}

func TestPostgres(t *testing.T) {
	cached, bare := blog.Postgres(t)
	a := program.New(bun.NewDB(cached, pgdialect.New()))
	blog.Check(t, a, program.New(bun.NewDB(bare, pgdialect.New())))
	blog.Off(t, func(ctx context.Context) (any, error) { return a.Titles(ctx, 1) })
}
