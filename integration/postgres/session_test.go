package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// Pools whose sessions differ never share an entry, though they share their drops.
func TestSessionsThatDifferDoNotShare(t *testing.T) {
	w := onPgx(t, nil)
	w.fill()
	trial.Exec(t, w.DB, `CREATE SCHEMA tenant; CREATE TABLE tenant.item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT);
		INSERT INTO tenant.item VALUES (1, 1, 'tenant');
		CREATE TABLE moment (id INTEGER PRIMARY KEY, at TIMESTAMPTZ, took INTERVAL, data BYTEA);
		INSERT INTO moment VALUES (1, '2024-01-02 03:04:05Z', '1 day 2 hours', 'x')`)
	role := "cacheops_role_" + w.dsn[strings.LastIndex(w.dsn, "_")+1:strings.LastIndex(w.dsn, "?")]
	trial.Exec(t, w.DB, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() {
		trial.Exec(t, w.Bare, "DROP OWNED BY "+role)
		trial.Exec(t, w.Bare, "DROP ROLE "+role)
	})
	trial.Exec(t, w.DB, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+role)
	text := "SELECT at::text, took::text, data::text FROM moment WHERE id = 1"
	w.Warm(one)
	for _, params := range []string{
		"search_path=tenant,public", "timezone=Asia/Tokyo", "datestyle=German", "intervalstyle=iso_8601", "bytea_output=escape",
		"role=" + role, "extra_float_digits=-3",
	} {
		t.Run(params, func(t *testing.T) {
			c := pgxConnector(t, w.dsn+"&"+params)
			bare := trial.Closing(t, sql.OpenDB(c))
			db := trial.Closing(t, sqlcache.OpenDB(w.Cache, c, &sqlcache.Options{Session: "the same"}))
			for _, q := range []string{one, text} {
				want, _ := trial.Read(t, bare, q)
				for range 3 {
					if got, _ := trial.Read(t, db, q); got != want {
						t.Errorf("%s: the cache says %s, the database %s", q, got, want)
					}
				}
			}
			if _, r := trial.Read(t, db, one); !r.Hit {
				t.Errorf("not cached: %+v", r)
			}
		})
	}
	tenant := trial.Closing(t, sqlcache.OpenDB(w.Cache, pgxConnector(t, w.dsn+"&search_path=tenant,public"), nil))
	w.WarmOn(tenant, one)
	trial.Exec(t, w.DB, "UPDATE tenant.item SET name = 'changed' WHERE id = 1")
	if got, _ := trial.Read(t, tenant, one); !strings.Contains(got, "changed") {
		t.Errorf("the tenant reads %s", got)
	}
}

// What a statement leaves in the session stays on its connection and dies with it.
func TestSessionStatePinsTheConnection(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		trial.Exec(w, w.DB, "CREATE SCHEMA other; CREATE TABLE other.item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT); INSERT INTO other.item VALUES (1, 1, 'other')")
		w.Warm(one)
		for _, set := range []string{
			"SET search_path = other", "SELECT set_config('search_path', 'other', false)",
			"CREATE TEMP TABLE item AS SELECT 1 AS id, 1 AS kind, 'other' AS name",
		} {
			c := w.Conn()
			if _, err := trial.Rows(context.Background(), c, set); err != nil {
				w.Fatal(err)
			}
			for range 3 {
				if got, r := trial.Read(w, c, one); !strings.Contains(got, "other") || r.Hit {
					w.Errorf("after %s the connection reads %s, %+v", set, got, r)
				}
			}
			w.Same(one)
			if err := c.Close(); err != nil {
				w.Fatal(err)
			}
			w.nobodyReadsOther(set)
		}
		// A pool's own statement leaves nothing behind.
		trial.Exec(w, w.DB, "SET search_path = other")
		w.nobodyReadsOther("SET through the pool")
		w.Warm(one)
	})
}

// nobodyReadsOther looks at every real connection there is.
func (w *world) nobodyReadsOther(set string) {
	w.Helper()
	var all []*sql.Conn
	for range 4 {
		c := w.Conn()
		trial.Exec(w, c, "UPDATE item SET kind = kind WHERE id = 4")
		all = append(all, c)
	}
	for _, c := range all {
		got, err := trial.Rows(cacheops.NoCache(context.Background()), c, one) // a hit would tell of no connection
		if err != nil || strings.Contains(got, "other") {
			w.Errorf("%s was pooled: %s, %v", set, got, err)
		}
		if err := c.Close(); err != nil {
			w.Fatal(err)
		}
	}
}

// Others keep their hits while a connection with locks and listeners is apart, and
// the locks end with it.
func TestAdvisoryLocksStayWithTheirConnection(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.Warm(one)
		c := w.Conn()
		trial.Exec(w, c, "LISTEN things")
		if _, err := trial.Rows(context.Background(), c, "SELECT pg_advisory_lock(42)"); err != nil {
			w.Fatal(err)
		}
		free := "SELECT pg_try_advisory_xact_lock(42)"
		if got, _ := trial.Read(w, w.Bare, free); !strings.Contains(got, "false") {
			w.Errorf("the lock is free: %s", got)
		}
		if got, _ := trial.Read(w, c, "SELECT pg_advisory_unlock(42)"); !strings.Contains(got, "true") {
			w.Errorf("the lock was not found again: %s", got)
		}
		if _, err := trial.Rows(context.Background(), c, "SELECT pg_advisory_lock(42)"); err != nil {
			w.Fatal(err)
		}
		if err := c.Close(); err != nil {
			w.Fatal(err)
		}
		trial.Eventually(w, "the lock ends with its connection", func() bool {
			got, _ := trial.Read(w, w.Bare, free)
			return strings.Contains(got, "true")
		})
	})
}

func TestSequencesOnOneConnection(t *testing.T) {
	each(t, func(w *world) {
		trial.Exec(w, w.DB, "CREATE TABLE numbered (id SERIAL PRIMARY KEY, name TEXT)")
		c := w.Conn()
		for i := 1; i <= 3; i++ {
			trial.Exec(w, c, "INSERT INTO numbered (name) VALUES ('x')")
			if got, _ := trial.Read(w, c, "SELECT lastval(), currval('numbered_id_seq')"); got != fmt.Sprintf("[%d %d]", i, i) {
				w.Errorf("lastval() and currval() say %s", got)
			}
		}
		got, _ := trial.Read(w, w.DB, "INSERT INTO numbered (name) VALUES ('y') RETURNING id")
		if got != "[4]" {
			w.Errorf("returned %s", got)
		}
	})
}

// With one real connection what one virtual connection sets, all of them have.
func TestOneConnectionsSession(t *testing.T) {
	w := onPgx(t, &sqlcache.Options{MaxOpenConns: 1})
	w.fill()
	trial.Exec(t, w.DB, "CREATE SCHEMA other")
	trial.Exec(t, w.DB, "CREATE TABLE other.item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT)")
	trial.Exec(t, w.DB, "INSERT INTO other.item VALUES (1, 1, 'other')")
	w.Warm(one)
	trial.Exec(t, w.DB, "SET search_path = other")
	for range 3 {
		if got, r := trial.Read(t, w.DB, one); !strings.Contains(got, "other") {
			t.Errorf("after SET: %s, %+v", got, r)
		}
	}
	trial.Exec(t, w.DB, "UPDATE item SET name = 'other still' WHERE id = 1")
	if got, _ := trial.Read(t, w.DB, one); !strings.Contains(got, "other still") {
		t.Errorf("after an update: %s", got)
	}
	trial.Exec(t, w.DB, "RESET search_path")
	w.Same(one)
	w.Warm(one)
}

// A pool that prepares its connections for each user is cached by scope alone.
func TestHooks(t *testing.T) {
	type tenant struct{}
	dsn := live.PostgresURL(t)
	setUp := newWorld(t, dsn, pgxConnector(t, dsn), nil)
	setUp.fill()
	trial.Exec(t, setUp.DB, "CREATE SCHEMA other; CREATE TABLE other.item AS SELECT id, kind, 'other' AS name FROM item")
	path := func(ctx context.Context) string {
		if p, ok := ctx.Value(tenant{}).(string); ok {
			return p
		}
		return "public"
	}
	reset := stdlib.OptionResetSession(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET search_path = "+path(ctx))
		return err
	})
	pool := func(t *testing.T, set func(*pgxpool.Config)) *pgxpool.Pool {
		cfg, err := pgxpool.ParseConfig(dsn)
		if err != nil {
			t.Fatal(err)
		}
		set(cfg)
		p, err := pgxpool.NewWithConfig(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		return p
	}
	prepare := func(cfg *pgxpool.Config) {
		cfg.PrepareConn = func(ctx context.Context, c *pgx.Conn) (bool, error) {
			_, err := c.Exec(ctx, "SET search_path = "+path(ctx))
			return true, err
		}
	}
	for name, test := range map[string]struct {
		connector func(*testing.T) driver.Connector
		cached    bool
	}{
		"none": {func(t *testing.T) driver.Connector { return pgxConnector(t, dsn) }, true},
		"when connected": {func(t *testing.T) driver.Connector {
			return pgxConnector(t, dsn, stdlib.OptionAfterConnect(func(context.Context, *pgx.Conn) error { return nil }))
		}, true},
		"ResetSession":         {func(t *testing.T) driver.Connector { return pgxConnector(t, dsn, reset) }, false},
		"a pool without":       {func(t *testing.T) driver.Connector { return stdlib.GetPoolConnector(pool(t, func(*pgxpool.Config) {})) }, true},
		"a pool's PrepareConn": {func(t *testing.T) driver.Connector { return stdlib.GetPoolConnector(pool(t, prepare)) }, false},
		"a pool with ResetSession": {func(t *testing.T) driver.Connector {
			return stdlib.GetPoolConnector(pool(t, func(*pgxpool.Config) {}), reset)
		}, false},
		"lib/pq":             {func(t *testing.T) driver.Connector { return pqConnector(t, dsn) }, true},
		"an unknown wrapper": {func(t *testing.T) driver.Connector { return wrapping{pgxConnector(t, dsn)} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, wrapped := range []bool{false, true} {
				bare := trial.Closing(t, sql.OpenDB(test.connector(t)))
				db := sqlcache.Wrap(setUp.Cache, bare, nil)
				if !wrapped {
					db = sqlcache.OpenDB(setUp.Cache, test.connector(t), &sqlcache.Options{MaxIdleConns: -1})
				}
				trial.Closing(t, db)
				for range 3 {
					trial.Read(t, db, one)
				}
				if _, r := trial.Read(t, db, one); r.Hit != test.cached {
					t.Errorf("wrapped %v: %+v", wrapped, r)
				}
			}
		})
	}
	t.Run("with a scope", func(t *testing.T) {
		db := trial.Closing(t, sqlcache.OpenDB(setUp.Cache, pgxConnector(t, dsn, reset), &sqlcache.Options{
			Scope: func(ctx context.Context) (string, bool) {
				p, ok := ctx.Value(tenant{}).(string)
				return p, ok
			},
		}))
		public, other := context.WithValue(t.Context(), tenant{}, "public"), context.WithValue(t.Context(), tenant{}, "other")
		for range 4 {
			if got, _ := trial.ReadIn(public, t, db, one); strings.Contains(got, "other") {
				t.Errorf("public reads %s", got)
			}
			if got, _ := trial.ReadIn(other, t, db, one); !strings.Contains(got, "other") {
				t.Errorf("other reads %s", got)
			}
			if _, r := trial.Read(t, db, one); r.Hit {
				t.Error("a hit without a scope")
			}
		}
	})
}

// wrapping wraps connections as tracers do.
type wrapping struct{ driver.Connector }

func (c wrapping) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &wrapped{conn}, nil
}

type wrapped struct{ driver.Conn }

func (c *wrapped) ResetSession(ctx context.Context) error {
	return c.Conn.(driver.SessionResetter).ResetSession(ctx)
}

// Row-level security lets two sessions see two tables in one.
func TestRowSecurity(t *testing.T) {
	w := onPgx(t, nil)
	w.fill()
	trial.Exec(t, w.DB, "ALTER TABLE item ENABLE ROW LEVEL SECURITY; ALTER TABLE item FORCE ROW LEVEL SECURITY")
	trial.Exec(t, w.DB, "CREATE POLICY p ON item USING (kind = current_setting('app.kind')::int)")
	trial.Exec(t, w.DB, "CREATE VIEW seen AS SELECT * FROM item")
	for _, q := range []string{one, "SELECT count(*) FROM seen"} {
		for range 3 {
			if _, r := trial.Read(t, w.DB, q); r.Hit {
				t.Errorf("%s is cached", q)
			}
		}
	}
	scoped := trial.Closing(t, sqlcache.OpenDB(w.Cache, pgxConnector(t, w.dsn), &sqlcache.Options{
		Scope: func(context.Context) (string, bool) { return "everybody", true },
	}))
	w.WarmOn(scoped, one)
}

// A connection whose session differs from the others' by a hook keeps nothing.
func TestConnectionsThatDiffer(t *testing.T) {
	dsn := live.PostgresURL(t)
	n := 0
	odd := stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		if n++; n > 1 {
			_, err := c.Exec(ctx, "SET search_path = other")
			return err
		}
		return nil
	})
	w := newWorld(t, dsn, pgxConnector(t, dsn, odd), &sqlcache.Options{MaxIdleConns: 4})
	trial.Exec(t, w.Bare, "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT); INSERT INTO item VALUES (1, 1, 'one')")
	trial.Exec(t, w.Bare, "CREATE SCHEMA other; CREATE TABLE other.item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT); INSERT INTO other.item VALUES (1, 1, 'other')")
	trial.Read(t, w.DB, one)
	tx := begin(t, w.DB, nil) // takes the first real connection
	if got, _ := trial.Read(t, w.DB, "SELECT kind, name, id FROM item WHERE id = 1"); !strings.Contains(got, "other") {
		t.Skipf("not the connection expected: %s", got)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		c := w.Conn()
		if got, r := trial.Read(t, c, "SELECT kind, name, id FROM item WHERE id = 1"); r.Hit && strings.Contains(got, "other") {
			t.Errorf("kept what a different connection read: %s", got)
		}
	}
}

func TestNotADatabaseThatWeKnow(t *testing.T) {
	cache := trial.Cache(t, onPgx(t, nil).Store, nil)
	db := trial.Closing(t, sqlcache.OpenDB(cache, pgxConnector(t, live.PostgresURL(t)), &sqlcache.Options{Name: "same"}))
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	clash := trial.Closing(t, sqlcache.OpenDB(cache, pgxConnector(t, live.PostgresURL(t)), &sqlcache.Options{Name: "same"}))
	if err := clash.PingContext(t.Context()); err == nil || errors.Is(err, driver.ErrBadConn) {
		t.Errorf("two databases of one name: %v", err)
	}
}

// What a program has prepared by SQL stays prepared while the schema changes.
func TestPreparedTextOutlivesDDL(t *testing.T) {
	const read, write = "EXECUTE named(1)", "EXECUTE renamed('new', 1)"
	prepare := []string{
		"PREPARE named(integer) AS SELECT name FROM item WHERE id = $1", "PREPARE renamed(text, integer) AS UPDATE item SET name = $1 WHERE id = $2",
	}
	use := func(w *world, on trial.Querier) {
		w.Helper()
		for range 2 {
			trial.Exec(w, w.DB, "CREATE TABLE another ()")
			trial.Exec(w, on, write)
			trial.Exec(w, w.DB, "DROP TABLE another")
			w.Same(one)
			if got, _ := trial.Read(w, on, read); got != "[new]" {
				w.Errorf("%s: %s", read, got)
			}
		}
	}
	each(t, func(w *world) {
		w.fill()
		c := w.Conn()
		trial.Script(w, c, prepare...)
		use(w, c)
	})
	t.Run("by a hook", func(t *testing.T) {
		t.Parallel()
		dsn := live.PostgresURL(t)
		w := newWorld(t, dsn, pgxConnector(t, dsn, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
			_, err := c.Exec(ctx, "CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT UNIQUE)")
			for _, q := range prepare {
				if err == nil {
					_, err = c.Exec(ctx, q)
				}
			}
			return err
		})), nil)
		trial.Exec(t, w.DB, "INSERT INTO item VALUES (1, 1, 'one')")
		use(w, w.DB)
	})
}
