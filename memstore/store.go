// Package memstore keeps a cache in the memory of one process. Use it for a
// program that runs as a single process, and for tests; programs that share a
// cache between processes use package redisstore.
//
//	cache, err := cacheops.New(memstore.New(64<<20), nil)
//
// The store is bounded by bytes: what is used least is evicted first
// (W-TinyLFU). A hit takes no lock and allocates nothing. Begin costs the same
// whether the store holds a hundred entries or a million. What the protocol
// needs to know of writers and shapes is never evicted; it takes a few hundred
// bytes a table.
//
// There are no leases: every writer lives in this process, so none can be lost
// sight of.
package memstore

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/cacheops/cacheops"
)

const (
	// defaultMaxBytes is what New takes for zero.
	defaultMaxBytes = 64 << 20
	// resolution is how far an entry's end may be off: reading a coarse clock is
	// what keeps a hit near the cost of a map lookup.
	resolution = 10 * time.Millisecond
	// largestShare bounds an entry to this part of the store, so that no single
	// result can push out most others.
	largestShare = 8
)

var errClosed = errors.New("memstore: the store is closed")

// Store is an in-process [cacheops.Store]. It is made by [New].
type Store struct {
	entries   *otter.Cache[uint64, *entry]
	front     front
	clock     *otter.CoarseClock
	largest   uint64 // bytes an entry may weigh
	seed      maphash.Seed
	apart     string // the rest of what was set by name: random, so that no key has it
	lastStamp atomic.Uint64
	evictions atomic.Uint64
	closed    atomic.Bool

	mu     sync.RWMutex // guards tables; taken before no other lock
	tables map[string]*table
}

var (
	_ cacheops.Store     = (*Store)(nil)
	_ cacheops.InProcess = (*Store)(nil)
)

// New returns a store for about maxBytes bytes of entries, counting values,
// keys and the store's own share. Zero or less means 64 MiB. Close it when it
// is no longer needed.
func New(maxBytes int64) *Store {
	if maxBytes <= 0 {
		maxBytes = defaultMaxBytes
	}
	s := &Store{
		clock:   otter.NewCoarseClock(resolution),
		largest: min(uint64(maxBytes)/largestShare, math.MaxUint32),
		seed:    maphash.MakeSeed(),
		apart:   crand.Text(),
		tables:  make(map[string]*table),
	}
	// A random start keeps stamps of one run from being taken for another's.
	s.lastStamp.Store(rand.Uint64())
	s.entries = otter.Must(&otter.Options[uint64, *entry]{
		MaximumWeight:    uint64(maxBytes),
		Weigher:          func(_ uint64, e *entry) uint32 { return uint32(e.weight()) },
		OnAtomicDeletion: s.deleted,
	})
	return s
}

// mint returns a number that this store has not returned before, and not zero.
func (s *Store) mint() uint64 {
	for {
		if n := s.lastStamp.Add(1); n != 0 {
			return n
		}
	}
}

// table returns the state kept of a table, made when it is first named.
func (s *Store) table(name string) *table {
	s.mu.RLock()
	t := s.tables[name]
	s.mu.RUnlock()
	if t != nil {
		return t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t = s.tables[name]; t == nil {
		t = newTable(s, name)
		s.tables[name] = t
	}
	return t
}

// all returns every table named so far.
func (s *Store) all() []*table {
	s.mu.RLock()
	defer s.mu.RUnlock()
	tables := make([]*table, 0, len(s.tables))
	for _, t := range s.tables {
		tables = append(tables, t)
	}
	return tables
}

// usable is the error of a call that ctx or Close has made pointless.
func (s *Store) usable(ctx context.Context, call string) error {
	if s.closed.Load() {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memstore: %s: %w", call, err)
	}
	return nil
}

// Registry implements [cacheops.Store].
func (s *Store) Registry(ctx context.Context, name string) (cacheops.Registry, error) {
	if err := s.usable(ctx, "registry"); err != nil {
		return cacheops.Registry{}, err
	}
	t := s.table(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweepShapes(s.clock.NowNano())
	return t.registry(), nil
}

// Acquire implements [cacheops.Store].
func (s *Store) Acquire(ctx context.Context, reads []cacheops.TableRead) (cacheops.Grant, error) {
	var g cacheops.Grant
	if err := s.usable(ctx, "acquire"); err != nil {
		return g, err
	}
	now, n := s.clock.NowNano(), len(reads)
	for i := range reads {
		for _, sh := range reads[i].Shapes {
			n += len(sh.Tags)
		}
	}
	g.Deps = make([]cacheops.Dep, 0, n)
	for i := range reads {
		s.table(reads[i].Table).acquire(&g, &reads[i], now)
	}
	return g, nil
}

// Begin implements [cacheops.Store].
func (s *Store) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) (moved []cacheops.Registry, err error) {
	if err := s.usable(ctx, "begin"); err != nil {
		return nil, err
	}
	if w.ID == 0 {
		return nil, errors.New("memstore: begin: a writer without an ID")
	}
	for i := range writes {
		t := s.table(writes[i].Table)
		if reg, ok := t.begin(w, &writes[i]); !ok {
			moved = append(moved, reg)
		}
	}
	return moved, nil
}

// End implements [cacheops.Store]. It ignores ctx: leaving an intent behind
// serves nobody.
func (s *Store) End(_ context.Context, w cacheops.Writer, tables []string) error {
	for _, name := range tables {
		s.table(name).end(w.ID)
	}
	return nil
}

// Doubt implements [cacheops.Store]. It ignores ctx, as End does.
func (s *Store) Doubt(_ context.Context, w cacheops.Writer, tables []string) error {
	for _, name := range tables {
		s.table(name).doubt(w)
	}
	return nil
}

// Clear implements [cacheops.Store]. It ignores ctx, as End does.
func (s *Store) Clear(_ context.Context, d cacheops.Doubt) error {
	s.table(d.Table).clear(d)
	return nil
}

// Reset empties the store: every entry, every value set by name and every shape
// is gone, every table has a new epoch. Writers in flight go on being respected.
func (s *Store) Reset() {
	for _, t := range s.all() {
		t.reset()
	}
	s.entries.InvalidateAll()
}

// Close drops all entries and stops the store's clock. Afterwards reads miss,
// fills and writes fail, and what finishes a write does nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.Reset()
	s.entries.CleanUp()
	s.entries.StopAllGoroutines()
	s.clock.Stop()
	return nil
}

// Stats is a snapshot of a store.
type Stats struct {
	Entries   int    // kept, those that are no longer valid and not yet dropped included
	Bytes     uint64 // of entries, counted as for the bound
	Evictions uint64 // entries pushed out by others, ever
}

// Stats returns the present figures. Bytes lags behind by the entries that are
// just being stored.
func (s *Store) Stats() Stats {
	return Stats{
		Entries:   s.entries.EstimatedSize(),
		Bytes:     s.entries.WeightedSize(),
		Evictions: s.evictions.Load(),
	}
}

// InProcess implements [cacheops.InProcess].
func (s *Store) InProcess() {}
