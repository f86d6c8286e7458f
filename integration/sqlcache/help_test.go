package sqlcache_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/sqlcache"
)

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
		out += fmt.Sprintf("%#v", row)
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
		w.Fatalf("%s: the cache says %s, the database %s", q, cached, bare)
	}
	return r.Hit
}

func (w *world) warm(q string, args ...any) {
	w.Helper()
	// A doubtful writer is proved over while the reads that it refuses go on.
	for till := time.Now().Add(5 * time.Second); time.Now().Before(till); {
		if w.same(q, args...) {
			return
		}
	}
	_, r := read(w, w.db, q, args...)
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

const items = "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT UNIQUE)"

// shop is a world with a table of four rows.
func shop(t *testing.T, opts *sqlcache.Options) *world {
	t.Helper()
	w := newWorld(t, opts)
	w.fill()
	return w
}

func (w *world) fill() {
	w.Helper()
	exec(w, w.db, items)
	exec(w, w.db, "INSERT INTO item VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three'), (4, 2, 'four')")
}

// bentShop is a shop over a connector that can be broken.
func bentShop(t *testing.T, opts *sqlcache.Options) (*world, *bent) {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + pragmas
	b := &bent{Connector: connectorTo(t, dsn)}
	w := &world{T: t, cache: newCache(t, nil), dsn: dsn}
	w.db = closing(t, sqlcache.OpenDB(w.cache, b, opts))
	w.bare = closing(t, sql.OpenDB(connectorTo(t, dsn)))
	w.fill()
	return w, b
}

const (
	one   = "SELECT kind, name FROM item WHERE id = 1"
	two   = "SELECT kind, name FROM item WHERE id = 2"
	kinds = "SELECT kind, count(*) FROM item GROUP BY kind ORDER BY kind"
)
