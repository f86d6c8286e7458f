package cacheops

import (
	"context"
	"errors"
	"time"
)

// Lookup is the outcome of asking the cache for a read.
type Lookup struct {
	// Hit is the cached value, nil if there is none.
	Hit Value
	// Fill says that the caller must go through [Database.Fill]. Without it and
	// without a hit the read goes straight to the database.
	Fill bool

	query *Query
	probe *Probe
	ttl   time.Duration
	anew  bool // the read must not share a load that has started
}

// Lookup answers a read from the cache if it can.
//
// session is the fingerprint of everything in the session that may change the
// answer; p holds the arguments. It is the caller's again after a hit, and after
// [Database.Fill] has returned. Lookup allocates nothing on a hit.
func (d *Database) Lookup(ctx context.Context, q *Query, session string, p *Probe) Lookup {
	call := callFrom(ctx)
	ttl, why := q.decide(d.cache, call)
	if why != "" {
		d.bypass(ctx, q, call, why)
		return Lookup{}
	}
	if d.cache.backlog.covers(q.Uses, d) {
		d.bypass(ctx, q, call, "its tables' drops are queued")
		return Lookup{}
	}
	if !p.build(ctx, &d.cache.cfg, q, call, session) {
		d.bypass(ctx, q, call, "no partition")
		return Lookup{}
	}
	if call.WriteOnly {
		return d.miss(ctx, q, call, Lookup{Fill: true, query: q, probe: p, ttl: ttl, anew: true})
	}
	if !d.cache.circuit.allows() {
		d.bypass(ctx, q, call, "the store is unreachable")
		return Lookup{}
	}
	v, err := d.cache.store.Get(ctx, &p.key)
	switch {
	case err == nil:
		d.hit(ctx, q, call)
		return Lookup{Hit: v}
	case errors.Is(err, ErrMiss):
		d.cache.circuit.succeeded()
		return d.miss(ctx, q, call, Lookup{Fill: true, query: q, probe: p, ttl: ttl})
	}
	if ctx.Err() == nil {
		d.cache.circuit.failed()
		d.cache.failed(ctx, "read the cache", err)
	}
	d.bypass(ctx, q, call, "the store failed")
	return Lookup{}
}

func (d *Database) hit(ctx context.Context, q *Query, call *call) {
	d.cache.circuit.succeeded()
	if call.Report != nil {
		*call.Report = Report{Hit: true}
	}
	if !call.Peek {
		q.counters.hits.Add(1)
		if h := d.cache.cfg.Hooks.Hit; h != nil {
			h(ctx, d.readEvent(q, ""))
		}
	}
}

func (d *Database) miss(ctx context.Context, q *Query, call *call, l Lookup) Lookup {
	if call.Report != nil {
		*call.Report = Report{Why: "miss"}
	}
	if call.Peek {
		return Lookup{}
	}
	q.counters.misses.Add(1)
	if h := d.cache.cfg.Hooks.Miss; h != nil {
		h(ctx, d.readEvent(q, "miss"))
	}
	return l
}

// Bypass records that a read went to the database without asking the cache,
// and why ("transaction", "session state").
func (d *Database) Bypass(ctx context.Context, q *Query, why string) {
	d.bypass(ctx, q, callFrom(ctx), why)
}

func (d *Database) bypass(ctx context.Context, q *Query, call *call, why string) {
	if call.Report != nil {
		*call.Report = Report{Why: why}
	}
	if call.Peek {
		return
	}
	q.counters.bypassed.Add(1)
	d.cache.stats.count(&d.cache.stats.bypassed, why)
	if h := d.cache.cfg.Hooks.Bypass; h != nil {
		h(ctx, d.readEvent(q, why))
	}
}
