package cacheops

import (
	"context"
	"fmt"
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

// ExtraKey returns values as the Extra of a [Call]. They are told apart as the
// arguments of a function are ([NewFunc]): by their types and contents, a pointer by
// what it points at. It fails for values that no key can hold, such as functions.
func ExtraKey(values ...any) (string, error) {
	var b []byte
	for _, v := range values {
		part, err := appendArg(nil, v)
		if err != nil {
			return "", fmt.Errorf("cacheops: extra: %w", err)
		}
		b = appendPart(b, string(part))
	}
	return string(b), nil
}

type callKey struct{}

type call struct {
	Call
	off     bool   // NoCache
	noDrops bool   // WithoutInvalidation
	forced  bool   // With
	frame   *frame // of the function that runs, nil if none does
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
	old := callFrom(ctx)
	return call{Call: c, forced: true, noDrops: old.noDrops, frame: old.frame}.in(ctx)
}

// CallOf returns what [With] has said of the reads under ctx, for adapters that add
// to it. ok is false where it has said nothing, or [NoCache] was said after it.
func CallOf(ctx context.Context) (c Call, ok bool) {
	said := callFrom(ctx)
	return said.Call, said.forced
}

// NoCache returns a context whose reads go to the database and are not kept.
func NoCache(ctx context.Context) context.Context {
	old := callFrom(ctx)
	return call{off: true, noDrops: old.noDrops, frame: old.frame}.in(ctx)
}

// WithoutInvalidation returns a context whose statements drop nothing: for
// bulk loads after which the program calls [Cache.Invalidate]. Until it does,
// cached reads of what was written are stale.
func WithoutInvalidation(ctx context.Context) context.Context {
	c := *callFrom(ctx)
	c.noDrops = true
	return c.in(ctx)
}
