package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

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
	cfg, err := pgx.ParseConfig(address())
	if err != nil {
		t.Fatal(err)
	}
	admin := stdlib.OpenDB(*cfg)
	if err := admin.PingContext(t.Context()); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no PostgreSQL: %v", err)
		}
		t.Skipf("no PostgreSQL: %v", err)
	}
	name := "cacheops_" + strings.ToLower(rand.Text()[:12])
	exec(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		exec(t, admin, "DROP DATABASE "+name+" WITH (FORCE)")
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
	})
	return strings.Replace(address(), "/test?", "/"+name+"?", 1)
}

// drivers are those that the tests run on.
var drivers = []struct {
	name      string
	connector func(testing.TB, string) driver.Connector
}{
	{"pgx", func(t testing.TB, dsn string) driver.Connector { return pgxConnector(t, dsn) }},
	{"pq", pqConnector},
}

func pgxConnector(t testing.TB, dsn string, opts ...stdlib.OptionOpenDB) driver.Connector {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return stdlib.GetConnector(*cfg, opts...)
}

func pqConnector(t testing.TB, dsn string) driver.Connector {
	t.Helper()
	c, err := pq.NewConnector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// world is a database with a cache over it.
type world struct {
	testing.TB
	dsn   string
	store cacheops.Store
	cache *cacheops.Cache
	db    *sql.DB // through the cache
	bare  *sql.DB
	// connector is what db is over.
	connector driver.Connector
}

// each runs a test on every driver.
func each(t *testing.T, test func(w *world)) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t)
			test(newWorld(t, dsn, d.connector(t, dsn), nil))
		})
	}
}

// onPgx is a world over pgx.
func onPgx(t testing.TB, opts *sqlcache.Options) *world {
	t.Helper()
	dsn := newDatabase(t)
	return newWorld(t, dsn, pgxConnector(t, dsn), opts)
}

func newWorld(t testing.TB, dsn string, c driver.Connector, opts *sqlcache.Options) *world {
	t.Helper()
	w := &world{TB: t, dsn: dsn, store: memstore.New(16 << 20), connector: c}
	w.cache = newCache(t, w.store)
	w.bare = closing(t, sql.OpenDB(pgxConnector(t, dsn)))
	if err := w.bare.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.db = closing(t, sqlcache.OpenDB(w.cache, c, opts))
	return w
}

// newCache is a cache over a store that others may use too.
func newCache(t testing.TB, s cacheops.Store) *cacheops.Cache {
	t.Helper()
	c, err := cacheops.New(shared{s}, &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}}})
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

// shared is a store that outlives the caches over it.
type shared struct{ cacheops.Store }

func (shared) Close() error { return nil }

// another is a second cache over the same store and database, as another process
// would have.
func (w *world) another(c driver.Connector, opts *sqlcache.Options) *sql.DB {
	w.Helper()
	return closing(w, sqlcache.OpenDB(newCache(w, w.store), c, opts))
}

func closing(t testing.TB, db *sql.DB) *sql.DB {
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// querier is a *sql.DB, *sql.Conn or *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func exec(t testing.TB, on querier, q string, args ...any) sql.Result {
	t.Helper()
	res, err := on.ExecContext(context.Background(), q, args...)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return res
}

func rowsOf(ctx context.Context, on querier, q string, args ...any) (string, error) {
	rows, err := on.QueryContext(ctx, q, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return "", err
	}
	out := ""
	for rows.Next() {
		row, dest := make([]any, len(cols)), make([]any, len(cols))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return "", err
		}
		for i, v := range row {
			if b, ok := v.([]byte); ok { // drivers disagree on what text is
				row[i] = string(b)
			}
		}
		out += fmt.Sprintf("%v", row)
	}
	return out, rows.Err()
}

// read returns the rows and what became of the read.
func read(t testing.TB, on querier, q string, args ...any) (string, cacheops.Report) {
	t.Helper()
	return readIn(context.Background(), t, on, q, args...)
}

func readIn(ctx context.Context, t testing.TB, on querier, q string, args ...any) (string, cacheops.Report) {
	t.Helper()
	var r cacheops.Report
	rows, err := rowsOf(cacheops.With(ctx, cacheops.Call{Report: &r}), on, q, args...)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return rows, r
}

// same compares a read with the bare database, and reports whether it was a hit.
func (w *world) same(q string, args ...any) bool {
	w.Helper()
	cached, r := read(w, w.db, q, args...)
	if bare, _ := read(w, w.bare, q, args...); cached != bare {
		w.Fatalf("%s: the cache says %s, the database %s", q, cached, bare)
	}
	return r.Hit
}

func (w *world) warm(q string, args ...any) {
	w.Helper()
	w.warmOn(w.db, q, args...)
}

// warmOn reads until it is a hit. A doubtful writer is proved over while the reads
// that it refuses go on.
func (w *world) warmOn(on querier, q string, args ...any) {
	w.Helper()
	var r cacheops.Report
	for till := time.Now().Add(5 * time.Second); time.Now().Before(till); {
		if _, r = read(w, on, q, args...); r.Hit {
			return
		}
	}
	w.Fatalf("%s: never a hit: %+v, %+v", q, r, w.cache.Stats())
}

func (w *world) conn() *sql.Conn {
	w.Helper()
	c, err := w.db.Conn(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = c.Close() }) // the test may have closed it
	return c
}

// fill makes a table of four rows.
func (w *world) fill() {
	w.Helper()
	exec(w, w.db, "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT UNIQUE)")
	exec(w, w.db, "INSERT INTO item VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three'), (4, 2, 'four')")
}

const (
	one   = "SELECT kind, name FROM item WHERE id = 1"
	two   = "SELECT kind, name FROM item WHERE id = 2"
	kinds = "SELECT kind, count(*) FROM item GROUP BY kind ORDER BY kind"
)

// eventually waits for what the server does in its own time.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for till := time.Now().Add(10 * time.Second); time.Now().Before(till); time.Sleep(5 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
