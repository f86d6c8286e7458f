package replay

import (
	"context"
	"sync"

	"github.com/cacheops/cacheops"
)

// observed is what the cache's hooks said while one statement ran. Statements
// run one at a time, so whatever is said belongs to the present one.
type observed struct {
	mu sync.Mutex
	observation
}

type observation struct {
	hit, miss, stored bool
	bypass            string // why the cache was not asked
	refused           string // why a result was not kept
	dropped           map[string]bool
	storeErr          error
}

func (o *observed) hooks() cacheops.Hooks {
	read := func(f func(e cacheops.ReadEvent)) func(context.Context, cacheops.ReadEvent) {
		return func(_ context.Context, e cacheops.ReadEvent) {
			o.mu.Lock()
			defer o.mu.Unlock()
			f(e)
		}
	}
	return cacheops.Hooks{
		Hit:     read(func(cacheops.ReadEvent) { o.hit = true }),
		Miss:    read(func(cacheops.ReadEvent) { o.miss = true }),
		Stored:  read(func(cacheops.ReadEvent) { o.stored = true }),
		Bypass:  read(func(e cacheops.ReadEvent) { o.bypass = e.Why }),
		Refused: read(func(e cacheops.ReadEvent) { o.refused = e.Why }),
		Drop: func(_ context.Context, e cacheops.DropEvent) {
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.dropped == nil {
				o.dropped = map[string]bool{}
			}
			o.dropped[e.Table] = true
		},
		Error: func(_ context.Context, err error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.storeErr = err
		},
	}
}

// take returns what was observed and starts anew.
func (o *observed) take() observation {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := o.observation
	o.observation = observation{}
	return seen
}
