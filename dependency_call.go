package cacheops

import (
	"context"
	"fmt"
	"time"
)

// DependsIn names what a result depends on by the call it is made for, as its
// context has it: an article's row by the article's number. Where it names
// nothing the result is not kept. of is called whenever a result is made, and may
// be called from many goroutines.
func DependsIn(of func(ctx context.Context) []Dependency) Dependency { return dependsIn(of) }

type dependsIn func(ctx context.Context) []Dependency

func (of dependsIn) depend(ctx context.Context, c *Cache, to *frame) error {
	deps := of(ctx)
	if len(deps) == 0 {
		to.spoil(unkept, "it is not said what it depends on")
	}
	for _, d := range deps {
		if d == nil {
			to.spoil(unkept, "a dependency is nil")
			continue
		}
		if err := d.depend(ctx, c, to); err != nil {
			return err
		}
	}
	return nil
}

// Result is a dependency on nothing but [Func.Invalidate] for an argument, which
// need not be one that the function is called with: several results may so be
// dropped as one.
func (f *Func[A, T]) Result(arg A) Dependency {
	b, err := appendArg(nil, arg)
	return resultOf{fn: f.core, tag: f.core.tag(b), err: err}
}

type resultOf struct {
	fn  *function
	tag Tag
	err error
}

var _ Keyer = resultOf{}

// AppendKey implements [Keyer]: results are told apart by what they are said to
// depend on.
func (r resultOf) AppendKey(b []byte) []byte {
	return append(append(b, binaryTag(r.tag)...), r.fn.name...)
}

func (r resultOf) depend(ctx context.Context, c *Cache, to *frame) error {
	switch {
	case r.fn.err != nil:
		return r.fn.err
	case r.err != nil:
		return fmt.Errorf("cacheops: function %q: %w", r.fn.name, r.err)
	case c != r.fn.cache:
		to.spoil(unkept, "depends on another cache's function")
		return nil
	}
	(&funcCall{fn: r.fn, tag: r.tag}).acquireTag(ctx, to)
	return nil
}

// Depend tells the functions that run in ctx ([NewFunc], [Memo]) and capture what
// they read of something else that they depend on. It comes before whatever is
// read of that. It fails as [DependsOn] does.
func Depend(ctx context.Context, deps ...Dependency) error {
	f := frameFrom(ctx)
	if f == nil || len(deps) == 0 {
		return nil
	}
	return dependsIn(func(context.Context) []Dependency { return deps }).depend(ctx, f.cache, f)
}

// Ends tells the functions that run in ctx ([NewFunc], [Memo]) that what they make
// is good until then and no longer, also where it is kept by time only. A zero time
// says nothing.
func Ends(ctx context.Context, at time.Time) {
	if f := frameFrom(ctx); f != nil {
		f.end(at)
	}
}

// Captured returns how many tags the innermost function that runs in ctx has so
// far been found to depend on: none where it has read nothing that the cache can
// follow, perhaps because its reads were not handed its context. why says what
// keeps the result from being kept, if something does; the number is then of no
// use.
func Captured(ctx context.Context) (tags int, why string) {
	f := frameFrom(ctx)
	if f == nil {
		return 0, ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.stamps), f.why
}
