package cacheops

import (
	"context"
	"errors"
)

// Lookup answers a read from the cache if it can: hit is nil if it cannot. Then
// fill says whether the caller must go through [Database.Fill], with the same
// probe; otherwise the read goes straight to the database.
//
// session is the fingerprint of everything in the session that may change the
// answer; p holds the arguments. It is the caller's again after a hit, and after
// [Database.Fill] has returned. Lookup allocates nothing on a hit.
func (d *Database) Lookup(ctx context.Context, q *Query, session string, p *Probe) (hit Value, fill bool) {
	call := callFrom(ctx)
	if call.frame != nil && d.watches(ctx, q, call.frame, session) {
		return nil, d.watched(ctx, q, call, session, p)
	}
	ttl, why := q.decide(d.cache, call)
	if why != "" {
		d.bypass(ctx, q, call, why)
		return nil, false
	}
	if d.cache.backlog.covers(q.Uses, d) {
		d.bypass(ctx, q, call, "its tables' drops are queued")
		return nil, false
	}
	if !p.build(ctx, &d.cache.cfg, q, call, session) {
		d.bypass(ctx, q, call, "no partition")
		return nil, false
	}
	if !d.cache.circuit.allows() {
		d.bypass(ctx, q, call, "the store is unreachable")
		return nil, false
	}
	if call.WriteOnly || q.anew {
		p.query, p.ttl, p.anew, p.watch = q, ttl, true, nil
		return nil, d.miss(ctx, q, call)
	}
	v, err := d.cache.store.Get(ctx, &p.key)
	switch {
	case err == nil:
		d.hit(ctx, q, call)
		return v, false
	case errors.Is(err, ErrMiss):
		d.cache.circuit.succeeded()
		p.query, p.ttl, p.anew, p.watch = q, ttl, false, nil
		return nil, d.miss(ctx, q, call)
	}
	if ctx.Err() == nil {
		d.cache.circuit.failed()
		d.cache.failed(ctx, "read the cache", err)
	}
	d.bypass(ctx, q, call, "the store failed")
	return nil, false
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

// miss reports whether the caller is to fill the entry.
func (d *Database) miss(ctx context.Context, q *Query, call *call) bool {
	if call.Report != nil {
		*call.Report = Report{Why: "miss"}
	}
	if call.Peek {
		return false
	}
	q.counters.misses.Add(1)
	if h := d.cache.cfg.Hooks.Miss; h != nil {
		h(ctx, d.readEvent(q, "miss"))
	}
	return true
}

// Bypass records that a read went to the database without asking the cache,
// and why ("transaction", "session state").
//
// A function that runs in ctx cannot follow such a read: see [Untracked].
func (d *Database) Bypass(ctx context.Context, q *Query, why string) {
	call := callFrom(ctx)
	if call.frame != nil {
		how := unordered
		if len(d.inAll(ctx)) == 0 {
			how = forbidden // no scope says whose the read is
		}
		call.frame.spoil(how, why)
	}
	d.bypass(ctx, q, call, why)
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
