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
	if err := c.pin(ctx, "raw connection"); err != nil {
		return err
	}
	return c.holding(ctx, func(l *lease) error {
		t := c.tx
		if t == nil {
			t = c.newTransaction()
		}
		t.work.AddDDL()
		others := c.reached(ctx, l, t, "")
		proof, done, err := c.engine.dialect.looseProof(ctx, l)
		if err != nil {
			return c.settled(ctx, l, err)
		}
		ran := false
		err = t.work.Commit(ctx, proof, across(others, proof, true, func(context.Context) (cacheops.Outcome, error) {
			ran = true
			err := l.note(f(l.real))
			return c.ended(ctx, l, err, false), err
		}))
		done(l)
		if ran {
			c.engine.outdated()
			c.resume(ctx, l)
		}
		return err
	})
}
