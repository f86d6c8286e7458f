package fuzz

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite"
)

// Recorder is a SQLite connector that notes what reaches the database: which
// statements, and which of them committed in which order. SQLite's commit hook
// runs under the write lock, so the order of its calls is that of the commits.
type Recorder struct {
	dsn string
	drv *sqlite.Driver

	watched atomic.Pointer[string]
	reached atomic.Int64
	queries atomic.Int64 // reads that reached the database, of any text

	mu      sync.Mutex
	commits [][]Statement
	fired   atomic.Int64 // commits that may be visible
	done    atomic.Int64 // commits that are visible: their call has returned
}

// Statement is a statement with its arguments as the database got them.
type Statement struct {
	SQL  string
	Args []driver.NamedValue
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
	rc := &recordedConn{fullConn: full, r: r}
	full.RegisterCommitHook(rc.committing)
	full.RegisterRollbackHook(rc.rolledBack)
	return rc, nil
}

// watch starts to count the executions of one text.
func (r *Recorder) watch(text string) {
	r.watched.Store(&text)
	r.reached.Store(0)
}

// seen reports whether the watched text reached the database.
func (r *Recorder) seen() bool { return r.reached.Load() > 0 }

// window returns the number of commits that are surely visible, and of those
// that may be.
func (r *Recorder) window() (sure, perhaps int64) { return r.done.Load(), r.fired.Load() }

type fullConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	sqlite.HookRegisterer
}

// recordedConn is one connection. It is used by one goroutine at a time.
type recordedConn struct {
	fullConn
	r       *Recorder
	inTx    bool
	pending []Statement
	last    int64 // the number of this connection's last commit
}

// committing is SQLite's commit hook.
func (c *recordedConn) committing() int32 {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.r.commits = append(c.r.commits, c.pending)
	c.pending = nil
	c.last = int64(len(c.r.commits))
	c.r.fired.Store(c.last)
	return 0
}

// rolledBack is SQLite's rollback hook: it tells of the transactions that end
// without anybody's asking, after an OR ROLLBACK.
func (c *recordedConn) rolledBack() { c.inTx, c.pending = false, nil }

// before notes a statement that is about to run, and returns what to do after.
func (c *recordedConn) before(text string, args []driver.NamedValue) (after func(error)) {
	if w := c.r.watched.Load(); w != nil && *w == text {
		c.r.reached.Add(1)
	}
	word := firstWord(text)
	switch word {
	case "BEGIN":
		c.pending = nil
		return func(err error) { c.inTx = c.inTx || err == nil }
	case "COMMIT", "END":
		return func(err error) {
			c.inTx = c.inTx && err != nil
			c.finished()
		}
	case "ROLLBACK":
		if !strings.Contains(strings.ToUpper(text), " TO ") {
			return func(error) { c.inTx, c.pending = false, nil }
		}
	case "SELECT", "WITH", "PRAGMA", "EXPLAIN", "VALUES", "/*":
		c.r.queries.Add(1)
		return func(error) {}
	}
	if !c.inTx {
		c.pending = nil
	}
	c.pending = append(c.pending, Statement{text, args})
	return func(error) { c.finished() }
}

// finished notes that this connection's commits are visible, now that the call
// that made them has returned.
func (c *recordedConn) finished() {
	for {
		d := c.r.done.Load()
		if c.last <= d || c.r.done.CompareAndSwap(d, c.last) {
			return
		}
	}
}

func firstWord(text string) string {
	text = strings.TrimLeft(text, " \t\n")
	if i := strings.IndexAny(text, " \t\n;("); i >= 0 {
		text = text[:i]
	}
	return strings.ToUpper(text)
}

func (c *recordedConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	after := c.before(text, args)
	res, err := c.fullConn.ExecContext(ctx, text, args)
	after(err)
	return res, err
}

func (c *recordedConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	after := c.before(text, args)
	rows, err := c.fullConn.QueryContext(ctx, text, args)
	after(err)
	return rows, err
}

func (c *recordedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	after := c.before("BEGIN", nil)
	tx, err := c.fullConn.BeginTx(ctx, opts)
	after(err)
	return recordedTx{tx, c}, err
}

func (c *recordedConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	st, err := c.fullConn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return recordedStmt{st.(fullStmt), c, text}, nil
}

type recordedTx struct {
	driver.Tx
	c *recordedConn
}

func (t recordedTx) Commit() error {
	after := t.c.before("COMMIT", nil)
	err := t.Tx.Commit()
	after(err)
	return err
}

func (t recordedTx) Rollback() error {
	after := t.c.before("ROLLBACK", nil)
	err := t.Tx.Rollback()
	after(err)
	return err
}

type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type recordedStmt struct {
	fullStmt
	c    *recordedConn
	text string
}

func (s recordedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	after := s.c.before(s.text, args)
	res, err := s.fullStmt.ExecContext(ctx, args)
	after(err)
	return res, err
}

func (s recordedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	after := s.c.before(s.text, args)
	rows, err := s.fullStmt.QueryContext(ctx, args)
	after(err)
	return rows, err
}
