package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/cacheops/cacheops"
)

// guards shows that each guard matters on the store under test. For each flaw
// the model finds the shortest way to a stale answer. A store broken in that
// way must give it, or the suite could not tell; the store as it is must not.
func guards(t *testing.T, open Open) {
	for _, sc := range flawed() {
		t.Run(sc.flaw.String(), func(t *testing.T) {
			g := explore(&sc, 0)
			if g.bad == "" {
				t.Fatal("the model finds nothing stale")
			}
			broken := newSuite(t, open)
			if !sc.breakable(&broken.Harness) {
				t.Skip("cannot happen to this store")
			}
			sc.breakStore(&broken.Harness)
			if _, err := sc.follow(broken.ctx, &broken.Harness, g.badAt); !errors.Is(err, errStale) {
				t.Errorf("without the guard nothing is stale: %v\n%v", err, g.badAt)
			}
			t.Logf("without the guard: %s\n%v", g.bad, g.badAt)
			sc.holds(t, open, g.badAt)
		})
	}
}

// holds follows the trace with the guard in place. What the protocol forbids,
// such as an End after an unknown outcome, is not done; at what the store
// forbids it parts from the trace.
func (sc *scenario) holds(t *testing.T, open Open, way trace) {
	s := newSuite(t, open)
	p, err := newReplay(s.ctx, &s.Harness, sc)
	s.ok(err)
	protocol := *sc
	protocol.flaw = noFlaw
	x := start()
	for _, step := range way {
		y, _, ok := protocol.next(x, step)
		if !ok {
			t.Logf("with the guard: no %v", step)
			return
		}
		p.sc = &protocol
		if err := p.take(step, &x, &y); err != nil {
			t.Fatalf("with the guard, at %v: %v", step, err)
		}
		x = y
	}
}

func (sc *scenario) breakable(h *Harness) bool {
	switch sc.flaw {
	case flawQuarantine:
		return h.Lose != nil
	case flawRestore:
		return h.SaveUnnoticed != nil
	}
	return true
}

// breakStore takes the guard out of the store. Flaws of the protocol rather
// than the store are in the replay.
func (sc *scenario) breakStore(h *Harness) {
	inner := h.Store
	switch sc.flaw {
	case flawIntents:
		h.Store = &forgetful{Store: inner, before: true}
	case flawUnseen:
		h.Store = &forgetful{Store: inner, on: cacheops.ShapeUnseen}
	case flawDoubt:
		h.Store = &trusting{inner}
	case flawMoved:
		h.Store = &unverifying{inner}
	case flawQuarantine:
		lose := h.Lose
		h.Lose = func(tables []string) error {
			if err := lose(tables); err != nil {
				return err
			}
			return clearAll(inner, tables)
		}
	}
}

// forgetful is a store that forgets the writers of a table, before each acquire
// or where it would refuse for a given reason.
type forgetful struct {
	cacheops.Store
	before bool
	on     cacheops.Refusal

	mu      sync.Mutex
	writers map[string][]cacheops.Writer
}

func (f *forgetful) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) ([]cacheops.Registry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writers == nil {
		f.writers = make(map[string][]cacheops.Writer)
	}
	for _, tw := range writes {
		f.writers[tw.Table] = append(f.writers[tw.Table], w)
	}
	return f.Store.Begin(ctx, w, writes)
}

func (f *forgetful) forget(ctx context.Context, reads []cacheops.TableRead) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range reads {
		for _, w := range f.writers[r.Table] {
			if err := f.End(ctx, w, []string{r.Table}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *forgetful) Acquire(ctx context.Context, reads []cacheops.TableRead) (cacheops.Grant, error) {
	if f.before {
		if err := f.forget(ctx, reads); err != nil {
			return cacheops.Grant{}, err
		}
	}
	g, err := f.Store.Acquire(ctx, reads)
	if err != nil || f.before || g.Refused != f.on {
		return g, err
	}
	if err := f.forget(ctx, reads); err != nil {
		return g, err
	}
	return f.Store.Acquire(ctx, reads)
}

// trusting is a store whose doubts clear themselves.
type trusting struct{ cacheops.Store }

func (s *trusting) Acquire(ctx context.Context, reads []cacheops.TableRead) (cacheops.Grant, error) {
	g, err := s.Store.Acquire(ctx, reads)
	if err != nil || len(g.Doubts) == 0 {
		return g, err
	}
	for _, d := range g.Doubts {
		if err := s.Clear(ctx, d); err != nil {
			return g, err
		}
	}
	return s.Store.Acquire(ctx, reads)
}

// unverifying is a store whose Begin takes any registry for the present one.
type unverifying struct{ cacheops.Store }

func (s *unverifying) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) ([]cacheops.Registry, error) {
	writes = slices.Clone(writes)
	for i := range writes {
		reg, err := s.Registry(ctx, writes[i].Table)
		if err != nil {
			return nil, err
		}
		writes[i].Epoch, writes[i].Version = reg.Epoch, reg.Version
	}
	return s.Store.Begin(ctx, w, writes)
}

// clearAll lifts the quarantine of tables with nothing proved.
func clearAll(s cacheops.Store, tables []string) error {
	for _, name := range tables {
		reg, err := s.Registry(context.Background(), name)
		if err != nil {
			return err
		}
		if err := s.Clear(context.Background(), cacheops.Doubt{Table: name, Epoch: reg.Epoch}); err != nil {
			return err
		}
	}
	return nil
}
