package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"

	"github.com/cacheops/cacheops/internal/catalog"
)

// Servers lock a table while its definition is printed, and so a schema cannot be read
// while somebody moves one of its tables about, be it for hours (VACUUM FULL, CREATE
// TABLE … SELECT). The program's statements have nothing to do with that table, and
// may even wait for the one who holds it: they run, for that long, as if nothing were
// known of the schema.

// unread remembers why the schema could not be read the last time.
type unread struct{ last atomic.Pointer[unreadError] }

type unreadError struct {
	err  error
	till time.Duration // on the engine's clock
}

// unreadPause is how long nobody tries again: each try costs its statement a wait.
const unreadPause = 500 * time.Millisecond

// unreadable says why the schema is not to be read now; nil if it is.
func (e *engine) unreadable() error {
	if u := e.unread.last.Load(); u != nil && e.sinceStart() < u.till {
		return u.err
	}
	return nil
}

// failedToRead follows an error of reading the schema on a connection. With no schema
// at all yet statements go by the dark one from now on. SQLite locks its file for all
// alike: a statement waits there for what its schema waits for.
func (e *engine) failedToRead(ctx context.Context, l *lease, err error) {
	e.stale.Store(true)
	if ctx.Err() != nil || l.bad || errors.Is(err, driver.ErrBadConn) {
		return // it says nothing of the schema
	}
	dark := e.newDark(l.pooled.session.mode)
	e.dark.Store(dark)
	if e.dialect.kind() == catalog.SQLite {
		return
	}
	e.unread.last.Store(&unreadError{err: err, till: e.sinceStart() + unreadPause})
	if e.schema.CompareAndSwap(nil, dark) {
		e.attached()
	}
}
