package redisstore

import (
	"context"
	crand "crypto/rand"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// news is what a waiter for a lock is told.
type news byte

const (
	lookAgain      news = iota // something may have been missed
	toldUnlocked               // the holder is through
	toldUnkeepable             // and so will everybody's result be lost
)

// locks are the waits of this process for others' fills. One subscription
// serves them all; it begins with the first wait and ends with the store.
type locks struct {
	store   *Store
	lease   time.Duration
	channel string

	mu      sync.Mutex
	waiters map[string]map[chan news]struct{} // by lock
	begun   bool
	closed  bool
	ready   chan struct{} // closed while the subscription stands
}

// listenPause is the pause between two attempts to subscribe.
const listenPause = 100 * time.Millisecond

func newLocks(s *Store) *locks {
	return &locks{
		store: s, lease: lockLease, channel: s.names.channel + crand.Text(),
		waiters: make(map[string]map[chan news]struct{}), ready: make(chan struct{}),
	}
}

// spawn runs f in a goroutine that Close waits for, unless that has begun.
func (l *locks) spawn(f func()) (ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.store.bg.Go(f)
	}
	return !l.closed
}

// close lets no goroutine begin any more.
func (l *locks) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// enter registers a waiter. Its channel holds one piece of news, of which the
// first counts: whoever is told of an end while it is to look again finds the
// end by itself.
func (l *locks) enter(name string) chan news {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := make(chan news, 1)
	if l.waiters[name] == nil {
		l.waiters[name] = make(map[chan news]struct{})
	}
	l.waiters[name][w] = struct{}{}
	return w
}

func (l *locks) leave(name string, w chan news) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiters[name], w)
	if len(l.waiters[name]) == 0 {
		delete(l.waiters, name)
	}
}

// listen waits until the subscription stands, and begins it if need be.
func (l *locks) listen(ctx context.Context) error {
	l.mu.Lock()
	if !l.begun && !l.closed {
		l.begun = true
		l.store.bg.Go(l.subscribe)
	}
	ready := l.ready
	l.mu.Unlock()
	ctx, cancel, err := l.store.bounded(ctx, l.store.opts.Timeout)
	if err != nil {
		return err
	}
	defer cancel()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.store.ctx.Done():
		return errClosed
	}
}

// subscribe keeps the subscription up.
func (l *locks) subscribe() {
	s := l.store
	for {
		ctx := rueidis.WithOnSubscriptionHook(s.ctx, func(e rueidis.PubSubSubscription) {
			if e.Kind == "subscribe" {
				l.stands(true)
			}
		})
		// Whatever the error is, the answer is to try again: waits are bounded.
		_ = s.client.Receive(ctx, s.client.B().Subscribe().Channel(l.channel).Build(), func(m rueidis.PubSubMessage) { l.tell(m.Message) })
		l.stands(false)
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(listenPause):
		}
	}
}

// stands notes that the subscription stands or not. What was told meanwhile was
// missed, so all look again.
func (l *locks) stands(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.ready:
		if !yes {
			l.ready = make(chan struct{})
		}
	default:
		if yes {
			close(l.ready)
		}
	}
	for _, all := range l.waiters {
		wake(all, lookAgain)
	}
}

// tell passes on what a holder says at the end: a flag and the lock's name.
func (l *locks) tell(message string) {
	if message == "" {
		return
	}
	told := toldUnlocked
	if strings.HasPrefix(message, flag(true)) {
		told = toldUnkeepable
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	wake(l.waiters[message[1:]], told)
}

func wake(all map[chan news]struct{}, n news) {
	for w := range all {
		select {
		case w <- n:
		default:
		}
	}
}
