package postgres

import (
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

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
	*trial.World
	dsn string
	// connector is what db is over.
	connector driver.Connector
}

// each runs a test on every driver.
func each(t *testing.T, test func(w *world)) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			dsn := live.PostgresURL(t)
			test(newWorld(t, dsn, d.connector(t, dsn), nil))
		})
	}
}

// onPgx is a world over pgx.
func onPgx(t testing.TB, opts *sqlcache.Options) *world {
	t.Helper()
	dsn := live.PostgresURL(t)
	return newWorld(t, dsn, pgxConnector(t, dsn), opts)
}

func newWorld(t testing.TB, dsn string, c driver.Connector, opts *sqlcache.Options) *world {
	t.Helper()
	return over(t, dsn, memstore.New(16<<20), c, opts)
}

func over(t testing.TB, dsn string, s cacheops.Store, c driver.Connector, opts *sqlcache.Options) *world {
	t.Helper()
	w := &world{&trial.World{TB: t, Store: s}, dsn, c}
	w.Cache = trial.Cache(t, w.Store, nil)
	w.Bare = trial.Closing(t, sql.OpenDB(pgxConnector(t, dsn)))
	if err := w.Bare.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, c, opts))
	return w
}

// another is a second cache over the same store and database, as another process
// would have.
func (w *world) another(c driver.Connector, opts *sqlcache.Options) *sql.DB {
	w.Helper()
	return trial.Closing(w, sqlcache.OpenDB(trial.Cache(w, w.Store, nil), c, opts))
}

// locked waits until a statement waits for a lock.
func (w *world) locked(what string) {
	w.Helper()
	trial.Eventually(w, what, func() bool {
		got, _ := trial.Read(w, w.Bare, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
		return got == "[1]"
	})
}

// fill makes a table of four rows.
func (w *world) fill() {
	w.Helper()
	trial.Exec(w, w.DB, "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT UNIQUE)")
	trial.Exec(w, w.DB, "INSERT INTO item VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three'), (4, 2, 'four')")
}

const (
	one   = "SELECT kind, name FROM item WHERE id = 1"
	two   = "SELECT kind, name FROM item WHERE id = 2"
	kinds = "SELECT kind, count(*) FROM item GROUP BY kind ORDER BY kind"
)
