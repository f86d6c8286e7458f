package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// stmtRows are rows whose statement was prepared for them alone.
type stmtRows struct {
	driver.Rows
	stmt driver.Stmt
}

func (r *stmtRows) Close() error {
	err := r.Rows.Close()
	if closeErr := r.stmt.Close(); err == nil {
		err = closeErr
	}
	return err
}

// unwrap returns the driver's own rows, for its optional interfaces.
func unwrap(rows driver.Rows) driver.Rows {
	switch r := rows.(type) {
	case *stmtRows:
		return r.Rows
	case *keptRows:
		return r.Rows
	}
	return rows
}

// liveRows are rows of the database on a lease that ends with them. They have
// every optional interface, and answer for a driver that lacks one as
// database/sql would.
type liveRows struct {
	rows   driver.Rows // to be closed
	bare   driver.Rows // to be asked
	conn   *conn
	lease  *lease
	failed bool
	closed bool
}

var (
	_ driver.RowsNextResultSet              = (*liveRows)(nil)
	_ driver.RowsColumnTypeScanType         = (*liveRows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*liveRows)(nil)
	_ driver.RowsColumnTypeLength           = (*liveRows)(nil)
	_ driver.RowsColumnTypeNullable         = (*liveRows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*liveRows)(nil)
)

func (r *liveRows) Columns() []string { return r.bare.Columns() }

func (r *liveRows) Next(dest []driver.Value) error { return r.result(r.bare.Next(dest)) }

func (r *liveRows) result(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	r.failed = true
	return hide(r.lease.note(err))
}

func (r *liveRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	err := r.lease.note(r.rows.Close())
	if r.failed {
		r.conn.look(context.Background(), r.lease)
	}
	r.conn.streams--
	r.conn.letGo()
	return hide(err)
}

func (r *liveRows) HasNextResultSet() bool {
	n, ok := r.bare.(driver.RowsNextResultSet)
	return ok && n.HasNextResultSet()
}

func (r *liveRows) NextResultSet() error {
	if n, ok := r.bare.(driver.RowsNextResultSet); ok {
		return r.result(n.NextResultSet())
	}
	return io.EOF
}

func (r *liveRows) ColumnTypeScanType(i int) reflect.Type {
	if t, ok := r.bare.(driver.RowsColumnTypeScanType); ok {
		return t.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

func (r *liveRows) ColumnTypeDatabaseTypeName(i int) string {
	if t, ok := r.bare.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return t.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

func (r *liveRows) ColumnTypeLength(i int) (length int64, ok bool) {
	if t, has := r.bare.(driver.RowsColumnTypeLength); has {
		return t.ColumnTypeLength(i)
	}
	return 0, false
}

func (r *liveRows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if t, has := r.bare.(driver.RowsColumnTypeNullable); has {
		return t.ColumnTypeNullable(i)
	}
	return false, false
}

func (r *liveRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if t, has := r.bare.(driver.RowsColumnTypePrecisionScale); has {
		return t.ColumnTypePrecisionScale(i)
	}
	return 0, 0, false
}
