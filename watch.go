package cacheops

import (
	"context"
	"errors"
	"time"
)

// watch is a read made under a function that is to know what the read depends
// on. Its stamps are acquired before the cache is asked, and so a hit is no older
// than they are: what changes it afterwards drops them.
//
// Hence Lookup never answers such a read, and Fill, which knows what it depends
// on, both asks and loads.
type watch struct {
	frame   *frame
	session string
	keep    bool   // the result is kept as the rules or the call say
	why     string // or why it is not
	bound   bool   // the function's result ends with this read's
}

var errAsked = errors.New("cacheops: only what the read depends on was asked for")

// watches tells the function of a read, and reports whether it wants to know what
// that depends on.
func (d *Database) watches(ctx context.Context, q *Query, f *frame, session string) bool {
	f.note(d.name, session)
	if of := d.cache.cfg.Partition; of != nil {
		if tenant, ok := of(ctx); !ok || tenant != f.tenant {
			f.spoil(forbidden, "reads for another tenant, or none")
		}
	}
	if q.Private {
		f.spoil(forbidden, q.Uncacheable)
	}
	return f.mode != declared
}

// watched prepares a read under a function for Fill. It reports false, having
// told the function, where the read must go to the database by itself.
func (d *Database) watched(ctx context.Context, q *Query, call *call, session string, p *Probe) (fill bool) {
	f := call.frame
	ttl, why := q.decide(d.cache, call)
	// A read that is merely not to be kept depends on something all the same.
	keep := why == ""
	follow := keep || why == "no rule" || why == "op not asked for"
	switch {
	case q.Uncacheable != "":
		f.spoil(unplanned, why)
	case !follow:
		f.spoil(unordered, why)
	case call.Peek:
		f.spoil(unordered, "a read that leaves no trace")
		follow = false
	case d.cache.backlog.covers(q.Uses, d):
		follow, why = false, "its tables' drops are queued"
		f.spoil(unkept, why)
	case !p.build(ctx, &d.cache.cfg, q, call, session):
		follow, why = false, "no partition"
		f.spoil(forbidden, why)
	case !d.cache.circuit.allows():
		follow, why = false, "the store is unreachable"
		f.spoil(unkept, why)
	}
	if !follow || q.Uncacheable != "" {
		d.bypass(ctx, q, call, why)
		return false
	}
	if !keep {
		d.bypass(ctx, q, call, why)
		ttl = f.ttl
	}
	p.query, p.ttl, p.anew = q, ttl, call.WriteOnly || q.anew
	p.watch = &watch{frame: f, session: session, keep: keep, why: why, bound: keep}
	return true
}

// fillWatched is Fill for a read under a function.
func (d *Database) fillWatched(ctx context.Context, w *watch, f *fill) (Value, error) {
	// The stamps last as long as the read would be kept; the function's result, which
	// needs them as well, ends with it.
	begin := time.Now()
	if err := f.acquire(ctx); err != nil {
		w.frame.spoil(unordered, "a read failed")
		return nil, err
	}
	grant, refused := f.grant, f.noKeep // f's own may be acquired again while it runs
	var end time.Time
	if w.bound {
		end = begin.Add(f.ttl)
	}
	if f.query.fresh { // by a rule; what a call asks for is the call's alone
		w.frame.tell(func(to *frame) { to.fresh = true })
	}
	tell := func(rows existence) {
		if refused != "" {
			w.frame.spoil(unkept, refused)
			return
		}
		w.frame.take(d.cache, f.deps(grant, rows), end)
	}
	if w.frame.mode == asking {
		tell(eitherWay)
		return nil, errAsked
	}
	call := callFrom(ctx)
	if w.keep {
		if v, ok := d.hitWatched(ctx, f, call); ok {
			tell(rowsIn(v))
			return v, nil
		}
		d.miss(ctx, f.query, call)
	} else if refused == "" {
		f.noKeep, f.silent = w.why, true
	}
	got, err := f.once(ctx)
	switch {
	case err != nil:
		w.frame.spoil(unordered, "a read failed")
	case got.Discard != "":
		w.frame.spoil(unordered, got.Discard)
	default:
		tell(got.rows)
	}
	return got.Value, err
}

func (d *Database) hitWatched(ctx context.Context, f *fill, call *call) (Value, bool) {
	if f.anew {
		return nil, false
	}
	key := f.key
	key.Fresh = true // or it may be older than the stamps, and the function's result for good
	v, err := d.cache.store.Get(ctx, &key)
	switch {
	case err == nil:
		d.hit(ctx, f.query, call)
		return v, true
	case !errors.Is(err, ErrMiss) && ctx.Err() == nil:
		d.cache.circuit.failed()
		d.cache.failed(ctx, "read the cache", err)
	}
	return nil, false
}
