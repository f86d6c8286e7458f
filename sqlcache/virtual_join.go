package sqlcache

import (
	"context"
	"errors"
	"fmt"

	"github.com/cacheops/cacheops"
)

// Errors of [Virtual.Join].
var (
	errJoinDialect = errors.New("sqlcache: only PostgreSQL's transactions can be joined")
	errJoinBusy    = errors.New("sqlcache: the virtual connection is in use")
	errJoinNone    = errors.New("sqlcache: the connection is in no transaction, or in one that has failed")
)

// pgJoined asks what a transaction has done so far. A server gives it a number
// before it writes anything: a row, be it under a savepoint, a row's lock, a change
// of the schema. So one without has written nothing.
const pgJoined = "SELECT (pg_current_xact_id_if_assigned() IS NULL)::text, current_setting('transaction_isolation')"

// Join makes the virtual connection one in a transaction that was begun by somebody
// else, on a real connection that is not its pool's. What that has written so far was
// not seen: if it has written anything, its commit drops everything. From then on all
// its statements go through the virtual connection, and it is ended by
// [Virtual.CommitJoined] or [Virtual.RollbackJoined] alone. After an error of Join it
// may have failed.
func (v *Virtual) Join(ctx context.Context, r RealConn) error {
	c := v.conn
	c.forget()
	if c.held != nil {
		return errJoinBusy
	}
	if _, ok := c.engine.dialect.(*postgres); !ok {
		return errJoinDialect
	}
	if _, err := c.engine.current(ctx); err != nil && c.engine.schema.Load() == nil { // it cannot be read in the transaction
		return err
	}
	cacheops.InTransaction(ctx)
	l := &lease{engine: c.engine, pooled: &pooled{Conn: r}, real: r}
	l.pooled.seen = c.engine.moves.Load() // it forgets no statements of its own
	t, err := c.joined(ctx, l)
	if err != nil {
		return fmt.Errorf("join a transaction: %w", err)
	}
	c.held, c.tx, c.handle = l, t, &txHandle{conn: c, ctx: ctx, lease: l}
	return nil
}

// joined finds out where the transaction stands.
func (c *conn) joined(ctx context.Context, l *lease) (*transaction, error) {
	if status, _ := txStatus(l.real); status != 'T' {
		return nil, errJoinNone
	}
	if err := l.meet(ctx); err != nil {
		return nil, err
	}
	if never := l.pooled.session.never; never != "" {
		return nil, errors.New(never)
	}
	row, err := l.row(ctx, pgJoined, 2)
	if err != nil {
		return nil, err
	}
	t := c.newTransaction()
	t.found = true
	t.snapshot = row[1] != "read committed" && row[1] != "read uncommitted"
	t.strange = l.pooled.session.print != c.engine.schema.Load().session.print
	moved := false
	if !t.snapshot { // which may show what was so before the schema that we know
		err = c.engine.checkSchema(ctx, l)
		if moved = errors.Is(err, errReplan); err != nil && !moved {
			return nil, err
		}
	}
	if row[0] != "true" || moved {
		t.work.AddDDL() // perhaps
		t.ddl = true
	}
	return t, nil
}

// CommitJoined commits a joined transaction by commit, which runs once the store has
// been told. Where it could not be told, or the transaction goes on, rollback ends it.
// Both must have given the connection back, or closed it, when they return.
func (v *Virtual) CommitJoined(ctx context.Context, commit, rollback func(context.Context) error) error {
	c, l, t := v.conn, v.held, v.tx
	if l == nil || l.bad || t == nil {
		return errors.Join(errLost, v.RollbackJoined(ctx, rollback))
	}
	c.tx = nil
	open, err := c.commit(ctx, l, t, commit)
	if open {
		t.work.Forget()
		ctx, cancel := settle(ctx)
		defer cancel()
		_ = rollback(ctx) // err says more, and the connection ends otherwise
	}
	c.part()
	return hide(err)
}

// RollbackJoined rolls a joined transaction back by rollback, or lets go of one that
// has ended otherwise.
func (v *Virtual) RollbackJoined(ctx context.Context, rollback func(context.Context) error) error {
	if v.tx != nil {
		v.tx.work.Forget()
		v.tx = nil
	}
	err := rollback(ctx)
	v.part()
	return hide(err)
}

// part lets go of the connection of a joined transaction, which is no more ours.
func (c *conn) part() {
	c.handle, c.streams, c.pinned, c.wrote = nil, 0, "", false
	c.letGo()
}
