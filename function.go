package cacheops

import (
	"context"
	"encoding/hex"
	"fmt"
	"reflect"
	"time"
)

// Func is a function whose results are kept. It is made by [NewFunc]; its
// methods may be called from many goroutines.
type Func[A, T any] struct {
	core *function
	fn   func(context.Context, A) (T, error)
}

// NewFunc returns a function that does what fn does and keeps its results by
// name and argument. What drops a result depends on the options:
//
//   - none: whatever fn reads through its context, from any database of the
//     cache, in functions that it calls in turn, on goroutines that it hands the
//     context to. A result made of a read that cannot be tracked (one that cannot
//     be cached, or in a transaction, or over another cache) is not kept, nor is one
//     that was made of none ([WithoutReads]).
//   - [DependsOn]: what is named there, and nothing else.
//   - [TimeOnly]: the end of its time.
//
// A result is never kept if fn writes to a cached database, if it panics or if
// its context has ended. Errors are not kept but as [CacheErrors] says; nil and
// zero values are. Everything else that the result depends on must be in the
// argument or in [Extra]: what fn has captured, what it takes from its context.
// The tenant ([Config.Partition]), [Call.Extra] and the sessions in which the
// cache's databases are read are in the key by themselves.
//
// fn is called once at a time for one key in a process; callers who wait for it
// share its result only if it was called after they came, and otherwise look
// whether it is still true. It runs under a context that has the values of its
// first caller's and ends when nobody waits for it. It must wait for the
// goroutines that it hands the context to. A caller gets a copy of its own of
// what is kept: a plain value by assignment, any other through the codec. A
// function that calls itself with its own key is run as it is.
//
// The name is one function's alone in all programs that share the store, and a
// change of what fn does should change it. Results of another type are never
// taken for this one's. What is wrong with the options is returned by each call.
func NewFunc[A, T any](c *Cache, name string, fn func(context.Context, A) (T, error), opts ...Option) *Func[A, T] {
	return &Func[A, T]{core: newFunction(c, name, reflect.TypeFor[T](), opts), fn: fn}
}

// Call returns fn's result for the argument, from the cache if it can.
func (f *Func[A, T]) Call(ctx context.Context, arg A) (T, error) {
	p := asks.Get().(*ask)
	var r *result
	if f.core.prepare(ctx, p) {
		var err error
		if p.key.Rest, err = appendKey(p.key.Rest, arg); err != nil {
			asks.Put(p)
			var none T
			return none, fmt.Errorf("cacheops: function %q: %w", f.core.name, err)
		}
		r = f.core.lookup(ctx, p)
	}
	if v, ok := plainly[T](r); ok {
		asks.Put(p)
		return v, nil
	}
	return f.answer(ctx, p, r, arg)
}

// answer is apart from Call so that a hit makes no closure.
//
//go:noinline
func (f *Func[A, T]) answer(ctx context.Context, p *ask, r *result, arg A) (T, error) {
	defer asks.Put(p)
	return answer(ctx, f.core, p, r, func(ctx context.Context) (T, error) { return f.fn(ctx, arg) })
}

// appendKey is appendArg without making an interface of the usual types.
func appendKey[A any](b []byte, arg A) ([]byte, error) {
	switch v := any(arg).(type) {
	case int:
		return appendInt(b, int64(v)), nil
	case int64:
		return appendInt(b, v), nil
	case string:
		return appendPart(append(b, markString), v), nil
	}
	return appendArg(b, arg)
}

// plainly returns a result that can be copied by assignment, and is not to be made
// anew: most hits.
func plainly[T any](r *result) (v T, ok bool) {
	if r == nil || r.renew != 0 {
		return v, false
	}
	v, ok = r.bare.(T) // which is nil where there is an encoding or an error instead
	return v, ok
}

// answer opens a hit, or runs the function.
func answer[T any](ctx context.Context, f *function, p *ask, r *result, fn func(context.Context) (T, error)) (T, error) {
	var none T
	if f.err != nil {
		return none, f.err
	}
	if r != nil {
		if v, err, ok := opened[T](f, r); ok {
			if r.renew != 0 && !p.call.Peek && time.Now().UnixNano() >= r.renew {
				f.again(ctx, p, bodyOf(fn))
			}
			return v, err
		}
	}
	p.anew = r != nil
	if p.skip {
		return fn(ctx)
	}
	out, mine, err := f.miss(ctx, p, bodyOf(fn))
	switch {
	case err != nil:
		return none, err
	case out.again:
		return fn(ctx)
	case mine && !out.found:
		v, _ := out.value.(T) // the zero T where that is a nil interface
		return v, out.err
	case out.err != nil:
		return none, out.err
	}
	v, err, ok := opened[T](f, out.kept)
	if !ok {
		return fn(ctx)
	}
	return v, err
}

func bodyOf[T any](fn func(context.Context) (T, error)) body {
	return func(ctx context.Context) (reflect.Value, any, error) {
		v, err := fn(ctx)
		return reflect.ValueOf(&v).Elem(), v, err
	}
}

// opened returns a result as its function would have. ok is false for one that
// cannot be read.
func opened[T any](f *function, r *result) (v T, err error, ok bool) { //nolint:revive,staticcheck // the error is a value here
	if r.fail != "" {
		err, ok = f.opts.failure(r)
		return v, err, ok
	}
	v, err = open[T](r)
	return v, nil, err == nil
}

// Key names the result for an argument, the same in every process, for logs and
// the like; empty if the argument cannot be part of a key.
func (f *Func[A, T]) Key(arg A) string {
	b, err := appendArg(nil, arg)
	if err != nil {
		return ""
	}
	return f.core.name + ":" + hex.EncodeToString(binaryTag(f.core.tag(b)))
}

// Invalidate drops the results for an argument, whoever they were made for. One
// that is being made is not kept. It fails, and then may have dropped nothing, if
// the store cannot be reached: the error is an [ErrStore].
func (f *Func[A, T]) Invalidate(ctx context.Context, arg A) error {
	if f.core.err != nil {
		return f.core.err
	}
	b, err := appendArg(nil, arg)
	if err != nil {
		return fmt.Errorf("cacheops: function %q: %w", f.core.name, err)
	}
	return f.core.drop(ctx, f.core.tag(b))
}

// InvalidateAll drops all results of the function, those of other programs that
// call one of that name included. It fails as Invalidate does.
func (f *Func[A, T]) InvalidateAll(ctx context.Context) error {
	if f.core.err != nil {
		return f.core.err
	}
	return f.core.drop(ctx, TableTag)
}

// Memo returns what fn returns, from the cache if it can: a function of one
// result, for which it is not worth making a [Func]. All that is said of NewFunc
// holds for it; key takes the place of the name and the argument.
func Memo[T any](ctx context.Context, c *Cache, key string, fn func(context.Context) (T, error), opts ...Option) (T, error) {
	core := c.functions.memo(c, reflect.TypeFor[T](), opts)
	p := asks.Get().(*ask)
	var r *result
	if core.prepare(ctx, p) {
		p.key.Rest = appendPart(append(p.key.Rest, markString), key)
		r = core.lookup(ctx, p)
	}
	if v, ok := plainly[T](r); ok {
		asks.Put(p)
		return v, nil
	}
	defer asks.Put(p)
	return answer(ctx, core, p, r, fn)
}

// Forget drops what [Memo] has kept under a key with these [Extra] values, as
// [Func.Invalidate] does.
func Forget(ctx context.Context, c *Cache, key string, extra ...any) error {
	core := c.functions.memo(c, reflect.TypeFor[struct{}](), []Option{Extra(extra...)})
	if core.err != nil {
		return core.err
	}
	return core.drop(ctx, core.tag(appendPart([]byte{markString}, key)))
}
