package sqlc_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops/examples/orms/internal/blog"
	"github.com/cacheops/cacheops/examples/orms/sqlc"
	"github.com/cacheops/cacheops/pgxcache"
)

func TestSQLite(t *testing.T) {
	cached, bare := blog.SQLite(t)
	a := sqlc.New(cached)
	blog.Check(t, a, sqlc.New(bare))
	blog.Off(t, func(ctx context.Context) (any, error) { return a.Titles(ctx, 1) })
}

func TestPgx(t *testing.T) {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, blog.PostgresAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := pool.Exec(ctx, blog.PostgresSchema); err != nil {
		t.Fatal(err)
	}
	cached := pgxcache.New(blog.Cache(t), pool, nil)
	t.Cleanup(cached.Close)
	a := sqlc.NewOnPgx(cached)
	blog.Check(t, a, sqlc.NewOnPgx(pool))
	blog.Off(t, func(ctx context.Context) (any, error) { return a.Titles(ctx, 1) })
}
