package redisstore

import (
	"context"
	"sync/atomic"
	"time"
)

// deadlines are contexts that many calls share: a hit's own context with a
// timeout costs as much as the rest of the hit.
type deadlines struct {
	latest  atomic.Pointer[deadline]
	parent  context.Context
	timeout time.Duration
}

// deadline is a context for the calls that begin within a window after born.
type deadline struct {
	context.Context
	born, at time.Time
}

// windowsPerTimeout is how many contexts are alive at most, and so how exact
// the timeout is.
const windowsPerTimeout = 8

// of returns a context that ends when ctx does by its own deadline, or after
// the timeout and at most an eighth of it more. A cancellation of ctx is not
// passed on: the timeout is what bounds the wait.
func (d *deadlines) of(ctx context.Context) context.Context {
	now := time.Now()
	l := d.latest.Load()
	if l == nil || now.Sub(l.born) > d.timeout/windowsPerTimeout {
		l = d.next(now)
	}
	if at, ok := ctx.Deadline(); ok && at.Before(l.at) {
		return ctx
	}
	return l
}

func (d *deadlines) next(now time.Time) *deadline {
	whole := d.timeout + d.timeout/windowsPerTimeout
	ctx, cancel := context.WithTimeout(d.parent, whole)
	context.AfterFunc(ctx, cancel)
	l := &deadline{Context: ctx, born: now, at: now.Add(whole)}
	d.latest.Store(l)
	return l
}
