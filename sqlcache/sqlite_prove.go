package sqlcache

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cacheops/cacheops"
)

// On SQLite a writer whose outcome is in doubt is over when somebody else holds
// the write lock: it held the lock itself from before it told the store until its
// COMMIT. That does not go for what runs outside a transaction of ours (VACUUM,
// several statements in one text) and for connections with other databases
// attached. Those loose writers are over when their statement has returned, or
// their connection was closed, which this process alone can know.

// running are the loose writers of this process that may still commit, of all
// its pools: where several were opened on one database, the one that is asked
// about a writer need not be the one that has it.
var running looseWriters

type looseWriters struct {
	mu   sync.Mutex
	next uint64
	open map[uint64]struct{}
}

const (
	proofLock  = "lock"
	proofLoose = "loose:"
)

// process tells this process's loose writers from others'.
var process = uniqueName("")

func localProof() (proof string, done func(*lease)) {
	w := &running
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = make(map[uint64]struct{})
	}
	w.next++
	id := w.next
	w.open[id] = struct{}{}
	over := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.open, id)
	}
	return proofLoose + process + ":" + strconv.FormatUint(id, 10), func(l *lease) {
		if l.bad {
			l.closed = append(l.closed, over)
			return
		}
		over()
	}
}

func (d *sqlite) proof(_ context.Context, c *conn, _ *lease, _ *transaction, several bool) (proof string, done func(*lease), err error) {
	if c.pinned != "" || several {
		proof, done = localProof()
		return proof, done, nil
	}
	return proofLock, func(*lease) {}, nil
}

func (d *sqlite) looseProof(context.Context, *lease) (proof string, done func(*lease), err error) {
	proof, done = localProof()
	return proof, done, nil
}

// over reports whether no loose writer stands against a proof by the lock.
func (w *looseWriters) over(writer cacheops.Writer) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest, loose := strings.CutPrefix(writer.Proof, proofLoose)
	switch {
	case writer.ID == 0:
		return len(w.open) == 0
	case !loose:
		return true
	}
	owner, number, _ := strings.Cut(rest, ":")
	id, err := strconv.ParseUint(number, 10, 64)
	_, open := w.open[id]
	return err == nil && owner == process && !open
}

// proveTime bounds the wait for a connection on which to prove something.
const proveTime = 2 * time.Second

func (d *sqlite) prove(ctx context.Context, w cacheops.Writer) (bool, error) {
	if !running.over(w) {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, proveTime)
	defer cancel()
	locked := false
	err := d.engine.onLease(ctx, func(l *lease) error {
		if err := l.beginOwn(ctx, "BEGIN IMMEDIATE"); err != nil {
			return err
		}
		locked = true
		l.rollback(ctx)
		return nil
	})
	return locked, err
}
