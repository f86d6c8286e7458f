package redis

import (
	"os"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/redisstore/redistest"
	"github.com/cacheops/cacheops/sqlcache"

	"modernc.org/sqlite"
)

// TestMarkThatCannotBeMade: a text that others could not see running is not run.
// What only reads, or sets something up, is, and so is a single statement.
func TestMarkThatCannotBeMade(t *testing.T) {
	w := newWorld(t, 10)
	url := redistest.Start(t, nil).URL()
	p, other := w.process(url, redisstore.Options{}, cacheops.Config{}), w.process(url, redisstore.Options{}, cacheops.Config{})
	p.warm(1)
	if err := os.Mkdir(w.file+"-cacheops", 0o700); err != nil {
		t.Fatal(err)
	}
	for text, runs := range map[string]bool{
		"UPDATE items SET n = 1 WHERE id = 1; UPDATE items SET n = 1 WHERE id = 2": false,
		"SELECT 1; BEGIN; UPDATE items SET n = 1 WHERE id = 1; COMMIT":             false,
		"CREATE TABLE other (id INTEGER); SELECT 1":                                false,
		"VACUUM": false,
		"PRAGMA case_sensitive_like = 0; SELECT 1": true,
		"BEGIN; SELECT n FROM items; COMMIT":       true,
		"UPDATE items SET n = 2 WHERE id = 3":      true,
	} {
		if _, err := other.db.ExecContext(t.Context(), text); (err == nil) != runs {
			t.Errorf("%s: %v", text, err)
		}
	}
	if n := p.n(1); n != 0 {
		t.Errorf("the database has %d: something was run", n)
	}
	p.warm(1)
}

// TestNoMarkInOneProcess: where nobody else has a share in the store, nothing is
// left beside the database.
func TestNoMarkInOneProcess(t *testing.T) {
	w := newWorld(t, 10)
	store := memstore.New(0)
	defer store.Close()
	cache, err := cacheops.New(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	db := sqlcache.OpenDB(cache, connector{&sqlite.Driver{}, w.dsn}, nil)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "UPDATE items SET n = 1; VACUUM"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(w.file + "-cacheops"); !os.IsNotExist(err) {
		t.Errorf("a file beside the database: %v", err)
	}
}
