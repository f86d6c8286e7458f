package pgxcache_test

import "testing"

// An upsert of one row drops the lists that it leaves and enters, as with sqlcache.
func TestUpsert(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.exec(w.pool, "CREATE TABLE listed (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT)")
	w.exec(w.pool, "INSERT INTO listed SELECT i, i % 4, 'name' FROM generate_series(1, 12) i")
	const list, upsert = "SELECT id, name FROM listed WHERE kind = $1 ORDER BY id", "INSERT INTO listed VALUES ($1, $2, 'x') ON CONFLICT (id) DO UPDATE SET kind = excluded.kind"
	for _, c := range []struct {
		id, kind int
		dropped  []bool
	}{
		{5, 3, []bool{false, true, false, true}},
		{50, 2, []bool{false, false, true, false}},
	} {
		for k := range 4 {
			w.warm(w.pool, list, k)
		}
		w.exec(w.pool, upsert, c.id, c.kind)
		for k, dropped := range c.dropped {
			if hit := w.same(list, k); hit == dropped {
				t.Errorf("upsert of %d: hit of the list of kind %d: %v", c.id, k, hit)
			}
		}
	}
}
