package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/fuzz"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// Orders are what a worker is started with.
type Orders struct {
	DSN string
	URL string // of the Redis
	// Of redisstore.Options.
	Prefix                                  string
	Mode                                    redisstore.Mode
	Timeout, WriteTimeout, Lease, Heartbeat time.Duration
	// Degrade is cacheops.Config's DegradeOnFailure.
	Degrade bool
	// Flaw is a rule of the protocol that the worker's store breaks; empty: none.
	Flaw string
}

// Work is a worker process: it executes on its standard input's orders until
// that ends.
func Work(text string) (err error) {
	var o Orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("read the orders: %w", err)
	}
	store, err := open(&o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	m := &mortal{Store: store, read: o.Timeout, write: o.WriteTimeout}
	m.Store = flawed(m.Store, o.Flaw)
	cache, err := cacheops.New(m, &cacheops.Config{
		Rules:            []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}},
		DegradeOnFailure: o.Degrade,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close()) }()
	rec := fuzz.NewRecorder(o.DSN)
	db := sqlcache.OpenDB(cache, rec, &sqlcache.Options{})
	defer func() { err = errors.Join(err, db.Close()) }()
	return fuzz.Serve(context.Background(), os.Stdin, os.Stdout, db, rec, func(what string) string {
		if what == askStats {
			return tally(cache, m)
		}
		m.fate.Store(&what)
		return ""
	})
}

// open connects to servers that may just be coming back.
func open(o *Orders) (s *redisstore.Store, err error) {
	options := &redisstore.Options{
		Prefix: o.Prefix, Mode: o.Mode, Lease: o.Lease, Heartbeat: o.Heartbeat,
		Timeout: o.Timeout, WriteTimeout: o.WriteTimeout,
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if s, err = redisstore.New(o.URL, options); err == nil {
			return s, nil
		}
	}
	return nil, err
}

const (
	askStats = "stats"
	noFate   = "none"
)

// tally is what a worker answers to askStats: a Tally as JSON.
func tally(c *cacheops.Cache, m *mortal) string {
	st := c.Stats()
	t := Tally{Owed: c.Owed(), StoreErrors: st.StoreErrors, Refused: st.Refused, Bypassed: st.Bypassed}
	for _, r := range st.Reads {
		t.Hits += r.Hits
		t.Misses += r.Misses
	}
	if slow := m.slow.Load(); slow != nil {
		t.Slow = *slow
	}
	b, err := json.Marshal(t)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Tally is what a worker's cache has done.
type Tally struct {
	Hits, Misses, StoreErrors uint64
	Refused, Bypassed         map[string]uint64
	Owed                      int    // drops that the store has yet to be told of
	Slow                      string // a call that took longer than it may
}

// Add adds o to t.
func (t *Tally) Add(o *Tally) {
	t.Hits += o.Hits
	t.Misses += o.Misses
	t.StoreErrors += o.StoreErrors
	if o.Slow != "" {
		t.Slow = o.Slow
	}
	add(&t.Refused, o.Refused)
	add(&t.Bypassed, o.Bypassed)
}

func add(to *map[string]uint64, from map[string]uint64) {
	if *to == nil {
		*to = make(map[string]uint64)
	}
	for why, n := range from {
		(*to)[why] += n
	}
}

func (t *Tally) String() string {
	return fmt.Sprintf("%d hits, %d misses, %d store errors, refused %v, bypassed %v", t.Hits, t.Misses, t.StoreErrors, t.Refused, t.Bypassed)
}
