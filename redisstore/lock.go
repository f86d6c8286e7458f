package redisstore

import (
	"context"
	crand "crypto/rand"
	_ "embed"
	"encoding/binary"
	"time"

	"github.com/cacheops/cacheops"
)

var _ cacheops.Locker = (*Store)(nil)

var (
	//go:embed lua/lock.lua
	luaLock string
	//go:embed lua/unlock.lua
	luaUnlock string

	scriptLock   = newScript(luaLock)
	scriptUnlock = newScript(luaUnlock)
)

const (
	// lockLease is how long a lock outlives its holder.
	lockLease = 3 * time.Second
	// leasesPerLock is how often a lease is renewed before it would end: one
	// renewal may be late.
	leasesPerLock = 3
	// kindLock is the kind of a lock's name; see keyring.digest.
	kindLock = 'l'
)

// Lock implements [cacheops.Locker].
//
// A lock is a key with a lease of three seconds, renewed while its holder's
// process lives. Who waits leaves its channel there and is told of the end by a
// push. A push that is lost costs waiting for the end of the lease: locks are
// looked at again then, and whenever the connection was made anew.
func (s *Store) Lock(ctx context.Context, k *cacheops.Key, deps []cacheops.Dep) (unlock func(unkeepable bool), unkeepable bool, err error) {
	l := &lock{store: s, name: s.lockName(k, deps), holder: crand.Text(), lease: s.locks.lease}
	left, err := l.take(ctx, "", true)
	if err != nil {
		return nil, false, failed("lock a fill", err)
	}
	if left == lockMine {
		return l.hold(), false, nil
	}
	unkeepable, err = l.wait(ctx)
	if err != nil {
		return nil, false, failed("wait for a fill", err)
	}
	return nil, unkeepable, nil
}

// lockName names the lock of those who miss k and acquired these deps.
func (s *Store) lockName(k *cacheops.Key, deps []cacheops.Dep) string {
	buf := scratches.get()
	defer scratches.put(buf)
	b := binary.AppendUvarint(buf.bytes[:0], uint64(len(k.Rest)))
	b = append(b, k.Rest...)
	for i := range deps {
		b = binary.AppendUvarint(b, uint64(len(deps[i].Table)))
		b = append(b, deps[i].Table...)
		b = binary.BigEndian.AppendUint64(b, uint64(deps[i].Tag))
		b = binary.BigEndian.AppendUint64(b, uint64(deps[i].Stamp))
	}
	buf.bytes = b
	return s.names.ofLock(s.envelope.digest(kindLock, k.Text, b))
}

// lock is one caller's attempt at a lock.
type lock struct {
	store  *Store
	name   string
	holder string
	lease  time.Duration
}

// What script lock says besides how long the holder's lease is.
const (
	lockMine = -1
	lockFree = -2
)

// take asks for the lock, or only about it.
func (l *lock) take(ctx context.Context, channel string, take bool) (left int64, err error) {
	ctx, cancel, err := l.store.bounded(ctx, l.store.opts.Timeout)
	if err != nil {
		return 0, err
	}
	defer cancel()
	r, err := l.store.run(ctx, []call{{scriptLock, []string{l.name}, []string{l.holder, milliseconds(l.lease), channel, flag(take)}}})
	if err != nil {
		return 0, err
	}
	return r[0].AsInt64()
}

// renew gives the lock another lease.
func (l *lock) renew() { l.run(milliseconds(l.lease), "") }

// end ends the lock and tells the waiters.
func (l *lock) end(unkeepable bool) { l.run("0", flag(unkeepable)+l.name) }

func (l *lock) run(lease, told string) {
	ctx, cancel, err := l.store.bounded(l.store.ctx, l.store.opts.Timeout)
	if err != nil {
		return
	}
	defer cancel()
	// Where it fails, the lease ends by itself, and the waiters look again then.
	_, _ = l.store.run(ctx, []call{{scriptUnlock, []string{l.name}, []string{l.holder, told, lease}}})
}

// hold keeps the lock until unlock is called or the store closed.
func (l *lock) hold() (unlock func(unkeepable bool)) {
	done, over := make(chan struct{}), make(chan struct{})
	renewed := l.store.locks.spawn(func() {
		defer close(over)
		tick := time.NewTicker(l.lease / leasesPerLock)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				l.renew()
			case <-done:
				return
			case <-l.store.ctx.Done():
				return
			}
		}
	})
	return func(unkeepable bool) {
		close(done)
		if renewed {
			<-over // one call after the other
		}
		l.end(unkeepable)
	}
}

// wait waits until the lock's holder has unlocked it or is gone.
func (l *lock) wait(ctx context.Context) (unkeepable bool, err error) {
	locks := l.store.locks
	w := locks.enter(l.name)
	defer locks.leave(l.name, w)
	for {
		if err := locks.listen(ctx); err != nil {
			return false, err
		}
		left, err := l.take(ctx, locks.channel, false)
		if err != nil || left == lockFree {
			return false, err
		}
		// One that has just ended may still be there for a moment.
		timer := time.NewTimer(time.Duration(left+1) * time.Millisecond)
		select {
		case told := <-w:
			timer.Stop()
			if told != lookAgain {
				return told == toldUnkeepable, nil
			}
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false, context.Cause(ctx)
		case <-l.store.ctx.Done():
			timer.Stop()
			return false, errClosed
		}
	}
}
