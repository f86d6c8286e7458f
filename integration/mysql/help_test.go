package mysql

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

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// address is the server's; the default is a local installation's.
func address() string {
	if a := os.Getenv("CACHEOPS_TEST_MYSQL"); a != "" {
		return a
	}
	return "root@tcp(127.0.0.1:3306)/"
}

// newDatabase makes a database of the test's own and returns how to reach it.
func newDatabase(t testing.TB) *mysql.Config {
	t.Helper()
	cfg, err := mysql.ParseDSN(address())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = &mysql.NopLogger{}
	admin := sql.OpenDB(connector(t, cfg))
	if err := admin.PingContext(t.Context()); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no MySQL: %v", err)
		}
		t.Skipf("no MySQL: %v", err)
	}
	cfg.DBName = "cacheops_" + strings.ToLower(rand.Text()[:12])
	exec(t, admin, "CREATE DATABASE "+cfg.DBName)
	t.Cleanup(func() {
		disconnect(t, admin, cfg.DBName)
		exec(t, admin, "DROP DATABASE "+cfg.DBName)
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
	})
	return cfg
}

// disconnect ends what a test that failed has left open, for which the DROP would
// wait.
func disconnect(t testing.TB, admin *sql.DB, database string) {
	t.Helper()
	threads, err := rowsOf(context.Background(), admin, "SELECT id FROM information_schema.processlist WHERE db = ?", database)
	if err != nil {
		t.Error(err)
	}
	for _, id := range strings.FieldsFunc(threads, func(r rune) bool { return r == '[' || r == ']' }) {
		_, _ = admin.Exec("KILL " + id) // it may have ended
	}
}

func connector(t testing.TB, cfg *mysql.Config) driver.Connector {
	t.Helper()
	c, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// world is a database with a cache over it.
type world struct {
	testing.TB
	cfg   *mysql.Config
	store cacheops.Store
	cache *cacheops.Cache
	db    *sql.DB // through the cache
	bare  *sql.DB
}

// open makes a world over a database of its own, with what bend makes of the
// connections' configuration.
func open(t testing.TB, opts *sqlcache.Options, bend ...func(*mysql.Config)) *world {
	t.Helper()
	cfg := newDatabase(t)
	for _, f := range bend {
		f(cfg)
	}
	return over(t, cfg, memstore.New(16<<20), opts)
}

func over(t testing.TB, cfg *mysql.Config, s cacheops.Store, opts *sqlcache.Options) *world {
	t.Helper()
	w := &world{TB: t, cfg: cfg, store: s}
	w.cache = newCache(t, s)
	w.bare = closing(t, sql.OpenDB(connector(t, cfg)))
	w.db = closing(t, sqlcache.OpenDB(w.cache, connector(t, cfg), opts))
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
func (w *world) another() *sql.DB {
	w.Helper()
	return closing(w, sqlcache.OpenDB(newCache(w, w.store), connector(w, w.cfg), nil))
}

func openBare(t testing.TB, cfg *mysql.Config) *sql.DB { return sql.OpenDB(connector(t, cfg)) }

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
			if b, ok := v.([]byte); ok {
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
	var r cacheops.Report
	rows, err := rowsOf(cacheops.With(context.Background(), cacheops.Call{Report: &r}), on, q, args...)
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
		w.Fatalf("%s: the cache says %s, the database %s (%+v)", q, cached, bare, r)
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
	for till := time.Now().Add(10 * time.Second); time.Now().Before(till); {
		if _, r = read(w, on, q, args...); r.Hit {
			return
		}
	}
	w.Fatalf("%s: never a hit: %+v, %+v", q, r, w.cache.Stats())
}

// dropped checks that a read is fresh and no hit, and has it kept again.
func (w *world) dropped(after string, qs ...string) {
	w.Helper()
	for _, q := range qs {
		if w.same(q) {
			w.Errorf("%s: a hit after %s", q, after)
		}
		w.warm(q)
	}
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

func begin(t testing.TB, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func commit(t testing.TB, tx *sql.Tx) {
	t.Helper()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func rollback(t testing.TB, tx *sql.Tx) {
	t.Helper()
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

// fill makes a table of four rows, and one that knows no transactions.
func (w *world) fill() {
	w.Helper()
	exec(w, w.db, "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name VARCHAR(50) UNIQUE) ENGINE=InnoDB")
	exec(w, w.db, "INSERT INTO item VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three'), (4, 2, 'four')")
	exec(w, w.db, "CREATE TABLE log (id INTEGER PRIMARY KEY, what VARCHAR(50)) ENGINE=MyISAM")
	exec(w, w.db, "INSERT INTO log VALUES (1, 'begun')")
}

const (
	one   = "SELECT kind, name FROM item WHERE id = 1"
	two   = "SELECT kind, name FROM item WHERE id = 2"
	kinds = "SELECT kind, count(*) FROM item GROUP BY kind ORDER BY kind"
	logs  = "SELECT what FROM log ORDER BY id"
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
