package pgxcache_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops/adaptertest"
	"github.com/cacheops/cacheops/pgxcache"
)

func TestAdapter(t *testing.T) {
	const limit = 64 << 10
	adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
		w := newWorld(t, nil, &pgxcache.Options{MaxEntryBytes: limit})
		// pgx's own way fails once after DDL, with the statements that it keeps prepared.
		bare := w.open(func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec })
		return adaptertest.Harness{
			Cached: suiteDB{w.pool, cachedPrepare(w.pool)}, Bare: suiteDB{bare, nil}, MaxEntry: limit, Dollar: true,
		}
	})
}

// suiteDB is a pool as the suite uses it.
type suiteDB struct {
	pool interface {
		queryExecer
		Begin(ctx context.Context) (pgx.Tx, error)
	}
	prepare func(ctx context.Context, text string) (func(...any) ([][]any, error), func() error, error)
}

type queryExecer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func (d suiteDB) Query(ctx context.Context, text string, args ...any) ([][]any, error) {
	return read(ctx, d.pool, text, args)
}

func (d suiteDB) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	tag, err := d.pool.Exec(ctx, text, args...)
	return tag.RowsAffected(), err
}

func (d suiteDB) Begin(ctx context.Context) (adaptertest.Tx, error) {
	tx, err := d.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return suiteTx{tx}, nil
}

func (d suiteDB) Prepare(ctx context.Context, text string) (func(...any) ([][]any, error), func() error, error) {
	return d.prepare(ctx, text)
}

func cachedPrepare(p *pgxcache.Pool) func(context.Context, string) (func(...any) ([][]any, error), func() error, error) {
	return func(ctx context.Context, text string) (func(...any) ([][]any, error), func() error, error) {
		c, err := p.Acquire(ctx)
		if err != nil {
			return nil, nil, err
		}
		if _, err := c.Prepare(ctx, "named", text); err != nil {
			c.Release()
			return nil, nil, err
		}
		query := func(args ...any) ([][]any, error) { return read(ctx, c, "named", args) }
		return query, func() error { c.Release(); return nil }, nil
	}
}

type suiteTx struct{ tx pgx.Tx }

func (t suiteTx) Query(ctx context.Context, text string, args ...any) ([][]any, error) {
	return read(ctx, t.tx, text, args)
}

func (t suiteTx) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	tag, err := t.tx.Exec(ctx, text, args...)
	return tag.RowsAffected(), err
}

func (t suiteTx) Commit() error   { return t.tx.Commit(context.Background()) }
func (t suiteTx) Rollback() error { return t.tx.Rollback(context.Background()) }

// read gives integers as the suite expects them.
func read(ctx context.Context, on queryer, text string, args []any) ([][]any, error) {
	rows, err := on.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) ([]any, error) {
		values, err := r.Values()
		for i, v := range values {
			if n, ok := v.(int32); ok {
				values[i] = int64(n)
			}
		}
		return values, err
	})
}
