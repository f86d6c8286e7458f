package pgxcache

import (
	"context"
	"errors"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// joined is a transaction that was begun past the cache.
type joined struct {
	tx   pgx.Tx
	real *real
}

// Errors of [Pool.WrapTx].
var (
	errNotPgxs   = errors.New("pgxcache: only a transaction of pgx's or pgxpool's own can be wrapped, and not one that is nested in another")
	errOwnCommit = errors.New("pgxcache: a transaction with a commit query of its own cannot be wrapped")
)

// WrapTx puts the cache over a transaction that was begun past it, on whatever
// connection to the pool's database: by a library, by a test around everything. What
// it reads comes from the database. What it changes from then on is dropped when it
// commits, as precisely as in the cache's own transactions; if it had written
// anything before, everything is dropped.
//
// It must be ended by the returned transaction, which gives its connection back to
// where it came from; tx must not be used any more, but may be rolled back. One that
// commits past the cache leaves stale entries. What SET changes stays with its
// connection. After an error of WrapTx tx is as it was, or has failed; it is the
// caller's to end.
func (p *Pool) WrapTx(ctx context.Context, tx pgx.Tx) (*Tx, error) {
	if err := wrappable(tx); err != nil {
		return nil, err
	}
	conn := tx.Conn()
	forgetRooms(conn)
	s, err := p.take(ctx)
	if err != nil {
		return nil, err
	}
	own := &types{own: true}
	own.take(conn.TypeMap())
	own.names(conn)
	s.from = own
	j := &joined{tx: tx, real: &real{plain: plain{conn: conn, from: &beneath{source: &lone{conn: conn}, types: own}}}}
	if err := s.Join(ctx, j.real); err != nil {
		p.give(s)
		return nil, err
	}
	return &Tx{session: s, last: true, joined: j}, nil
}

// wrappable reports whether tx's Commit certainly commits, and by nothing but a
// COMMIT.
func wrappable(tx pgx.Tx) error {
	v := reflect.ValueOf(tx)
	if v.IsValid() && v.Type() == reflect.TypeFor[*pgxpool.Tx]() && !v.IsNil() {
		if v = v.Elem().FieldByName("t"); v.Kind() == reflect.Interface {
			v = v.Elem()
		}
	}
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem().Name() != "dbTx" || v.Type().Elem().PkgPath() != reflect.TypeFor[pgx.Conn]().PkgPath() {
		return errNotPgxs
	}
	closed, commit := v.Elem().FieldByName("closed"), v.Elem().FieldByName("commitQuery")
	switch {
	case closed.Kind() != reflect.Bool || commit.Kind() != reflect.String:
		return errNotPgxs // this version of pgx keeps them elsewhere
	case closed.Bool():
		return pgx.ErrTxClosed
	case commit.Len() > 0:
		return errOwnCommit
	}
	return nil
}

// commit commits. The connection may be in use elsewhere after it, so what it would
// say is told from the error: pgx closes a connection of which the server has not
// said that it is in no transaction.
func (j *joined) commit(ctx context.Context) error {
	err := j.tx.Commit(ctx)
	j.real.over = true
	var answer *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, pgx.ErrTxCommitRollback):
	case errors.As(err, &answer) && answer.SeverityUnlocalized != "FATAL" && answer.SeverityUnlocalized != "PANIC":
	default:
		j.real.lostThen = true
	}
	return err
}

// rollback rolls back what is not over.
func (j *joined) rollback(ctx context.Context) error {
	if j.real.over {
		return nil
	}
	err := j.tx.Rollback(ctx)
	j.real.over, j.real.lostThen = true, err != nil
	return err
}

// leave gives the connection back, if that was not done.
func (j *joined) leave(s *session) {
	if !j.real.over {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		_ = s.RollbackJoined(ctx, j.rollback) // fails where the connection does, which is closed then
	}
	s.from = s.pool.beneath.types
}
