package postgres

import (
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// lib/pq says of every MERGE that it has changed no row.
func TestMergeIsNotCounted(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		trial.Exec(t, w.DB, "CREATE TABLE news (id INTEGER, name TEXT)")
		trial.Exec(t, w.DB, "INSERT INTO news VALUES (1, 'merged'), (9, 'new')")
		for _, q := range []string{
			"MERGE INTO item i USING news n ON i.id = n.id WHEN MATCHED THEN UPDATE SET name = n.name",
			"MERGE INTO item i USING news n ON i.id = n.id WHEN NOT MATCHED THEN INSERT VALUES (n.id, 1, n.name)",
			"MERGE INTO item i USING news n ON i.id = n.id WHEN MATCHED AND n.id = 9 THEN DELETE",
		} {
			const names = "SELECT name, kind FROM item ORDER BY id"
			w.Warm(names)
			trial.Exec(t, w.DB, q)
			w.Dropped(q, names)
		}
	})
}
