package functions

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// A row of a partition is written through its root as well, and the other way round:
// what is said of the one, by DependsOn or by hand, is said of both.
func TestPartitionsAndTheirRoots(t *testing.T) {
	store := memstore.New(1 << 20)
	defer store.Close()
	cache, err := cacheops.New(store, &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}}})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	db := sqlcache.OpenDB(cache, stdlib.GetConnector(*live.NewPostgres(t)), nil)
	defer db.Close()
	exec := func(text string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE tree (id int, kind int) PARTITION BY RANGE (id)")
	exec("CREATE TABLE leaf PARTITION OF tree FOR VALUES FROM (0) TO (100)")
	exec("CREATE TABLE base (id int, kind int)")
	exec("CREATE TABLE child () INHERITS (base)")
	for on, other := range map[string]string{"tree": "leaf", "leaf": "tree", "base": "child", "child": "base"} {
		for _, target := range []cacheops.Target{cacheops.Table(on), cacheops.Table(on).Where("kind", 1)} {
			runs := 0
			f := cacheops.NewFunc(cache, on, func(ctx context.Context, _ int) (int64, error) {
				runs++
				return number(ctx, db, "SELECT count(*) FROM "+on+" WHERE kind = 1")
			}, cacheops.DependsOn(target))
			call := func() {
				t.Helper()
				if _, err := f.Call(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
			}
			for _, write := range []func(){
				func() { exec("INSERT INTO " + other + " VALUES (1, 1)") },
				func() { exec("UPDATE " + other + " SET kind = 1 WHERE id = 1") },
				func() { exec("DELETE FROM " + other) },
				func() { exec("INSERT INTO " + on + " VALUES (1, 1)") },
				func() { exec("DELETE FROM " + on) },
				func() {
					if err := cache.Invalidate(t.Context(), cacheops.Table(other).Where("kind", 1)); err != nil {
						t.Fatal(err)
					}
				},
				func() {
					if _, err := sqlcache.InvalidateRows(t.Context(), db, other, map[string]any{"kind": 1}, nil); err != nil {
						t.Fatal(err)
					}
				},
			} {
				call()
				call() // the first may have read a schema anew
				before := runs
				call()
				if runs != before {
					t.Error("not kept")
				}
				write()
				if call(); runs == before {
					t.Errorf("of %s: a write of %s was not seen", on, other)
				}
			}
		}
	}
}
