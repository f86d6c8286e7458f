package sqlcache_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// impatient is a shop of which another session holds the write lock, and where
// nobody waits for it.
func impatient(t *testing.T) *world {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + "?_pragma=busy_timeout(0)&_pragma=journal_mode(WAL)"
	w := &world{&trial.World{TB: t, Cache: newCache(t, nil)}, dsn}
	w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, dsn), nil))
	w.Bare = trial.Closing(t, sql.OpenDB(connectorTo(t, dsn)))
	w.fill()
	return w
}

// What needs no write lock without the cache needs none with it.
func TestWritesThatNeedNoLock(t *testing.T) {
	w := impatient(t)
	temp := w.Conn()
	trial.Exec(t, temp, "CREATE TEMP TABLE mine (id INTEGER PRIMARY KEY)")
	lock, err := w.Bare.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	trial.Exec(t, lock, "BEGIN IMMEDIATE")
	trial.Exec(t, w.DB, "DROP INDEX IF EXISTS missing")
	trial.Exec(t, w.DB, "CREATE TABLE IF NOT EXISTS item (id INTEGER)")
	trial.Exec(t, temp, "INSERT INTO mine VALUES (1)")
	for _, q := range []string{"INSERT INTO missing VALUES (1)", "UPDATE item SET missing = 1", "UPDATE item SET kind = 7 WHERE id = 1"} {
		_, err := w.DB.Exec(q)
		_, want := w.Bare.Exec(q)
		if err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("%s: %v, the bare driver says %v", q, err, want)
		}
	}
	trial.Exec(t, lock, "COMMIT")
}

// A savepoint set among several statements begins a transaction, and releasing
// it commits.
func TestReleaseOfASavepointSetInASeveralStatementsText(t *testing.T) {
	for _, q := range []string{
		"SAVEPOINT s; UPDATE item SET kind = 9 WHERE id = 1",
		"SAVEPOINT r; SAVEPOINT s; RELEASE s; SAVEPOINT s; UPDATE item SET kind = 9 WHERE id = 1; RELEASE s; RELEASE r; SAVEPOINT s; UPDATE item SET kind = 8 WHERE id = 1",
	} {
		w := shop(t, nil)
		w.Warm(one)
		c := w.Conn()
		trial.Exec(t, c, q)
		w.Warm(one)
		trial.Exec(t, c, "SAVEPOINT inner")
		trial.Exec(t, c, "UPDATE item SET name = 'inner' WHERE id = 1")
		trial.Exec(t, c, "RELEASE inner")
		w.Warm(one)
		trial.Exec(t, c, "UPDATE item SET kind = 10 WHERE id = 1")
		trial.Exec(t, c, "RELEASE s")
		w.Same(one)
	}
}

// SQLite carries out some pragmas while it compiles them.
func TestPreparedPragmaIsNotPooled(t *testing.T) {
	for _, q := range []string{"PRAGMA foreign_keys = ON", "EXPLAIN PRAGMA foreign_keys = ON"} {
		for _, limit := range []int{0, 1} {
			w := shop(t, &sqlcache.Options{MaxOpenConns: limit})
			trial.Exec(t, w.DB, "CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item ON DELETE CASCADE)")
			trial.Exec(t, w.DB, "INSERT INTO part VALUES (1, 1), (2, 2)")
			c := w.Conn()
			st, err := c.PrepareContext(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			w.Warm("SELECT count(*) FROM part")
			trial.Exec(t, w.DB, "DELETE FROM item WHERE id = 1")
			w.Same("SELECT count(*) FROM part")
		}
	}
}

// The transaction has the only connection, so the schema cannot be read anew.
func TestInvalidateOfANewTableWithinATransaction(t *testing.T) {
	w := shop(t, &sqlcache.Options{MaxOpenConns: 1})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	trial.Exec(t, w.DB, "CREATE TABLE newer (id INTEGER PRIMARY KEY)")
	tx, err := w.DB.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlcache.Invalidate(ctx, tx, cacheops.Table("newer")); err != nil {
		t.Error(err)
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
}

// A file that is attached to another database's connection is cached under its
// own name.
func TestWritesToAnAttachedFile(t *testing.T) {
	for _, limit := range []int{0, 1} {
		w := shop(t, nil)
		dsn := "file:" + filepath.Join(t.TempDir(), "other.db") + pragmas
		other := trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, dsn), &sqlcache.Options{MaxOpenConns: limit}))
		c, err := other.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		file := filepath.Join(filepath.Dir(w.dsn[len("file:"):]), "test.db")
		w.Warm(one)
		trial.Exec(t, c, "ATTACH '"+file+"' AS shop; UPDATE shop.item SET kind = 5 WHERE id = 1")
		w.Warm(one)
		trial.Exec(t, c, "UPDATE shop.item SET kind = 6 WHERE id = 1")
		w.Warm(one)
		trial.Exec(t, c, "BEGIN")
		trial.Exec(t, c, "UPDATE item SET kind = 7 WHERE id = 1")
		w.Warm(one)
		trial.Exec(t, c, "COMMIT")
		w.Warm(one)
		trial.Exec(t, c, "ALTER TABLE shop.item RENAME COLUMN name TO title")
		if _, err := trial.Rows(context.Background(), w.DB, one); err == nil {
			t.Error("a column that was renamed is still read")
		}
	}
}

// What a *sql.Conn asks about its own latest write is not another's.
func TestLastInsertRowIDIsTheConnectionsOwn(t *testing.T) {
	for _, limit := range []int{0, 2} {
		inner := sql.OpenDB(connectorTo(t, "file:"+filepath.Join(t.TempDir(), "test.db")+pragmas))
		inner.SetMaxOpenConns(limit)
		w := &world{World: &trial.World{TB: t, Cache: newCache(t, nil)}}
		w.DB, w.Bare = trial.Closing(t, sqlcache.Wrap(w.Cache, inner, nil)), trial.Closing(t, inner)
		w.fill()
		a, b := w.Conn(), w.Conn()
		trial.Exec(t, a, "INSERT INTO item VALUES (10, 1, 'ten')")
		trial.Exec(t, b, "INSERT INTO item VALUES (20, 1, 'twenty')")
		if got, _ := trial.Read(t, a, "SELECT last_insert_rowid()"); got != "[10]" {
			t.Errorf("the last rowid is %s", got)
		}
		trial.Exec(t, a, "UPDATE item SET kind = 3 WHERE id < 4")
		trial.Exec(t, b, "UPDATE item SET kind = 3 WHERE id = 4")
		if got, _ := trial.Read(t, a, "SELECT changes()"); got != "[3]" {
			t.Errorf("%s rows changed", got)
		}
		tx, err := a.BeginTx(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		trial.Exec(t, tx, "INSERT INTO item VALUES (30, 1, 'thirty')")
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		trial.Exec(t, b, "INSERT INTO item VALUES (40, 1, 'forty')")
		if got, _ := trial.Read(t, a, "SELECT last_insert_rowid()"); got != "[30]" {
			t.Errorf("after a transaction the last rowid is %s", got)
		}
		trial.Exec(t, b, "CREATE INDEX kinds ON item (kind)")
		for range 3 {
			trial.Read(t, a, one)
			trial.Read(t, b, one)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		trial.Exec(t, w.DB, "UPDATE item SET kind = 4 WHERE id = 4")
		if n := inner.Stats().InUse; n != 0 {
			t.Errorf("%d connections are still in use", n)
		}
	}
}

// TestReturningThatFailsAtItsCommit: SQLite hands out the rows of a RETURNING
// before it finds that the commit breaks a deferred key.
func TestReturningThatFailsAtItsCommit(t *testing.T) {
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + pragmas + "&_pragma=foreign_keys(1)"
	w := &world{&trial.World{TB: t, Cache: newCache(t, nil)}, dsn}
	w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, dsn), nil))
	w.Bare = trial.Closing(t, sql.OpenDB(connectorTo(t, dsn)))
	trial.Exec(t, w.DB, "CREATE TABLE parent (id INTEGER PRIMARY KEY)")
	trial.Exec(t, w.DB, "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
	trial.Exec(t, w.DB, "INSERT INTO parent VALUES (1)")
	insert := "INSERT INTO child (parent) VALUES (?), (?) RETURNING id"
	children := "SELECT parent, count(*) FROM child GROUP BY parent"
	w.Warm(children)
	for range 2 {
		_, cached := trial.Rows(context.Background(), w.DB, insert, 1, 2)
		_, bare := trial.Rows(context.Background(), w.Bare, insert, 1, 2)
		if cached == nil || bare == nil || cached.Error() != bare.Error() {
			t.Errorf("cached %v, bare %v", cached, bare)
		}
		var id int
		cached = w.DB.QueryRow(insert, 1, 2).Scan(&id)
		if bare = w.Bare.QueryRow(insert, 1, 2).Scan(&id); cached == nil || bare == nil || cached.Error() != bare.Error() {
			t.Errorf("one row: cached %v, bare %v", cached, bare)
		}
		if rows, _ := trial.Read(t, w.Bare, children); strings.Contains(rows, "2") {
			t.Errorf("a failed write was kept: %s", rows)
		}
		w.Same(children)
	}
	if rows, _ := trial.Read(t, w.DB, insert, 1, 1); rows != "[1][2]" {
		t.Errorf("returned %s", rows)
	}
	if w.Same(children) {
		t.Error("a hit after a write that succeeded")
	}
}
