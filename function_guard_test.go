package cacheops_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cacheops/cacheops"
)

// Where writers bypass the cache, the rules' TTL bounds the damage, and a function
// over a read must not stretch it; nor one function another's.
func TestAFunctionLivesNoLongerThanWhatItReads(t *testing.T) {
	const short = time.Minute
	for name, c := range map[string]struct {
		rules []cacheops.Rule
		inner []cacheops.Option
	}{
		"a rule":     {rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: short}}},
		"a function": {rules: everything, inner: []cacheops.Option{cacheops.TTL(short)}},
	} {
		for _, miss := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w, ctx := newWorld(t, &cacheops.Config{Rules: c.rules}), t.Context()
					inner := cacheops.NewFunc(w.cache, "inner", func(ctx context.Context, _ struct{}) (int64, error) {
						if c.inner != nil { // the read's own entry would outlive the function's
							ctx = cacheops.With(ctx, cacheops.Call{WriteOnly: true})
						}
						return w.read(ctx, "a", 1), nil
					}, c.inner...)
					outer := cacheops.NewFunc(w.cache, "outer", func(ctx context.Context, _ struct{}) (int64, error) {
						return inner.Call(ctx, struct{}{})
					})
					if !miss {
						mustCall(t, inner, ctx, struct{}{}, 0)
					}
					mustCall(t, outer, ctx, struct{}{}, 0)
					w.set("a", 1, 5) // past the cache
					time.Sleep(short / 2)
					mustCall(t, outer, ctx, struct{}{}, 0)
					time.Sleep(short/2 + time.Second)
					mustCall(t, outer, ctx, struct{}{}, 5)
				})
			})
		}
	}
}

// An error that another release of the program has kept is no result for one that
// does not keep such errors: it is neither a hit nor in the way of what it returns.
func TestAnErrorThatIsNotKeptAnyMore(t *testing.T) {
	w, ctx, failed := newWorld(t, nil), t.Context(), errors.New("failed")
	run := func(fail bool) func(ctx context.Context, _ int) (int64, error) {
		return func(ctx context.Context, _ int) (int64, error) {
			n := w.read(ctx, "a", 1)
			if fail {
				return 0, failed
			}
			return n + 7, nil
		}
	}
	old := cacheops.NewFunc(w.cache, "f", run(true), cacheops.CacheErrors(failed, time.Hour))
	f := cacheops.NewFunc(w.cache, "f", run(false))
	for range 2 {
		if _, err := old.Call(ctx, 0); !errors.Is(err, failed) {
			t.Fatal(err)
		}
	}
	if _, err := f.Cached(ctx, 0); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("got %v", err)
	}
	for range 2 {
		mustCall(t, f, ctx, 0, 7)
	}
	if s := w.cache.Stats().Functions["f"]; s.Hits != 2 || s.Misses != 2 || s.Stored != 2 {
		t.Errorf("%+v, want one hit of the error and one of the value", s)
	}
}

// versioned writes its version before what it encodes, and reads no other.
type versioned struct {
	cacheops.Codec
	version byte
}

func (c *versioned) Encode(v any) ([]byte, error) {
	b, err := c.Codec.Encode(v)
	return append([]byte{c.version}, b...), err
}

func (c *versioned) Decode(b []byte, v any) error {
	if b[0] != c.version {
		return errors.ErrUnsupported
	}
	return c.Codec.Decode(b[1:], v)
}

// A result that cannot be read, of another version of the codec perhaps, is made
// anew and kept in its place.
func TestAResultThatCannotBeRead(t *testing.T) {
	w, runs := newWorld(t, nil), 0
	codec := &versioned{Codec: cacheops.CBOR(), version: 1}
	f := cacheops.NewFunc(w.cache, "f", func(ctx context.Context, _ int) ([]int64, error) {
		runs++
		return []int64{w.read(ctx, "a", 1)}, nil
	}, cacheops.WithCodec(codec))
	for want := range 2 {
		for range 3 {
			if _, err := f.Call(t.Context(), 0); err != nil || runs != want+1 {
				t.Fatalf("version %d: ran %d times, %v", codec.version, runs, err)
			}
		}
		codec.version++
	}
}

// Reasons that programs make up do not fill the memory.
func TestReasonsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 1000 {
		_, err := cacheops.Memo(t.Context(), w.cache, "k", func(ctx context.Context) (int, error) {
			cacheops.Untracked(ctx, fmt.Sprint("reads of user ", i))
			return 0, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	refused, all := w.cache.Stats().Refused, uint64(0)
	for _, n := range refused {
		all += n
	}
	if len(refused) > 300 || all != 1000 || refused["reads of user 7"] != 1 {
		t.Errorf("%d reasons for %d", len(refused), all)
	}
}
