package sqlcache

import (
	"context"
	"database/sql/driver"
)

// stmt is a prepared statement of a virtual connection: a text that a real
// connection has accepted. It is run like any other text, so that it too is
// answered from the cache.
type stmt struct {
	*preparation
	conn *conn
	text string
}

var (
	_ driver.StmtExecContext   = (*stmt)(nil)
	_ driver.StmtQueryContext  = (*stmt)(nil)
	_ driver.NamedValueChecker = (*stmt)(nil)
)

// Close has nothing to give back.
func (s *stmt) Close() error { return nil }

// NumInput returns what the bare driver said.
func (s *stmt) NumInput() int { return s.inputs }

// CheckNamedValue puts the conversion off where the bare driver's statements
// have rules of their own.
func (s *stmt) CheckNamedValue(nv *driver.NamedValue) error {
	if s.converts {
		nv.Value = pointedAt(nv.Value)
		return nil
	}
	return s.conn.CheckNamedValue(nv)
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.text, args)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.text, args)
}

// Exec is ExecContext for callers without a context.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

// Query is QueryContext for callers without a context.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

func named(args []driver.Value) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return out
}
