package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/cacheops/cacheops/internal/sqldep"
)

// PostgreSQL never ends a transaction by an error: it goes on as one of which
// nothing can be kept, and whose COMMIT rolls back.

// The server's codes that say where a connection stands.
const (
	pgNoTransaction = "25P01"
	pgAborted       = "25P02"
)

// beginWrite takes the proof in the same round trip: drivers send a text without
// arguments as it is, however many statements it has.
func (d *postgres) beginWrite(ctx context.Context, l *lease, t *transaction, _ bool) error {
	if err := d.expectNone(ctx, l); err != nil {
		return err
	}
	id := newLock()
	if _, err := l.exec(ctx, "BEGIN; SELECT pg_advisory_xact_lock("+id+")", nil); err != nil {
		l.rollback(ctx)
		return err
	}
	t.proof = proofAdvisory + id
	return nil
}

func (d *postgres) beginRead(ctx context.Context, l *lease) (end func(), err error) {
	return func() {}, d.expectNone(ctx, l)
}

// expectNone makes sure that the connection is in no transaction. Inside one BEGIN
// only warns; a pool that somebody else opened may hold such a connection, and
// another one is tried.
func (d *postgres) expectNone(ctx context.Context, l *lease) error {
	if !d.engine.foreign || l.state(ctx) == stateNone {
		return nil
	}
	l.bad, l.sent = true, false
	return fmt.Errorf("%w: the connection was left in a transaction", driver.ErrBadConn)
}

// state asks the driver, which hears it with every answer, or else the server: a
// savepoint can be set in a transaction only.
func (d *postgres) state(ctx context.Context, l *lease) state {
	status, known := txStatus(l.real)
	switch {
	case known && status == 0:
		l.bad = true
		return stateUnknown
	case known && status == 'I':
		return stateNone
	case known:
		return stateOpen
	}
	err := l.run(ctx, "SAVEPOINT cacheops_probe")
	switch {
	case err == nil:
		if err := l.run(ctx, "RELEASE SAVEPOINT cacheops_probe"); err != nil {
			return stateUnknown
		}
		return stateOpen
	case sqlState(err) == pgAborted:
		return stateOpen
	case sqlState(err) == pgNoTransaction:
		return stateNone
	}
	return stateUnknown
}

// doomed reports whether the transaction is known to be one of which nothing can
// be kept.
func doomed(l *lease) bool {
	status, known := txStatus(l.real)
	return known && status == 'E'
}

// txStatus returns the server's latest word on where the connection stands: 'I'
// for in no transaction, 'T' for in one, 'E' for in one that has failed; 0 for a
// connection that is closed. known is false for a driver that does not show it.
//
// The drivers are asked by reflection because this module requires none.
func txStatus(c driver.Conn) (status byte, known bool) {
	if r, ok := c.(RealConn); ok {
		if r.IsClosed() {
			return 0, true
		}
		return r.TxStatus(), true
	}
	v := reflect.ValueOf(c)
	if !v.IsValid() || v.Kind() != reflect.Pointer {
		return 0, false
	}
	switch v.Type().String() {
	case "*stdlib.Conn":
		return pgxStatus(v)
	case "*pq.conn":
		f := v.Elem().FieldByName("txnStatus")
		if !f.IsValid() || f.Kind() != reflect.Uint8 {
			return 0, false
		}
		if val, ok := c.(driver.Validator); ok && !val.IsValid() {
			return 0, true
		}
		return byte(f.Uint()), true
	}
	return 0, false
}

// pgxStatus asks (*stdlib.Conn).Conn().PgConn(), whose methods have no types of
// pgx's own.
func pgxStatus(v reflect.Value) (status byte, known bool) {
	conn, ok := call(v, "Conn")
	if !ok {
		return 0, false
	}
	pg, ok := call(conn, "PgConn")
	if !ok {
		return 0, false
	}
	asked, ok := pg.Interface().(interface {
		TxStatus() byte
		IsClosed() bool
	})
	switch {
	case !ok:
		return 0, false
	case asked.IsClosed():
		return 0, true
	}
	return asked.TxStatus(), true
}

// call calls a method without arguments that returns one pointer.
func call(v reflect.Value, name string) (reflect.Value, bool) {
	m := v.MethodByName(name)
	if !m.IsValid() || m.Type().NumIn() != 0 || m.Type().NumOut() != 1 || m.Type().Out(0).Kind() != reflect.Pointer {
		return reflect.Value{}, false
	}
	out := m.Call(nil)[0]
	return out, !out.IsNil()
}

// answered: the server has, if the connection is still there.
func (d *postgres) answered(ctx context.Context, l *lease) bool {
	return l.state(ctx) != stateUnknown
}

// alone: some DDL cannot run in a transaction (CREATE INDEX CONCURRENTLY, CREATE
// DATABASE, ALTER SYSTEM), a new value of an enum cannot be used in the one that
// added it, and nothing is gained by wrapping the rest.
func (d *postgres) alone(p *sqldep.Plan) bool { return p.Class == sqldep.DDL }

// commits: what commits by itself is refused inside a transaction.
func (d *postgres) commits(*sqldep.Plan) bool { return false }

func (d *postgres) lasting(*conn, *statement) bool { return false }

func (d *postgres) savepointBegins() bool { return false }

// unprepared: several statements in one text, of which we understood nothing.
func (d *postgres) unprepared(err error) bool {
	const syntaxError = "42601"
	return sqlState(err) == syntaxError && routine(err) == "exec_parse_message"
}

// routine is that of the server's which an error comes from; empty if it is not known.
func routine(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
			if f := v.Elem().FieldByName("Routine"); f.Kind() == reflect.String {
				return f.String()
			}
		}
	}
	return ""
}

// mayKeep: a statement that fails keeps nothing, and its transaction neither.
func (d *postgres) mayKeep(error) bool { return false }

// notCommitted: an error that the server answers to a COMMIT says that it has
// rolled back: a deferred constraint, a serialization failure. Not so where it
// takes the connection down with it, having committed perhaps while it waited
// for a standby, and where a pooler may be the one who speaks. Drivers have errors
// of their own for a COMMIT that the server answered with ROLLBACK.
func (d *postgres) notCommitted(err error) bool {
	if code := sqlState(err); code != "" {
		return !strings.HasPrefix(code, "08") && !strings.HasPrefix(code, "57P") && !strings.HasPrefix(code, "XX") &&
			!strings.HasPrefix(code, "53") && !strings.HasPrefix(code, "58") && code != "40003" && code != "25P03"
	}
	var bad lostError
	if errors.Is(err, driver.ErrBadConn) || errors.As(err, &bad) {
		return false
	}
	m := err.Error()
	return strings.Contains(m, "commit unexpectedly resulted in rollback") ||
		strings.Contains(m, "Could not complete operation in a failed transaction")
}
