package sqlcache_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// Without a journal a rollback leaves in the file what had reached it: nothing that
// is read there may be kept.
func TestRollbackWithoutAJournal(t *testing.T) {
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + "?_pragma=journal_mode(OFF)&_pragma=cache_size(5)"
	w := &world{&trial.World{TB: t, Cache: newCache(t, nil)}, dsn}
	w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, dsn), nil))
	w.Bare = trial.Closing(t, sql.OpenDB(connectorTo(t, dsn)))
	trial.Exec(t, w.DB, items)
	for i := range 200 {
		trial.Exec(t, w.DB, "INSERT INTO item VALUES (?, 1, ? || ?)", i, i, strings.Repeat("x", 500))
	}
	const all = "SELECT sum(kind) FROM item"
	for range 3 {
		if w.Same(all) {
			t.Fatal("a hit")
		}
	}
	tx := trial.Begin(t, w.DB)
	trial.Exec(t, tx, "UPDATE item SET kind = 2")
	trial.Rollback(t, tx)
	w.Same(all)
}
