package postgres

import (
	"slices"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// Reads and writes of a partitioned table go by their conditions; a partition that
// is written by itself, attached or detached drops what was read through the root.
func TestPartitionedTable(t *testing.T) {
	each(t, func(w *world) {
		trial.Script(w, w.DB,
			"CREATE TABLE sale (id INTEGER, region TEXT, kind INTEGER, PRIMARY KEY (id, region)) PARTITION BY LIST (region)",
			"CREATE TABLE sale_de PARTITION OF sale FOR VALUES IN ('de')",
			"CREATE TABLE sale_us PARTITION OF sale FOR VALUES IN ('us')",
			"CREATE TABLE sale_fr (LIKE sale INCLUDING ALL)",
			"INSERT INTO sale_fr VALUES (100, 'fr', 1)",
			"INSERT INTO sale SELECT i, CASE i % 2 WHEN 0 THEN 'de' ELSE 'us' END, i % 3 FROM generate_series(1, 12) i",
		)
		const (
			first  = "SELECT id FROM sale WHERE kind = 1 ORDER BY id, region"
			second = "SELECT id FROM sale WHERE kind = 2 ORDER BY id, region"
			german = "SELECT id FROM sale_de ORDER BY id"
			one    = "SELECT kind FROM sale WHERE id = 3 AND region = 'us'"
		)
		all := []string{first, second, german, one}
		run := func(q string, kept ...string) {
			w.Helper()
			for _, r := range all {
				w.Warm(r)
			}
			trial.Exec(w, w.DB, q)
			for _, r := range all {
				if hit := w.Same(r); hit != slices.Contains(kept, r) {
					w.Errorf("%s: hit of %s: %v", q, r, hit)
				}
			}
		}
		run("INSERT INTO sale VALUES (20, 'de', 1)", second, one)
		run("UPDATE sale SET kind = 2 WHERE id = 20 AND region = 'de'", one)
		run("UPDATE sale SET region = 'us' WHERE id = 20 AND region = 'de'", one) // no row is read by a key that moves
		run("INSERT INTO sale VALUES (3, 'us', 2) ON CONFLICT (id, region) DO UPDATE SET kind = excluded.kind", first)
		run("DELETE FROM sale WHERE id = 3 AND region = 'us' AND kind = 2", first)
		run("UPDATE sale_us SET kind = 1 WHERE id = 5")
		run("ALTER TABLE sale ATTACH PARTITION sale_fr FOR VALUES IN ('fr')")
		run("DELETE FROM sale WHERE id = 100 AND kind = 1", second, one)
		run("ALTER TABLE sale DETACH PARTITION sale_us")
		run("TRUNCATE sale_de")
	})
}
