package cacheops

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cacheops/cacheops/internal/flight"
)

// body runs a function: its result by the type that callers want, and as it is.
type body func(ctx context.Context) (static reflect.Value, value any, err error)

// outcome is what became of a run.
type outcome struct {
	started uint64 // when it began, by the arrivals counter
	value   any    // as the function returned it: the first caller's alone
	err     error
	kept    *result // as it is kept, or would be; nil if it cannot be
	frame   *frame  // what it depends on, for the functions that called
	stored  bool
	found   bool // kept by another run
	alone   bool // it is for nobody but the caller who made it
	again   bool // the caller is to run the function itself
}

// arrivals orders calls and runs. A call may share a run that began after it,
// whatever was written meanwhile; of one that began before, it knows nothing and
// asks the cache when that is over.
var arrivals atomic.Uint64

// missRounds bounds how often a call waits for another's run. The second one it
// waits for began after it, and so is shared.
const missRounds = 3

// miss runs the function, once for those who wait for the same result. mine says
// that the outcome is this caller's own run.
func (f *function) miss(ctx context.Context, p *ask, fn body) (out *outcome, mine bool, err error) {
	if p.call.Report != nil {
		defer func() { *p.call.Report = Report{Why: "miss"} }() // after those of fn's reads
	}
	if p.call.Peek {
		if p.call.frame != nil {
			p.call.frame.spoil(unordered, "a function that leaves no trace")
		}
		return &outcome{again: true}, false, nil
	}
	f.counters.misses.Add(1)
	if h := f.cache.cfg.Hooks.Miss; h != nil {
		h(ctx, f.event("miss"))
	}
	p.meet(f)
	c := f.newCall(p, fn)
	if p.call.frame.within(c.id) {
		return &outcome{again: true}, false, nil
	}
	arrived := arrivals.Add(1)
	for range missRounds {
		out, shared, err := f.wait(ctx, p, c)
		switch {
		case errors.Is(err, flight.ErrClosed):
			return &outcome{again: true}, false, nil
		case err != nil:
			return nil, false, err
		case !shared:
			out.frame.handOn(p.call.frame)
			return out, true, nil
		case out.alone:
			return &outcome{again: true}, false, nil
		case out.started > arrived && (out.kept != nil || out.err != nil):
			out.frame.handOn(p.call.frame)
			return out, false, nil
		case out.started > arrived:
			return &outcome{again: true}, false, nil
		}
		if !p.call.WriteOnly && out.stored {
			if r := f.get(ctx, p); r != nil {
				return &outcome{kept: r}, false, nil
			}
		}
	}
	return &outcome{again: true}, false, nil
}

// wait runs the function, or waits for who runs it. The function that called is
// told where it gets no result: what it makes of that depends on more than reads.
func (f *function) wait(ctx context.Context, p *ask, c *funcCall) (out *outcome, shared bool, err error) {
	ended := false
	defer func() {
		if outer := p.call.frame; outer != nil && (!ended || err != nil) {
			outer.spoil(unordered, "a function in it panicked or was cancelled")
		}
	}()
	out, shared, err = f.cache.functions.gates.Do(ctx, c.id, 0, c.run)
	ended = true
	return out, shared, err
}

// funcCall is one caller's attempt to make a result. It may outlast the caller.
type funcCall struct {
	fn     *function
	id     flightKey
	key    Key
	tag    Tag
	around surroundings
	tenant string
	outer  *frame
	body   body
	anew   bool // whatever is kept
}

func (f *function) newCall(p *ask, fn body) *funcCall {
	c := &funcCall{
		fn: f, key: p.key, body: fn, anew: p.call.WriteOnly || p.anew, outer: p.call.frame, tenant: p.tenant,
		around: p.surroundings(f), tag: f.tag(p.key.Rest[p.arg:p.label]),
	}
	c.key.Rest = slices.Clone(p.key.Rest)
	c.id = flightKey{hash: c.key.Hash, text: c.key.Text, rest: string(c.key.Rest)}
	return c
}

func (c *funcCall) newFrame(mode frameMode) *frame {
	o := c.fn.opts
	return &frame{
		cache: c.fn.cache, id: c.id, outer: c.outer, mode: mode, ttl: max(o.ttl, o.fallback) + o.stale,
		around: c.around, tenant: c.tenant,
	}
}

// run runs the function and keeps its result if that may be kept.
func (c *funcCall) run(ctx context.Context, started func()) (*outcome, error) {
	started()
	o := c.fn.opts
	out := &outcome{started: arrivals.Add(1)}
	if r := c.found(ctx); r != nil {
		out.kept, out.stored, out.found = r, true, true
		out.frame = c.newFrame(capturing)
		out.frame.borrow(r)
		return out, nil
	}
	known := c.fn.cache.known.Load()
	whole := c.newFrame(capturing) // what the result depends on, in the end
	c.acquireTag(ctx, whole)
	for _, d := range o.deps {
		if err := d.depend(ctx, c.fn.cache, whole); err != nil {
			return nil, err
		}
	}
	inner := c.newFrame(capturing)
	if len(o.deps) > 0 || o.timeOnly {
		inner.mode = declared
	}
	static, value, err := c.body(inner.in(ctx))
	inner.close()
	out.value, out.err = value, err
	if ctx.Err() != nil {
		inner.judge(unordered, "cancelled")
	}
	if len(o.deps) > 0 && c.fn.cache.known.Load() != known {
		whole.spoil(unordered, "a database was attached meanwhile, which may have what it depends on")
	}
	why := c.keep(ctx, out, static, whole, inner)
	if why != "" {
		c.fn.refused(ctx, why)
	}
	return out, nil
}

// found returns what another run has kept since this caller looked.
func (c *funcCall) found(ctx context.Context) *result {
	if c.anew || c.fn.behind() {
		return nil
	}
	key := c.key
	key.Fresh = true // a hit here is shared with callers that came later
	v, err := c.fn.cache.store.Get(ctx, &key)
	if err != nil {
		return nil // the caller's own look has told of a failure
	}
	r, ok := v.(*result)
	if !ok {
		return nil
	}
	if _, known := c.fn.opts.failure(r); !known {
		return nil
	}
	return r
}

// acquireTag acquires the stamps of the tags by which the result is dropped by
// hand.
func (c *funcCall) acquireTag(ctx context.Context, to *frame) {
	cache := c.fn.cache
	grant, err := cache.store.Acquire(ctx, []TableRead{{
		Table: c.fn.table, Shapes: []ShapeTags{{Shape: functionShape, Tags: []Tag{c.tag}}}, TTL: to.ttl,
	}})
	switch {
	case err != nil:
		if ctx.Err() == nil {
			cache.circuit.failed()
			cache.failed(ctx, "acquire stamps", err)
		}
		to.spoil(forbidden, "the store failed")
		return
	case grant.Refused != Granted:
		to.spoil(forbidden, grant.Refused.String())
		c.fn.lift(grant.Doubts)
		return
	}
	to.take(cache, grant.Deps, time.Time{})
}

// lift ends doubts about who is dropping results by hand. Such a writer has
// nothing to commit, and what it dropped is dropped.
func (f *function) lift(doubts []Doubt) {
	for _, d := range doubts {
		if d.Table != f.table {
			continue
		}
		f.cache.later(func(ctx context.Context) {
			if err := f.cache.store.Clear(ctx, d); err != nil {
				f.cache.failed(ctx, "clear a doubtful drop", err)
			}
		})
	}
}

// keep keeps the result, or says why not. It leaves in the outcome the frame for
// the functions that called this one.
func (c *funcCall) keep(ctx context.Context, out *outcome, static reflect.Value, whole, inner *frame) (why string) {
	o := c.fn.opts
	ttl := o.jittered(o.ttl)
	text, match := "", ""
	if out.err != nil {
		if kept, ok := o.keeps(out.err); ok {
			text, match, ttl = out.err.Error(), kept.name, kept.ttl
		} else {
			why = "an error"
		}
	}
	c.judge(ctx, inner)
	how, flawed := inner.verdict()
	byTime := o.timeOnly
	switch {
	case how == forbidden:
		why = flawed
	case how != sound && o.fallback > 0 && !o.timeOnly:
		byTime, ttl = true, min(ttl, o.jittered(o.fallback))
	case how != sound && !o.timeOnly:
		why = flawed
	}
	out.frame = whole
	if byTime && how != forbidden {
		whole.end(inner.ends())
	} else {
		inner.handOn(whole)
	}
	entry, certain, flawedWhole := c.entry(whole, ttl)
	if why == "" {
		why = flawedWhole
	}
	switch {
	case match != "":
		out.kept = &result{fail: match, text: text, size: len(match) + len(text), codec: o.codec}
	case out.err == nil:
		var err error
		if out.kept, err = newResult(static, o.codec); err != nil && why == "" {
			why = err.Error()
		}
	}
	out.alone = how >= unordered && !byTime || how == forbidden
	if why != "" {
		return why
	}
	if !c.fn.cache.Enabled() {
		return "switched off"
	}
	out.kept.deps, out.kept.fresh = entry.Deps, certain
	now := time.Now()
	out.kept.ends = now.Add(entry.TTL).UnixNano()
	if renew := now.Add(ttl - o.early).UnixNano(); o.stale+o.early > 0 && renew < out.kept.ends {
		out.kept.renew = renew
	}
	entry.Value = out.kept
	return c.put(ctx, out, &entry)
}

// judge adds to what the function's reads have said of its result what follows from
// all of them together.
func (c *funcCall) judge(ctx context.Context, inner *frame) {
	seen, silent := inner.account()
	if strange := c.foreign(ctx, seen); strange != "" {
		inner.judge(forbidden, strange)
	}
	if silent && !c.fn.opts.silent {
		inner.judge(unplanned, "reads nothing under its context")
	}
}

// foreign says why what was read in those sessions cannot be kept under the key.
func (c *funcCall) foreign(ctx context.Context, seen map[sessionSeen]struct{}) string {
	if len(seen) == 0 {
		return ""
	}
	if !strings.HasPrefix(c.around.sessions, string(c.fn.cache.appendSessions(ctx, nil))) {
		return "its databases are not read in the sessions that its key holds"
	}
	return c.fn.cache.foreign(ctx, seen, c.fn.opts.scope != nil)
}

// entry makes an entry of what the result depends on, or says why there is none.
func (c *funcCall) entry(whole *frame, ttl time.Duration) (e Entry, fresh bool, why string) {
	life := ttl + c.fn.opts.stale
	whole.mu.Lock()
	defer whole.mu.Unlock()
	if whole.flaw != sound {
		return e, false, whole.why
	}
	now := time.Now()
	if !whole.until.IsZero() {
		life = min(life, whole.until.Sub(now))
	}
	if life <= 0 {
		return e, false, "what it depends on ended while it ran"
	}
	e = Entry{Deps: whole.deps(), TTL: life}
	whole.until = now.Add(life) // a function that calls this one ends no later
	return e, whole.fresh, ""
}

func (c *funcCall) put(ctx context.Context, out *outcome, e *Entry) (why string) {
	f := c.fn
	err := f.cache.store.Put(ctx, &c.key, e)
	switch {
	case errors.Is(err, errChanged):
		return err.Error()
	case err != nil:
		if ctx.Err() == nil {
			f.cache.failed(ctx, "store a result", err)
		}
		return "the store failed"
	}
	out.stored = true
	f.counters.stored.Add(1)
	if h := f.cache.cfg.Hooks.Stored; h != nil {
		h(ctx, f.event(""))
	}
	return ""
}

func (f *function) refused(ctx context.Context, why string) {
	f.counters.refused.Add(1)
	f.cache.stats.count(&f.cache.stats.refused, why)
	if h := f.cache.cfg.Hooks.Refused; h != nil {
		h(ctx, f.event(why))
	}
}

// renewInterval is the least time between two attempts to make a result anew in
// the background.
const renewInterval = time.Second

// due reports whether it is time to make a result anew, and counts the attempt.
func (fs *functions) due(id flightKey) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	now := time.Now()
	lately := func(last time.Time) bool { return now.Sub(last) < renewInterval }
	if lately(fs.tried[id]) {
		return false
	}
	if !lately(fs.swept) { // not each time: there may be many
		maps.DeleteFunc(fs.tried, func(_ flightKey, last time.Time) bool { return !lately(last) })
		fs.swept = now
	}
	if fs.tried == nil {
		fs.tried = make(map[flightKey]time.Time)
	}
	fs.tried[id] = now
	return true
}

// again makes a result anew in the background, whose time is nearly or quite over.
// What the function panics with there has no caller to reach.
func (f *function) again(ctx context.Context, p *ask, fn body) {
	c := f.newCall(p, fn)
	c.outer, c.anew = nil, true
	if !f.cache.functions.due(c.id) {
		return
	}
	f.cache.later(func(open context.Context) {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(open, cancel)()
		defer func() {
			if r := recover(); r != nil {
				f.cache.failed(ctx, "make a result anew", fmt.Errorf("the function panicked: %v", r))
			}
		}()
		out, _, err := f.cache.functions.gates.Do(ctx, c.id, 0, c.run)
		if err == nil {
			err = out.err
		}
		if err != nil && ctx.Err() == nil {
			f.cache.failed(ctx, "make a result anew", err)
		}
	})
}
