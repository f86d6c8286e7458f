package cacheops

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Option says how a function's result is kept: see [NewFunc].
type Option func(*funcOptions)

type funcOptions struct {
	spans
	deps   []Dependency
	extra  []any
	errors []keptError
	scope  func(context.Context) (string, bool)
	codec  Codec
	coded  bool // by [WithCodec]
}

// spans are the options that can be compared: how long a result is kept, mostly.
type spans struct {
	ttl      time.Duration
	jitter   float64
	timeOnly bool
	stale    time.Duration
	early    time.Duration
	fallback time.Duration
	silent   bool // [WithoutReads]
}

// alone reports whether the options are their spans and nothing else.
func (o *funcOptions) alone() bool {
	return len(o.deps) == 0 && len(o.extra) == 0 && len(o.errors) == 0 && o.scope == nil && !o.coded
}

type keptError struct {
	match error
	ttl   time.Duration
	name  string // its text, told apart from that of the errors named before it
}

// TTL is how long a result is kept, however little changes. Without it, and for
// zero, that is Config.TTL. It ends sooner where it captured reads that the rules
// keep for less, and calls of functions that end sooner.
func TTL(d time.Duration) Option { return func(o *funcOptions) { o.ttl = d } }

// Jitter shortens each TTL by a random part of it, at most this fraction (0 to
// 1), so that results made together do not end together. Zero: none; functions
// kept by [TimeOnly] have 0.1 if nothing is said.
func Jitter(fraction float64) Option { return func(o *funcOptions) { o.jitter = fraction } }

// TimeOnly keeps a result for ttl whatever is written meanwhile: for what does
// not come from the database, or may be behind it.
func TimeOnly(ttl time.Duration) Option {
	return func(o *funcOptions) { o.ttl, o.timeOnly = ttl, true }
}

// DependsOn names what a result depends on, instead of what the function reads:
// tables and rows ([Table]), and what a query would read ([Reads]). What the
// function reads besides is not looked at.
func DependsOn(deps ...Dependency) Option {
	return func(o *funcOptions) { o.deps = append(o.deps, deps...) }
}

// Extra adds to the key: what the function's result depends on and its argument
// does not say, as what a local function has captured. Values of all types but
// functions and channels may be given; see [Keyer].
func Extra(v ...any) Option { return func(o *funcOptions) { o.extra = append(o.extra, v...) } }

// CacheErrors keeps errors that match, as [errors.Is] has it, like values, for
// ttl. What a hit returns matches it, too, and has the same text, and is no other
// error besides.
func CacheErrors(match error, ttl time.Duration) Option {
	return func(o *funcOptions) { o.errors = append(o.errors, keptError{match: match, ttl: ttl}) }
}

// ServeStale goes on returning a result for that long after its TTL while it is
// made anew in the background. A result that a write has dropped is never
// returned: only its time is over, not what it depends on. The function then runs
// with the values of the caller's context after the call has returned.
func ServeStale(d time.Duration) Option { return func(o *funcOptions) { o.stale = d } }

// RefreshEarly makes a result anew in the background when a hit finds less than
// that of its TTL left, as [ServeStale] does.
func RefreshEarly(d time.Duration) Option { return func(o *funcOptions) { o.early = d } }

// FallbackTTL keeps a result for that long, by time only, where the function made
// a read that cannot be tracked, or none under its context. The key must then hold whatever that read
// depends on, the session included. Without it such a result is not kept.
func FallbackTTL(ttl time.Duration) Option { return func(o *funcOptions) { o.fallback = ttl } }

// WithoutReads keeps a result also where the function has read nothing under its
// context. Without it such a result is not kept, for nothing would ever drop it,
// and a function that forgets to hand on its context would be stale for as long as
// its TTL. It is for what follows from the argument alone; what does not come from a
// database of the cache and may change is for [TimeOnly] or [Depend].
func WithoutReads() Option { return func(o *funcOptions) { o.silent = true } }

// Scope adds to the key for whom the function is called; false means that the
// result is not kept. It vouches for a function that chooses by its context
// between several pools of one database with sessions of their own, whose results
// are otherwise not kept at all.
func Scope(scope func(context.Context) (string, bool)) Option {
	return func(o *funcOptions) { o.scope = scope }
}

// WithCodec encodes the results, instead of [Config.Codec].
func WithCodec(c Codec) Option { return func(o *funcOptions) { o.codec, o.coded = c, true } }

const timeOnlyJitter = 0.1

// gathered returns the options as they are given.
func gathered(c *Cache, opts []Option) *funcOptions {
	o := &funcOptions{spans: spans{ttl: c.cfg.TTL, jitter: -1}, codec: c.cfg.Codec}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

func newFuncOptions(c *Cache, opts []Option) (*funcOptions, error) {
	o := gathered(c, opts)
	if o.ttl == 0 {
		o.ttl = c.cfg.TTL
	}
	if o.jitter < 0 {
		o.jitter = 0
		if o.timeOnly {
			o.jitter = timeOnlyJitter
		}
	}
	if err := o.validate(); err != nil {
		return o, err
	}
	o.nameErrors()
	return o, nil
}

// nameErrors tells apart errors that have one text: "not found" is not seldom that of
// several.
func (o *funcOptions) nameErrors() {
	for i := range o.errors {
		name := o.errors[i].match.Error()
		for _, e := range o.errors[:i] {
			if e.match.Error() == o.errors[i].match.Error() {
				name += "\x00"
			}
		}
		o.errors[i].name = name
	}
}

func (o *funcOptions) validate() error {
	switch {
	case o.ttl < 0:
		return fmt.Errorf("a TTL of %v is negative", o.ttl)
	case o.jitter > 1:
		return fmt.Errorf("a Jitter of %v is more than 1", o.jitter)
	case o.stale < 0 || o.early < 0 || o.fallback < 0:
		return errors.New("ServeStale, RefreshEarly and FallbackTTL cannot be negative")
	case o.early > 0 && o.early >= o.ttl:
		return fmt.Errorf("RefreshEarly of %v leaves nothing of a TTL of %v", o.early, o.ttl)
	case o.timeOnly && len(o.deps) > 0:
		return errors.New("TimeOnly and DependsOn exclude each other")
	case o.codec == nil:
		return errors.New("WithCodec is nil")
	}
	for _, e := range o.errors {
		if e.match == nil || e.ttl <= 0 || e.match.Error() == "" {
			return errors.New("CacheErrors needs an error with a text, and a TTL of more than zero")
		}
	}
	for _, d := range o.deps {
		if d == nil {
			return errors.New("DependsOn: a dependency is nil")
		}
	}
	return nil
}

// keeping tells results apart that nothing drops, or something else, from those that
// what was read drops: two calls of [Memo] with one key, or two releases of a program,
// may differ in that. It is empty for the latter.
func (o *funcOptions) keeping() string {
	switch {
	case o.timeOnly:
		return "time " + o.ttl.String()
	case len(o.deps) > 0:
		return "named " + o.ttl.String() + o.named()
	case o.fallback > 0:
		return "fallback " + o.fallback.String()
	case o.silent:
		return "without reads"
	}
	return ""
}

// named tells what is named apart, but for functions, which cannot be told from one
// another.
func (o *funcOptions) named() string {
	var b []byte
	for _, d := range o.deps {
		name := fmt.Sprintf("%T", d)
		switch d.(type) {
		case Target, Keyer:
			if key, err := appendArg(nil, d); err == nil {
				name = string(key)
			}
		}
		b = appendPart(b, name)
	}
	return string(b)
}

func (o *funcOptions) jittered(ttl time.Duration) time.Duration {
	if o.jitter == 0 {
		return ttl
	}
	return max(ttl-time.Duration(o.jitter*rand.Float64()*float64(ttl)), 1)
}

// keeps returns the option under which an error is kept.
func (o *funcOptions) keeps(err error) (keptError, bool) {
	for _, e := range o.errors {
		if errors.Is(err, e.match) {
			return e, true
		}
	}
	return keptError{}, false
}

// CachedError is an error that was kept ([CacheErrors]).
type CachedError struct {
	text  string
	match error
}

func (e *CachedError) Error() string { return e.text }

// Unwrap returns the error that CacheErrors was given.
func (e *CachedError) Unwrap() error { return e.match }

// failure returns the error that a result stands for. ok is false where the
// options know none of its text any more.
func (o *funcOptions) failure(r *result) (err error, ok bool) { //nolint:staticcheck // the error is a value here
	if r.fail == "" {
		return nil, true
	}
	for _, e := range o.errors {
		if e.name == r.fail {
			return &CachedError{text: r.text, match: e.match}, true
		}
	}
	return nil, false
}
