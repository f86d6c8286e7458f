package mysql

import (
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// What a table's name means changes under reads that are kept, here and in another
// process that shares them over Redis.
func TestTablesThatChangePlaces(t *testing.T) {
	t.Parallel()
	store, _ := trial.Redis(t, "")
	w := over(t, newDatabase(t), store, nil)
	w.fill()
	for _, q := range []string{
		"CREATE TABLE next LIKE item", "INSERT INTO next VALUES (1, 7, 'next')", "CREATE VIEW shown AS SELECT kind, name FROM item WHERE id = 1",
		"CREATE TABLE tree (id INTEGER PRIMARY KEY, kind INTEGER) ENGINE=InnoDB PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (10), PARTITION high VALUES LESS THAN (20))",
		"CREATE TABLE leaf (id INTEGER PRIMARY KEY, kind INTEGER) ENGINE=InnoDB", "INSERT INTO tree VALUES (1, 1), (11, 2)", "INSERT INTO leaf VALUES (3, 3)",
	} {
		trial.Exec(t, w.DB, q)
	}
	other := w.another()
	reads := []string{one, kinds, "SELECT kind, name FROM shown", "SELECT id, kind FROM tree ORDER BY id", "SELECT count(*) FROM leaf", "SELECT kind FROM tree WHERE id = 1"}
	for _, q := range []string{
		"RENAME TABLE item TO away, next TO item, away TO next", "CREATE OR REPLACE VIEW shown AS SELECT kind, name FROM next WHERE id = 1",
		"UPDATE next SET name = 'changed' WHERE id = 1", "ALTER TABLE tree EXCHANGE PARTITION low WITH TABLE leaf", "INSERT INTO leaf VALUES (4, 4)",
		"ALTER TABLE tree TRUNCATE PARTITION high", "ALTER TABLE tree DROP PARTITION low", "TRUNCATE TABLE item",
	} {
		for _, r := range reads {
			w.Warm(r)
			w.WarmOn(other, r)
		}
		trial.Exec(t, other, q)
		for _, r := range reads {
			w.Same(r)
			here, _ := trial.Read(t, w.Bare, r)
			if got, report := trial.Read(t, other, r); got != here {
				t.Errorf("after %s, %s: the other reads %s, the database %s (%+v)", q, r, got, here, report)
			}
		}
	}
}
