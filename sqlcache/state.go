package sqlcache

import (
	"context"
	"time"
)

// state says whether a connection is in a transaction.
type state uint8

const (
	stateUnknown state = iota
	stateOpen
	stateNone
)

// state finds out whether the connection is in a transaction.
func (l *lease) state(ctx context.Context) state {
	if l.bad {
		return stateUnknown
	}
	ctx, cancel := settle(ctx)
	defer cancel()
	return l.engine.dialect.state(ctx, l)
}

// settleTime bounds what must be done whether or not the caller still waits.
const settleTime = 30 * time.Second

// settle returns the context for that. Whoever cannot give up waits as without
// the cache, and needs no clock.
func settle(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Done() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}

// rollback ends the transaction, or the connection where that fails.
func (l *lease) rollback(ctx context.Context) {
	if l.bad {
		return
	}
	ctx, cancel := settle(ctx)
	defer cancel()
	if err := l.run(ctx, l.ending("ROLLBACK")); err != nil && l.state(ctx) != stateNone {
		l.bad = true
	}
}

// ending is what ends a transaction and begins no other.
func (l *lease) ending(word string) string {
	if l.pooled.session.chains {
		return word + " AND NO CHAIN NO RELEASE"
	}
	return word
}
