package sqlcache

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// MySQL ends a transaction by itself after some errors, a deadlock for one, and
// before many statements: see commits.

// The server's numbers that say what became of a transaction or a statement.
const (
	myDeadlock      = 1213
	myNoSavepoint   = 1305
	myNotPrepared   = 1295
	myXAState       = 1399
	myCertification = 3101
)

// The bits of the status that the server sends with its answers, errors excepted.
const (
	myInTransaction = 1 << 0
	myAutocommit    = 1 << 1
)

// beginWrite has the proof, too: once for many writes over a connection.
func (d *mysql) beginWrite(ctx context.Context, l *lease, t *transaction, _ bool) error {
	if err := d.expectNone(ctx, l); err != nil {
		return err
	}
	lock, err := d.lock(ctx, l)
	if err != nil {
		return err
	}
	if err := l.run(ctx, "START TRANSACTION"); err != nil {
		l.rollback(ctx)
		return err
	}
	t.proof = lock.proof
	return nil
}

func (d *mysql) beginRead(ctx context.Context, l *lease) (end func(), err error) {
	return func() {}, d.expectNone(ctx, l)
}

// expectNone makes sure that the connection is in no transaction, which START
// TRANSACTION would commit. A pool that somebody else opened may hold such a
// connection, and another one is tried.
func (d *mysql) expectNone(ctx context.Context, l *lease) error {
	if !d.engine.foreign || l.state(ctx) == stateNone {
		return nil
	}
	l.bad, l.sent = true, false
	return fmt.Errorf("%w: the connection was left in a transaction", driver.ErrBadConn)
}

// state hears it from the driver, after a ping: an error's answer does not say.
// Where the driver is another one a savepoint shows it, of which nothing is left
// outside a transaction.
func (d *mysql) state(ctx context.Context, l *lease) state {
	if _, known := myStatus(l.real); known {
		return d.pinged(ctx, l)
	}
	if l.run(ctx, "SAVEPOINT cacheops_probe") != nil {
		return stateUnknown
	}
	err := l.run(ctx, "RELEASE SAVEPOINT cacheops_probe")
	switch {
	case err == nil:
		return stateOpen
	case myCode(err) == myNoSavepoint:
		return stateNone
	}
	return stateUnknown
}

func (d *mysql) pinged(ctx context.Context, l *lease) state {
	p, ok := l.real.(driver.Pinger)
	if !ok || l.usable() != nil { // closed, or in the middle of rows
		l.bad = l.bad || myClosed(l.real)
		return stateUnknown
	}
	if p.Ping(ctx) != nil {
		l.bad = true
		return stateUnknown
	}
	if status, _ := myStatus(l.real); status&myInTransaction != 0 || status&myAutocommit == 0 {
		return stateOpen
	}
	return stateNone
}

// myStatus returns the latest status that the server sent. known is false for
// another driver.
func myStatus(c driver.Conn) (status uint64, known bool) {
	f := myField(c, "status")
	if !f.IsValid() || !f.CanUint() {
		return 0, false
	}
	return f.Uint(), true
}

func myClosed(c driver.Conn) bool {
	f := myField(c, "closed")
	if !f.IsValid() || f.Kind() != reflect.Struct {
		return true
	}
	f = f.FieldByName("v") // of an atomic.Bool
	return !f.IsValid() || !f.CanUint() || f.Uint() != 0
}

func myField(c driver.Conn, name string) reflect.Value {
	if myType(c) != myDriver {
		return reflect.Value{}
	}
	return reflect.ValueOf(c).Elem().FieldByName(name)
}

// answered: the server has, if the connection is still there. The driver closes
// one whose statement is cancelled, and the server goes on.
func (d *mysql) answered(ctx context.Context, l *lease) bool {
	return l.state(ctx) != stateUnknown
}

// alone: what makes and drops temporary tables does not commit, and nothing is
// gained by wrapping it.
func (d *mysql) alone(p *sqldep.Plan) bool { return p.Class == sqldep.DDL }

func (d *mysql) commits(p *sqldep.Plan) bool {
	return anyPart(p, func(p *sqldep.Plan) bool { return p.ImplicitCommit })
}

// savepointBegins: outside a transaction it does nothing.
func (d *mysql) savepointBegins() bool { return false }

// unprepared: BEGIN NOT ATOMIC, XA and others run only as they are.
func (d *mysql) unprepared(err error) bool { return myCode(err) == myNotPrepared }

// mayKeep: of a statement that fails InnoDB keeps nothing, and no other engine's
// tables are written to in a transaction of ours.
func (d *mysql) mayKeep(error) bool { return false }

// notCommitted: few errors say so. An error of the log, say, may come after the
// engine has committed.
func (d *mysql) notCommitted(err error) bool {
	code := myCode(err)
	return code == myDeadlock || code == myCertification
}

// maxCircles bounds how often a read is made again.
const maxCircles = 3

// patiently makes a read outside a transaction, again where it met a deadlock. That
// is one over tables, with LOCK TABLES or DDL: MariaDB itself lets go of the tables
// that it has and starts anew, but on a connection that holds a user-level lock, as
// ours do.
func (l *lease) patiently(read func() error) error {
	for circles := 0; ; circles++ {
		err := read()
		if circles == maxCircles || err == nil || l.engine.dialect.kind() != catalog.MySQL || myCode(err) != myDeadlock {
			return err
		}
	}
}
