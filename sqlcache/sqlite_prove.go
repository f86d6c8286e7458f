package sqlcache

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// On SQLite a writer whose outcome is in doubt is over when somebody else holds
// the write lock: it held the lock itself from before it told the store until its
// COMMIT. That does not go for what runs outside a transaction of ours (VACUUM,
// several statements in one text) and for connections with other databases
// attached. Those loose writers are over when their statement has returned, or
// their connection was closed. Their own process knows that; to others a mark
// tells that there are some, see sqlite_mark.go.

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
	proofLock = "lock"
	// proofLoose begins what this process alone can prove over, proofMarked what
	// others can by there being no mark: either is marked or writes nothing.
	proofLoose  = "loose:"
	proofMarked = "marked:"
)

// process tells this process's loose writers from others'.
var process = uniqueName("")

// localProof makes a writer known to this process. kind is proofLoose or proofMarked.
func localProof(kind string) (proof string, done func(*lease)) {
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
	return kind + process + ":" + strconv.FormatUint(id, 10), func(l *lease) { l.ended(over) }
}

// ended calls f once what ran last can do nothing more: now, or with the
// connection's end.
func (l *lease) ended(f func()) {
	if l.bad {
		l.closed = append(l.closed, f)
		return
	}
	f()
}

func (d *sqlite) proof(ctx context.Context, c *conn, _ *lease, _ *transaction, others []*cacheops.Database) (proof string, done func(*lease), err error) {
	switch {
	case len(others) > 0:
		return d.markedProof(ctx, others)
	case c.pinned != "": // it holds the lock of the only file that it may have written to
		proof, done = localProof(proofMarked)
		return proof, done, nil
	}
	return proofLock, func(*lease) {}, nil
}

func (d *sqlite) looseProof(ctx context.Context, _ *lease, p *sqldep.Plan, others []*cacheops.Database) (proof string, done func(*lease), err error) {
	if p != nil && settles(p) {
		proof, done = localProof(proofMarked)
		return proof, done, nil
	}
	return d.markedProof(ctx, others)
}

func (d *sqlite) markedProof(ctx context.Context, others []*cacheops.Database) (proof string, done func(*lease), err error) {
	m, err := d.mark(ctx, others)
	if err != nil {
		return "", nil, err
	}
	proof, over := localProof(proofMarked)
	return proof, func(l *lease) {
		over(l)
		l.ended(m.remove)
	}, nil
}

// elsewhere reports whether a writer is one of another process that the absence of a
// mark proves over.
func elsewhere(w cacheops.Writer) bool {
	rest, marked := strings.CutPrefix(w.Proof, proofMarked)
	return marked && !strings.HasPrefix(rest, process+":")
}

// over reports whether no loose writer stands against a proof by the lock.
func (w *looseWriters) over(writer cacheops.Writer) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest, loose := strings.CutPrefix(writer.Proof, proofLoose)
	if !loose {
		rest, loose = strings.CutPrefix(writer.Proof, proofMarked)
	}
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
	strange := elsewhere(w)
	if !strange && !running.over(w) {
		return false, nil
	}
	if (strange || w.ID == 0) && d.engine.db.Shared() {
		if ok, err := unmarked(d.engine.db.Identity()); !ok {
			return false, err
		}
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
	if err != nil && (ctx.Err() != nil || isBusy(err)) {
		return false, nil // somebody writes meanwhile, or has all connections
	}
	return locked, err
}
