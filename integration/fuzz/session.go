package fuzz

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"
)

// session is one *sql.Conn with its transaction and its prepared statements.
type session struct {
	conn  *sql.Conn
	tx    *sql.Tx
	stmts map[string]*sql.Stmt
	seen  int // the pair's moves when it looked last
}

func openSession(ctx context.Context, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, stmts: map[string]*sql.Stmt{}}, nil
}

func (s *session) close() {
	if s.tx != nil {
		s.tx.Rollback()
	}
	s.forget(context.Background(), false)
	s.conn.Close()
}

// discard closes the session and its connection.
func (s *session) discard() {
	s.conn.Raw(func(any) error { return driver.ErrBadConn })
	s.close()
}

// forget implements teller.
func (s *session) forget(ctx context.Context, all bool) {
	for text, st := range s.stmts {
		st.Close()
		delete(s.stmts, text)
	}
	if all {
		s.conn.Raw(func(c any) error {
			if c, ok := c.(*stdlib.Conn); ok {
				return c.Conn().DeallocateAll(ctx)
			}
			return nil
		})
	}
}

// look has the connection look at the schema if it has not done so after as many
// moves and is in no transaction: behind the cache, connections do the same. A
// bare one goes on compiling by what it knows, and SQLite does not look again
// after every mistake that comes of that. RESET has it forget all that it knows:
// the one that ran an ALTER TABLE plans without what ANALYZE has found out.
func (s *session) look(ctx context.Context, moves int) {
	if s.seen == moves || s.tx != nil {
		return
	}
	if _, err := s.conn.ExecContext(ctx, "BEGIN"); err != nil {
		return // in a transaction begun by a text
	}
	s.seen = moves
	s.conn.ExecContext(ctx, "ROLLBACK")
	s.conn.ExecContext(ctx, "PRAGMA writable_schema = RESET")
}

// do executes one step.
func (s *session) do(ctx context.Context, op *Op) answer {
	switch op.Action {
	case Begin:
		tx, err := s.conn.BeginTx(ctx, isolation(op.SQL))
		if err == nil {
			s.tx = tx
		}
		return answer{err: err}
	case Commit, Rollback:
		return answer{err: s.finish(ctx, op.Action)}
	case Copy:
		op = op.inserting()
	case Query:
		return readRows(s.query(ctx, op))
	}
	res, err := s.exec(ctx, op)
	if err != nil {
		return answer{err: err}
	}
	return answer{affected: counts(op, res)}
}

// inserting is the INSERT of the rows of a Copy.
func (op *Op) inserting() *Op {
	names := strings.Fields(op.SQL)
	var rows []string
	for row := range slices.Chunk(op.Args, len(names)-1) {
		vals := make([]string, len(row))
		for i, v := range row {
			vals[i] = postgres.literal(v)
		}
		rows = append(rows, "("+strings.Join(vals, ", ")+")")
	}
	return &Op{Session: op.Session, Action: Exec, SQL: "INSERT INTO " + names[0] + " (" + strings.Join(names[1:], ", ") + ") VALUES " + strings.Join(rows, ", ")}
}

// isolation is how a Begin names what it begins with.
func isolation(name string) *sql.TxOptions {
	for l := sql.LevelReadUncommitted; l <= sql.LevelLinearizable; l++ {
		if strings.EqualFold(name, l.String()) {
			return &sql.TxOptions{Isolation: l}
		}
	}
	return nil
}

func (s *session) finish(ctx context.Context, how Action) error {
	if s.tx == nil {
		return sql.ErrTxDone
	}
	tx := s.tx
	s.tx = nil
	if how == Rollback {
		return tx.Rollback()
	}
	err := tx.Commit()
	if err != nil {
		// database/sql is through with the transaction, SQLite may not be.
		s.conn.ExecContext(ctx, "ROLLBACK")
	}
	return err
}

func (s *session) query(ctx context.Context, op *Op) (*sql.Rows, error) {
	if op.Prepared {
		st, err := s.prepare(ctx, op.SQL)
		if err != nil {
			return nil, err
		}
		return st.QueryContext(ctx, op.Args...)
	}
	if s.tx != nil {
		return s.tx.QueryContext(ctx, op.SQL, op.Args...)
	}
	return s.conn.QueryContext(ctx, op.SQL, op.Args...)
}

func (s *session) exec(ctx context.Context, op *Op) (sql.Result, error) {
	if op.Prepared {
		st, err := s.prepare(ctx, op.SQL)
		if err != nil {
			return nil, err
		}
		return st.ExecContext(ctx, op.Args...)
	}
	if s.tx != nil {
		return s.tx.ExecContext(ctx, op.SQL, op.Args...)
	}
	return s.conn.ExecContext(ctx, op.SQL, op.Args...)
}

// prepare prepares a text once. The statement belongs to the session's
// connection, and so to whatever transaction is open on it.
func (s *session) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if st, ok := s.stmts[text]; ok {
		return st, nil
	}
	st, err := s.conn.PrepareContext(ctx, text)
	if err == nil {
		s.stmts[text] = st
	}
	return st, err
}

// counts is what the result says of INSERTs, UPDATEs and DELETEs. Of other
// statements it would say what the connection did before.
func counts(op *Op, res sql.Result) string {
	switch firstWord(op.SQL) {
	case "INSERT", "REPLACE", "UPDATE", "DELETE":
	default:
		return ""
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err.Error()
	}
	out := fmt.Sprintf("affected %d", n)
	if n == 0 || !op.ID {
		return out
	}
	id, err := res.LastInsertId()
	if err != nil {
		return out + ", " + err.Error()
	}
	return fmt.Sprintf("%s, id %d", out, id)
}
