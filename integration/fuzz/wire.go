package fuzz

import (
	"errors"
	"time"

	"github.com/cacheops/cacheops"
)

// request is what a coordinator asks of a process that executes statements for
// it. One of the pointers is set, or Tell.
type request struct {
	ID      uint64
	Session int // -1: none, whichever connection is free
	Op      *wireOp
	Attempt *wireAttempt
	Tell    string
}

type wireOp struct {
	Action   Action
	SQL      string
	Args     []string // as Script's text has them
	Prepared bool
	Read     bool
	ID       bool
	Ordered  bool
	Class    string
}

type wireAttempt struct {
	Tx, Rollback, Loose bool
	Stmts               []wireOp
	Timeout             time.Duration
}

// response is the answer to the request of the same ID.
type response struct {
	ID       uint64
	Cols     string
	Rows     []string
	Affected string
	Hit      bool // a read that did not reach the database
	Err      *remoteError
}

// remoteError is an error of another process, with what matters of it.
type remoteError struct {
	Text           string
	SQLite         int // its code; 0 for an error that is not SQLite's
	Store, Unknown bool
}

func (e *remoteError) Error() string { return e.Text }

// Is reports whether the original was one of the cache's.
func (e *remoteError) Is(target error) bool {
	return e.Store && target == cacheops.ErrStore || e.Unknown && target == cacheops.ErrOutcomeUnknown
}

// As makes SQLite's code available as its own error does.
func (e *remoteError) As(target any) bool {
	c, ok := target.(*coded)
	if ok && e.SQLite != 0 {
		*c = sqliteCode{e}
		return true
	}
	return false
}

// coded is an error with a code of SQLite's.
type coded interface {
	error
	Code() int
}

type sqliteCode struct{ *remoteError }

func (e sqliteCode) Code() int { return e.SQLite }

func wireError(err error) *remoteError {
	if err == nil {
		return nil
	}
	e := &remoteError{
		Text:    err.Error(),
		Store:   errors.Is(err, cacheops.ErrStore),
		Unknown: errors.Is(err, cacheops.ErrOutcomeUnknown),
	}
	var c coded
	if errors.As(err, &c) {
		e.SQLite = c.Code()
	}
	return e
}

func (op *Op) wire() *wireOp {
	w := &wireOp{
		Action: op.Action, SQL: op.SQL, Args: wireArgs(op.Args), Prepared: op.Prepared,
		Read: op.Read, ID: op.ID, Ordered: op.Ordered, Class: op.Class,
	}
	return w
}

func wireArgs(args []any) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = formatArg(a)
	}
	return out
}

func (w *wireOp) op(session int) (*Op, error) {
	op := &Op{
		Session: session, Action: w.Action, SQL: w.SQL, Prepared: w.Prepared,
		Read: w.Read, ID: w.ID, Ordered: w.Ordered, Class: w.Class,
	}
	for _, a := range w.Args {
		v, err := parseArg(a)
		if err != nil {
			return nil, err
		}
		op.Args = append(op.Args, v)
	}
	return op, nil
}

func (a *attempt) wire() *wireAttempt {
	w := &wireAttempt{Tx: a.tx, Rollback: a.rollback, Loose: a.loose, Timeout: a.timeout}
	for _, st := range a.stmts {
		w.Stmts = append(w.Stmts, wireOp{SQL: st.SQL, Args: wireArgs(st.Args)})
	}
	return w
}

func (w *wireAttempt) attempt() (attempt, error) {
	a := attempt{tx: w.Tx, rollback: w.Rollback, loose: w.Loose, timeout: w.Timeout}
	for i := range w.Stmts {
		op, err := w.Stmts[i].op(0)
		if err != nil {
			return a, err
		}
		a.stmts = append(a.stmts, Call{op.SQL, op.Args})
	}
	return a, nil
}
