package memstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// check compares what the tables count with what the entries hold.
func check(t *testing.T, s *Store) {
	t.Helper()
	s.entries.CleanUp()
	held := make(map[*stamp]uint32)
	for _, e := range s.entries.All() {
		for _, st := range e.stamps {
			if st != nil {
				held[st]++
			}
		}
		if e.more != nil {
			for _, st := range *e.more {
				held[st]++
			}
		}
	}
	for _, tb := range s.all() {
		tb.mu.Lock()
		live := make(map[*shape]int)
		for st := range tb.stamps.all() {
			live[st.shape]++
			if st.dead.Load() {
				t.Errorf("tag %x: a dead stamp is kept", st.tag)
			}
			if n := st.refs &^ pendingBit; n != held[st] {
				t.Errorf("tag %x: %d references, %d entries", st.tag, n, held[st])
			}
			if st.refs == 0 {
				t.Errorf("tag %x: a stamp that nobody needs is kept", st.tag)
			}
		}
		for _, sh := range tb.shapes {
			if sh.live != live[sh] {
				t.Errorf("shape %s: counts %d stamps, has %d", sh.text, sh.live, live[sh])
			}
		}
		if tb.intents.counts != nil && len(tb.writers) == 0 && *tb.intents.counts != [1 << heldBits]uint32{} {
			t.Errorf("table %s: intents are counted, and nobody writes", tb.name)
		}
		tb.mu.Unlock()
	}
}

// TestCounts has everything happen at once in a store that is too small, and
// counts references afterwards.
func TestCounts(t *testing.T) {
	ctx := context.Background()
	s := New(64 << 10)
	defer s.Close()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var g sync.WaitGroup
	for i := range uint64(4) {
		g.Go(func() {
			r := rand.New(rand.NewPCG(seed, i))
			for n := range 5000 {
				if err := stir(ctx, s, r, i<<32+uint64(n)+1); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	g.Wait()
	if s.Stats().Evictions == 0 {
		t.Error("nothing was evicted")
	}
	check(t, s)
}

// stir does one random thing.
func stir(ctx context.Context, s *Store, r *rand.Rand, id uint64) error {
	table := func() string { return fmt.Sprint("t", r.IntN(3)) }
	k := benchKey(r.IntN(500))
	switch r.IntN(12) {
	case 0:
		return s.Delete(ctx, k)
	case 1:
		name := table()
		reg, err := s.Registry(ctx, name)
		if err != nil {
			return err
		}
		w := cacheops.Writer{ID: id}
		tags := []cacheops.Tag{cacheops.Tag(r.IntN(100)), cacheops.Tag(r.IntN(100))}
		if _, err := s.Begin(ctx, w, []cacheops.TableWrite{{Table: name, Epoch: reg.Epoch, Version: reg.Version, Tags: tags}}); err != nil {
			return err
		}
		return s.End(ctx, w, []string{name})
	case 2:
		if r.IntN(200) == 0 {
			s.Reset()
		}
		return nil
	case 3, 4, 5:
		if _, err := s.Get(ctx, k); err != nil && !errors.Is(err, cacheops.ErrMiss) {
			return err
		}
		return nil
	}
	var reads []cacheops.TableRead
	for range 1 + r.IntN(2) {
		sh := cacheops.ShapeTags{Shape: fmt.Sprint(r.IntN(3))}
		for range 1 + r.IntN(4) {
			sh.Tags = append(sh.Tags, cacheops.Tag(1+r.IntN(100)))
		}
		reads = append(reads, cacheops.TableRead{Table: table(), TTL: time.Hour, Shapes: []cacheops.ShapeTags{sh}})
	}
	grant, err := s.Acquire(ctx, reads)
	if err != nil || grant.Refused != cacheops.Granted {
		return err
	}
	return s.Put(ctx, k, &cacheops.Entry{Value: block(make([]byte, r.IntN(200))), Deps: grant.Deps, TTL: time.Hour})
}
