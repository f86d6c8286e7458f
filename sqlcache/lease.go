package sqlcache

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/rowset"
)

// lease is a real connection, taken from the inner pool. It is used by one
// goroutine at a time and ends with release.
type lease struct {
	engine *engine
	conn   *sql.Conn // nil for that of a joined transaction
	pooled *pooled
	real   driver.Conn
	// sent says that a statement reached the database over this lease: from
	// then on nothing may be retried elsewhere.
	sent bool
	// bad says that the connection must not be used again: it is lost, or its
	// state is not known or not clean.
	bad bool
	// dirty says that the session was changed: the lease ends with the
	// connection's end.
	dirty bool
	// unread is the error of the latest rowImage.
	unread error
	// closed is called once the connection can do nothing more.
	closed []func()
}

func (e *engine) lease(ctx context.Context) (*lease, error) {
	c, err := e.inner.Conn(ctx)
	if err != nil {
		return nil, err
	}
	l := &lease{engine: e, conn: c}
	// The inner pool gives the connection to nobody else until c is closed, so
	// it can be used after Raw has returned it.
	err = c.Raw(func(real any) error {
		var ours bool
		if l.pooled, ours = real.(*pooled); !ours {
			l.pooled = e.strangers.of(real.(driver.Conn))
		}
		l.real = l.pooled.Conn
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if e.preparing() {
		l.pooled.met = 0 // it was prepared for somebody else then
	}
	return l, nil
}

// release gives the connection back, or closes it if it may not be used again.
// Closing a connection never makes a commit: what was open is rolled back.
func (l *lease) release() {
	switch {
	case l.conn == nil: // of a joined transaction, which was given back with that
		l.finish()
		return
	case !l.bad && !l.dirty:
	case l.precious():
		ctx, cancel := settle(context.Background())
		defer cancel()
		_, _ = l.exec(ctx, "ROLLBACK", nil) // fails where there is no transaction
	default:
		if r, ok := l.real.(RealConn); ok {
			r.Discard()
		}
		_ = l.conn.Raw(func(any) error { return driver.ErrBadConn }) // makes the pool close it; the error is ours
	}
	_ = l.conn.Close() // fails only if it is closed already
	l.finish()
}

// finish tells that the connection can do nothing more.
func (l *lease) finish() {
	for _, f := range l.closed {
		f()
	}
}

// part says that the session is no longer like the others', so that nothing is
// kept of it.
func (l *lease) part() {
	l.dirty = true
	l.pooled.kept.forget()
}

// precious says that closing the connection would delete the database.
func (l *lease) precious() bool {
	return l.engine.inMemory && !errors.Is(l.usable(), driver.ErrBadConn)
}

func (l *lease) usable() error {
	if v, ok := l.real.(driver.Validator); ok && !v.IsValid() {
		return driver.ErrBadConn
	}
	return nil
}

// onLease runs f on a fresh lease, and again on another where the connection
// turned out to be dead before anything was sent over it, as database/sql does.
func (e *engine) onLease(ctx context.Context, f func(*lease) error) error {
	for left := -1; ; left-- {
		l, err := e.lease(ctx)
		if err != nil {
			return err
		}
		err = e.using(l, func(l *lease) error {
			if err := l.look(ctx); err != nil {
				return err
			}
			return f(l)
		})
		if err == nil || !errors.Is(err, driver.ErrBadConn) {
			return err
		}
		if left < 0 {
			left = e.inner.Stats().Idle + 1
		}
		if l.sent || left == 0 {
			return hide(err)
		}
	}
}

func (e *engine) using(l *lease, f func(*lease) error) error {
	finished := false
	defer func() {
		l.bad = l.bad || !finished // after a panic of the driver
		l.release()
	}()
	err := f(l)
	finished = true
	return err
}

// note records what an answer of the driver says of the connection.
func (l *lease) note(err error) error {
	switch {
	case errors.Is(err, driver.ErrBadConn):
		l.bad = true
	case !errors.Is(err, driver.ErrSkip):
		l.sent = true
	}
	return err
}

// lostError hides driver.ErrBadConn from database/sql, which would run the
// statement again on another connection.
type lostError struct{ text string }

func (e lostError) Error() string { return "connection lost: " + e.text }

// errLost is the answer to whatever follows on a lost connection. Nothing is
// sent there any more: what it was doing must not be committed after all.
var errLost = lostError{text: "by an earlier statement"}

func hide(err error) error {
	if errors.Is(err, driver.ErrBadConn) {
		return lostError{text: err.Error()}
	}
	return err
}

// query runs a statement that may return rows, by the fast path if the driver
// has one.
func (l *lease) query(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := l.fastQuery(ctx, text, args)
	if !errors.Is(err, driver.ErrSkip) {
		return rows, err
	}
	s, err := l.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	rows, err = s.query(ctx, args)
	if err != nil {
		return nil, l.closing(s, err)
	}
	return &stmtRows{Rows: rows, stmt: s.Stmt}, nil
}

// closing closes a statement that failed with err, which alone is returned, as
// database/sql does.
func (l *lease) closing(s *realStmt, err error) error {
	_ = s.Close() // the statement's own error says more
	return l.note(err)
}

func (l *lease) fastQuery(ctx context.Context, text string, args []driver.NamedValue) (rows driver.Rows, err error) {
	current, ok := l.real.(driver.QueryerContext)
	old, oldOK := l.real.(driver.Queryer) //nolint:staticcheck // old drivers have only this one
	if !ok && !oldOK {
		return nil, driver.ErrSkip
	}
	if args, err = l.converted(args); err != nil {
		return nil, err
	}
	if ok {
		rows, err = current.QueryContext(ctx, text, args)
		return rows, l.note(err)
	}
	plain, err := positional(args)
	if err != nil {
		return nil, err
	}
	rows, err = old.Query(text, plain)
	return rows, l.note(err)
}

// exec runs a statement whose rows, if any, are not wanted.
func (l *lease) exec(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	res, err := l.fastExec(ctx, text, args)
	if !errors.Is(err, driver.ErrSkip) {
		return res, err
	}
	s, err := l.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	res, err = s.exec(ctx, args)
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	return res, l.note(err)
}

func (l *lease) fastExec(ctx context.Context, text string, args []driver.NamedValue) (res driver.Result, err error) {
	current, ok := l.real.(driver.ExecerContext)
	old, oldOK := l.real.(driver.Execer) //nolint:staticcheck // old drivers have only this one
	if !ok && !oldOK {
		return nil, driver.ErrSkip
	}
	if args, err = l.converted(args); err != nil {
		return nil, err
	}
	if ok {
		res, err = current.ExecContext(ctx, text, args)
		return res, l.note(err)
	}
	plain, err := positional(args)
	if err != nil {
		return nil, err
	}
	res, err = old.Exec(text, plain)
	return res, l.note(err)
}

// run runs a statement of ours.
func (l *lease) run(ctx context.Context, text string) error {
	_, err := l.execKept(ctx, text, nil)
	return err
}

// all runs a query of ours and returns its rows.
func (l *lease) all(ctx context.Context, text string, args []driver.NamedValue) ([][]driver.Value, error) {
	rows, err := l.queryKept(ctx, text, args)
	if err != nil {
		return nil, err
	}
	set, err := rowset.Record(rows, 0, nil)
	if closeErr := rows.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, l.note(err)
	}
	var out [][]driver.Value
	set.Each(func(row []driver.Value) { out = append(out, row) })
	return out, l.note(set.Err())
}

// catalogQuery is all in the form that package catalog asks for.
func (l *lease) catalogQuery() catalog.Query {
	return func(ctx context.Context, text string, args ...any) ([][]driver.Value, error) {
		named := make([]driver.NamedValue, len(args))
		for i, a := range args {
			v, err := driver.DefaultParameterConverter.ConvertValue(a)
			if err != nil {
				return nil, fmt.Errorf("convert argument %d: %w", i+1, err)
			}
			named[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
		}
		return l.all(ctx, text, named)
	}
}

// begin starts a transaction as database/sql would.
func (l *lease) begin(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if b, ok := l.real.(driver.ConnBeginTx); ok {
		tx, err := b.BeginTx(ctx, opts)
		return tx, l.note(err)
	}
	if opts.Isolation != driver.IsolationLevel(sql.LevelDefault) {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if opts.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	tx, err := l.real.Begin() //nolint:staticcheck // old drivers have only this one
	return tx, l.note(err)
}
