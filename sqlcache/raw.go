package sqlcache

import (
	"context"
	"database/sql"
	"errors"

	"github.com/cacheops/cacheops"
)

// Raw calls f with the bare driver's connection under db, as db.Raw would
// without the cache. f may do anything: everything in the database is dropped,
// and from then on the connection's reads go to the database, and its writes
// drop everything.
func Raw(ctx context.Context, db *sql.Conn, f func(driverConn any) error) error {
	return db.Raw(func(dc any) error {
		c, ok := dc.(*conn)
		if !ok {
			return errors.New("sqlcache: not a connection of a cached database")
		}
		return c.raw(ctx, f)
	})
}

func (c *conn) raw(ctx context.Context, f func(any) error) error {
	cacheops.Wrote(ctx)
	if err := c.pin(ctx, "raw connection"); err != nil {
		return err
	}
	return c.holding(ctx, func(l *lease) error {
		t := c.tx
		if t == nil {
			t = c.newTransaction()
		}
		t.work.AddDDL()
		t.ddl = true
		ran, err := c.loose(ctx, l, t, nil, "", func(context.Context) (cacheops.Outcome, error) {
			err := l.note(f(l.real))
			return c.ended(ctx, l, err, false), err
		})
		if ran {
			c.engine.outdated()
			c.resume(ctx, l)
		}
		return err
	})
}
