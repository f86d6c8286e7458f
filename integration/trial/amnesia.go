package trial

import (
	"context"
	"sync"

	"github.com/cacheops/cacheops"
)

// Amnesia is a store that does not know who was writing before its time, until it
// is told that they are over.
type Amnesia struct {
	cacheops.Store
	mu      sync.Mutex
	cleared map[string]bool
}

// Acquire refuses tables of which nobody knows who may be writing them.
func (s *Amnesia) Acquire(ctx context.Context, reads []cacheops.TableRead) (cacheops.Grant, error) {
	g, err := s.Store.Acquire(ctx, reads)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range reads {
		if err == nil && g.Refused == cacheops.Granted && !s.cleared[r.Table] {
			g.Refused = cacheops.StateUnknown
		}
		if !s.cleared[r.Table] {
			g.Doubts = append(g.Doubts, cacheops.Doubt{Table: r.Table})
		}
	}
	return g, err
}

// Clear hears that writers are over.
func (s *Amnesia) Clear(ctx context.Context, d cacheops.Doubt) error {
	if d.Writer.ID != 0 {
		return s.Store.Clear(ctx, d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cleared == nil {
		s.cleared = map[string]bool{}
	}
	s.cleared[d.Table] = true
	return nil
}
