package sqlcache_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/sqlcache"
)

func TestHitTakesNoConnection(t *testing.T) {
	w := shop(t, &sqlcache.Options{MaxOpenConns: 1})
	w.warm(one)
	tx, err := w.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := rowsOf(ctx, w.db, two); err == nil {
		t.Fatal("the inner pool has a connection to spare: the test shows nothing")
	}
	if !w.same(one) {
		t.Error("no hit while the inner pool is exhausted")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}

	inner := sql.OpenDB(connectorTo(t, w.dsn))
	db := closing(t, sqlcache.Wrap(newCache(t, nil), inner, nil))
	for range 2 {
		read(t, db, one)
	}
	if err := inner.Close(); err != nil {
		t.Fatal(err)
	}
	if _, r := read(t, db, one); !r.Hit {
		t.Error("no hit over a closed pool")
	}
	if _, err := rowsOf(context.Background(), db, two); err == nil {
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
			w.warm(one)
			c := w.conn()
			exec(t, c, statement)
			if rows, r := read(t, c, one); r.Hit || r.Why == "miss" {
				t.Errorf("a read of a session of its own asked the cache: %s, %+v", rows, r)
			}
			w.warm(one)
			exec(t, c, "UPDATE main.item SET name = 'pinned' WHERE id = 1")
			if w.same(one) {
				t.Error("a write of a session of its own dropped nothing")
			}
			w.warm(one)
		})
	}
}

func TestTuningPinsNothing(t *testing.T) {
	w := shop(t, nil)
	w.warm(one)
	for _, q := range []string{"PRAGMA synchronous = OFF", "PRAGMA journal_mode = WAL", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA busy_timeout = 9000"} {
		c := w.conn()
		read(t, c, q)
		exec(t, c, q)
		if _, r := read(t, c, one); !r.Hit {
			t.Errorf("%s: no hit after it: %+v", q, r)
		}
	}
	c := w.conn()
	exec(t, c, "ATTACH ':memory:' AS synchronous")
	if _, r := read(t, c, one); r.Hit {
		t.Error("an attached database with a pragma's name pinned nothing")
	}
}

func TestSessionStateIsNotPooled(t *testing.T) {
	w, b := bentShop(t, nil)
	c := w.conn()
	exec(t, c, "CREATE TEMP TABLE mine (x)")
	exec(t, c, "PRAGMA foreign_keys = ON")
	closed := b.closed.Load()
	if err := c.Raw(func(any) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	w.db.SetMaxIdleConns(-1) // closes the idle virtual connections
	if b.closed.Load() == closed {
		t.Error("the real connection was not closed with its virtual one")
	}
	for range 5 {
		if rows, _ := read(t, w.db, "PRAGMA foreign_keys"); !strings.Contains(rows, "0") {
			t.Errorf("another connection has foreign_keys %s", rows)
		}
	}
}

func TestTempTableShadowsOnItsConnectionOnly(t *testing.T) {
	w := shop(t, nil)
	c := w.conn()
	exec(t, c, "CREATE TEMP TABLE item AS SELECT 1 AS id, 9 AS kind, 'temp' AS name")
	w.warm(one)
	if rows, _ := read(t, c, one); !strings.Contains(rows, "temp") {
		t.Errorf("the connection reads %s", rows)
	}
	w.warm(one)
}

// With one real connection its session is everybody's, as without the cache.
func TestSingleConnection(t *testing.T) {
	w := &world{T: t, cache: newCache(t, nil)}
	w.db = closing(t, sqlcache.OpenDB(w.cache, connectorTo(t, ":memory:"), &sqlcache.Options{MaxOpenConns: 1}))
	w.fill()
	for range 2 {
		read(t, w.db, one)
	}
	if _, r := read(t, w.db, one); !r.Hit {
		t.Fatalf("a database in memory on one connection is not cached: %+v", r)
	}
	exec(t, w.db, "PRAGMA case_sensitive_like = ON")
	if rows, _ := read(t, w.db, "SELECT 1 FROM item WHERE name LIKE 'ONE'"); rows != "" {
		t.Error("the pragma is lost")
	}
	exec(t, w.db, "PRAGMA case_sensitive_like = OFF")
	if rows, _ := read(t, w.db, "SELECT 1 FROM item WHERE name LIKE 'ONE'"); rows == "" {
		t.Error("a read from before the pragma was served")
	}
	exec(t, w.db, "CREATE TEMP TABLE scratch (x)")
	exec(t, w.db, "INSERT INTO scratch VALUES (1)")
	if rows, _ := read(t, w.db, "SELECT x FROM scratch"); rows == "" {
		t.Error("the temporary table is lost")
	}
	exec(t, w.db, "INSERT INTO scratch VALUES (2)")
	if rows, _ := read(t, w.db, "SELECT count(*) FROM scratch"); !strings.Contains(rows, "2") {
		t.Errorf("counted %s", rows)
	}
	for range 2 {
		read(t, w.db, one)
	}
	if _, r := read(t, w.db, one); !r.Hit {
		t.Errorf("no longer cached: %+v", r)
	}
	exec(t, w.db, "UPDATE item SET name = 'new' WHERE id = 1")
	if rows, _ := read(t, w.db, one); !strings.Contains(rows, "new") {
		t.Errorf("read %s", rows)
	}
	// Rows being read do not keep the same connection's other statements out.
	c := w.conn()
	rows, err := c.QueryContext(cacheops.NoCache(context.Background()), "SELECT id FROM item")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		exec(t, c, "UPDATE item SET kind = kind + 10 WHERE id = ?", id)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if rows, _ := read(t, w.db, kinds); !strings.Contains(rows, "11") {
		t.Errorf("read %s", rows)
	}
}

func TestPrivateDatabasesInMemoryAreNotCached(t *testing.T) {
	db := closing(t, sqlcache.OpenDB(newCache(t, nil), connectorTo(t, ":memory:"), nil))
	c, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	exec(t, c, "BEGIN")
	exec(t, c, items)
	exec(t, c, "COMMIT")
	_, r := read(t, c, "SELECT count(*) FROM item")
	if r.Hit || !strings.Contains(r.Why, "memory") {
		t.Errorf("%+v", r)
	}
}

func TestRawConnectionTurnsTheCacheOff(t *testing.T) {
	w := shop(t, nil)
	w.warm(one)
	c := w.conn()
	err := sqlcache.Raw(context.Background(), c, func(dc any) error {
		if got := fmt.Sprintf("%T", dc); !strings.Contains(got, "sqlite") {
			t.Errorf("got a %s", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.same(one) {
		t.Error("a hit after the program had the real connection")
	}
	if _, r := read(t, c, one); r.Why != "raw connection" {
		t.Errorf("%+v", r)
	}
	w.warm(one)
	exec(t, c, "UPDATE item SET kind = 7 WHERE id = 2")
	if w.same(one) {
		t.Error("a write after Raw is narrowed")
	}
}

func TestSchemaChangedOutside(t *testing.T) {
	w := shop(t, &sqlcache.Options{SchemaCheck: time.Nanosecond})
	w.warm("SELECT * FROM item WHERE id = 1")
	exec(t, w.bare, "ALTER TABLE item ADD COLUMN extra DEFAULT 'x'")
	exec(t, w.bare, "CREATE VIEW v AS SELECT id, extra FROM item")
	read(t, w.db, two) // a miss, whose lease shows the change
	w.same("SELECT * FROM item WHERE id = 1")
	w.warm("SELECT extra FROM v WHERE id = 1")
	exec(t, w.db, "UPDATE item SET extra = 'y' WHERE id = 1")
	if w.same("SELECT extra FROM v WHERE id = 1") {
		t.Error("the view from outside is not known")
	}
}

func TestTwoDatabasesOverOneFile(t *testing.T) {
	w := shop(t, nil)
	other := closing(t, sqlcache.OpenDB(w.cache, connectorTo(t, w.dsn), nil))
	w.warm(one)
	if _, r := read(t, other, one); !r.Hit {
		t.Errorf("two databases over one file do not share: %+v", r)
	}
	exec(t, other, "UPDATE item SET name = 'theirs' WHERE id = 1")
	if w.same(one) {
		t.Error("a hit after the other's write")
	}
	exec(t, other, "ALTER TABLE item ADD COLUMN extra")
	w.same(one)
	w.same("SELECT extra FROM item WHERE id = 1")
	strange := closing(t, sqlcache.OpenDB(w.cache, connectorTo(t, w.dsn+"&_inttotime=1"), nil))
	w.warm(one)
	if _, r := read(t, strange, one); r.Hit {
		t.Error("connections with other settings share entries")
	}
	elsewhere := "file:" + filepath.Join(t.TempDir(), "other.db")
	wrong := closing(t, sqlcache.OpenDB(w.cache, connectorTo(t, elsewhere), &sqlcache.Options{Name: filepath.Join(filepath.Dir(w.dsn[5:]), "test.db")}))
	if err := wrong.Ping(); err == nil {
		t.Error("another database took the same name")
	}
}
