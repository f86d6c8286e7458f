package pgxcache

import (
	"context"
	"database/sql/driver"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cacheops/cacheops"
)

// Conn is a connection through the cache. Like pgx's it is used by one goroutine
// at a time. It holds a connection of the pool beneath only while something
// depends on it: a transaction, rows being read, a session that was changed (SET,
// LISTEN, advisory locks, temporary tables). In a session of its own reads go to
// the database, and Release ends it. One of [NewConn]'s is always the same real one.
type Conn struct {
	session *session
	lone    *lone // nil for a pool's
	alike   bool  // a lone one's entries are shared with others that have no types of their own
}

// Acquire returns a connection, which must be released. It waits for none of the
// pool beneath.
func (p *Pool) Acquire(ctx context.Context) (*Conn, error) {
	s, err := p.take(ctx)
	if err != nil {
		return nil, err
	}
	return &Conn{session: s}, nil
}

// AcquireFunc calls f with a connection that is released after it.
func (p *Pool) AcquireFunc(ctx context.Context, f func(*Conn) error) error {
	c, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	return f(c)
}

// Release gives the connection back; an open transaction is rolled back. The
// connection must not be used after it. One of [NewConn]'s stays open and is the
// program's again.
func (c *Conn) Release() {
	s := c.session
	if s == nil {
		return
	}
	c.session = nil
	s.pool.give(s)
	if c.lone != nil {
		c.lone.leave(s.pool)
	}
}

// Raw calls f with a real connection, for what this package does not have. f may do
// anything, so everything in the database is dropped and nothing kept while it
// runs; from then on the connection's reads go to the database, its writes drop
// everything, and Release closes it. f must not keep the connection.
func (c *Conn) Raw(ctx context.Context, f func(*pgx.Conn) error) error {
	return c.session.Raw(ctx, func(dc driver.Conn) error { return f(dc.(*real).pgx()) })
}

// Watch calls f with a real connection that stays with this one until Release, for
// what tells of the database and writes nothing: LISTEN and WaitForNotification.
// Nothing is dropped.
func (c *Conn) Watch(ctx context.Context, f func(*pgx.Conn) error) error {
	if c.lone != nil {
		return c.visit(ctx, f)
	}
	if err := c.session.Pin(ctx); err != nil {
		return err
	}
	return c.session.Hold(ctx, func(dc driver.Conn) error { return f(dc.(*real).pgx()) })
}

// Query is [pgx.Conn.Query].
func (c *Conn) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := ctx.Err(); err != nil {
		return failed(err), err
	}
	return c.session.query(ctx, sql, args, false)
}

// QueryRow is [pgx.Conn.QueryRow].
func (c *Conn) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, _ := c.Query(ctx, sql, args...) // the rows say it too
	return row{rows}
}

// Exec is [pgx.Conn.Exec].
func (c *Conn) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return c.session.exec(ctx, sql, args)
}

// Begin is [pgx.Conn.Begin].
func (c *Conn) Begin(ctx context.Context) (pgx.Tx, error) { return c.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx is [pgx.Conn.BeginTx].
func (c *Conn) BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error) {
	t, err := c.session.begin(ctx, opts, false)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// SendBatch is [pgx.Conn.SendBatch], as [Pool.SendBatch] does it.
func (c *Conn) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return c.session.sendBatch(ctx, b, false)
}

// CopyFrom is [pgx.Conn.CopyFrom].
func (c *Conn) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return c.session.copyFrom(ctx, table, columns, src)
}

// Prepare is [pgx.Conn.Prepare]. The name stands for the text until the connection
// is released, and what it reads is cached.
func (c *Conn) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return c.session.prepare(ctx, name, sql)
}

// Invalidate drops what reads the targets: at once, or when the open transaction
// commits.
func (c *Conn) Invalidate(ctx context.Context, targets ...cacheops.Target) error {
	return c.session.Invalidate(ctx, targets...)
}

// Ping asks the database, not the cache.
func (c *Conn) Ping(ctx context.Context) error { return c.session.Ping(ctx) }
