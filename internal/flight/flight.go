// Package flight runs one load for all callers that want the same result at
// the same time, and harms none of them: a caller that gives up leaves the
// others waiting, a panic is the first caller's alone, and a load that nobody
// waits for any more is cancelled.
//
// It differs from golang.org/x/sync/singleflight in what matters to a cache:
// whether a caller may join a load that is running already is decided by the
// callers' tickets (the stamps each of them read), because a caller that came
// after a commit must not get rows from before it.
package flight

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrClosed is what Do returns after Close.
var ErrClosed = errors.New("flight: group is closed")

// Group is a set of loads by key. T is what a caller brings to show that it
// may share a load. The zero Group is ready; it must not be copied. It keeps a
// few goroutines for loads to come, until Close.
type Group[K comparable, T, V any] struct {
	// Same reports whether two tickets entitle their owners to one result.
	// Required. It must not call back into the group.
	Same func(a, b T) bool

	mu     sync.Mutex
	loads  map[K]*load[T, V]        // the latest of each key
	flying map[*load[T, V]]struct{} // all of them
	closed bool
	wg     sync.WaitGroup
	spares spares
}

type load[T, V any] struct {
	ticket  T
	started bool // the result may be older than a caller that comes now
	waiters int
	ctx     context.Context // what the load runs under
	cancel  context.CancelFunc
	done    chan struct{}

	// Written before done is closed.
	value    V
	err      error
	panicked any
	failed   bool // by a panic or a Goexit: there is no result
}

// Run is a load. It calls started just before its result begins to be fixed
// (its query is sent): a caller that came before may share the result whatever
// its ticket. Its ctx carries the first caller's values and is cancelled when
// nobody waits.
type Run[V any] func(ctx context.Context, started func()) (V, error)

// Do returns the result of run, or of another caller's run for the same key
// that this caller may share; shared tells which. It returns ctx's error as
// soon as ctx ends. If another caller's run panics, Do tries again.
func (g *Group[K, T, V]) Do(ctx context.Context, key K, ticket T, run Run[V]) (v V, shared bool, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return v, false, context.Cause(ctx)
		}
		l, mine, err := g.join(ctx, key, ticket)
		if err != nil {
			return v, false, err
		}
		switch {
		case !mine:
		case ctx.Done() == nil:
			g.fly(key, l, run)
		default:
			g.spares.run(func() { g.fly(key, l, run) })
		}
		select {
		case <-ctx.Done():
			g.leave(l)
			return v, false, context.Cause(ctx)
		case <-l.done:
		}
		switch {
		case !l.failed:
			return l.value, !mine, l.err
		case mine:
			panic(l.panicked)
		}
	}
}

func (g *Group[K, T, V]) join(ctx context.Context, key K, ticket T) (l *load[T, V], mine bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, false, ErrClosed
	}
	if l = g.loads[key]; l != nil && l.waiters > 0 && (!l.started || g.Same(l.ticket, ticket)) {
		l.waiters++
		return l, false, nil
	}
	l = &load[T, V]{ticket: ticket, waiters: 1, ctx: ctx, cancel: func() {}, done: make(chan struct{})}
	if ctx.Done() != nil {
		l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	}
	if g.loads == nil {
		g.loads = make(map[K]*load[T, V])
		g.flying = make(map[*load[T, V]]struct{})
	}
	g.loads[key] = l // an older load goes on for those who wait for it
	g.flying[l] = struct{}{}
	g.wg.Add(1)
	return l, true, nil
}

// leave takes a waiter off a load. A load without waiters is not joined again:
// it may fail with the cancellation at any moment.
func (g *Group[K, T, V]) leave(l *load[T, V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.waiters--; l.waiters == 0 {
		l.cancel()
	}
}

// fly runs a load: in the goroutine of a first caller that cannot give up, else
// in one of its own, which the caller may leave behind.
func (g *Group[K, T, V]) fly(key K, l *load[T, V], run Run[V]) {
	defer g.wg.Done()
	defer l.cancel()
	l.failed = true
	defer func() {
		if l.failed {
			if l.panicked = recover(); l.panicked == nil {
				l.panicked = fmt.Errorf("flight: the load called runtime.Goexit")
			}
		}
		g.mu.Lock()
		delete(g.flying, l)
		if g.loads[key] == l {
			delete(g.loads, key)
		}
		g.mu.Unlock()
		close(l.done)
	}()
	l.value, l.err = run(l.ctx, func() {
		g.mu.Lock()
		l.started = true
		g.mu.Unlock()
	})
	l.failed = false
}

// Close refuses further calls, cancels the loads that run and waits for them.
// One whose first caller cannot give up goes on to its end: that caller has no
// other way to get its result.
func (g *Group[K, T, V]) Close() {
	g.mu.Lock()
	g.closed = true
	for l := range g.flying {
		l.cancel()
	}
	g.mu.Unlock()
	g.wg.Wait()
	g.spares.close()
}
