package sqlcache_test

import (
	"context"
	"database/sql/driver"
	"errors"
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
	// prepared and finalized count statements.
	prepared  atomic.Int64
	finalized atomic.Int64
	// strict statements do not do what connections do: accept several statements
	// in one text, and tell of a wrong number of arguments in the same words.
	strict bool
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
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	c.bent.prepared.Add(1)
	return bentStmt{Stmt: s, conn: c, text: q}, nil
}

type bentStmt struct {
	driver.Stmt
	conn *bentConn
	text string
}

func (s bentStmt) Close() error {
	s.conn.bent.finalized.Add(1)
	return s.Stmt.Close()
}

func (s bentStmt) NumInput() int {
	if s.conn.bent.strict {
		return strings.Count(s.text, "?")
	}
	return s.Stmt.NumInput()
}

func (s bentStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (res driver.Result, err error) {
	if s.conn.bent.strict && strings.Contains(s.text, ";") {
		return nil, errors.New("several statements in a prepared one")
	}
	err = s.conn.around(s.text, func() error {
		res, err = s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
		return err
	})
	return res, err
}

func (s bentStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (rows driver.Rows, err error) {
	if s.conn.bent.strict && s.NumInput() != len(args) {
		return nil, errors.New("in a statement's words")
	}
	err = s.conn.around(s.text, func() error {
		rows, err = s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
		return err
	})
	return rows, err
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
