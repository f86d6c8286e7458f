package sqlcache_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/internal/faultstore"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

func TestHitTakesNoConnection(t *testing.T) {
	w := shop(t, &sqlcache.Options{MaxOpenConns: 1})
	w.Warm(one)
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := trial.Rows(ctx, w.DB, two); err == nil {
		t.Fatal("the inner pool has a connection to spare: the test shows nothing")
	}
	if !w.Same(one) {
		t.Error("no hit while the inner pool is exhausted")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}

	inner := sql.OpenDB(connectorTo(t, w.dsn))
	db := trial.Closing(t, sqlcache.Wrap(newCache(t, nil), inner, nil))
	for range 2 {
		trial.Read(t, db, one)
	}
	if err := inner.Close(); err != nil {
		t.Fatal(err)
	}
	if _, r := trial.Read(t, db, one); !r.Hit {
		t.Error("no hit over a closed pool")
	}
	if _, err := trial.Rows(context.Background(), db, two); err == nil {
		t.Error("a miss over a closed pool succeeded")
	}
}

func TestSessionStatePinsTheConnection(t *testing.T) {
	for _, statement := range []string{
		"PRAGMA foreign_keys = ON",
		"PRAGMA case_sensitive_like = ON",
		"CREATE TEMP TABLE item AS SELECT 1 AS id, 9 AS kind, 'temp' AS name",
		"ATTACH ':memory:' AS other",
	} {
		t.Run(statement, func(t *testing.T) {
			w := shop(t, nil)
			w.Warm(one)
			c := w.Conn()
			trial.Exec(t, c, statement)
			if rows, r := trial.Read(t, c, one); r.Hit || r.Why == "miss" {
				t.Errorf("a read of a session of its own asked the cache: %s, %+v", rows, r)
			}
			w.Warm(one)
			trial.Exec(t, c, "UPDATE main.item SET name = 'pinned' WHERE id = 1")
			if w.Same(one) {
				t.Error("a write of a session of its own dropped nothing")
			}
			w.Warm(one)
		})
	}
}

func TestTuningPinsNothing(t *testing.T) {
	w := shop(t, nil)
	w.Warm(one)
	for _, q := range []string{"PRAGMA synchronous = OFF", "PRAGMA journal_mode = WAL", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA busy_timeout = 9000"} {
		c := w.Conn()
		trial.Read(t, c, q)
		trial.Exec(t, c, q)
		if _, r := trial.Read(t, c, one); !r.Hit {
			t.Errorf("%s: no hit after it: %+v", q, r)
		}
	}
	c := w.Conn()
	trial.Exec(t, c, "ATTACH ':memory:' AS synchronous")
	if _, r := trial.Read(t, c, one); r.Hit {
		t.Error("an attached database with a pragma's name pinned nothing")
	}
}

func TestSessionStateIsNotPooled(t *testing.T) {
	w, b := bentShop(t, nil)
	c := w.Conn()
	trial.Exec(t, c, "CREATE TEMP TABLE mine (x)")
	trial.Exec(t, c, "PRAGMA foreign_keys = ON")
	closed := b.closed.Load()
	if err := c.Raw(func(any) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	w.DB.SetMaxIdleConns(-1) // closes the idle virtual connections
	if b.closed.Load() == closed {
		t.Error("the real connection was not closed with its virtual one")
	}
	for range 5 {
		if rows, _ := trial.Read(t, w.DB, "PRAGMA foreign_keys"); !strings.Contains(rows, "0") {
			t.Errorf("another connection has foreign_keys %s", rows)
		}
	}
}

func TestTempTableShadowsOnItsConnectionOnly(t *testing.T) {
	w := shop(t, nil)
	c := w.Conn()
	trial.Exec(t, c, "CREATE TEMP TABLE item AS SELECT 1 AS id, 9 AS kind, 'temp' AS name")
	w.Warm(one)
	if rows, _ := trial.Read(t, c, one); !strings.Contains(rows, "temp") {
		t.Errorf("the connection reads %s", rows)
	}
	w.Warm(one)
}

// With one real connection its session is everybody's, as without the cache.
func TestSingleConnection(t *testing.T) {
	w := &world{World: &trial.World{TB: t, Cache: newCache(t, nil)}}
	w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, ":memory:"), &sqlcache.Options{MaxOpenConns: 1}))
	w.fill()
	for range 2 {
		trial.Read(t, w.DB, one)
	}
	if _, r := trial.Read(t, w.DB, one); !r.Hit {
		t.Fatalf("a database in memory on one connection is not cached: %+v", r)
	}
	trial.Exec(t, w.DB, "PRAGMA case_sensitive_like = ON")
	if rows, _ := trial.Read(t, w.DB, "SELECT 1 FROM item WHERE name LIKE 'ONE'"); rows != "" {
		t.Error("the pragma is lost")
	}
	trial.Exec(t, w.DB, "PRAGMA case_sensitive_like = OFF")
	if rows, _ := trial.Read(t, w.DB, "SELECT 1 FROM item WHERE name LIKE 'ONE'"); rows == "" {
		t.Error("a read from before the pragma was served")
	}
	trial.Exec(t, w.DB, "CREATE TEMP TABLE scratch (x)")
	trial.Exec(t, w.DB, "INSERT INTO scratch VALUES (1)")
	if rows, _ := trial.Read(t, w.DB, "SELECT x FROM scratch"); rows == "" {
		t.Error("the temporary table is lost")
	}
	trial.Exec(t, w.DB, "INSERT INTO scratch VALUES (2)")
	if rows, _ := trial.Read(t, w.DB, "SELECT count(*) FROM scratch"); !strings.Contains(rows, "2") {
		t.Errorf("counted %s", rows)
	}
	for range 2 {
		trial.Read(t, w.DB, one)
	}
	if _, r := trial.Read(t, w.DB, one); !r.Hit {
		t.Errorf("no longer cached: %+v", r)
	}
	trial.Exec(t, w.DB, "UPDATE item SET name = 'new' WHERE id = 1")
	if rows, _ := trial.Read(t, w.DB, one); !strings.Contains(rows, "new") {
		t.Errorf("read %s", rows)
	}
	// Rows being read do not keep the same connection's other statements out.
	c := w.Conn()
	rows, err := c.QueryContext(cacheops.NoCache(context.Background()), "SELECT id FROM item")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		trial.Exec(t, c, "UPDATE item SET kind = kind + 10 WHERE id = ?", id)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if rows, _ := trial.Read(t, w.DB, kinds); !strings.Contains(rows, "11") {
		t.Errorf("read %s", rows)
	}
}

func TestPrivateDatabasesInMemoryAreNotCached(t *testing.T) {
	db := trial.Closing(t, sqlcache.OpenDB(newCache(t, nil), connectorTo(t, ":memory:"), nil))
	c, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	trial.Exec(t, c, "BEGIN")
	trial.Exec(t, c, items)
	trial.Exec(t, c, "COMMIT")
	_, r := trial.Read(t, c, "SELECT count(*) FROM item")
	if r.Hit || !strings.Contains(r.Why, "memory") {
		t.Errorf("%+v", r)
	}
}

func TestRawConnectionTurnsTheCacheOff(t *testing.T) {
	w := shop(t, nil)
	w.Warm(one)
	c := w.Conn()
	err := sqlcache.Raw(context.Background(), c, func(dc any) error {
		if got := fmt.Sprintf("%T", dc); !strings.Contains(got, "sqlite") {
			t.Errorf("got a %s", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.Same(one) {
		t.Error("a hit after the program had the real connection")
	}
	if _, r := trial.Read(t, c, one); r.Why != "raw connection" {
		t.Errorf("%+v", r)
	}
	w.Warm(one)
	trial.Exec(t, c, "UPDATE item SET kind = 7 WHERE id = 2")
	if w.Same(one) {
		t.Error("a write after Raw is narrowed")
	}
}

func TestSchemaChangedOutside(t *testing.T) {
	w := shop(t, &sqlcache.Options{SchemaCheck: time.Nanosecond})
	w.Warm("SELECT * FROM item WHERE id = 1")
	trial.Exec(t, w.Bare, "ALTER TABLE item ADD COLUMN extra DEFAULT 'x'")
	trial.Exec(t, w.Bare, "CREATE VIEW v AS SELECT id, extra FROM item")
	trial.Read(t, w.DB, two) // a miss, whose lease shows the change
	w.Same("SELECT * FROM item WHERE id = 1")
	w.Warm("SELECT extra FROM v WHERE id = 1")
	trial.Exec(t, w.DB, "UPDATE item SET extra = 'y' WHERE id = 1")
	if w.Same("SELECT extra FROM v WHERE id = 1") {
		t.Error("the view from outside is not known")
	}
}

// A change that was noticed while the store could not be told is told by whoever comes
// after: the schema that was read meanwhile shows nothing of it.
func TestSchemaChangedOutsideWhileTheStoreIsAway(t *testing.T) {
	for _, in := range []string{"autocommit", "transaction", "read"} {
		t.Run(in, func(t *testing.T) {
			w := shop(t, nil)
			trial.Exec(t, w.DB, "CREATE VIEW v AS SELECT name FROM item WHERE id = 1")
			store := faultstore.New(memstore.New(16 << 20))
			w.Cache = trial.Cache(t, store, nil)
			w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, w.dsn), &sqlcache.Options{SchemaCheck: time.Nanosecond}))
			w.Warm("SELECT name FROM v")
			trial.Script(t, w.Bare, "DROP VIEW v", "CREATE VIEW v AS SELECT name FROM item WHERE id = 2")
			store.Break(faultstore.Begin)
			switch in {
			case "autocommit":
				if _, err := w.DB.Exec("UPDATE item SET kind = 5 WHERE id = 4"); !errors.Is(err, cacheops.ErrStore) {
					t.Errorf("a write without the store: %v", err)
				}
			case "transaction": // that only reads
				tx := trial.Begin(t, w.DB)
				trial.Read(t, tx, two)
				trial.Commit(t, tx)
			case "read":
				trial.Read(t, w.DB, two)
			}
			store.Mend()
			trial.Read(t, w.DB, "SELECT name FROM item WHERE id = 3") // a miss
			w.Dropped("the view was made anew", "SELECT name FROM v")
		})
	}
}

func TestTwoDatabasesOverOneFile(t *testing.T) {
	w := shop(t, nil)
	other := trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, w.dsn), nil))
	w.Warm(one)
	if _, r := trial.Read(t, other, one); !r.Hit {
		t.Errorf("two databases over one file do not share: %+v", r)
	}
	trial.Exec(t, other, "UPDATE item SET name = 'theirs' WHERE id = 1")
	if w.Same(one) {
		t.Error("a hit after the other's write")
	}
	trial.Exec(t, other, "ALTER TABLE item ADD COLUMN extra")
	w.Same(one)
	w.Same("SELECT extra FROM item WHERE id = 1")
	strange := trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, w.dsn+"&_inttotime=1"), nil))
	w.Warm(one)
	if _, r := trial.Read(t, strange, one); r.Hit {
		t.Error("connections with other settings share entries")
	}
	elsewhere := "file:" + filepath.Join(t.TempDir(), "other.db")
	wrong := trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, elsewhere), &sqlcache.Options{Name: filepath.Join(filepath.Dir(w.dsn[5:]), "test.db")}))
	if err := wrong.Ping(); err == nil {
		t.Error("another database took the same name")
	}
}

// late is a connector whose connections but the first follow foreign keys.
type late struct {
	driver.Connector
	n atomic.Int32
}

func (l *late) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := l.Connector.Connect(ctx)
	if err == nil && l.n.Add(1) > 1 {
		_, err = c.(driver.ExecerContext).ExecContext(ctx, "PRAGMA foreign_keys = ON", nil)
	}
	return c, err
}

// What a write does by itself may differ between the connections of a pool.
func TestConnectionsThatDoNotAllFollowForeignKeys(t *testing.T) {
	for name, within := range map[string]bool{"autocommit": false, "in a transaction": true} {
		t.Run(name, func(t *testing.T) {
			w := shop(t, nil)
			w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, &late{Connector: connectorTo(t, w.dsn)}, nil))
			trial.Script(t, w.DB, "CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item (id) ON DELETE CASCADE)", "INSERT INTO part VALUES (1, 1)")
			const parts = "SELECT count(*) FROM part WHERE item = 1"
			w.Warm(parts)
			rows, err := w.DB.QueryContext(t.Context(), "SELECT random()") // has the first connection
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			if within {
				tx := trial.Begin(t, w.DB)
				trial.Exec(t, tx, "DELETE FROM item WHERE id = 1")
				trial.Commit(t, tx)
			} else {
				trial.Exec(t, w.DB, "DELETE FROM item WHERE id = 1")
			}
			if got, r := trial.Read(t, w.DB, parts); got != "[0]" {
				t.Errorf("read %s, %+v", got, r)
			}
			if err := rows.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}
