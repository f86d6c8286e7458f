package sqlcache

import (
	"context"
	"database/sql/driver"
	"strings"

	"github.com/cacheops/cacheops/internal/sqldep"
)

// feed is a COPY … FROM STDIN that lib/pq makes of a prepared statement: each
// execution hands it a row, and one without arguments ends it. It is bound to its
// transaction and to the real connection, which does nothing else meanwhile.
type feed struct {
	real   *realStmt
	conn   *conn
	lease  *lease
	closed bool
}

var (
	_ driver.StmtExecContext   = (*feed)(nil)
	_ driver.StmtQueryContext  = (*feed)(nil)
	_ driver.NamedValueChecker = (*feed)(nil)
)

// feeds reports whether lib/pq takes a text for such a COPY; it looks at no more.
func feeds(text string) bool {
	const copies = "COPY"
	return len(text) > len(copies) && strings.EqualFold(text[:len(copies)], copies)
}

// feed prepares such a statement, whose rows count as written from now on.
func (c *conn) feed(ctx context.Context, text string) (driver.Stmt, error) {
	var f *feed
	err := c.planned(ctx, text, func(st *statement) error {
		return c.holding(ctx, func(l *lease) error {
			c.wrote = true
			if st.plan.Class == sqldep.Write && !c.blind(ctx, l, c.tx, st) {
				c.tx.work.Add(ctx, st.schema.version, st.plan.Changes(nil, sqldep.Facts{})...)
			} else {
				c.recordAnything(ctx, l, c.tx, st)
			}
			s, err := l.prepare(ctx, text)
			if err != nil {
				return c.settled(ctx, l, err)
			}
			c.streams++
			f = &feed{real: s, conn: c, lease: l}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Close ends the COPY, if that has not been done, and frees the connection.
func (f *feed) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	err := f.lease.note(f.real.Close())
	f.conn.streams--
	f.conn.letGo()
	return hide(err)
}

func (f *feed) NumInput() int { return f.real.NumInput() }

// CheckNamedValue puts the conversion off where the bare driver has rules of its
// own.
func (f *feed) CheckNamedValue(*driver.NamedValue) error {
	if f.real.converts() || f.lease.engine.convert {
		return nil
	}
	return driver.ErrSkip
}

func (f *feed) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	res, err := f.real.exec(ctx, args)
	return res, hide(f.lease.note(err))
}

func (f *feed) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := f.real.query(ctx, args)
	return rows, hide(f.lease.note(err))
}

// Exec is ExecContext for callers without a context.
func (f *feed) Exec(args []driver.Value) (driver.Result, error) {
	return f.ExecContext(context.Background(), named(args))
}

// Query is QueryContext for callers without a context.
func (f *feed) Query(args []driver.Value) (driver.Rows, error) {
	return f.QueryContext(context.Background(), named(args))
}
