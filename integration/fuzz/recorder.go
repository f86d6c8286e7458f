package fuzz

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync/atomic"

	"modernc.org/sqlite"
)

// Recorder is a SQLite connector that notes which reads reach the database.
type Recorder struct {
	dsn string
	drv *sqlite.Driver

	watched atomic.Pointer[string]
	reached atomic.Int64 // executions of the watched text
	queries atomic.Int64 // reads of any text
}

// NewRecorder returns a connector to the database that dsn names.
func NewRecorder(dsn string) *Recorder { return &Recorder{dsn: dsn, drv: &sqlite.Driver{}} }

// Driver returns the driver under the recorder.
func (r *Recorder) Driver() driver.Driver { return r.drv }

// Connect opens a connection. It implements driver.Connector.
func (r *Recorder) Connect(context.Context) (driver.Conn, error) {
	c, err := r.drv.Open(r.dsn)
	if err != nil {
		return nil, err
	}
	full, ok := c.(fullConn)
	if !ok {
		return nil, fmt.Errorf("fuzz: %T lacks an interface", c)
	}
	return &recordedConn{full, r}, nil
}

// watch starts to count the executions of one text.
func (r *Recorder) watch(text string) {
	r.watched.Store(&text)
	r.reached.Store(0)
}

// seen reports whether the watched text reached the database.
func (r *Recorder) seen() bool { return r.reached.Load() > 0 }

func (r *Recorder) note(text string) {
	if w := r.watched.Load(); w != nil && *w == text {
		r.reached.Add(1)
	}
	r.queries.Add(1)
}

func firstWord(text string) string {
	text = strings.TrimLeft(text, " \t\n")
	if i := strings.IndexAny(text, " \t\n;("); i >= 0 {
		text = text[:i]
	}
	return strings.ToUpper(text)
}

// fullConn is what SQLite's connections implement.
type fullConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type recordedConn struct {
	fullConn
	r *Recorder
}

func (c *recordedConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	c.r.note(text)
	return c.fullConn.QueryContext(ctx, text, args)
}

func (c *recordedConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	st, err := c.fullConn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	full, ok := st.(fullStmt)
	if !ok {
		return nil, fmt.Errorf("fuzz: %T lacks an interface", st)
	}
	return &recordedStmt{full, c.r, text}, nil
}

// fullStmt is what SQLite's statements implement.
type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type recordedStmt struct {
	fullStmt
	r    *Recorder
	text string
}

func (s *recordedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.r.note(s.text)
	return s.fullStmt.QueryContext(ctx, args)
}
