package sqlcache

import (
	"context"
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
		c.recordAnything(ctx, l, t, st)
	}
	_, err := c.commitLoose(ctx, l, now, st, k)
	if err != nil || k.failed {
		c.look(ctx, l)
	}
	return err
}
