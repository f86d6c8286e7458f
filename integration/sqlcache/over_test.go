package sqlcache_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// Who opened the pool may have its connections fire the triggers of rows that a
// REPLACE deletes, whatever the one that the schema was read on does.
func TestTriggersOfAForeignPool(t *testing.T) {
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + pragmas
	pool := trial.Closing(t, sql.OpenDB(connectorTo(t, dsn)))
	pool.SetMaxOpenConns(1)
	w := &world{&trial.World{TB: t, Cache: newCache(t, nil)}, dsn}
	w.DB = trial.Closing(t, sqlcache.Wrap(w.Cache, pool, nil))
	w.Bare = trial.Closing(t, sql.OpenDB(connectorTo(t, dsn)))
	trial.Script(t, w.DB, items, "CREATE TABLE gone (id INTEGER)", "CREATE TRIGGER goes AFTER DELETE ON item BEGIN INSERT INTO gone VALUES (old.id); END",
		"INSERT INTO item VALUES (1, 1, 'one')")
	const gone = "SELECT count(*) FROM gone"
	w.Warm(gone)
	trial.Exec(t, pool, "PRAGMA recursive_triggers = ON")
	trial.Exec(t, w.DB, "REPLACE INTO item VALUES (1, 2, 'uno')")
	w.Dropped("a REPLACE", gone)
}
