package pgxcache

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cacheops/cacheops/sqlcache"
)

// beneath makes real connections of a pool of pgx's.
type beneath struct {
	driver.Connector // pgx's own, for database/sql
	types            *types
	hooked           bool
	name             string // of the room that a session has for us
}

func newBeneath(pool *pgxpool.Pool, name string) *beneath {
	c := pool.Config()
	return &beneath{
		Connector: stdlib.GetPoolConnector(pool),
		types:     &types{own: c.AfterConnect != nil || c.BeforeConnect != nil},
		hooked:    c.PrepareConn != nil || c.BeforeAcquire != nil || c.AfterRelease != nil, //nolint:staticcheck // programs have it
		name:      name,
	}
}

// Connect acquires a connection from the pool; closing it releases it.
func (b *beneath) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := b.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	r := &real{plain: c.(*stdlib.Conn), from: b}
	b.types.meet(r.pgx().TypeMap(), nil)
	return r, nil
}

// plain is pgx's connection for database/sql: what the engine asks for itself it
// reads as it would there.
type plain = stdlib.Conn

// real is a connection of the pool. Statements whose last argument is a [call]
// are the program's: they run, and return their rows, in pgx's own way.
type real struct {
	*plain
	from    *beneath
	discard bool
}

var (
	_ sqlcache.RealConn     = (*real)(nil)
	_ driver.QueryerContext = (*real)(nil)
	_ driver.ExecerContext  = (*real)(nil)
	_ driver.Validator      = (*real)(nil)
)

func (r *real) pgx() *pgx.Conn { return r.plain.Conn() }

func (r *real) TxStatus() byte                          { return r.pgx().PgConn().TxStatus() }
func (r *real) IsClosed() bool                          { return r.pgx().IsClosed() }
func (r *real) IsValid() bool                           { return !r.IsClosed() }
func (r *real) DeallocateAll(ctx context.Context) error { return r.pgx().DeallocateAll(ctx) }
func (r *real) Hooked() bool                            { return r.from.hooked }
func (r *real) Discard()                                { r.discard = true }

// Lasting is kept with the session.
func (r *real) Lasting() *any {
	data := r.pgx().PgConn().CustomData()
	room, ok := data[r.from.name].(*any)
	if !ok {
		room = new(any)
		data[r.from.name] = room
	}
	return room
}

// closeTime bounds the goodbye to the server.
const closeTime = 5 * time.Second

// Close gives the connection back to the pool, which drops a closed one.
func (r *real) Close() error {
	if r.discard {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		_ = r.pgx().Close(ctx) // it is gone either way
	}
	return r.plain.Close()
}

// ExecContext runs a statement. The result of a program's is a [result].
func (r *real) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	c, ok := callOf(args)
	if !ok {
		return r.plain.ExecContext(ctx, text, args)
	}
	if r.IsClosed() {
		return nil, driver.ErrBadConn
	}
	tag, err := r.pgx().Exec(ctx, text, append([]any{c.mode()}, sent(args)...)...)
	if err != nil {
		return nil, lost(ctx, err)
	}
	return result{tag}, nil
}

// QueryContext runs a statement with rows. A program's come as [rawRows].
func (r *real) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	c, ok := callOf(args)
	if !ok {
		return r.plain.QueryContext(ctx, text, args)
	}
	if r.IsClosed() {
		return nil, driver.ErrBadConn
	}
	rows, err := r.pgx().Query(ctx, text, append(c.options(), sent(args)...)...)
	if err != nil {
		return nil, lost(ctx, err)
	}
	out := &rawRows{rows: rows}
	out.more = rows.Next() // some modes know the columns only then
	if err := rows.Err(); err != nil {
		return nil, lateError{lost(ctx, err)}
	}
	r.from.types.meet(r.pgx().TypeMap(), rows.FieldDescriptions())
	return out, nil
}

// lost says so in the engine's way where nothing can have been sent, unless it is
// the caller who has gone.
func lost(ctx context.Context, err error) error {
	if ctx.Err() == nil && pgconn.SafeToRetry(err) {
		return driver.ErrBadConn
	}
	return err
}

// lateError is one that pgx tells with the rows and not with the call.
type lateError struct{ error }

func (e lateError) Unwrap() error { return e.error }

// result is a driver's result that carries pgx's.
type result struct{ tag pgconn.CommandTag }

func (r result) RowsAffected() (int64, error) { return r.tag.RowsAffected(), nil }

func (r result) LastInsertId() (int64, error) {
	return 0, fmt.Errorf("%s: PostgreSQL has no last insert id", r.tag)
}
