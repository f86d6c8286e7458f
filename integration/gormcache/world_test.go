package gormcache

import (
	"path/filepath"
	"testing"
	"time"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/gormcache"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/redisstore/redistest"
)

// engines open a database of the test's own, each in its way.
var engines = map[string]func(testing.TB) func() gorm.Dialector{
	"sqlite":   sqliteDialector,
	"postgres": postgresDialector,
	"mysql":    mysqlDialector,
}

// stores open a store of the test's own.
var stores = map[string]func(testing.TB) cacheops.Store{
	"memory": func(testing.TB) cacheops.Store { return memstore.New(64 << 20) },
	"redis":  func(t testing.TB) cacheops.Store { return redisStore(t, redisstore.Validated) },
	"tracked": func(t testing.TB) cacheops.Store {
		return redisStore(t, redisstore.Tracked)
	},
}

func sqliteDialector(t testing.TB) func() gorm.Dialector {
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	return func() gorm.Dialector { return sqlite.New(sqlite.Config{DriverName: "sqlite", DSN: dsn}) }
}

func postgresDialector(t testing.TB) func() gorm.Dialector {
	dsn := live.PostgresURL(t)
	return func() gorm.Dialector { return postgres.Open(dsn) }
}

func mysqlDialector(t testing.TB) func() gorm.Dialector {
	cfg := live.NewMySQL(t, "parseTime=true")
	cfg.MultiStatements = false
	return func() gorm.Dialector { return mysql.Open(cfg.FormatDSN()) }
}

// redisStore is a store on a server of the test's own.
func redisStore(t testing.TB, mode redisstore.Mode) cacheops.Store {
	t.Helper()
	s, err := redisstore.New(redistest.Start(t, nil).URL(), &redisstore.Options{
		Mode: mode, Timeout: 5 * time.Second, WriteTimeout: 5 * time.Second,
	})
	must(t, err)
	return s
}

// world is a database behind the cache.
type world struct {
	testing.TB
	engine       string
	open         func() gorm.Dialector
	cache        *cacheops.Cache
	store        *overtaking
	cached, bare *gorm.DB
}

// setup says how a world differs from the usual one, whose rules cache every read.
type setup struct {
	rules  []cacheops.Rule
	plugin *gormcache.Config
	gorm   gorm.Config
}

func newWorld(t testing.TB, engine, store string, s setup) *world {
	t.Helper()
	w := &world{TB: t, engine: engine, open: engines[engine](t)}
	if s.rules == nil {
		s.rules = []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}}
	}
	kept := stores[store](t)
	t.Cleanup(func() { must(t, kept.Close()) })
	w.store = &overtaking{Store: kept}
	var err error
	w.cache, err = cacheops.New(w.store, &cacheops.Config{Rules: s.rules})
	must(t, err)
	t.Cleanup(func() { must(t, w.cache.Close()) })
	w.bare = w.gorm(w.plainly(), gorm.Config{})
	w.cached = w.gorm(w.open(), s.gorm)
	must(t, w.cached.Use(gormcache.New(w.cache, s.plugin)))
	return w
}

// small is a world on SQLite with the articles in it.
func small(t testing.TB, s setup) *world {
	t.Helper()
	w := newWorld(t, "sqlite", "memory", s)
	w.migrate()
	w.seed()
	return w
}

// plainly opens the database for reading without the cache. pgx's own way fails
// once after DDL, with the statements that it keeps prepared.
func (w *world) plainly() gorm.Dialector {
	d := w.open()
	if p, ok := d.(*postgres.Dialector); ok {
		p.DSN += "&default_query_exec_mode=describe_exec"
	}
	return d
}

// gorm opens the database without the cache.
func (w *world) gorm(d gorm.Dialector, cfg gorm.Config) *gorm.DB {
	w.Helper()
	cfg.Logger = logger.Discard
	cfg.NowFunc = func() time.Time { return time.Now().UTC().Truncate(time.Second) } // what all three databases keep
	db, err := gorm.Open(d, &cfg)
	must(w, err)
	w.Cleanup(func() {
		pool, err := db.DB()
		must(w, err)
		must(w, pool.Close())
	})
	return db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// everywhere runs a test on every database over every store.
func everywhere(t *testing.T, s setup, test func(*world)) {
	for engine := range engines {
		for store := range stores {
			t.Run(engine+"/"+store, func(t *testing.T) { test(newWorld(t, engine, store, s)) })
		}
	}
}
