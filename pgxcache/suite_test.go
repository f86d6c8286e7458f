package pgxcache_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops/adaptertest"
	"github.com/cacheops/cacheops/pgxcache"
)

// TestAdapter runs the suite over everything that this package makes.
func TestAdapter(t *testing.T) {
	const limit = 64 << 10
	for name, use := range map[string]func(*world) (cached, bare user){
		"pool":       usePools,
		"connection": useConnections,
		"lone":       useLone,
		"batches":    useBatches,
		"joined":     useJoined,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
				w := newWorld(t, nil, &pgxcache.Options{MaxEntryBytes: limit})
				// pgx's own way fails once after DDL, with the statements that it keeps prepared.
				w.bare = w.open(func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec })
				cached, bare := use(w)
				return adaptertest.Harness{
					Cached: suiteDB{cached, w.pool}, Bare: suiteDB{bare, nil}, MaxEntry: limit, Dollar: true,
				}
			})
		})
	}
}

// user is a form in which a program uses the database.
type user struct {
	query, exec func(ctx context.Context, f func(queryExecer) error) error
	begin       func(ctx context.Context) (pgx.Tx, error)
}

type queryExecer interface {
	queryer
	execer
}

type wholePool interface {
	queryExecer
	sender
	Begin(ctx context.Context) (pgx.Tx, error)
}

func poolUser(p wholePool) user {
	run := func(_ context.Context, f func(queryExecer) error) error { return f(p) }
	return user{run, run, p.Begin}
}

func usePools(w *world) (cached, bare user) { return poolUser(w.pool), poolUser(w.bare) }

// useConnections acquires a connection for each use.
func useConnections(w *world) (cached, bare user) {
	run := func(ctx context.Context, f func(queryExecer) error) error {
		return w.pool.AcquireFunc(ctx, func(c *pgxcache.Conn) error { return f(c) })
	}
	begin := func(ctx context.Context) (pgx.Tx, error) {
		c, err := w.pool.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		return beginOn(ctx, c, c.Release)
	}
	return user{run, run, begin}, poolUser(w.bare)
}

// releasing is a transaction whose connection is given back with it.
type releasing struct {
	pgx.Tx
	release func()
}

func beginOn(ctx context.Context, c *pgxcache.Conn, release func()) (pgx.Tx, error) {
	tx, err := c.Begin(ctx)
	if err != nil {
		release()
		return nil, err
	}
	return &releasing{tx, release}, nil
}

func (r *releasing) Commit(ctx context.Context) error   { return r.end(r.Tx.Commit(ctx)) }
func (r *releasing) Rollback(ctx context.Context) error { return r.end(r.Tx.Rollback(ctx)) }

func (r *releasing) end(err error) error {
	if r.release != nil {
		r.release()
		r.release = nil
	}
	return err
}

// useLone puts the cache over a new connection, which is in no pool, for each use.
func useLone(w *world) (cached, bare user) {
	take := func(ctx context.Context) (*pgxcache.Conn, func(), error) {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		l := w.lone(nil)
		return l.Conn, l.close, nil
	}
	run := func(ctx context.Context, f func(queryExecer) error) error {
		c, done, err := take(ctx)
		if err != nil {
			return err
		}
		defer done()
		return f(c)
	}
	begin := func(ctx context.Context) (pgx.Tx, error) {
		c, done, err := take(ctx)
		if err != nil {
			return nil, err
		}
		return beginOn(ctx, c, done)
	}
	return user{run, run, begin}, poolUser(w.bare)
}

// useBatches sends each read twice in a batch, and each write as one.
func useBatches(w *world) (cached, bare user) { return batchUser(w.pool), batchUser(w.bare) }

func batchUser(p wholePool) user {
	run := func(_ context.Context, f func(queryExecer) error) error { return f(batching{p}) }
	return user{run, run, p.Begin}
}

type batching struct{ pool wholePool }

func (b batching) Query(ctx context.Context, text string, args ...any) (pgx.Rows, error) {
	batch := &pgx.Batch{}
	batch.Queue(text, args...)
	batch.Queue(text, args...)
	br := b.pool.SendBatch(ctx, batch)
	first, err := br.Query()
	if err != nil {
		return first, errors.Join(err, ignored(br.Close()))
	}
	first.Close()
	rows, err := br.Query()
	if err != nil {
		return rows, errors.Join(err, ignored(br.Close()))
	}
	return batchRows{rows, br}, nil
}

// ignored is an error that says what another one says.
func ignored(error) error { return nil }

// batchRows end the batch with them.
type batchRows struct {
	pgx.Rows
	batch pgx.BatchResults
}

func (r batchRows) Close() {
	r.Rows.Close()
	_ = r.batch.Close() // the rows say it
}

func (b batching) Exec(ctx context.Context, text string, args ...any) (pgconn.CommandTag, error) {
	batch := &pgx.Batch{}
	batch.Queue(text, args...)
	br := b.pool.SendBatch(ctx, batch)
	tag, err := br.Exec()
	if closeErr := br.Close(); err == nil {
		err = closeErr
	}
	return tag, err
}

// useJoined writes in transactions that were begun past the cache.
func useJoined(w *world) (cached, bare user) {
	begin := func(ctx context.Context) (pgx.Tx, error) {
		tx, err := w.bare.Begin(ctx)
		if err != nil {
			return nil, err
		}
		joined, err := w.pool.WrapTx(ctx, tx)
		if err != nil {
			return nil, errors.Join(err, tx.Rollback(ctx))
		}
		return joined, nil
	}
	exec := func(ctx context.Context, f func(queryExecer) error) error {
		tx, err := begin(ctx)
		if err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return errors.Join(err, tx.Rollback(ctx))
		}
		return tx.Commit(ctx)
	}
	return user{poolUser(w.pool).query, exec, begin}, poolUser(w.bare)
}

// suiteDB is a form as the suite uses it.
type suiteDB struct {
	user
	pool *pgxcache.Pool // for prepared statements
}

func (d suiteDB) Query(ctx context.Context, text string, args ...any) (rows [][]any, err error) {
	err = d.query(ctx, func(on queryExecer) (err error) {
		rows, err = read(ctx, on, text, args)
		return err
	})
	return rows, err
}

func (d suiteDB) Exec(ctx context.Context, text string, args ...any) (n int64, err error) {
	err = d.exec(ctx, func(on queryExecer) error {
		tag, err := on.Exec(ctx, text, args...)
		n = tag.RowsAffected()
		return err
	})
	return n, err
}

func (d suiteDB) Begin(ctx context.Context) (adaptertest.Tx, error) {
	tx, err := d.begin(ctx)
	if err != nil {
		return nil, err
	}
	return suiteTx{tx}, nil
}

func (d suiteDB) Prepare(ctx context.Context, text string) (func(...any) ([][]any, error), func() error, error) {
	c, err := d.pool.Acquire(ctx)
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
