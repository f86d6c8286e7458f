package sqlcache_test

import (
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/adaptertest"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

const pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)"

// world is a database file, cached and bare.
type world struct {
	*trial.World
	dsn string
}

// newCache is a cache over a store of its own.
func newCache(t testing.TB, cfg *cacheops.Config) *cacheops.Cache {
	t.Helper()
	store := memstore.New(16 << 20)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return trial.Cache(t, store, cfg)
}

func connectorTo(t testing.TB, dsn string) driver.Connector {
	t.Helper()
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newWorld(t *testing.T, opts *sqlcache.Options) *world {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + pragmas
	w := &world{&trial.World{TB: t, Cache: newCache(t, nil)}, dsn}
	w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, dsn), opts))
	w.Bare = trial.Closing(t, sql.OpenDB(connectorTo(t, dsn)))
	return w
}

const maxEntry = 32 << 10

func TestSuiteOpenDB(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
		w := newWorld(t, &sqlcache.Options{MaxEntryBytes: maxEntry})
		return adaptertest.Harness{Cached: adaptertest.SQL(w.DB), Bare: adaptertest.SQL(w.Bare), MaxEntry: maxEntry}
	})
}

func TestSuiteWrap(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
		w := newWorld(t, nil)
		db := trial.Closing(t, sqlcache.Wrap(newCache(t, nil), w.Bare, &sqlcache.Options{MaxEntryBytes: maxEntry}))
		return adaptertest.Harness{Cached: adaptertest.SQL(db), Bare: adaptertest.SQL(w.Bare), MaxEntry: maxEntry}
	})
}
