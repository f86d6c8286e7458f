package cli

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// TestInvalidateRowsUnseen: where rows may be others than those that can be read,
// what is read of them is not used.
func TestInvalidateRowsUnseen(t *testing.T) {
	const elsewhere = "SELECT count(*) FROM item WHERE category = 2" // where no row that can be seen is
	for _, c := range []struct {
		name, ddl string
		options   sqlcache.Options
		rows      int
		dropped   bool
	}{
		{"as they are", "", sqlcache.Options{}, 1, false},
		{"a replica", "", sqlcache.Options{Replica: &sqlcache.Replica{Lag: time.Hour}}, -1, true},
		{"row-level security", "ALTER TABLE item ENABLE ROW LEVEL SECURITY", sqlcache.Options{}, 1, false}, // a superuser's role sees all
		{"too many", "INSERT INTO item SELECT n, 1 FROM generate_series(2, 201) n", sqlcache.Options{}, -1, true},
		{"nearly too many", "INSERT INTO item SELECT n, 1 FROM generate_series(2, 200) n", sqlcache.Options{}, 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{T: t, bare: live.Postgres(t, pgx.QueryExecModeCacheStatement, nil)}
			w.exec("CREATE TABLE item (id integer PRIMARY KEY, category integer)")
			w.exec("INSERT INTO item VALUES (1, 1)")
			if c.ddl != "" {
				w.exec(c.ddl)
			}
			store := memstore.New(0)
			defer store.Close()
			cache, err := cacheops.New(store, &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All}}})
			if err != nil {
				t.Fatal(err)
			}
			defer cache.Close()
			scope := sqlcache.Options{Scope: func(context.Context) (string, bool) { return "", true }}
			reader := &client{world: w, db: sqlcache.Wrap(cache, w.bare, &scope)}
			defer reader.db.Close()
			db := sqlcache.Wrap(cache, w.bare, &c.options)
			defer db.Close()
			reader.warm(elsewhere)
			rows, err := sqlcache.InvalidateRows(t.Context(), db, "item", map[string]any{"category": 1}, nil)
			if err != nil || rows != c.rows {
				t.Errorf("%d rows, %v, want %d", rows, err, c.rows)
			}
			if _, hit := reader.read(elsewhere); !hit {
				t.Error("what the values given rule out was dropped")
			}
			reader.warm("SELECT count(*) FROM item WHERE id = 0")
			if _, err = sqlcache.InvalidateRows(t.Context(), db, "item", map[string]any{"category": 1}, nil); err != nil {
				t.Error(err)
			}
			if _, hit := reader.read("SELECT count(*) FROM item WHERE id = 0"); hit == c.dropped {
				t.Errorf("what only the rows' values rule out: hit %v", hit)
			}
		})
	}
}
