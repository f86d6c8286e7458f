package redis

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// connector opens SQLite files.
type connector struct {
	drv *sqlite.Driver
	dsn string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.drv.Open(c.dsn) }

func (c connector) Driver() driver.Driver { return c.drv }

// world is a database file with a table of items in it, and the caches over it.
type world struct {
	*testing.T
	file string
	dsn  string
	bare *sql.DB
}

func newWorld(t *testing.T, rows int) *world {
	w := &world{T: t, file: filepath.Join(t.TempDir(), "items.db")}
	w.dsn = "file:" + w.file + "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(5000)"
	var err error
	if w.bare, err = sql.Open("sqlite", w.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.bare.Close() })
	w.exec("CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
	w.exec("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ?) INSERT INTO items SELECT i, 0 FROM c", rows)
	return w
}

func (w *world) exec(q string, args ...any) {
	w.Helper()
	if _, err := w.bare.ExecContext(w.Context(), q, args...); err != nil {
		w.Fatal(err)
	}
}

// n is an item's number in the database.
func (w *world) n(id int) (n int) {
	w.Helper()
	if err := w.bare.QueryRowContext(w.Context(), "SELECT n FROM items WHERE id = ?", id).Scan(&n); err != nil {
		w.Fatal(err)
	}
	return n
}

// process stands for a process: a store of its own, a cache and a *sql.DB.
type process struct {
	*world
	store *counting
	cache *cacheops.Cache
	db    *sql.DB
}

func (w *world) process(url string, o redisstore.Options, c cacheops.Config) *process {
	w.Helper()
	s, err := redisstore.New(url, &o)
	if err != nil {
		w.Fatal(err)
	}
	p := &process{world: w, store: &counting{Store: s}}
	if c.Rules == nil {
		c.Rules = []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}}
	}
	if p.cache, err = cacheops.New(p.store, &c); err != nil {
		w.Fatal(err)
	}
	p.db = sqlcache.OpenDB(p.cache, connector{&sqlite.Driver{}, w.dsn}, nil)
	w.Cleanup(p.close)
	return p
}

// close ends the process; doing it again does nothing.
func (p *process) close() {
	p.db.Close()
	if err := p.cache.Close(); err != nil {
		p.Error(err)
	}
	p.store.Close()
}

// read returns an item's number, and whether it came from the cache.
func (p *process) read(id int) (n int, hit bool) {
	p.Helper()
	var r cacheops.Report
	ctx := cacheops.With(p.Context(), cacheops.Call{Report: &r})
	if err := p.db.QueryRowContext(ctx, "SELECT n FROM items WHERE id = ?", id).Scan(&n); err != nil {
		p.Fatal(err)
	}
	return n, r.Hit
}

func (p *process) write(id, n int) error {
	_, err := p.db.ExecContext(p.Context(), "UPDATE items SET n = ? WHERE id = ?", n, id)
	return err
}

// warm reads until an item comes from the cache.
func (p *process) warm(id int) {
	p.Helper()
	p.eventually("be cached", func() bool {
		n, hit := p.read(id)
		if want := p.n(id); n != want {
			p.Fatalf("read %d, the database has %d (hit: %v)", n, want, hit)
		}
		return hit
	})
}

func (w *world) eventually(what string, f func() bool) {
	w.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("it does not come to %s", what)
		}
	}
}

// counting counts a store's calls that failed.
type counting struct {
	cacheops.Store
	failed atomic.Int64
}

func (c *counting) count(err error) {
	if err != nil && !errors.Is(err, cacheops.ErrMiss) {
		c.failed.Add(1)
	}
}

func (c *counting) Get(ctx context.Context, k *cacheops.Key) (cacheops.Value, error) {
	v, err := c.Store.Get(ctx, k)
	c.count(err)
	return v, err
}

func (c *counting) Acquire(ctx context.Context, reads []cacheops.TableRead) (cacheops.Grant, error) {
	g, err := c.Store.Acquire(ctx, reads)
	c.count(err)
	return g, err
}
