package cacheops

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/cacheops/cacheops/internal/flight"
	"github.com/cacheops/cacheops/internal/keysum"
)

// function is what a [Func] is but for its types.
type function struct {
	cache    *Cache
	name     string
	of       reflect.Type
	text     string // of its keys
	hash     uint64 // of text
	table    string // in the store, of the tags by which results are dropped by hand
	extra    []byte
	opts     *funcOptions
	decode   func([]byte) (Value, error)
	counters *counters
	err      error
}

// functions is what the functions of a cache share.
type functions struct {
	gates   flight.Group[flightKey, uint64, *outcome]
	shared  sync.Map // sharing → *function, for [Memo] and the like
	sharers atomic.Int64
	memos   memos
	simple  gates                  // of [Remember]
	alike   atomic.Pointer[[]byte] // the sessions in all keys, nil where they differ
	mu      sync.Mutex
	tried   map[flightKey]time.Time // when a result was last made anew in the background
	swept   time.Time               // when tried was last rid of what is long ago
}

// No database has an empty name, so no read's key begins like a function's, and
// no table of a database is named like this one's.
const (
	functionText  = "\x00f"
	functionTable = "\x00f/"
	functionShape = "argument"
	memoName      = "memo"
)

func newFunction(c *Cache, name string, t reflect.Type, opts []Option) *function {
	f := &function{cache: c, name: name, counters: c.stats.ofFunction(name)}
	if name == "" || name[0] == 0 {
		f.err = errors.New("cacheops: NewFunc: the name is empty, or begins with a NUL")
	}
	return f.configured(t, opts)
}

// memo returns the function that all memos of a type are calls of.
func (fs *functions) memo(c *Cache, t reflect.Type, opts []Option) *function {
	if len(opts) > 0 {
		return fs.named(c, "", t, opts)
	}
	slot := fs.memos.slot(t)
	if f := slot.Load(); f != nil && f.of == t {
		return f
	}
	f := fs.named(c, "", t, nil)
	slot.Store(f)
	return f
}

// memos are the functions of the types that memos were last asked for. Asking
// shared, which hashes a name and an interface, took a quarter of a hit.
type memos [64]atomic.Pointer[function]

func (m *memos) slot(t reflect.Type) *atomic.Pointer[function] {
	at := reflect.ValueOf(t).Pointer() // the type's own, types being pointers
	return &m[(at>>5^at>>11)%uintptr(len(m))]
}

// sharing is what a function that many share is found by.
type sharing struct {
	name string
	of   reflect.Type
	spans
}

// maxShared bounds how many of them are remembered: a program may compute TTLs.
const maxShared = 1024

// named returns a function that many share. It is made once, but for options that
// cannot be compared.
func (fs *functions) named(c *Cache, name string, t reflect.Type, opts []Option) *function {
	key, shared := sharing{name: name, of: t}, true
	if len(opts) > 0 {
		o := gathered(c, opts)
		key.spans, shared = o.spans, o.alone()
	}
	if shared {
		if f, ok := fs.shared.Load(key); ok {
			return f.(*function)
		}
	}
	f := (&function{cache: c, name: name, counters: c.stats.ofFunction(strings.TrimPrefix(name, "\x00"))}).configured(t, opts)
	if shared && fs.sharers.Add(1) <= maxShared {
		fs.shared.Store(key, f)
	}
	return f
}

func (f *function) configured(t reflect.Type, opts []Option) *function {
	f.of, f.table = t, functionTable+f.name
	o, err := newFuncOptions(f.cache, opts)
	f.text = functionText + string(appendPart(nil, f.name)) + form(t) + o.keeping()
	f.hash = xxhash.Sum64String(f.text)
	for i := range o.extra {
		if err == nil {
			f.extra, err = appendArg(f.extra, o.extra[i])
		}
	}
	f.opts, f.decode = o, decodeResult(o.codec)
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("cacheops: function %q: %w", f.name, err)
	}
	return f
}

// forms remembers what form returns: taking a type apart is slow.
var forms sync.Map // reflect.Type → string

// form tells types apart by what their values are made of, so that a program
// with another struct of that name does not take an old result for one of its own.
func form(t reflect.Type) string {
	if s, ok := forms.Load(t); ok {
		return s.(string)
	}
	h := xxhash.New()
	describe(h, t, make(map[reflect.Type]bool))
	s := string(binary.BigEndian.AppendUint64(nil, h.Sum64()))
	forms.Store(t, s)
	return s
}

func describe(h *xxhash.Digest, t reflect.Type, seen map[reflect.Type]bool) {
	say := func(s string) { _, _ = h.Write(appendPart(nil, s)) } // never fails
	say(typeName(t))
	say(t.Kind().String())
	if seen[t] {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		describe(h, t.Elem(), seen)
	case reflect.Array:
		say(fmt.Sprint(t.Len()))
		describe(h, t.Elem(), seen)
	case reflect.Map:
		describe(h, t.Key(), seen)
		describe(h, t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			say(t.Field(i).Name)
			say(string(t.Field(i).Tag))
			describe(h, t.Field(i).Type, seen)
		}
	}
}

// ask is a call's key in the making, used again and again.
type ask struct {
	key    Key
	of     *function // whose text and decoder key has
	arg    int       // where in key.Rest the argument begins
	label  int       // and ends as far as it tells by what the result is dropped
	end    int       // and ends, and what is the same for all functions begins
	around int       // and ends: the sessions and the tenant
	skip   bool      // the function is called as if there were no cache
	anew   bool      // what is kept cannot be read
	why    string    // why that is
	call   *call
	tenant string
	scope  string
}

var asks = sync.Pool{New: func() any { return new(ask) }}

// prepare decides whether the cache is asked at all, and begins the key. The
// argument comes next.
func (f *function) prepare(ctx context.Context, p *ask) bool {
	c := f.cache
	p.call, p.skip, p.why = callFrom(ctx), false, ""
	ok := true
	if c.cfg.Partition != nil {
		p.tenant, ok = c.cfg.Partition(ctx)
	} else if p.tenant != "" {
		p.tenant = ""
	}
	if ok && f.err == nil && f.opts.scope != nil {
		p.scope, ok = f.opts.scope(ctx)
	}
	switch {
	case f.err != nil:
		p.skip = true
		return false
	case !c.Enabled():
		p.why = "switched off"
	case p.call.off:
		p.why = "NoCache"
	case !ok:
		p.why = "no partition or scope"
	case !c.circuit.allows():
		p.why = "the store is unreachable"
	case c.pending.count.Load() > 0 && !c.pending.settled(ctx):
		p.why = "a pool has not told yet in which session it reads"
	}
	if p.why != "" {
		p.skip = true
		f.bypass(ctx, p)
		return false
	}
	p.key.Rest = append(p.key.Rest[:0], f.extra...)
	p.arg, p.label = len(p.key.Rest), 0
	return true
}

// bypass says that the function is called as if there were no cache. Its reads
// are its caller's, if that is a function itself; but what is not cached for want
// of a tenant or a scope is no part of anything that is kept.
func (f *function) bypass(ctx context.Context, p *ask) {
	if p.call.frame != nil && p.why == "no partition or scope" {
		p.call.frame.spoil(forbidden, p.why)
	}
	f.counters.bypassed.Add(1)
	f.cache.stats.count(&f.cache.stats.bypassed, p.why)
	if p.call.Report != nil {
		*p.call.Report = Report{Why: p.why}
	}
	if h := f.cache.cfg.Hooks.Bypass; h != nil {
		h(ctx, f.event(p.why))
	}
}

func (f *function) event(why string) ReadEvent {
	name := strings.TrimPrefix(f.name, "\x00")
	if name == "" {
		name = memoName
	}
	return ReadEvent{Function: name, Why: why}
}

// lookup completes the key and returns the result that is kept under it, or nil.
func (f *function) lookup(ctx context.Context, p *ask) *result {
	c := f.cache
	p.end = len(p.key.Rest)
	if p.label == 0 {
		p.label = p.end
	}
	b := c.appendSessions(ctx, p.key.Rest)
	if c.cfg.Partition != nil {
		b = appendPart(append(b, 'p'), p.tenant)
	}
	p.around = len(b)
	if f.opts.scope != nil {
		b = appendPart(append(b, 's'), p.scope)
	}
	if p.call.Extra != "" {
		b = appendPart(append(b, 'x'), p.call.Extra)
	}
	p.key.Rest = b
	p.key.Hash = keysum.Bytes(f.hash, b)
	if p.of != f { // else they are there already, and writing them costs a barrier each
		p.of, p.key.Text, p.key.Decode = f, f.text, f.decode
	}
	p.key.Fresh = p.call.Fresh
	if p.call.WriteOnly {
		return nil
	}
	r := f.get(ctx, p)
	if r == nil {
		return nil
	}
	c.circuit.succeeded()
	if !p.call.Peek {
		f.counters.hits.Add(1)
		if h := c.cfg.Hooks.Hit; h != nil {
			h(ctx, f.event(""))
		}
	}
	if p.call.Report != nil {
		*p.call.Report = Report{Hit: true}
	}
	return r
}

// get returns what is kept and is still so, and hands on what it depends on.
func (f *function) get(ctx context.Context, p *ask) *result {
	if f.behind() {
		return nil
	}
	v, err := f.cache.store.Get(ctx, &p.key)
	if err != nil {
		if !errors.Is(err, ErrMiss) && ctx.Err() == nil {
			f.cache.circuit.failed()
			f.cache.failed(ctx, "read the cache", err)
		}
		return nil
	}
	r, ok := v.(*result)
	if !ok {
		return nil
	}
	if r.fresh && !p.key.Fresh {
		sure := p.key
		sure.Fresh = true
		if v, err = f.cache.store.Get(ctx, &sure); err != nil {
			return nil // with what ails the store the fill will meet
		}
		if r, ok = v.(*result); !ok {
			return nil
		}
	}
	if r.fail != "" {
		if _, known := f.opts.failure(r); !known {
			return nil
		}
	}
	if p.call.frame != nil {
		f.lend(p, r)
	}
	return r
}

// behind reports whether this process has drops that the store has not heard of:
// which results they are of is not known before one is there, and then it may be
// too late. It is asked before the store is.
func (f *function) behind() bool {
	return !f.opts.timeOnly && f.cache.backlog.waiting.Load() != 0
}

// lend tells the function that calls this one what a hit depends on.
func (f *function) lend(p *ask, r *result) {
	p.meet(f)
	if p.call.frame.cache != f.cache {
		p.call.frame.spoil(unplanned, "calls another cache's function")
		return
	}
	p.call.frame.borrow(r)
}

// surroundings are what a call's key holds besides the function and its argument:
// for whom the result is.
type surroundings struct{ sessions, scope string }

func (p *ask) surroundings(f *function) surroundings {
	s := surroundings{sessions: string(p.key.Rest[p.end:p.around])}
	if f.opts.scope != nil {
		s.scope = string(appendPart([]byte{'s'}, p.scope))
	}
	return s
}

// meet makes sure that what this call is for whom the calling function is for: the
// two keys must say the same, or the caller's result would be handed to others.
func (p *ask) meet(f *function) {
	outer := p.call.frame
	if outer == nil || outer.cache != f.cache {
		return // another cache's function is not kept in any case
	}
	mine := p.surroundings(f)
	switch {
	case mine.sessions != outer.around.sessions:
		outer.spoil(forbidden, "calls a function in another session, or for another tenant")
	case mine.scope != "" && mine.scope != outer.around.scope:
		outer.spoil(forbidden, "calls a function that has a Scope which it has not itself")
	}
}

// tag is that of the results for an argument, as it is in the key.
func (f *function) tag(arg []byte) Tag {
	t := Tag(xxhash.Sum64(slices.Concat(f.extra, arg)))
	if t &^= 1; t == TableTag { // an odd tag is a partial one, see package dep
		t = 2
	}
	return t
}

func binaryTag(t Tag) []byte { return binary.BigEndian.AppendUint64(nil, uint64(t)) }

// drop drops a tag of the function's, as a write does that commits nothing.
func (f *function) drop(ctx context.Context, tag Tag) error {
	Wrote(ctx)
	if err := f.tryDrop(ctx, tag); err != nil {
		f.cache.stats.storeErrors.Add(1)
		return fmt.Errorf("cacheops: drop results of function %q: %w: %w", f.name, ErrStore, err)
	}
	return nil
}

func (f *function) tryDrop(ctx context.Context, tag Tag) (err error) {
	s := f.cache.store
	w := Writer{ID: newWriterID()}
	tables := []string{f.table}
	defer func() {
		ctx, cancel := settle(ctx)
		defer cancel()
		if endErr := s.End(ctx, w, tables); endErr != nil {
			f.cache.failed(ctx, "end a drop", endErr)
		}
	}()
	reg, err := s.Registry(ctx, f.table)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		tw := TableWrite{Table: f.table, Epoch: reg.Epoch, Version: reg.Version, Tags: []Tag{tag}}
		if tag == TableTag || try > beginTries {
			tw = tw.widened()
		}
		moved, err := s.Begin(ctx, w, []TableWrite{tw})
		if err != nil || len(moved) == 0 {
			return err
		}
		reg = moved[0]
	}
}
