package blog

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// SQLite returns the blog's database on SQLite, through a cache that keeps every
// read, and bare.
func SQLite(t testing.TB) (cached, bare *sql.DB) {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "blog.db") + "?_pragma=busy_timeout(10000)"
	bare = sql.OpenDB(connector(t, dsn))
	cached = sqlcache.OpenDB(Cache(t), connector(t, dsn), nil)
	t.Cleanup(func() { closed(t, cached, bare) })
	fill(t, cached, Schema)
	return cached, bare
}

func connector(t testing.TB, dsn string) driver.Connector {
	t.Helper()
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Postgres is SQLite on PostgreSQL, in a database of its own.
func Postgres(t testing.TB) (cached, bare *sql.DB) {
	t.Helper()
	cfg, err := pgx.ParseConfig(PostgresAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	bare = stdlib.OpenDB(*cfg)
	cached = sqlcache.OpenDB(Cache(t), stdlib.GetConnector(*cfg), nil)
	t.Cleanup(func() { closed(t, cached, bare) })
	fill(t, cached, PostgresSchema)
	return cached, bare
}

// PostgresAddress makes a database of the test's own, without tables.
func PostgresAddress(t testing.TB) string {
	t.Helper()
	address := os.Getenv("CACHEOPS_TEST_POSTGRES")
	if address == "" {
		address = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, address)
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
	return strings.Replace(address, "/test?", "/"+name+"?", 1)
}

// Cache returns a cache of every read.
func Cache(t testing.TB) *cacheops.Cache {
	t.Helper()
	store := memstore.New(16 << 20)
	cache, err := cacheops.New(store, &cacheops.Config{Rules: []cacheops.Rule{
		{Tables: "*", Ops: cacheops.All, TTL: time.Hour},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cache.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return cache
}

func fill(t testing.TB, db *sql.DB, schema string) {
	t.Helper()
	for text := range strings.SplitSeq(schema, ";") {
		if strings.TrimSpace(text) == "" {
			continue
		}
		if _, err := db.ExecContext(context.Background(), text); err != nil {
			t.Fatalf("make the schema: %v", err)
		}
	}
}

func closed(t testing.TB, dbs ...*sql.DB) {
	t.Helper()
	for _, db := range dbs {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
