package cacheops

import (
	"context"
	"fmt"
)

// Cached returns what is kept for an argument, as [Func.Call] would, and
// [ErrMiss] where that would run the function. An error that is kept
// ([CacheErrors]) is returned as it is. A function that asks in vain is not kept
// itself: nothing drops what it makes of that.
func (f *Func[A, T]) Cached(ctx context.Context, arg A) (v T, err error) {
	if f.core.err != nil {
		return v, f.core.err
	}
	p := asks.Get().(*ask)
	defer asks.Put(p)
	if f.core.prepare(ctx, p) {
		if p.key.Rest, err = appendArg(p.key.Rest, arg); err != nil {
			return v, fmt.Errorf("cacheops: function %q: %w", f.core.name, err)
		}
		if r := f.core.lookup(ctx, p); r != nil {
			if v, err, ok := opened[T](f.core, r); ok {
				return v, err
			}
		}
	}
	if p.call.frame != nil {
		p.call.frame.spoil(unordered, "asks for what is not kept")
	}
	return v, ErrMiss
}
