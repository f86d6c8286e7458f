package chaos

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/cacheops/cacheops"
)

// flawed breaks a rule of the protocol, so that the judge can be seen to notice.
func flawed(s cacheops.Store, flaw string) cacheops.Store {
	switch flaw {
	case flawForgetful:
		return &forgetful{Store: s}
	case flawTrusting:
		return &trusting{Store: s}
	case flawDeaf:
		return &deaf{Store: s}
	}
	return s
}

const (
	flawForgetful = "forgets one drop in ten"
	flawTrusting  = "lifts every doubt without a proof"
	flawDeaf      = "takes a store for told that could not be"
)

type forgetful struct {
	cacheops.Store
	n atomic.Int64
}

func (f *forgetful) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) ([]cacheops.Registry, error) {
	writes = slices.Clone(writes)
	for i := range writes {
		writes[i].Tags = slices.DeleteFunc(slices.Clone(writes[i].Tags), func(cacheops.Tag) bool { return f.n.Add(1)%10 == 0 })
	}
	return f.Store.Begin(ctx, w, writes)
}

// trusting clears what a refusal reports at once, and asks again.
type trusting struct{ cacheops.Store }

func (t *trusting) Acquire(ctx context.Context, reads []cacheops.TableRead) (cacheops.Grant, error) {
	g, err := t.Store.Acquire(ctx, reads)
	if err != nil || len(g.Doubts) == 0 {
		return g, err
	}
	for _, d := range g.Doubts {
		if err := t.Clear(ctx, d); err != nil {
			return g, err
		}
	}
	return t.Store.Acquire(ctx, reads)
}

// deaf loses the drops that the store could not be told of.
type deaf struct{ cacheops.Store }

func (d *deaf) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) ([]cacheops.Registry, error) {
	moved, err := d.Store.Begin(ctx, w, writes)
	if err != nil {
		return nil, nil //nolint:nilerr // that is the flaw
	}
	return moved, nil
}
