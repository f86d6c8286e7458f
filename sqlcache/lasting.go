package sqlcache

import (
	"context"

	"github.com/cacheops/cacheops"
)

// writeLasting runs, inside the open transaction, a statement that may write what
// no rollback undoes and what others see at once: the store is told of it before
// and again with the COMMIT, which tells of what the transaction keeps to itself
// until then.
func (c *conn) writeLasting(ctx context.Context, l *lease, st *statement, k *run) error {
	t := c.tx
	now := c.newTransaction()
	now.strange = t.ddl || t.strange
	for _, t := range []*transaction{t, now} {
		c.recordAnything(ctx, t, st)
	}
	c.wrote = true
	others := c.reached(ctx, l, now, k.text)
	proof, done, err := c.engine.dialect.looseProof(ctx, l)
	if err != nil {
		return c.settled(ctx, l, err)
	}
	err = now.work.Commit(ctx, proof, across(others, proof, now.ddl, func(ctx context.Context) (cacheops.Outcome, error) {
		err := k.on(ctx, l)
		return c.ended(ctx, l, err, k.failed), hide(err)
	}))
	done(l)
	if err != nil || k.failed {
		c.look(ctx, l)
	}
	return err
}
