package sqlcache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// On PostgreSQL a writer holds an advisory lock on a number of its own, from
// before it tells the store until the server has ended its transaction: it is
// over when somebody else can take that lock. The server lets go of it only after
// the commit can be seen, whatever became of the client, keeps it for a prepared
// transaction, and grants such locks to every role. Behind a pooler it stays with
// the transaction. What does not run in a transaction of ours holds the lock for
// its session, around its statement.

const proofAdvisory = "advisory:"

// lockMark is the upper part of our locks' numbers, by which pg_locks tells them
// from a program's.
const (
	lockMark     = 0xCA5E
	lockMarkBits = 16
)

// newLock returns the number of a lock that nobody else takes.
func newLock() string {
	mark := uint64(lockMark)
	return strconv.FormatInt(int64(mark<<(64-lockMarkBits)|rand.Uint64()>>lockMarkBits), 10)
}

// proof takes the lock within the transaction. One of which nothing can be
// committed any more has nothing to tell the store.
func (d *postgres) proof(ctx context.Context, _ *conn, l *lease, t *transaction, _ []*cacheops.Database) (proof string, done func(*lease), err error) {
	done = func(*lease) {}
	if doomed(l) {
		t.work.Forget()
		return "", done, nil
	}
	if t.proof != "" {
		return t.proof, done, nil
	}
	id := newLock()
	_, err = l.exec(ctx, "SELECT pg_advisory_xact_lock("+id+")", nil)
	switch {
	case err == nil:
		return proofAdvisory + id, done, nil
	case sqlState(err) == pgAborted:
		t.work.Forget()
		return "", done, nil
	}
	return "", nil, fmt.Errorf("take the lock that will prove the writer over: %w", err)
}

// looseProof takes the lock for the session. In a transaction that has failed it
// cannot. One statement does nothing there but end it; what further ones do, after a
// ROLLBACK of their own, this process alone could prove over, and where others share
// the store they are not run.
func (d *postgres) looseProof(ctx context.Context, l *lease, p *sqldep.Plan, _ []*cacheops.Database) (proof string, done func(*lease), err error) {
	id := newLock()
	_, err = l.exec(ctx, "SELECT pg_advisory_lock("+id+")", nil)
	switch {
	case err == nil:
		return proofAdvisory + id, func(l *lease) { d.unlock(l, id) }, nil
	case sqlState(err) == pgAborted && (p != nil && (p.Class != sqldep.Multi || settles(p)) || !d.engine.db.Shared()):
		proof, done = localProof(proofLoose)
		return proof, done, nil
	}
	return "", nil, fmt.Errorf("take the lock that will prove the writer over: %w", err)
}

// unlock lets go of a session's lock, with the connection if need be.
func (d *postgres) unlock(l *lease, id string) {
	if l.bad {
		return // the lock ends with the session
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	if _, err := l.exec(ctx, "SELECT pg_advisory_unlock("+id+")", nil); err != nil {
		l.dirty = true
	}
}

// prove reports whether a writer in doubt is provably over.
func (d *postgres) prove(ctx context.Context, w cacheops.Writer) (bool, error) {
	if !running.over(w) {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, proveTime)
	defer cancel()
	over := false
	err := d.engine.onLease(ctx, func(l *lease) (err error) {
		if err := l.meet(ctx); err != nil || l.pooled.session.never != "" {
			return err // a standby, or another server: it knows nothing of the writer
		}
		id, ours := strings.CutPrefix(w.Proof, proofAdvisory)
		switch {
		case w.ID == 0:
			over, err = d.allOver(ctx, l)
		case ours:
			if _, err := strconv.ParseInt(id, 10, 64); err != nil {
				return fmt.Errorf("read a writer's proof: %w", err)
			}
			over, err = l.says(ctx, "SELECT NOT pg_is_in_recovery() AND pg_try_advisory_xact_lock("+id+")")
		default: // a loose writer of this process, which has been looked for
			over = strings.HasPrefix(w.Proof, proofLoose)
		}
		return err
	})
	return over, err
}

// heldLocks are the locks of all writers of this database. pg_locks shows every
// role's, and those of prepared transactions.
const heldLocks = `
SELECT classid::text || '.' || objid::text FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 1 AND classid::int8 >> 16 = 51806
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// proveStep is how long a look at pg_locks lasts as an answer.
const proveStep = 20 * time.Millisecond

// allOver waits, within ctx, until every writer that held its lock at the call has
// let go of it: whoever told the store before the call did so holding one.
func (d *postgres) allOver(ctx context.Context, l *lease) (bool, error) {
	primary, err := l.says(ctx, "SELECT NOT pg_is_in_recovery()")
	if err != nil || !primary {
		return false, err
	}
	var before map[string]bool
	for {
		held, err := l.all(ctx, heldLocks, nil)
		if err != nil {
			return false, err
		}
		now := make(map[string]bool, len(held))
		for _, row := range held {
			if id := printed(row[0]); before == nil || before[id] {
				now[id] = true
			}
		}
		if before = now; len(before) == 0 {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-time.After(proveStep):
		}
	}
}

// says runs a query of ours whose answer is yes or no.
func (l *lease) says(ctx context.Context, query string) (bool, error) {
	row, err := l.row(ctx, query, 1)
	return err == nil && (row[0] == "true" || row[0] == "t"), err
}
