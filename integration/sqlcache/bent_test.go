package sqlcache_test

import (
	"context"
	"database/sql/driver"
	"strings"
	"sync/atomic"
)

// bent is a connector to the real SQLite whose connections break at one
// statement.
type bent struct {
	driver.Connector
	// before and after, if set, see each statement on its way and on its return
	// and may put an error in its place.
	before func(text string) error
	after  func(text string, err error) error
	opened atomic.Int64
	closed atomic.Int64
}

func (b *bent) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := b.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	b.opened.Add(1)
	return &bentConn{Conn: c, bent: b}, nil
}

type bentConn struct {
	driver.Conn
	bent *bent
}

func (c *bentConn) around(text string, f func() error) error {
	if c.bent.before != nil {
		if err := c.bent.before(text); err != nil {
			return err
		}
	}
	err := f()
	if c.bent.after != nil {
		err = c.bent.after(text, err)
	}
	return err
}

func (c *bentConn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (res driver.Result, err error) {
	err = c.around(q, func() error {
		res, err = c.Conn.(driver.ExecerContext).ExecContext(ctx, q, args)
		return err
	})
	return res, err
}

func (c *bentConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (rows driver.Rows, err error) {
	err = c.around(q, func() error {
		rows, err = c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
		return err
	})
	return rows, err
}

func (c *bentConn) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, q)
}

func (c *bentConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return bentTx{Tx: tx, conn: c}, nil
}

func (c *bentConn) Close() error {
	c.bent.closed.Add(1)
	return c.Conn.Close()
}

type bentTx struct {
	driver.Tx
	conn *bentConn
}

func (t bentTx) Commit() error { return t.conn.around("COMMIT", t.Tx.Commit) }

// once makes a hook that acts on the first statement that has the prefix.
func once(prefix string, f func() error) func(string) error {
	var done atomic.Bool
	return func(text string) error {
		if strings.HasPrefix(strings.ToUpper(text), prefix) && !done.Swap(true) {
			return f()
		}
		return nil
	}
}
