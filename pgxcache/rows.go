package pgxcache

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// rows are pgx's rows over packed ones, kept or just read. What it hands out is
// its own.
type rows struct {
	src    driver.Rows
	types  *typeMap
	giving *session // is given back with the rows
	fields []pgconn.FieldDescription
	values [][]byte // of the current row; nil before the first and after the last
	room   [][]byte
	buf    []byte
	dest   [1]driver.Value
	n      int
	tag    pgconn.CommandTag
	err    error
	closed bool
	plans  []pgtype.ScanPlan
	dests  []reflect.Type
}

var _ pgx.Rows = (*rows)(nil)

// failed are rows of which there is but an error.
func failed(err error) *rows { return &rows{err: err, closed: true} }

func newRows(src driver.Rows, s *session, last bool) *rows {
	r := &rows{src: src, types: &s.types}
	if last {
		r.giving = s
	}
	cols := src.Columns()
	if len(cols) != 1 {
		r.fail(errForm)
		return r
	}
	fields, err := unpackFields(cols[0])
	if err != nil {
		r.fail(err)
		return r
	}
	r.types.prepare(fields)
	r.fields, r.room = fields, make([][]byte, len(fields))
	return r
}

// Next moves to the next row, and closes the rows after the last one.
func (r *rows) Next() bool {
	if r.closed {
		return false
	}
	if !r.advance() {
		r.Close()
		return false
	}
	r.buf, r.err = unpackRow(r.dest[0].(string), r.buf, r.room)
	if r.err != nil {
		r.Close()
		return false
	}
	r.values = r.room
	return true
}

// advance fetches a row.
func (r *rows) advance() bool {
	err := r.src.Next(r.dest[:])
	if err != nil {
		if !errors.Is(err, io.EOF) && r.err == nil {
			r.err = err
		}
		return false
	}
	if _, ok := r.dest[0].(string); !ok {
		r.err = errForm
		return false
	}
	r.n++
	return true
}

// Close reads what is left, as pgx does, and lets go of the rows.
func (r *rows) Close() {
	if r.closed {
		return
	}
	r.closed, r.values = true, nil
	failed := r.err != nil
	for r.advance() { //nolint:revive // only to count and to learn of an error
	}
	if !failed && r.err == nil {
		r.tag, r.err = command(r.src, r.n)
	}
	if err := r.src.Close(); err != nil && r.err == nil {
		r.err = err
	}
	r.src, r.plans, r.dests, r.buf, r.room = nil, nil, nil, nil, nil
	r.dest[0] = nil
	if r.giving != nil {
		r.giving.pool.give(r.giving)
		r.giving = nil
	}
}

// command is the command tag, which is told after n rows.
func command(src driver.Rows, n int) (pgconn.CommandTag, error) {
	next, ok := src.(driver.RowsNextResultSet)
	if !ok || !next.HasNextResultSet() {
		return pgconn.NewCommandTag(selected(n)), nil
	}
	if err := next.NextResultSet(); err != nil {
		return pgconn.CommandTag{}, err
	}
	cols := src.Columns()
	if len(cols) != 1 || !strings.HasPrefix(cols[0], tagPrefix) {
		return pgconn.CommandTag{}, errForm
	}
	return pgconn.NewCommandTag(cols[0][len(tagPrefix):]), nil
}

// fail ends the rows with an error.
func (r *rows) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.Close()
}

func (r *rows) Err() error                                   { return r.err }
func (r *rows) CommandTag() pgconn.CommandTag                { return r.tag }
func (r *rows) FieldDescriptions() []pgconn.FieldDescription { return r.fields }
func (r *rows) RawValues() [][]byte                          { return r.values }

// Conn is nil: the rows may come from no connection, and what is done with one
// past the cache is not seen.
func (r *rows) Conn() *pgx.Conn { return nil }

// TypeMap is good until the rows are closed.
func (r *rows) TypeMap() *pgtype.Map {
	if r.types == nil {
		return nil
	}
	return r.types.Map
}

// Scan reads the current row, and closes the rows on an error.
func (r *rows) Scan(dest ...any) error {
	if len(r.fields) != len(r.values) {
		err := fmt.Errorf("number of field descriptions must equal number of values, got %d and %d", len(r.fields), len(r.values))
		r.fail(err)
		return err
	}
	if len(dest) == 1 {
		if whole, ok := dest[0].(pgx.RowScanner); ok {
			err := whole.ScanRow(r)
			if err != nil {
				r.fail(err)
			}
			return err
		}
	}
	if len(r.fields) != len(dest) {
		err := fmt.Errorf("number of field descriptions must equal number of destinations, got %d and %d", len(r.fields), len(dest))
		r.fail(err)
		return err
	}
	if r.plans == nil {
		r.plans, r.dests = make([]pgtype.ScanPlan, len(dest)), make([]reflect.Type, len(dest))
	}
	for i, d := range dest {
		if d == nil {
			continue
		}
		f := &r.fields[i]
		if t := reflect.TypeOf(d); r.dests[i] != t {
			r.plans[i], r.dests[i] = r.types.PlanScan(f.DataTypeOID, f.Format, d), t
		}
		if err := r.plans[i].Scan(r.values[i], d); err != nil {
			err = pgx.ScanArgError{ColumnIndex: i, FieldName: f.Name, Err: err}
			r.fail(err)
			return err
		}
	}
	return nil
}

// Values decodes the current row.
func (r *rows) Values() ([]any, error) {
	if r.closed {
		return nil, errors.New("rows is closed")
	}
	out := make([]any, len(r.fields))
	for i := range r.values {
		var err error
		if out[i], err = r.value(i); err != nil {
			r.fail(err)
			return nil, r.err
		}
	}
	return out, nil
}

func (r *rows) value(i int) (any, error) {
	raw, f := r.values[i], &r.fields[i]
	if raw == nil {
		return nil, nil
	}
	if t, ok := r.types.TypeForOID(f.DataTypeOID); ok {
		return t.Codec.DecodeValue(r.types.Map, f.DataTypeOID, f.Format, raw)
	}
	switch f.Format {
	case pgx.TextFormatCode:
		return string(raw), nil
	case pgx.BinaryFormatCode:
		return append([]byte{}, raw...), nil
	}
	return nil, errors.New("unknown format code")
}

// row is the first of rows.
type row struct{ rows pgx.Rows }

// Scan reads the first row; there is [pgx.ErrNoRows] where there is none.
func (r row) Scan(dest ...any) error {
	if err := r.rows.Err(); err != nil {
		return err
	}
	for _, d := range dest {
		if _, ok := d.(*pgtype.DriverBytes); ok {
			r.rows.Close()
			return errors.New("cannot scan into *pgtype.DriverBytes from QueryRow")
		}
	}
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	_ = r.rows.Scan(dest...) // the rows say it, with what their end says
	r.rows.Close()
	return r.rows.Err()
}
