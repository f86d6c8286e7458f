package pgxcache

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"fmt"
	"io"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/sqlcache"
)

// Options of a cached pool; nil means all zero. The limits on connections there
// are ignored: those of the pool beneath hold.
type Options = sqlcache.Options

// Pool is a pool of pgx's through the cache. It may be used from many goroutines.
type Pool struct {
	inner     *pgxpool.Pool
	beneath   *beneath
	connector driver.Connector // of virtual connections
	mode      pgx.QueryExecMode
	call      any // of statements without options, made once

	mu     sync.Mutex
	idle   []*session
	closed bool
}

// maxIdle is how many virtual connections are kept for reuse. They are small.
const maxIdle = 256

// New puts the cache over a pool. It does not connect. What goes past the returned
// Pool straight to pool is not seen by the cache: writes there leave stale entries,
// and a connection given back there with a session of its own (SET, SET ROLE) lends
// it to the cache. Closing the returned Pool leaves pool open.
//
// A pool with PrepareConn, BeforeAcquire or AfterRelease is not cached without
// [Options].Scope: a hit skips them.
func New(cache *cacheops.Cache, pool *pgxpool.Pool, opts *Options) *Pool {
	c := pool.Config()
	b := newBeneath(pool)
	p := newPool(cache, b, c.ConnConfig.DefaultQueryExecMode, int(c.MaxConns), !b.types.own, opts)
	p.inner = pool
	return p
}

// newPool makes a pool of at most so many connections. alike says that those of
// other programs have the same types, and so give results in the same formats.
func newPool(cache *cacheops.Cache, b *beneath, mode pgx.QueryExecMode, maxConns int, alike bool, opts *Options) *Pool {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Session == "" {
		o.Session = "pgx rows 1"
		if !alike {
			o.Session += " " + rand.Text()
		}
	}
	return &Pool{
		beneath: b, mode: mode, call: newCall(mode, nil, nil),
		connector: sqlcache.Connector(cache, b, maxConns, !b.renews(), &o),
	}
}

// take takes a session that give gives back.
func (p *Pool) take(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s := p.reused(); s != nil {
		return s, nil
	}
	v, err := sqlcache.Connect(ctx, p.connector)
	if err != nil {
		return nil, err
	}
	return &session{Virtual: v, pool: p, from: p.beneath.types}, nil
}

func (p *Pool) reused() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	s := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	return s
}

func (p *Pool) give(s *session) {
	clear(s.args)
	s.prepared = nil
	if s.usable() && p.keep(s) {
		return
	}
	_ = s.Close() // it cannot fail; an open transaction is rolled back
}

func (p *Pool) keep(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxIdle {
		return false
	}
	p.idle = append(p.idle, s)
	return true
}

// Close ends the cache's use of the pool beneath, which stays open. Rows, batches,
// transactions and connections still in use can be used to their end.
func (p *Pool) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, s := range idle {
		_ = s.Close() // it cannot fail
	}
	if c, ok := p.connector.(io.Closer); ok {
		_ = c.Close() // nothing idle is in it that could fail
	}
}

// Query is [pgxpool.Pool.Query]. A hit takes no connection.
func (p *Pool) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	s, err := p.take(ctx)
	if err != nil {
		return failed(err), err
	}
	return s.query(ctx, sql, args, true)
}

// QueryRow is [pgxpool.Pool.QueryRow].
func (p *Pool) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, _ := p.Query(ctx, sql, args...) // the rows say it too
	return row{rows}
}

// Exec is [pgxpool.Pool.Exec]. A read goes to the database.
func (p *Pool) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	s, err := p.take(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer p.give(s)
	return s.exec(ctx, sql, args)
}

// Begin is [pgxpool.Pool.Begin].
func (p *Pool) Begin(ctx context.Context) (pgx.Tx, error) {
	return p.BeginTx(ctx, pgx.TxOptions{})
}

// BeginTx is [pgxpool.Pool.BeginTx]. What the transaction reads comes from the
// database. As with pgx, ctx bounds the beginning alone.
func (p *Pool) BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error) {
	s, err := p.take(ctx)
	if err != nil {
		return nil, err
	}
	t, err := s.begin(ctx, opts, true)
	if err != nil {
		p.give(s)
		return nil, err
	}
	return t, nil
}

// SendBatch is [pgxpool.Pool.SendBatch]. Of a batch of reads those are answered from
// the cache that can be, and the others run as one batch; any other runs on one
// connection as a batch, in a transaction. It is read to its end at once.
func (p *Pool) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	s, err := p.take(ctx)
	if err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	return s.sendBatch(ctx, b, true)
}

// CopyFrom is [pgxpool.Pool.CopyFrom]. It drops what reads the table.
func (p *Pool) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	s, err := p.take(ctx)
	if err != nil {
		return 0, err
	}
	defer p.give(s)
	return s.copyFrom(ctx, table, columns, src)
}

// Invalidate drops at once what reads the targets.
func (p *Pool) Invalidate(ctx context.Context, targets ...cacheops.Target) error {
	s, err := p.take(ctx)
	if err != nil {
		return fmt.Errorf("invalidate: %w", err)
	}
	defer p.give(s)
	if err := s.Invalidate(ctx, targets...); err != nil {
		return fmt.Errorf("invalidate: %w", err)
	}
	return nil
}

// Ping asks the database, not the cache.
func (p *Pool) Ping(ctx context.Context) error { return p.inner.Ping(ctx) }

// Stat tells of the pool beneath, which hits do not use.
func (p *Pool) Stat() *pgxpool.Stat { return p.inner.Stat() }

// Config returns a copy of the configuration of the pool beneath.
func (p *Pool) Config() *pgxpool.Config { return p.inner.Config() }

// Reset closes the connections of the pool beneath.
func (p *Pool) Reset() { p.inner.Reset() }
