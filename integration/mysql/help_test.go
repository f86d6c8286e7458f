package mysql

import (
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// newDatabase makes a database of the test's own and returns how to reach it, with
// one statement at a time.
func newDatabase(t testing.TB) *mysql.Config {
	t.Helper()
	cfg := live.NewMySQL(t, "")
	cfg.Logger, cfg.MultiStatements = &mysql.NopLogger{}, false
	return cfg
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
	*trial.World
	cfg *mysql.Config
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
	w := &world{&trial.World{TB: t, Store: s}, cfg}
	w.Cache = trial.Cache(t, s, nil)
	w.Bare = trial.Closing(t, sql.OpenDB(connector(t, cfg)))
	w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, connector(t, cfg), opts))
	return w
}

// another is a second cache over the same store and database, as another process
// would have.
func (w *world) another() *sql.DB {
	w.Helper()
	return trial.Closing(w, sqlcache.OpenDB(trial.Cache(w, w.Store, nil), connector(w, w.cfg), nil))
}

func openBare(t testing.TB, cfg *mysql.Config) *sql.DB { return sql.OpenDB(connector(t, cfg)) }

// fill makes a table of four rows, and one that knows no transactions.
func (w *world) fill() {
	w.Helper()
	trial.Exec(w, w.DB, "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name VARCHAR(50) UNIQUE) ENGINE=InnoDB")
	trial.Exec(w, w.DB, "INSERT INTO item VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three'), (4, 2, 'four')")
	trial.Exec(w, w.DB, "CREATE TABLE log (id INTEGER PRIMARY KEY, what VARCHAR(50)) ENGINE=MyISAM")
	trial.Exec(w, w.DB, "INSERT INTO log VALUES (1, 'begun')")
}

const (
	one   = "SELECT kind, name FROM item WHERE id = 1"
	two   = "SELECT kind, name FROM item WHERE id = 2"
	kinds = "SELECT kind, count(*) FROM item GROUP BY kind ORDER BY kind"
	logs  = "SELECT what FROM log ORDER BY id"
)
