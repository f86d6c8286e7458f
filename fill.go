package cacheops

import (
	"context"
	"errors"
	"slices"
	"time"

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
	// LoadSince, if not nil, is called instead of Load where the read may see an
	// earlier state of the database, as on a replica: its result is kept if what it
	// shows ([Loaded].AsOf) is no earlier than since. Nothing that the read depends on
	// has changed from since until the call; a zero since says that the result will
	// not be kept.
	LoadSince func(ctx context.Context, since time.Time) (Loaded, error)
	// CatalogMoved hears that the catalog is now of that version, by somebody's
	// DDL, so that plans must be made anew. It must not block. May be nil.
	CatalogMoved func(version uint64)
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
	// AsOf is a moment such that the read has seen all that was committed before it.
	// Only LoadSince sets it.
	AsOf time.Time
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
	if p.watch != nil {
		return d.fillWatched(ctx, p.watch, f)
	}
	if err := f.acquire(ctx); err != nil {
		return nil, err
	}
	got, err := f.once(ctx)
	return got.Value, err
}

// once runs the read, or shares the run of another caller that may be shared.
func (f *fill) once(ctx context.Context) (filled, error) {
	ticket := f.grant
	if f.anew {
		ticket = Grant{Refused: StateUnknown} // which is the same as no other
	}
	got, _, err := f.db.cache.flights.Do(ctx, f.flight(), ticket, f.run)
	if errors.Is(err, flight.ErrClosed) {
		loaded, err := f.load(ctx)
		return filled{Loaded: loaded, rows: rowsKnown(loaded.Rows)}, err
	}
	return got, err
}

// filled is the result of a fill, be it another's.
type filled struct {
	Loaded
	rows existence
}

// existence is a set of the two cases in which an entry may need a tag, as far as
// it is known which it is.
type existence = need

const eitherWay = ifAbsent | ifPresent

func rowsKnown(rows bool) existence {
	if rows {
		return ifPresent
	}
	return ifAbsent
}

// rowsIn says of a cached value whether it has rows, if it can tell.
func rowsIn(v Value) existence {
	if r, ok := v.(interface{ Rows() int }); ok {
		return rowsKnown(r.Rows() > 0)
	}
	return eitherWay
}

// load runs the read.
func (f *fill) load(ctx context.Context) (Loaded, error) {
	if f.src.LoadSince == nil {
		return f.src.Load(ctx)
	}
	loaded, err := f.src.LoadSince(ctx, f.since)
	f.outdated(&loaded)
	return loaded, err
}

// outdated discards what may show an earlier state than it must.
func (f *fill) outdated(l *Loaded) {
	if f.src.LoadSince != nil && l.Discard == "" && l.AsOf.Before(f.since) {
		l.Discard = "the replica may be behind"
	}
}

// sameStamps reports whether two callers, each of which acquired its stamps
// itself, may share a result: nothing was dropped between their acquires.
func sameStamps(a, b Grant) bool {
	return a.Refused == Granted && b.Refused == Granted && slices.Equal(a.Deps, b.Deps)
}

// run loads the result and keeps it if it may be kept. It is the leader's part
// of a fill; those who share the result have done their own acquire.
func (f *fill) run(ctx context.Context, started func()) (filled, error) {
	started()
	v, unlock := f.share(ctx)
	if v != nil {
		return filled{Loaded: Loaded{Value: v}, rows: rowsIn(v)}, nil
	}
	unkeepable := false // an error or a panic may be this load's alone
	defer func() { unlock(unkeepable) }()
	loaded, err := f.load(ctx)
	if err == nil {
		unkeepable = !f.keep(ctx, &loaded)
	}
	f.db.proveDoubts(f.grant.Doubts)
	return filled{Loaded: loaded, rows: rowsKnown(loaded.Rows)}, err
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
		err := c.store.Put(ctx, &f.key, &Entry{Value: l.Value, Deps: f.deps(f.grant, rowsKnown(l.Rows)), TTL: f.ttl})
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
	if f.silent {
		return false
	}
	f.query.counters.refused.Add(1)
	c.stats.count(&c.stats.refused, why)
	if h := c.cfg.Hooks.Refused; h != nil {
		h(ctx, f.db.readEvent(f.query, why))
	}
	return false
}
