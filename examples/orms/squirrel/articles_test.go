package squirrel_test

import (
	"context"
	"testing"

	sq "github.com/Masterminds/squirrel"

	"github.com/cacheops/cacheops/examples/orms/internal/blog"
	program "github.com/cacheops/cacheops/examples/orms/squirrel"
)

func TestSQLite(t *testing.T) {
	cached, bare := blog.SQLite(t)
	a, b := program.New(cached, sq.Question), program.New(bare, sq.Question)
	blog.Check(t, a, b)
	blog.Off(t, func(ctx context.Context) (any, error) { return a.Titles(ctx, 1) })
}

func TestPostgres(t *testing.T) {
	cached, bare := blog.Postgres(t)
	a, b := program.New(cached, sq.Dollar), program.New(bare, sq.Dollar)
	blog.Check(t, a, b)
	blog.Off(t, func(ctx context.Context) (any, error) { return a.Titles(ctx, 1) })
}
