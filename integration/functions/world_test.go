package functions

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite" // the database of most tests

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/sqlcache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a database with a table of items, bare and through a cache.
type world struct {
	testing.TB
	cache    *cacheops.Cache
	bare, db *sql.DB
	mysql    bool
}

var everything = []cacheops.Rule{{Tables: "*", Ops: cacheops.All}}

func newWorld(t testing.TB, store cacheops.Store, opts *sqlcache.Options) *world {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)&_txlock=immediate"
	return over(t, store, opts, func() *sql.DB {
		db, err := sql.Open("sqlite", dsn)
		if err != nil {
			t.Fatal(err)
		}
		return db
	})
}

// postgres is a world on PostgreSQL.
func postgres(t testing.TB, store cacheops.Store) *world {
	db := live.Postgres(t, pgx.QueryExecModeCacheStatement, nil)
	return over(t, store, nil, func() *sql.DB { return db })
}

// mysql is a world on MySQL.
func mysql(t testing.TB, store cacheops.Store) *world {
	db := live.MySQL(t, false, "")
	w := over(t, store, nil, func() *sql.DB { return db })
	w.mysql = true
	return w
}

var place = regexp.MustCompile(`\$\d+`)

// text makes a statement of the world's database of one that is PostgreSQL's and
// SQLite's, whose arguments stand in order.
func (w *world) text(q string) string {
	if !w.mysql {
		return q
	}
	if head, ok := strings.CutSuffix(q, " ON CONFLICT DO NOTHING"); ok {
		q = strings.Replace(head, "INSERT", "INSERT IGNORE", 1)
	}
	return place.ReplaceAllString(q, "?")
}

func over(t testing.TB, store cacheops.Store, opts *sqlcache.Options, open func() *sql.DB) *world {
	t.Helper()
	cache, err := cacheops.New(store, &cacheops.Config{Rules: everything})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{TB: t, cache: cache, bare: open()}
	inner := open()
	w.db = sqlcache.Wrap(cache, inner, opts)
	t.Cleanup(func() {
		err := errors.Join(w.db.Close(), w.bare.Close(), inner.Close(), cache.Close(), store.Close())
		if err != nil {
			t.Error(err)
		}
	})
	w.exec(t.Context(), "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, n INTEGER NOT NULL)")
	w.exec(t.Context(), "INSERT INTO item VALUES (1, 1, 10), (2, 1, 20), (3, 2, 30), (4, 2, 40)")
	return w
}

func memory(testing.TB) cacheops.Store { return memstore.New(16 << 20) }

// redis is a store with a prefix of its own on the tests' server.
func redis(t testing.TB) cacheops.Store {
	t.Helper()
	address := os.Getenv("CACHEOPS_TEST_REDIS")
	if address == "" {
		address = "redis://127.0.0.1:6379/0"
	}
	s, err := redisstore.New(address, &redisstore.Options{Prefix: "functions-" + rand.Text()})
	if err == nil {
		_, err = s.Registry(t.Context(), "x")
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no Redis: %v", err)
		}
		t.Skipf("no Redis: %v", err)
	}
	return s
}

func (w *world) exec(ctx context.Context, q string, args ...any) {
	w.Helper()
	if _, err := w.db.ExecContext(ctx, q, args...); err != nil {
		w.Fatalf("%s: %v", q, err)
	}
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// number reads one number.
func number(ctx context.Context, on querier, q string, args ...any) (n int64, err error) {
	err = on.QueryRowContext(ctx, q, args...).Scan(&n)
	return n, err
}
