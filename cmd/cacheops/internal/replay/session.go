package replay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/cacheops/cacheops/cmd/cacheops/internal/querylog"
	"modernc.org/sqlite"
)

// session is one client of the database: a connection through the cache, and
// one to the twin, if there is a twin.
type session struct {
	conn *sql.Conn
	twin *sql.Conn
	tx   querylog.Transaction
	// lastWrite is the last statement that wrote, for which a COMMIT drops.
	lastWrite string
	// waiting are the statements of a session that met another's lock, in order;
	// they run once that other's transaction is over.
	waiting []querylog.Statement
}

func (r *run) session(ctx context.Context, name string) (*session, error) {
	if s := r.sessions[name]; s != nil {
		return s, nil
	}
	s := &session{}
	var err error
	if s.conn, err = r.cached.Conn(ctx); err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	if r.twin != nil {
		if s.twin, err = r.twin.Conn(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("open a session: %w", err), s.conn.Close())
		}
	}
	r.sessions[name] = s
	r.order = append(r.order, s)
	return s, nil
}

// otherInTransaction reports whether a session besides s holds a transaction
// open, whose end may let s go on.
func (r *run) otherInTransaction(s *session) bool {
	for _, o := range r.order {
		if o != s && o.tx.Open() {
			return true
		}
	}
	return false
}

const (
	sqliteBusy = 5 // the extended codes of BUSY cannot be cured by waiting
	sqliteFull = 13
)

// isFull returns SQLite's error where there is no room for the copy, which says
// nothing about the statement.
func isFull(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code() == sqliteFull {
		return e
	}
	return nil
}

func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqliteBusy
}

// answer is what became of a statement.
type answer struct {
	result *result // of one that returns rows
	err    error
}

// exec runs a statement on a connection as a program would: one that returns
// rows is queried.
func exec(ctx context.Context, conn querier, kind querylog.Kind, st *querylog.Statement) answer {
	if !kind.Queries() {
		_, err := conn.ExecContext(ctx, st.SQL, st.Args...)
		return answer{err: err}
	}
	rows, err := conn.QueryContext(ctx, st.SQL, st.Args...)
	if err != nil {
		return answer{err: err}
	}
	res, err := readAll(rows)
	return answer{result: res, err: err}
}

// querier is what *sql.DB and *sql.Conn have in common.
type querier interface {
	ExecContext(ctx context.Context, sql string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, sql string, args ...any) (*sql.Rows, error)
}
