package trial

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// World is a database with a cache over it.
type World struct {
	testing.TB
	Store cacheops.Store
	Cache *cacheops.Cache
	DB    *sql.DB // through the cache
	Bare  *sql.DB
}

// Cache is one over a store that others may use too: closing it leaves the store
// open. Without rules in the configuration, which may be nil, it caches all.
func Cache(t testing.TB, s cacheops.Store, cfg *cacheops.Config) *cacheops.Cache {
	t.Helper()
	if cfg == nil {
		cfg = &cacheops.Config{}
	}
	if cfg.Rules == nil {
		cfg.Rules = []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}}
	}
	c, err := cacheops.New(outliving{s}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// outliving is a store that outlives the caches over it.
type outliving struct{ cacheops.Store }

func (outliving) Close() error { return nil }

// Closing closes a pool with the test.
func Closing(t testing.TB, db *sql.DB) *sql.DB {
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Same compares a read with the bare database, and reports whether it was a hit.
func (w *World) Same(q string, args ...any) bool {
	w.Helper()
	var r cacheops.Report
	cached, err := rows(cacheops.With(context.Background(), cacheops.Call{Report: &r}), w.DB, exactly, q, args...)
	if err != nil {
		w.Fatalf("%s: %v", q, err)
	}
	bare, err := rows(context.Background(), w.Bare, exactly, q, args...)
	if err != nil {
		w.Fatalf("%s, bare: %v", q, err)
	}
	if cached != bare {
		w.Fatalf("%s: the cache says %s, the database %s (%+v)", q, cached, bare, r)
	}
	return r.Hit
}

// Warm reads until the answer is a hit.
func (w *World) Warm(q string, args ...any) {
	w.Helper()
	w.WarmOn(w.DB, q, args...)
}

// WarmOn is Warm on another pool or connection. A doubtful writer is proved over
// while the reads that it refuses go on.
func (w *World) WarmOn(on Querier, q string, args ...any) {
	w.Helper()
	var r cacheops.Report
	for till := time.Now().Add(Patience); time.Now().Before(till); {
		if _, r = Read(w, on, q, args...); r.Hit {
			return
		}
	}
	w.Fatalf("%s: never a hit: %+v, %+v", q, r, w.Cache.Stats())
}

// Dropped checks that reads are fresh and no hits, and has them kept again.
func (w *World) Dropped(after string, qs ...string) {
	w.Helper()
	for _, q := range qs {
		if w.Same(q) {
			w.Errorf("%s: a hit after %s", q, after)
		}
		w.Warm(q)
	}
}

// Conn is a connection through the cache, which is closed with the test if not
// before.
func (w *World) Conn() *sql.Conn {
	w.Helper()
	c, err := w.DB.Conn(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = c.Close() }) // the test may have closed it
	return c
}

// Begin, Commit and Rollback must not fail.
func Begin(t testing.TB, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// Commit ends a transaction.
func Commit(t testing.TB, tx *sql.Tx) {
	t.Helper()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// Rollback ends a transaction.
func Rollback(t testing.TB, tx *sql.Tx) {
	t.Helper()
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

// Patience is how long a test waits for what must come. What a proof waits for are
// all writers of the server, those of other tests too.
const Patience = time.Minute

// Eventually waits for what a server does in its own time.
func Eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for till := time.Now().Add(Patience); time.Now().Before(till); time.Sleep(5 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
