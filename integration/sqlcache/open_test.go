package sqlcache_test

import (
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/adaptertest"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
	"modernc.org/sqlite"
)

const pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)"

// world is a database file, cached and bare.
type world struct {
	*testing.T
	cache *cacheops.Cache
	db    *sql.DB
	bare  *sql.DB
	dsn   string
}

func newCache(t testing.TB, cfg *cacheops.Config) *cacheops.Cache {
	t.Helper()
	if cfg == nil {
		cfg = &cacheops.Config{}
	}
	if cfg.Rules == nil {
		cfg.Rules = []cacheops.Rule{{Tables: "*", Ops: cacheops.All}}
	}
	cache, err := cacheops.New(memstore.New(16<<20), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cache.Close(); err != nil {
			t.Error(err)
		}
	})
	return cache
}

func connectorTo(t testing.TB, dsn string) driver.Connector {
	t.Helper()
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func closing(t testing.TB, db *sql.DB) *sql.DB {
	t.Helper()
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newWorld(t *testing.T, opts *sqlcache.Options) *world {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + pragmas
	w := &world{T: t, cache: newCache(t, nil), dsn: dsn}
	w.db = closing(t, sqlcache.OpenDB(w.cache, connectorTo(t, dsn), opts))
	w.bare = closing(t, sql.OpenDB(connectorTo(t, dsn)))
	return w
}

const maxEntry = 32 << 10

func TestSuiteOpenDB(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
		w := newWorld(t, &sqlcache.Options{MaxEntryBytes: maxEntry})
		return adaptertest.Harness{Cached: adaptertest.SQL(w.db), Bare: adaptertest.SQL(w.bare), MaxEntry: maxEntry}
	})
}

func TestSuiteWrap(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
		w := newWorld(t, nil)
		db := closing(t, sqlcache.Wrap(newCache(t, nil), w.bare, &sqlcache.Options{MaxEntryBytes: maxEntry}))
		return adaptertest.Harness{Cached: adaptertest.SQL(db), Bare: adaptertest.SQL(w.bare), MaxEntry: maxEntry}
	})
}
