package cacheops

import (
	"context"
	"time"
)

// A Locker is a store that several processes share and that can keep them from
// loading one result at the same time, where [Rule.Lock] asks for that. A
// [Store] may be one besides. Nothing but the number of loads depends on it: a
// reader that waited asks [Store.Get], which answers for what is true, and
// whoever gets an error loads by itself.
type Locker interface {
	// Lock makes the caller the one that loads the entry of k, among those that
	// acquired the same deps, or waits for the one that is. A load that began
	// before a write is so never waited for by a read that began after it: their
	// stamps differ.
	//
	// Where unlock is not nil, the caller has the lock. It must call unlock once,
	// after the entry is stored or will not be, and say whether such results
	// cannot be kept at all, so that there is no use in waiting for another.
	// Until then the store keeps the lock for the caller, but no longer than a
	// few seconds after the caller's process has died or frozen.
	//
	// Where unlock and err are nil, another caller had the lock and has unlocked
	// it, with unkeepable as it said, or is gone.
	Lock(ctx context.Context, k *Key, deps []Dep) (unlock func(unkeepable bool), unkeepable bool, err error)
}

// lockRounds is how often a fill waits for another's before it loads by itself.
// A load that was given up leaves the next to another waiter; one whose result
// the store declined in silence does, too, and then the waiters would take turns.
const lockRounds = 3

// share waits for another process that loads the same result, if there is one:
// v is then its result, as the store vouches for it. Otherwise the caller loads,
// and calls unlock when that is over.
func (f *fill) share(ctx context.Context) (v Value, unlock func(unkeepable bool)) {
	c, unlocked := f.db.cache, func(bool) {}
	if c.locker == nil || f.query.lock == 0 || f.noKeep != "" || f.anew {
		return nil, unlocked
	}
	wait, cancel := c.whileOpen(ctx, f.query.lock)
	defer cancel()
	key := f.key
	key.Fresh = true // a hit here may be shared with a caller that came later
	for range lockRounds {
		mine, unkeepable, err := c.locker.Lock(wait, &f.key, f.grant.Deps)
		if err != nil {
			if wait.Err() == nil {
				c.failed(ctx, "lock a fill", err)
				return nil, unlocked
			}
			break
		}
		// Whoever has the lock looks again, too: another may have had it since
		// this read missed.
		if v, err := c.store.Get(ctx, &key); err == nil {
			if mine != nil {
				mine(false)
			}
			return v, unlocked
		}
		if mine != nil {
			return nil, mine
		}
		if unkeepable {
			break
		}
		if f.ask(ctx); f.noKeep != "" {
			return nil, unlocked
		}
	}
	f.ask(ctx) // the stamps acquired before the wait may be gone, and the result with them
	return nil, unlocked
}

// whileOpen returns a context that ends with ctx, after d, and when the cache is
// closed.
func (c *Cache) whileOpen(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, d)
	stop := context.AfterFunc(c.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}
