package cacheops

import (
	"context"
	"time"
)

// Call steers the reads made under one context. The zero Call caches them
// whatever the rules say, as long as no rule says Never.
type Call struct {
	// Ops are the kinds of reads to cache, instead of the rule's; the others
	// are not cached: Call{Ops: Count} caches a paginator's count and not its
	// rows. Zero: all.
	Ops Ops
	// TTL of the entries, however long. Zero: the rule's.
	TTL time.Duration
	// Extra is one more part of the key.
	Extra string
	// WriteOnly reads from the database and refreshes the entry. It shares no
	// read that began before the call.
	WriteOnly bool
	// Fresh makes certain that a hit is what the database would return where the
	// store by itself answers with what it was last told (redisstore's Tracked).
	// Other stores always do.
	Fresh bool
	// Peek answers from the cache if it can and from the database otherwise,
	// and leaves no trace: nothing is kept and nothing is counted.
	Peek bool
	// Report, if not nil, is filled in by each read made under the context, the
	// last one staying. The context must then not be shared by goroutines.
	Report *Report
}

// Report tells what became of a read.
type Report struct {
	Hit bool
	// Why says why a read was not a hit: "miss", or the reason for which the
	// cache was not asked.
	Why string
}

type callKey struct{}

type call struct {
	Call
	off     bool // NoCache
	noDrops bool // WithoutInvalidation
	forced  bool // With
}

// noCall is what a context without one of ours stands for.
var noCall call

func callFrom(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &noCall
}

func (c call) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, callKey{}, &c)
}

// With returns a context whose reads are cached as c says. It replaces an
// outer With or [NoCache].
func With(ctx context.Context, c Call) context.Context {
	return call{Call: c, forced: true, noDrops: callFrom(ctx).noDrops}.in(ctx)
}

// NoCache returns a context whose reads go to the database and are not kept.
func NoCache(ctx context.Context) context.Context {
	return call{off: true, noDrops: callFrom(ctx).noDrops}.in(ctx)
}

// WithoutInvalidation returns a context whose statements drop nothing: for
// bulk loads after which the program calls [Cache.Invalidate]. Until it does,
// cached reads of what was written are stale.
func WithoutInvalidation(ctx context.Context) context.Context {
	c := *callFrom(ctx)
	c.noDrops = true
	return c.in(ctx)
}
