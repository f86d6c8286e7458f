package cacheops

import (
	"context"
	"errors"
	"slices"

	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/flight"
)

// Source is how a missed read gets its result.
type Source struct {
	// Uses computes what the read depends on, given its arguments. A table with
	// the empty name means everything in the database; such a read is not kept.
	Uses func() ([]dep.Use, error)
	// Load runs the read on the database, with a snapshot that begins after the
	// call. Its ctx is not the caller's: it has the first caller's values and
	// ends when nobody waits any more.
	Load func(ctx context.Context) (Loaded, error)
}

// Loaded is the result of Source.Load.
type Loaded struct {
	Value Value
	// Rows says that the read returned at least one row, and so that the row of
	// every pinned region was there.
	Rows bool
	// Discard forbids keeping the value, and says why. The value is still the
	// answer for the callers that may share it.
	Discard string
}

// Fill runs a missed read, once for all callers that wait for the same result,
// and keeps the value if the protocol allows. An error of Load is returned as
// it is; it is not kept. Fill returns early with ctx's error when ctx ends,
// and does not disturb the other callers. A panic of Load reaches the caller
// whose Load it was, and nobody else.
func (d *Database) Fill(ctx context.Context, p *Probe, src Source) (Value, error) {
	f := &fill{db: d, query: p.query, ttl: p.ttl, anew: p.anew, src: src}
	f.key = p.key
	f.key.Rest = append([]byte(nil), p.key.Rest...)
	if err := f.acquire(ctx); err != nil {
		return nil, err
	}
	ticket := f.grant
	if p.anew {
		ticket = Grant{Refused: StateUnknown} // which is the same as no other
	}
	v, _, err := d.cache.flights.Do(ctx, f.key.flight(), ticket, f.run)
	if errors.Is(err, flight.ErrClosed) {
		loaded, err := src.Load(ctx)
		return loaded.Value, err
	}
	return v, err
}

// sameStamps reports whether two callers, each of which acquired its stamps
// itself, may share a result: nothing was dropped between their acquires.
func sameStamps(a, b Grant) bool {
	return a.Refused == Granted && b.Refused == Granted && slices.Equal(a.Deps, b.Deps)
}

// run loads the result and keeps it if it may be kept. It is the leader's part
// of a fill; those who share the result have done their own acquire.
func (f *fill) run(ctx context.Context, started func()) (Value, error) {
	started()
	v, unlock := f.share(ctx)
	if v != nil {
		return v, nil
	}
	unkeepable := false // an error or a panic may be this load's alone
	defer func() { unlock(unkeepable) }()
	loaded, err := f.src.Load(ctx)
	if err == nil {
		unkeepable = !f.keep(ctx, &loaded)
	}
	f.db.proveDoubts(f.grant.Doubts)
	return loaded.Value, err
}

// keep reports whether the result was stored, or may have been.
func (f *fill) keep(ctx context.Context, l *Loaded) bool {
	c := f.db.cache
	why := f.noKeep
	switch {
	case why != "":
	case l.Discard != "":
		why = l.Discard
	case !c.Enabled():
		why = "switched off"
	default:
		err := c.store.Put(ctx, &f.key, &Entry{Value: l.Value, Deps: f.deps(l.Rows), TTL: f.ttl})
		if err == nil {
			f.query.counters.stored.Add(1)
			if h := c.cfg.Hooks.Stored; h != nil {
				h(ctx, f.db.readEvent(f.query, ""))
			}
			return true
		}
		if ctx.Err() == nil {
			c.failed(ctx, "store an entry", err)
		}
		why = "the store failed"
	}
	f.query.counters.refused.Add(1)
	c.stats.count(&c.stats.refused, why)
	if h := c.cfg.Hooks.Refused; h != nil {
		h(ctx, f.db.readEvent(f.query, why))
	}
	return false
}
