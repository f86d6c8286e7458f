package pgxcache

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops/sqlcache"
)

// beneath makes real connections: of a pool of pgx's, or all of one connection.
type beneath struct {
	source
	types  *types
	hooked bool
	name   string // of the room that a session has for us

	decoding sync.Mutex
	decoder  *pgtype.Map
}

// source is where connections come from.
type source interface {
	// take waits until one can be had, which is given back by give. broken says that
	// it must not be used again.
	take(ctx context.Context) (conn *pgx.Conn, give func(broken bool), err error)
	// renews says that another connection can be had in the place of a closed one.
	renews() bool
}

// pooledSource takes connections from a pool.
type pooledSource struct{ pool *pgxpool.Pool }

func (s pooledSource) take(ctx context.Context) (*pgx.Conn, func(bool), error) {
	c, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, nil, err
	}
	return c.Conn(), func(broken bool) {
		if broken {
			end(c.Conn())
		}
		c.Release() // which drops a closed one
	}, nil
}

func (s pooledSource) renews() bool { return true }

// rooms is what the names of all caches' rooms begin with.
const rooms = "cacheops-"

func newBeneath(pool *pgxpool.Pool) *beneath {
	c := pool.Config()
	return &beneath{
		source: pooledSource{pool},
		types:  &types{own: c.AfterConnect != nil || c.BeforeConnect != nil},
		hooked: c.PrepareConn != nil || c.BeforeAcquire != nil || c.AfterRelease != nil, //nolint:staticcheck // programs have it
		name:   rooms + rand.Text(),
	}
}

// Driver is [driver.Connector]'s.
func (b *beneath) Driver() driver.Driver { return pgxDriver{} }

// Connect takes a connection; closing it gives it back.
func (b *beneath) Connect(ctx context.Context) (driver.Conn, error) {
	c, give, err := b.take(ctx)
	if err != nil {
		return nil, err
	}
	b.types.meet(c.TypeMap(), nil)
	if _, met := c.PgConn().CustomData()[b.name]; !met {
		b.types.names(c)
	}
	return &real{plain: plain{conn: c, from: b}, give: give}, nil
}

// real is a connection. Statements whose last argument is a [call] are the
// program's: they run, and return their rows, in pgx's own way.
type real struct {
	plain
	give    func(broken bool) // nil once it was called
	discard bool
	// over says that the connection is somebody else's again, and lostThen that it was
	// closed by then.
	over, lostThen bool
}

var (
	_ sqlcache.RealConn     = (*real)(nil)
	_ driver.QueryerContext = (*real)(nil)
	_ driver.ExecerContext  = (*real)(nil)
	_ driver.Validator      = (*real)(nil)
)

func (r *real) pgx() *pgx.Conn { return r.conn }

// TxStatus is that of the end for a connection that is somebody else's again.
func (r *real) TxStatus() byte {
	if r.over {
		return 'I'
	}
	return r.pgx().PgConn().TxStatus()
}

// IsClosed reports whether it is, or was then.
func (r *real) IsClosed() bool {
	if r.over {
		return r.lostThen
	}
	return r.pgx().IsClosed()
}

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

// Unpack decodes a packed row as pgx's driver for database/sql would; of what that
// does not know nothing is told.
func (r *real) Unpack(columns []string, row []driver.Value) (values []driver.Value, ok bool) {
	if len(columns) != 1 || len(row) != 1 {
		return nil, false
	}
	packed, ok := row[0].(string)
	if !ok {
		return nil, false
	}
	fields, err := unpackFields(columns[0])
	if err != nil {
		return nil, false
	}
	raw := make([][]byte, len(fields))
	if _, err := unpackRow(packed, nil, raw); err != nil {
		return nil, false
	}
	for i := range fields {
		values = append(values, r.from.value(&fields[i], raw[i]))
	}
	return values, true
}

// unread stands for a value of which nothing is known.
type unread struct{}

// value decodes by pgx's own types: a program's may make anything of a value.
func (b *beneath) value(f *pgconn.FieldDescription, raw []byte) driver.Value {
	if raw == nil {
		return nil
	}
	b.decoding.Lock()
	defer b.decoding.Unlock()
	if b.decoder == nil {
		b.decoder = pgtype.NewMap()
	}
	t, ok := b.decoder.TypeForOID(f.DataTypeOID)
	if !ok {
		return unread{}
	}
	v, err := t.Codec.DecodeDatabaseSQLValue(b.decoder, f.DataTypeOID, f.Format, raw)
	if err != nil {
		return unread{}
	}
	return v
}

// closeTime bounds the goodbye to the server.
const closeTime = 5 * time.Second

// end closes a connection.
func end(c *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = c.Close(ctx) // it is gone either way
}

// Close gives the connection back.
func (r *real) Close() error {
	if give := r.give; give != nil {
		r.give = nil
		give(r.discard)
	}
	return nil
}

// ExecContext runs a statement. Its result is a [result].
func (r *real) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if r.IsClosed() && r.from.renews() {
		return nil, driver.ErrBadConn
	}
	c, ok := callOf(args)
	if !ok {
		res, err := r.exec(ctx, text, args)
		return res, r.lost(ctx, err)
	}
	tag, err := r.pgx().Exec(ctx, text, append([]any{c.mode()}, sent(args)...)...)
	if err != nil {
		return nil, r.lost(ctx, err)
	}
	return result{tag}, nil
}

// QueryContext runs a statement with rows. A program's come as [rawRows].
func (r *real) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if r.IsClosed() && r.from.renews() {
		return nil, driver.ErrBadConn
	}
	c, ok := callOf(args)
	if !ok {
		rows, err := r.query(ctx, text, args)
		if err != nil {
			return nil, r.lost(ctx, err)
		}
		return rows, nil
	}
	rows, err := r.pgx().Query(ctx, text, append(c.options(), sent(args)...)...)
	if err != nil {
		return nil, r.lost(ctx, err)
	}
	out := &rawRows{rows: rows}
	out.more = rows.Next() // some modes know the columns only then
	if err := rows.Err(); err != nil {
		return nil, lateError{r.lost(ctx, err)}
	}
	r.from.types.meet(r.pgx().TypeMap(), rows.FieldDescriptions())
	return out, nil
}

// lost says so in the engine's way where nothing can have been sent, unless it is
// the caller who has gone, or who is still reading rows there: a transaction outlives
// that, as it does with pgx.
func (r *real) lost(ctx context.Context, err error) error {
	if r.from.renews() && ctx.Err() == nil && pgconn.SafeToRetry(err) && !r.pgx().PgConn().IsBusy() {
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
