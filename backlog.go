package cacheops

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cacheops/cacheops/internal/dep"
)

// backlog holds the drops of writes that were committed while the store could
// not be reached (Config.DegradeOnFailure), and sends them in order when it is
// back. Until then this process does not cache the tables they touch.
type backlog struct {
	waiting atomic.Int64 // drops not sent; zero keeps the hit path at one load

	mu     sync.Mutex
	queue  []*owed
	tables map[string]int // the store's tables owed drops
	stop   chan struct{}
	done   chan struct{} // closed when the sender has ended; nil if none runs
	closed bool
}

// owed is one write whose drops the store was not told of.
type owed struct {
	write   *write
	changes []dep.Change
	outcome Outcome
	settled bool // outcome is set
	merged  int  // further writes that these drops stand for
}

const (
	// backlogMost bounds the queue; beyond it a write is owed whole tables, and
	// at twice that everything in its database.
	backlogMost  = 1000
	backlogRetry = 200 * time.Millisecond
)

// Owed returns how many drops the store has yet to be told of: those of writes that
// were committed while it could not be reached ([Config.DegradeOnFailure]). Wide ones
// may stand for several writes. Until it is zero other processes may serve what was
// written over, and Close would lose them.
func (c *Cache) Owed() int { return int(c.backlog.waiting.Load()) }

// covers reports whether one of a read's tables is owed a drop.
func (b *backlog) covers(tables []string, d *Database) bool {
	if b.waiting.Load() == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tables[d.whole] > 0 {
		return true
	}
	for _, t := range tables {
		if b.tables[d.table(t)] > 0 || b.tables[anyWhole] > 0 && d.shares(t) {
			return true
		}
	}
	return false
}

// add owes the store a write's drops, from before its commit.
func (b *backlog) add(w *write, changes []dep.Change) (*owed, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	o := &owed{write: w, changes: b.bounded(changes)}
	b.queue = append(b.queue, o)
	b.waiting.Add(1)
	if b.tables == nil {
		b.tables = make(map[string]int)
	}
	for _, t := range o.covered() {
		b.tables[t]++
	}
	if b.done == nil {
		b.stop, b.done = make(chan struct{}), make(chan struct{})
		go b.send(b.stop, b.done)
	}
	return o, nil
}

func (b *backlog) bounded(changes []dep.Change) []dep.Change {
	switch {
	case len(b.queue) >= 2*backlogMost:
		return []dep.Change{dep.Anything()}
	case len(b.queue) < backlogMost:
		return append([]dep.Change(nil), changes...)
	}
	var out []dep.Change
	seen := make(map[string]bool)
	for i := range changes {
		if t := changes[i].Table; !seen[t] {
			seen[t] = true
			out = append(out, dep.AnyOf(t))
		}
	}
	return out
}

// covered returns the store's tables that the write may have changed.
func (o *owed) covered() []string {
	groups, whole := o.write.group(o.changes)
	tables := make([]string, 0, len(groups)+1)
	for t := range groups {
		tables = append(tables, t)
	}
	if whole {
		tables = append(tables, o.write.db.whole, anyWhole)
	}
	return tables
}

// settle records how the write ended; only then are its drops sent.
func (b *backlog) settle(o *owed, outcome Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o.outcome, o.settled = outcome, true
	b.merge(o)
}

// merge takes out a write whose drops o's cover, so that an outage however long
// does not fill the memory: both may have changed anything in one database, and
// both are over. The oldest write stays: it may be on its way to the store.
func (b *backlog) merge(o *owed) {
	if !o.wide() {
		return
	}
	for i := len(b.queue) - 1; i > 0; i-- {
		p := b.queue[i]
		if p == o || !p.wide() || p.write.db != o.write.db {
			continue
		}
		o.write.ddl = o.write.ddl || p.write.ddl
		o.merged += p.merged + 1
		b.queue = slices.Delete(b.queue, i, i+1)
		b.forget(p)
		return
	}
}

// wide reports whether a write may have changed anything and is over.
func (o *owed) wide() bool {
	return o.settled && o.outcome != OutcomeUnknown && slices.ContainsFunc(o.changes, func(c dep.Change) bool { return c.Table == "" })
}

// send is the sender's goroutine: it ends when nothing is owed, or on stop.
func (b *backlog) send(stop, done chan struct{}) {
	defer close(done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	tick := time.NewTicker(backlogRetry)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		for o := b.first(); o != nil && o.replay(ctx) == nil; o = b.first() {
			b.sent(o)
		}
		if b.idle() {
			return
		}
	}
}

// first returns the oldest write owed, nil if there is none or it still runs.
func (b *backlog) first() *owed {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 || !b.queue[0].settled {
		return nil
	}
	return b.queue[0]
}

func (b *backlog) sent(o *owed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = b.queue[1:]
	b.forget(o)
}

// forget takes a write that has left the queue out of the counts.
func (b *backlog) forget(o *owed) {
	for _, t := range o.covered() {
		if b.tables[t]--; b.tables[t] == 0 {
			delete(b.tables, t)
		}
	}
	b.waiting.Add(-1)
}

// idle ends the sender where nothing is owed.
func (b *backlog) idle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) > 0 {
		return false
	}
	b.done = nil
	return true
}

// replay sends one write's drops: entries filled before them are void, and an
// outcome that is unknown goes on refusing fills.
func (o *owed) replay(ctx context.Context) error {
	w := &write{
		db: o.write.db, writer: Writer{ID: newWriterID(), Proof: o.write.writer.Proof},
		catalog: o.write.catalog, ddl: o.write.ddl,
	}
	if err := w.begin(ctx, o.changes); err != nil {
		return err
	}
	w.finish(ctx, o.outcome)
	return nil
}

// close stops the sender and waits for it. It fails if drops were lost.
func (b *backlog) close() error {
	b.mu.Lock()
	b.closed = true
	stop, done := b.stop, b.done
	b.mu.Unlock()
	if done != nil {
		close(stop)
		<-done
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.queue)
	for _, o := range b.queue {
		n += o.merged
	}
	if n > 0 {
		return fmt.Errorf("cacheops: close: %d writes were committed whose drops the store was never told of", n)
	}
	return nil
}
