package cacheops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cacheops/cacheops/internal/flight"
)

// Cache is a query cache over a store. Its methods may be called from many
// goroutines.
type Cache struct {
	store    Store
	locker   Locker // the store, nil if it is none
	cfg      Config
	off      atomic.Bool
	closed   atomic.Bool
	stats    statistics
	flights  flight.Group[flightKey, Grant, filled]
	shapes   registries
	proofs   proofs
	quiet    quiet
	backlog  backlog
	circuit  circuit
	agnostic bool // some rule is DBAgnostic

	// ctx ends with the cache; asides are the goroutines that run under it.
	ctx    context.Context
	cancel context.CancelFunc
	asides sync.WaitGroup

	mu        sync.Mutex
	databases map[string]*Database
	known     atomic.Pointer[[]*Database] // the same, in the order of their names

	functions functions
	pending   pending
}

// New returns a cache over a store. The store stays the caller's: it may serve
// several caches, and is closed after them. New fails if cfg is invalid, and
// names the field.
func New(store Store, cfg *Config) (*Cache, error) {
	if store == nil {
		return nil, errors.New("cacheops: New: the store is nil")
	}
	c := &Cache{store: store, cfg: cfg.withDefaults(), databases: make(map[string]*Database)}
	if err := c.cfg.validate(); err != nil {
		return nil, err
	}
	c.cfg.Rules = slices.Clone(c.cfg.Rules)
	for i := range c.cfg.Rules {
		r := &c.cfg.Rules[i]
		r.CacheOnSave = slices.Clone(r.CacheOnSave)
	}
	c.agnostic = c.cfg.anyAgnostic()
	c.locker, _ = store.(Locker)
	c.flights.Same = sameStamps
	c.functions.gates.Same = func(uint64, uint64) bool { return true }
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Close cancels the reads that fill the cache and waits for them. Databases
// attached to it go on without a cache, except that writes still drop. It fails
// if the drops of writes are lost (Config.DegradeOnFailure).
func (c *Cache) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.mu.Lock() // whoever is in later has started its goroutine, or sees the end
	c.cancel()
	c.mu.Unlock()
	c.flights.Close()
	c.functions.gates.Close()
	c.asides.Wait()
	return c.backlog.close()
}

// later runs f in a goroutine of the cache's own, unless it is closed.
func (c *Cache) later(f func(context.Context)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed.Load() {
		c.asides.Go(func() { f(c.ctx) })
	}
}

// Disable stops hits and fills until Enable. Writes go on dropping, so that
// nothing is stale when the cache is enabled again.
func (c *Cache) Disable() { c.off.Store(true) }

// Enable undoes Disable.
func (c *Cache) Enable() { c.off.Store(false) }

// Enabled reports whether the cache answers reads.
func (c *Cache) Enabled() bool { return !c.off.Load() && !c.closed.Load() }

// Stats returns a snapshot of the counters.
func (c *Cache) Stats() Stats { return c.stats.snapshot() }

// Attach adds a database to the cache. Attaching a name again returns the same
// Database, now with b's functions unless b alone is a replica, or an error if the
// identities differ. It is an error too if one identity gets two names, neither of
// them a replica's: the writes under one would not drop what was read under the
// other. Rules with DBAgnostic allow it, being made for several names.
func (c *Cache) Attach(b Backend) (*Database, error) {
	if b.Name == "" {
		return nil, errors.New("cacheops: attach a database: its name is empty")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.databases[b.Name]
	switch twin := c.twin(&b); {
	case twin != nil:
		return nil, fmt.Errorf("cacheops: attach a database: %q is attached as %q already; give both one name", b.Name, twin.name)
	case d == nil:
		d = newDatabase(c, b)
		c.databases[b.Name] = d
	case !d.backend.Load().mayBe(&b):
		return nil, fmt.Errorf("cacheops: attach a database: two databases are named %q; give one of them another name", b.Name)
	case !b.Replica || d.backend.Load().Replica:
		d.backend.Store(&b)
	}
	d.join(&b)
	c.publish()
	return d, nil
}

// twin returns a database of another name that is certainly the same, where that
// would hide writes. The cache is locked.
func (c *Cache) twin(b *Backend) *Database {
	if b.Identity == "" || b.Replica || c.agnostic {
		return nil
	}
	for _, d := range c.databases {
		if other := d.backend.Load(); d.name != b.Name && other.Identity == b.Identity && !other.Replica {
			return d
		}
	}
	return nil
}

// mayBe reports whether two backends may be of one database. A replica need not
// know what the primary is.
func (b *Backend) mayBe(other *Backend) bool {
	return b.Identity == other.Identity || b.Replica && b.Identity == "" || other.Replica && other.Identity == ""
}

// database returns the attached database of that name, or nil.
func (c *Cache) database(name string) *Database {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.databases[name]
}

func (c *Cache) attached() []*Database {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*Database, 0, len(c.databases))
	for _, d := range c.databases {
		out = append(out, d)
	}
	return out
}

// failed records a failure of the store that no caller can be told of.
func (c *Cache) failed(ctx context.Context, verb string, err error) {
	c.stats.storeErrors.Add(1)
	if c.cfg.Hooks.Error != nil {
		c.cfg.Hooks.Error(ctx, fmt.Errorf("cacheops: %s: %w", verb, err))
	}
}

// settleTimeout bounds what must be told to the store after the caller's own
// time is over.
const settleTimeout = 5 * time.Second

// settle returns a context for telling the store how a write ended: the caller
// may be gone, the store must know all the same.
func settle(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
}
