package cacheops

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A pool attaches its database with its first statement, and until then nobody
// knows in which session it would read. A function that chooses between pools by
// its context could then be handed what another has read in the other pool. So
// the first call of a function has them all attach, and there are no hits before.

// pending are the pools that have been opened and not attached.
type pending struct {
	count atomic.Int32 // of pools, for the hit path

	mu    sync.Mutex
	pools []*pool
	retry time.Time // not before then, after a failure
}

type pool struct{ attach func(context.Context) error }

const (
	attachTimeout = 2 * time.Second
	attachRetry   = time.Second
)

// Announce says that there is a pool of which the cache will hear more, be it
// when attach is called: it must then attach its database. withdraw says that it
// has attached it, or is closed; it may be called more than once.
func (c *Cache) Announce(attach func(ctx context.Context) error) (withdraw func()) {
	p := &pool{attach: attach}
	c.pending.mu.Lock()
	defer c.pending.mu.Unlock()
	c.pending.pools = append(c.pending.pools, p)
	c.pending.count.Add(1)
	return func() { c.pending.withdraw(p) }
}

func (l *pending) withdraw(p *pool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.pools, p); i >= 0 {
		l.pools = slices.Delete(l.pools, i, i+1)
		l.count.Add(-1)
	}
}

// settled reports whether every pool has attached its database, and has those do
// so that have not.
func (l *pending) settled(ctx context.Context) bool {
	l.mu.Lock()
	pools, wait := slices.Clone(l.pools), time.Now().Before(l.retry)
	l.mu.Unlock()
	if wait {
		return len(pools) == 0
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attachTimeout)
	defer cancel()
	for _, p := range pools {
		if err := p.attach(ctx); err != nil {
			l.mu.Lock()
			l.retry = time.Now().Add(attachRetry)
			l.mu.Unlock()
			return false
		}
		l.withdraw(p)
	}
	return l.count.Load() == 0
}
