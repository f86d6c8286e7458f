package pgxcache

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// plain runs what the engine asks for itself, with values of database/sql's. They
// are read by pgx's own types whatever the program has registered: what the engine
// compares is what the database holds. (pgx's driver for database/sql cannot be put
// over a connection that is there already.)
type plain struct {
	conn *pgx.Conn
	from *beneath
}

// plainFormats are the formats that pgx's driver for database/sql asks for.
var plainFormats = pgx.QueryResultFormatsByOID{
	pgtype.BoolOID: 1, pgtype.ByteaOID: 1, pgtype.CIDOID: 1, pgtype.DateOID: 1, pgtype.Float4OID: 1, pgtype.Float8OID: 1,
	pgtype.Int2OID: 1, pgtype.Int4OID: 1, pgtype.Int8OID: 1, pgtype.OIDOID: 1, pgtype.TimestampOID: 1, pgtype.TimestamptzOID: 1, pgtype.XIDOID: 1,
}

// Prepare asks the server whether it accepts a text.
func (p *plain) Prepare(text string) (driver.Stmt, error) {
	return p.PrepareContext(context.Background(), text)
}

// PrepareContext asks the server whether it accepts a text. What it returns is only
// closed.
func (p *plain) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	sd, err := p.conn.Prepare(ctx, "", text)
	if err != nil {
		return nil, err
	}
	return accepted{inputs: len(sd.ParamOIDs)}, nil
}

// Begin is for callers without a context.
func (p *plain) Begin() (driver.Tx, error) {
	return p.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx is not used: transactions begin by a text.
func (p *plain) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) {
	return nil, errors.ErrUnsupported
}

// Ping asks the database.
func (p *plain) Ping(ctx context.Context) error { return p.conn.Ping(ctx) }

// CheckNamedValue leaves all arguments to pgx.
func (p *plain) CheckNamedValue(*driver.NamedValue) error { return nil }

func (p *plain) exec(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	tag, err := p.conn.Exec(ctx, text, values(nil, args)...)
	if err != nil {
		return nil, err
	}
	return result{tag}, nil
}

func (p *plain) query(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := p.conn.Query(ctx, text, values([]any{plainFormats}, args)...)
	if err != nil {
		return nil, err
	}
	out := &plainRows{rows: rows, from: p.from}
	out.more = rows.Next() // some modes know the columns only then
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

func values(to []any, args []driver.NamedValue) []any {
	for i := range args {
		to = append(to, args[i].Value)
	}
	return to
}

// accepted is a statement that the server would run.
type accepted struct{ inputs int }

func (a accepted) Close() error                             { return nil }
func (a accepted) NumInput() int                            { return a.inputs }
func (accepted) Exec([]driver.Value) (driver.Result, error) { return nil, errors.ErrUnsupported }
func (accepted) Query([]driver.Value) (driver.Rows, error)  { return nil, errors.ErrUnsupported }

// plainRows are rows with values of database/sql's.
type plainRows struct {
	rows pgx.Rows
	from *beneath
	more bool // rows stand on a row that was not handed out yet
}

func (r *plainRows) Columns() []string {
	var names []string
	for _, f := range r.rows.FieldDescriptions() {
		names = append(names, f.Name)
	}
	return names
}

func (r *plainRows) Next(dest []driver.Value) error {
	if !r.more {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	fields := r.rows.FieldDescriptions()
	for i, raw := range r.rows.RawValues() {
		dest[i] = r.from.plainValue(&fields[i], raw)
	}
	r.more = r.rows.Next()
	return nil
}

func (r *plainRows) Close() error {
	r.rows.Close()
	return r.rows.Err()
}

// plainValue decodes as pgx's driver for database/sql does: what it does not ask for
// in binary is handed out as the server writes it.
func (b *beneath) plainValue(f *pgconn.FieldDescription, raw []byte) driver.Value {
	_, typed := plainFormats[f.DataTypeOID]
	switch {
	case raw == nil:
		return nil
	case typed || f.Format != pgx.TextFormatCode:
		return b.value(f, raw)
	}
	switch f.DataTypeOID {
	case pgtype.JSONOID, pgtype.JSONBOID, pgtype.XMLOID:
		return bytes.Clone(raw)
	}
	return string(raw)
}

// pgxDriver names the driver of the connections; nobody opens any by it.
type pgxDriver struct{}

func (pgxDriver) Open(string) (driver.Conn, error) { return nil, errors.ErrUnsupported }
