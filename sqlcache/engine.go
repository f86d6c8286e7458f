package sqlcache

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cacheops/cacheops"
)

// engine is what the virtual connections of one *sql.DB share.
type engine struct {
	cache   *cacheops.Cache
	inner   *sql.DB
	opts    Options
	foreign bool // others use the inner pool as well
	reads   bool // a Reader looks reads up as well
	// maxConns is the limit of a pool beneath the inner one, zero if there is none.
	maxConns int
	only     bool // it always gives the same one
	// strangers are its connections, where it is foreign.
	strangers strangers

	// schema is nil until the first statement. stale says that it must be read
	// again before the next plan.
	schema atomic.Pointer[schema]
	stale  atomic.Bool
	// untold is not zero while the store has not heard of a change of the schema.
	untold  atomic.Uint64
	moves   atomic.Uint64 // how often the schema was known to have changed
	loading chan struct{} // holds one token: who reads the schema
	checked atomic.Int64  // when a lease was last asked for the schema's stamp, in nanoseconds since start
	start   time.Time
	unread  unread

	// Set up with the first schema, and not changed after.
	db      *cacheops.Database
	dark    atomic.Pointer[schema] // of which nothing is known, while the schema cannot be read
	dialect dialect
	convert bool // the bare driver checks arguments itself
	// scoped says that the pool may prepare a connection for each use of it, and that
	// Options.Scope says for whom.
	scoped bool
	// inMemory says that every real connection is a database of its own.
	inMemory bool

	// last is the real connection that had the database in memory.
	last atomic.Pointer[driver.Conn]

	replica *replica // nil where the connections lead to the primary

	gone     atomic.Bool // closed
	attached func()      // tells the cache that the database is attached, or never will be

	large *memory // reads whose results were too large
}

func newEngine(cache *cacheops.Cache, inner *sql.DB, o Options) *engine {
	e := &engine{
		cache: cache, inner: inner, opts: o, start: time.Now(),
		loading: make(chan struct{}, 1),
		large:   newMemory(),
	}
	if o.Replica != nil {
		e.replica = &replica{Replica: *o.Replica}
	}
	e.attached = cache.Announce(func(ctx context.Context) error {
		_, err := e.current(ctx)
		return err
	})
	return e
}

// single reports whether there is never more than one real connection: what
// one virtual connection does to its session, all of them have, where the dialect
// can follow that.
func (e *engine) single() bool {
	if e.dialect != nil && !e.dialect.followsSession() {
		return false
	}
	return e.only || e.inner.Stats().MaxOpenConnections == 1
}

// limited reports whether pinned connections could exhaust the inner pool.
func (e *engine) limited() bool { return e.maxConns > 0 || e.inner.Stats().MaxOpenConnections > 0 }

// replaced reports whether a database in memory was lost with its connection.
func (e *engine) replaced(l *lease) bool {
	if !e.inMemory || !e.single() {
		return false
	}
	last := e.last.Swap(&l.real)
	return last != nil && *last != l.real
}

// sinceStart is the engine's clock.
func (e *engine) sinceStart() time.Duration { return time.Since(e.start) }

// outdated says that the schema has changed, or may have: plans are made anew,
// and connections look at it before anything is compiled on them.
func (e *engine) outdated() {
	e.moves.Add(1)
	e.stale.Store(true)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

func uniqueName(prefix string) string { return prefix + "-" + rand.Text() }

// memory remembers for a while that something was so, by hash. It forgets
// everything when it is full, which costs a vain attempt each.
type memory struct {
	mu   sync.Mutex
	seed maphash.Seed
	till map[uint64]time.Time
}

const (
	maxMemory  = 1024
	memorySpan = time.Minute
)

func newMemory() *memory {
	return &memory{seed: maphash.MakeSeed(), till: make(map[uint64]time.Time)}
}

func (m *memory) hash(text string, args []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	_, _ = h.WriteString(text) // never fails
	_ = h.WriteByte(0)         // never fails
	_, _ = h.Write(args)       // never fails
	return h.Sum64()
}

func (m *memory) add(key uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.till) >= maxMemory {
		clear(m.till)
	}
	m.till[key] = time.Now().Add(memorySpan)
}

func (m *memory) has(key uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	till, ok := m.till[key]
	if ok && time.Now().After(till) {
		delete(m.till, key)
		return false
	}
	return ok
}

// acquire takes the token of a channel of one, or gives up with ctx.
func acquire(ctx context.Context, token chan struct{}) error {
	select {
	case token <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
