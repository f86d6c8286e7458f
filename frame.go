package cacheops

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// frame gathers what a running function of [NewFunc] or [Memo] depends on. It
// lies in the context that the function is handed, so that it is met by every
// read made with that context, on whatever goroutine. A function within a
// function has a frame of its own, which it hands on to the caller's as a whole
// when it ends, whether it ran or was a hit: so a frame needs to know only what
// its own function read, and the flight that several callers share can hand the
// same frame to all of them.
type frame struct {
	cache *Cache
	id    flightKey // of the function's result
	outer *frame    // the frame that this one's function was called under, nil if none
	mode  frameMode
	ttl   time.Duration // how long the result is to be kept
	// around and tenant are for whom the result is.
	around surroundings
	tenant string

	mu     sync.Mutex
	stamps map[depTag]Stamp
	until  time.Time // when the first of what it depends on ends by time; zero for never
	seen   map[sessionSeen]struct{}
	fresh  bool // something that was read is to be made certain of at each hit
	flaw   flaw
	why    string
	closed bool     // the function has ended
	late   bool     // and something was read with its context after that
	heirs  []*frame // whom it was handed on to
}

type frameMode uint8

const (
	capturing frameMode = iota // what is read is what the result depends on
	declared                   // that was named beforehand
	asking                     // reads say what they depend on, and are not made
)

type depTag struct {
	table string
	tag   Tag
}

// sessionSeen is a session that a read was made in.
type sessionSeen struct{ database, session string }

// flaw is what keeps a function's result from being kept as something that
// depends on what was read. The greater one counts.
type flaw uint8

const (
	sound     flaw = iota
	unplanned      // a read of which the cache cannot say what it depends on
	unkept         // a read that the store would not have kept either, or too many
	unordered      // a read whose result may be older than its stamps, or has none
	forbidden      // the result is one caller's alone, or the function does something
)

// maxFrameTags is how many times Config.MaxTags a function may depend on before
// its result is no longer kept. Each is a comparison at every hit.
const maxFrameTags = 20

func frameFrom(ctx context.Context) *frame { return callFrom(ctx).frame }

// in returns a context whose reads are gathered in the frame.
func (f *frame) in(ctx context.Context) context.Context {
	c := *callFrom(ctx)
	c.frame = f
	c.Report = nil // the caller's, who may have it back before the function ends
	return c.in(ctx)
}

// take adds stamps that were acquired before the read they are for, in the cache
// that is named. A zero end is none.
func (f *frame) take(c *Cache, deps []Dep, end time.Time) {
	f.tell(func(f *frame) {
		if f.cache != c {
			f.spoilLocked(unplanned, "reads another cache's database")
			return
		}
		f.takeLocked(deps, end)
	})
}

func (f *frame) takeLocked(deps []Dep, end time.Time) {
	if f.mode == declared {
		return
	}
	f.endLocked(end)
	if f.flaw >= unkept {
		return // nothing comes of it, and a function that never ends would gather for ever
	}
	if f.stamps == nil {
		f.stamps = make(map[depTag]Stamp, len(deps))
	}
	for _, d := range deps {
		at := depTag{d.Table, d.Tag}
		if old, ok := f.stamps[at]; ok && old != d.Stamp {
			f.spoilLocked(unkept, "what it read changed while it ran")
		}
		f.stamps[at] = d.Stamp
	}
	if len(f.stamps) > maxFrameTags*f.cache.cfg.MaxTags {
		f.spoilLocked(unkept, "depends on too much")
		f.stamps = nil
	}
}

// end says that the result is good until then at most. Zero says nothing.
func (f *frame) end(at time.Time) {
	f.tell(func(f *frame) { f.endLocked(at) })
}

func (f *frame) endLocked(at time.Time) {
	if !at.IsZero() && (f.until.IsZero() || at.Before(f.until)) {
		f.until = at
	}
}

// borrow adds what a result depends on that is a hit of the frame's own cache.
func (f *frame) borrow(r *result) {
	f.take(f.cache, r.deps, r.left(time.Now()))
	if r.fresh {
		f.tell(func(f *frame) { f.fresh = true })
	}
}

// note records in which session a read is made.
func (f *frame) note(database, session string) {
	f.tell(func(f *frame) {
		if f.seen == nil {
			f.seen = make(map[sessionSeen]struct{}, 1)
		}
		f.seen[sessionSeen{database, session}] = struct{}{}
	})
}

// spoil says that something keeps the result from being kept.
func (f *frame) spoil(how flaw, why string) {
	f.tell(func(f *frame) { f.spoilLocked(how, why) })
}

func (f *frame) spoilLocked(how flaw, why string) {
	if f.mode == declared && how == unplanned {
		return
	}
	if how > f.flaw {
		f.flaw, f.why = how, why
	}
}

// tell does something to the frame, and to those that it was handed on to: a
// goroutine that outlives its function may still hand what it reads to the
// caller's.
func (f *frame) tell(do func(*frame)) {
	f.mu.Lock()
	do(f)
	heirs := f.heirs
	late := f.closed && !f.late
	if late {
		f.late = true
	}
	f.mu.Unlock()
	if late {
		f.cache.stats.late.Add(1)
	}
	for _, h := range heirs {
		h.tell(do)
	}
}

// judge is spoil for whoever has run the function: not one of its reads that came
// too late.
func (f *frame) judge(how flaw, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoilLocked(how, why)
}

func (f *frame) verdict() (flaw, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.flaw, f.why
}

func (f *frame) ends() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.until
}

// account returns in which sessions the function has read, and whether nothing is
// known to have been read, which mostly means that its reads were made with another
// context. An end that it was told of ([Ends]) is something to depend on.
func (f *frame) account() (seen map[sessionSeen]struct{}, silent bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.seen), len(f.stamps) == 0 && f.until.IsZero() && f.flaw == sound
}

// close ends the function. What is gathered afterwards is not what its result
// was made of.
func (f *frame) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
}

// handing is held while a frame is handed on. Of two that are each handed on to where
// the other leads, one must see what the other does; and nobody else ever holds two
// frames' locks, so that it does not matter in which order they are taken.
var handing sync.Mutex

// handOn gives to another frame all that this one has gathered, and what a
// goroutine may yet gather.
func (f *frame) handOn(to *frame) {
	if to == nil || to == f {
		return
	}
	handing.Lock()
	defer handing.Unlock()
	if to.leadsTo(f) {
		to.spoil(unordered, "a goroutine that a function left behind calls who called it")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heirs = append(f.heirs, to)
	to.tell(func(to *frame) { to.takeOver(f) })
}

// leadsTo reports whether what is told to one frame is told to the other: to hand
// that on to the first would have them tell each other without end.
func (f *frame) leadsTo(other *frame) bool {
	f.mu.Lock()
	heirs := f.heirs
	f.mu.Unlock()
	return slices.ContainsFunc(heirs, func(h *frame) bool { return h == other || h.leadsTo(other) })
}

// takeOver adds what another frame has gathered. Both are locked.
func (f *frame) takeOver(from *frame) {
	if f.cache != from.cache {
		f.spoilLocked(unplanned, "reads another cache's database")
	} else {
		f.takeLocked(from.deps(), from.until)
	}
	f.fresh = f.fresh || from.fresh
	for s := range from.seen {
		if f.seen == nil {
			f.seen = make(map[sessionSeen]struct{}, len(from.seen))
		}
		f.seen[s] = struct{}{}
	}
	if from.flaw != sound {
		f.spoilLocked(from.flaw, from.why)
	}
}

// deps lists the stamps, those of one table together and its own tag first. The
// frame is locked.
func (f *frame) deps() []Dep {
	out := make([]Dep, 0, len(f.stamps))
	for at, stamp := range f.stamps {
		out = append(out, Dep{Table: at.table, Tag: at.tag, Stamp: stamp})
	}
	sortDeps(out)
	return out
}

// within reports whether a function with that result is running in ctx already.
func (f *frame) within(id flightKey) bool {
	for ; f != nil; f = f.outer {
		if f.id == id {
			return true
		}
	}
	return false
}

// Untracked tells the functions that run in ctx ([NewFunc], [Memo]) of a read
// that the cache cannot follow, and why: unless it was said what they depend on,
// their results are not kept. It is for adapters, which tell of every read that
// does not go through [Database.Lookup], and for programs that read something else
// which changes.
func Untracked(ctx context.Context, why string) {
	if f := frameFrom(ctx); f != nil {
		f.spoil(unplanned, why)
	}
}

// InTransaction tells the functions that run in ctx ([NewFunc], [Memo]) that one
// of them is about to read in a transaction, whose snapshot may be older than what
// the cache knows, and hold what nobody else sees. It is for adapters.
func InTransaction(ctx context.Context) {
	if f := frameFrom(ctx); f != nil {
		f.spoil(unordered, "transaction")
	}
}

// Wrote tells the functions that run in ctx ([NewFunc], [Memo]) that one of them
// is about to change something: a hit would leave that out, and so their results
// are not kept. It is for adapters; [Tx.Add] says so by itself.
func Wrote(ctx context.Context) { frameFrom(ctx).wrote() }

// wrote is Wrote for a frame that may be nil.
func (f *frame) wrote() {
	if f != nil {
		f.spoil(forbidden, "writes")
	}
}
