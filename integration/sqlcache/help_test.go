package sqlcache_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

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
	trial.Exec(w, w.DB, items)
	trial.Exec(w, w.DB, "INSERT INTO item VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three'), (4, 2, 'four')")
}

// bentShop is a shop over a connector that can be broken.
func bentShop(t *testing.T, opts *sqlcache.Options) (*world, *bent) {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + pragmas
	b := &bent{Connector: connectorTo(t, dsn)}
	w := &world{&trial.World{TB: t, Cache: newCache(t, nil)}, dsn}
	w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, b, opts))
	w.Bare = trial.Closing(t, sql.OpenDB(connectorTo(t, dsn)))
	w.fill()
	return w, b
}

const (
	one   = "SELECT kind, name FROM item WHERE id = 1"
	two   = "SELECT kind, name FROM item WHERE id = 2"
	kinds = "SELECT kind, count(*) FROM item GROUP BY kind ORDER BY kind"
)
