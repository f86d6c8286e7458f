package sqlcache_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// While nobody can read the schema, which has changed, statements behave as
// without the cache: one that touches no table runs, one that does fails by
// itself, and what is written then is not stale after.
func TestWhileTheSchemaCannotBeRead(t *testing.T) {
	ctx := context.Background()
	dsn := "file:" + t.TempDir() + "/d.db?_pragma=busy_timeout(0)&_pragma=journal_mode(DELETE)"
	db := trial.Closing(t, sqlcache.OpenDB(newCache(t, nil), connectorTo(t, dsn), nil))
	other := trial.Closing(t, sql.OpenDB(connectorTo(t, dsn)))
	trial.Exec(t, db, "CREATE TABLE item (id INTEGER PRIMARY KEY, n INT)")
	trial.Exec(t, db, "INSERT INTO item VALUES (1, 1)")
	count := func(want string, hit bool) {
		t.Helper()
		if got, r := trial.Read(t, db, "SELECT n FROM item WHERE id = 1"); got != want || r.Hit != hit {
			t.Fatalf("got %s, hit %v", got, r.Hit)
		}
	}
	count("[1]", false)
	count("[1]", true)

	c, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	trial.Exec(t, db, "CREATE TABLE another (id INT)") // so that the schema must be read anew
	lock, err := other.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	trial.Exec(t, lock, "BEGIN EXCLUSIVE")
	if _, err := c.ExecContext(ctx, "UPDATE item SET n = 7"); err == nil {
		t.Fatal("the write went past the lock")
	}
	if _, err := trial.Rows(cacheops.With(ctx, cacheops.Call{}), c, "SELECT n FROM item"); err == nil {
		t.Fatal("the read went past the lock")
	}
	trial.Exec(t, c, "SAVEPOINT s")
	trial.Exec(t, lock, "ROLLBACK")
	trial.Exec(t, c, "UPDATE item SET n = 2")
	trial.Exec(t, c, "RELEASE s")
	count("[2]", false)
	count("[2]", true)
}
