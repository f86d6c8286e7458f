package pgxcache_test

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/pgxcache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// address is the server's; the default is a local installation's.
func address() string {
	if a := os.Getenv("CACHEOPS_TEST_POSTGRES"); a != "" {
		return a
	}
	return "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
}

// newDatabase makes a database of the test's own and returns its address.
func newDatabase(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, address())
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no PostgreSQL: %v", err)
		}
		t.Skipf("no PostgreSQL: %v", err)
	}
	name := "cacheops_" + strings.ToLower(rand.Text()[:12])
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
		if err := admin.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return strings.Replace(address(), "/test?", "/"+name+"?", 1)
}

// world is a database with a cache over it.
type world struct {
	testing.TB
	dsn   string
	store cacheops.Store
	inner *pgxpool.Pool // beneath pool
	pool  *pgxcache.Pool
	bare  *pgxpool.Pool
}

func newWorld(t testing.TB, configure func(*pgxpool.Config), opts *pgxcache.Options) *world {
	t.Helper()
	w := &world{TB: t, dsn: newDatabase(t), store: memstore.New(64 << 20)}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.bare = w.open(nil)
	w.inner = w.open(configure)
	w.pool = w.over(w.inner, opts)
	return w
}

func (w *world) open(configure func(*pgxpool.Config)) *pgxpool.Pool {
	w.Helper()
	c, err := pgxpool.ParseConfig(w.dsn)
	if err != nil {
		w.Fatal(err)
	}
	if configure != nil {
		configure(c)
	}
	p, err := pgxpool.NewWithConfig(context.Background(), c)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(p.Close)
	return p
}

// over is a pool through a cache of its own, over the world's store.
func (w *world) over(inner *pgxpool.Pool, opts *pgxcache.Options) *pgxcache.Pool {
	w.Helper()
	c, err := cacheops.New(shared{w.store}, &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}}})
	if err != nil {
		w.Fatal(err)
	}
	p := pgxcache.New(c, inner, opts)
	w.Cleanup(func() {
		p.Close()
		if err := c.Close(); err != nil {
			w.Error(err)
		}
	})
	return p
}

// shared is a store that outlives the caches over it.
type shared struct{ cacheops.Store }

func (shared) Close() error { return nil }

type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// exec runs a statement that must succeed.
func (w *world) exec(on execer, sql string, args ...any) {
	w.Helper()
	if _, err := on.Exec(context.Background(), sql, args...); err != nil {
		w.Fatalf("%s: %v", sql, err)
	}
}

// values reads all rows as pgx decodes them, and says whether that was a hit.
func (w *world) values(on queryer, sql string, args ...any) (out [][]any, hit bool) {
	w.Helper()
	var r cacheops.Report
	ctx := cacheops.With(context.Background(), cacheops.Call{Report: &r})
	rows, err := on.Query(ctx, sql, args...)
	if err != nil {
		w.Fatalf("%s: %v", sql, err)
	}
	if out, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) ([]any, error) { return r.Values() }); err != nil {
		w.Fatalf("%s: %v", sql, err)
	}
	return out, r.Hit
}

// warm reads until it is a hit.
func (w *world) warm(on queryer, sql string, args ...any) [][]any {
	w.Helper()
	for range 4 {
		if rows, hit := w.values(on, sql, args...); hit {
			return rows
		}
	}
	w.Fatalf("%s: never a hit", sql)
	return nil
}

// nothingTaken checks that all connections of the pool beneath have been given
// back. It counts one that is being closed until that is done, in a goroutine.
func (w *world) nothingTaken() {
	w.Helper()
	for end := time.Now().Add(10 * time.Second); w.inner.Stat().AcquiredConns() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("%d connections are still taken", w.inner.Stat().AcquiredConns())
		}
	}
}
