package sqlcache_test

import (
	"database/sql"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// TestFoundIsOfItsOwnPool: a context that carries what one pool has found is no
// answer to the same text on another.
func TestFoundIsOfItsOwnPool(t *testing.T) {
	const q = "SELECT name FROM item WHERE id = 1"
	w := newWorld(t, nil)
	over := func(w *world, name string) (*sql.DB, *sqlcache.Reader) {
		trial.Exec(t, w.Bare, "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)")
		trial.Exec(t, w.Bare, "INSERT INTO item VALUES (1, ?)", name)
		inner, err := sql.Open("sqlite", w.dsn)
		if err != nil {
			t.Fatal(err)
		}
		db, r := sqlcache.Over(w.Cache, inner, nil)
		return trial.Closing(t, db), r
	}
	one, reader := over(w, "one")
	other, _ := over(newWorld(t, nil), "other")
	trial.Read(t, one, q)
	hit, _ := reader.Lookup(t.Context(), q, nil)
	if hit == nil {
		t.Fatal("never a hit")
	}
	ctx := reader.Found(q, nil, hit).In(t.Context())
	for _, c := range []struct {
		db   *sql.DB
		want string
	}{{other, "other"}, {one, "one"}} {
		var got string
		if err := c.db.QueryRowContext(ctx, q).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("the row of %q is %q", c.want, got)
		}
	}
}
