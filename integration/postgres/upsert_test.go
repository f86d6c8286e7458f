package postgres

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

const saved = "INSERT INTO item (id, kind, name) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name"

// ways runs a write by itself and in a transaction of the program's.
func ways(w *world, test func(run func(q string, args ...any))) {
	w.Helper()
	test(func(q string, args ...any) {
		w.Helper()
		trial.Exec(w, w.DB, q, args...)
	})
	for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead} {
		test(func(q string, args ...any) {
			w.Helper()
			tx := begin(w, w.DB, &sql.TxOptions{Isolation: level})
			trial.Exec(w, tx, q, args...)
			trial.Commit(w, tx)
		})
	}
}

// stock makes a table of twenty rows of five kinds.
func (w *world) stock() {
	w.Helper()
	trial.Exec(w, w.DB, "CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT)")
	trial.Exec(w, w.DB, "DELETE FROM item")
	trial.Exec(w, w.DB, "INSERT INTO item SELECT i, i % 5, 'name ' || i FROM generate_series(1, 20) i")
}

// kinds warms the lists of five kinds and returns a function that checks which of
// them a write has dropped.
func (w *world) kinds() func(after string, dropped ...int) {
	w.Helper()
	return w.DropsOf(byKind, 5)
}

// An upsert of one row drops the lists that the row leaves and enters.
func TestUpsertDropsTheListsOfItsRow(t *testing.T) {
	each(t, func(w *world) {
		const one = "SELECT name FROM item WHERE id = $1"
		ways(w, func(run func(q string, args ...any)) {
			w.stock()
			for id := range 30 {
				w.Warm(one, id)
			}
			check := w.kinds()
			run(saved, 25, 3, "new")
			check("insert", 3)
			for id := range 30 {
				if hit := w.Same(one, id); hit != (id != 25) {
					w.Errorf("hit of row %d: %v", id, hit)
				}
			}
		})
		for i, way := range []string{"alone", "in a transaction"} {
			w.stock()
			check := w.kinds()
			run := func(q string, args ...any) {
				w.Helper()
				if i == 0 {
					trial.Exec(w, w.DB, q, args...)
					return
				}
				tx := begin(w, w.DB, nil)
				trial.Exec(w, tx, q, args...)
				trial.Commit(w, tx)
			}
			run(saved, 7, 4, "moved") // from 2
			check(way+", moved", 2, 4)
			check = w.kinds()
			run(saved, 7, 4, "renamed")
			check(way+", renamed", 4)
			check = w.kinds()
			run("INSERT INTO item (id, kind, name) VALUES ($1, 1, 'none') ON CONFLICT (id) DO UPDATE SET kind = item.kind + 1", 5)
			check(way+", counted up", 0, 1)
		}
	})
}

// Of several rows those that are there are read before the statement where it is
// in a transaction of its own; that all were inserted is known anywhere.
func TestUpsertOfSeveralRows(t *testing.T) {
	each(t, func(w *world) {
		const several = "INSERT INTO item (id, kind, name) VALUES ($1, $2, 'x'), ($3, $4, 'y'), (31, 0, 'z') ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name"
		ways(w, func(run func(q string, args ...any)) {
			w.stock()
			check := w.kinds()
			run(several, 32, 1, 30, 4)
			check("three inserted", 0, 1, 4)
		})
		w.stock()
		check := w.kinds()
		trial.Exec(w, w.DB, several, 7, 2, 8, 4) // 8 from 3
		check("two updated, one inserted", 0, 2, 3, 4)
		check = w.kinds()
		trial.Exec(w, w.DB, several, 8, 4, 7, 2)
		check("three updated", 0, 2, 4)
	})
}

// The row that an upsert meets is not there yet when it is looked for: another
// transaction has inserted it and not committed.
func TestUpsertMeetsARowOfAnother(t *testing.T) {
	each(t, func(w *world) {
		w.stock()
		for i, q := range []string{
			saved,
			"INSERT INTO item (id, kind, name) VALUES ($1, $2, $3), (1, 1, 'name 1') ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name",
		} {
			id := 100 + i
			other, ours := begin(w, w.DB, nil), begin(w, w.DB, nil)
			trial.Exec(w, other, "INSERT INTO item VALUES ($1, 2, 'of the other')", id)
			result := make(chan error, 1)
			go func() {
				_, err := ours.Exec(q, id, 4, "ours")
				result <- err
			}()
			w.locked("the upsert waits")
			trial.Commit(w, other)
			if err := <-result; err != nil {
				w.Fatal(err)
			}
			check := w.kinds() // with the row of the other
			trial.Commit(w, ours)
			if i == 0 {
				check("upsert", 0, 1, 2, 3, 4)
			}
			w.SameEach(byKind, 5)
		}
	})
}

// With two statements in a row of which the second meets what the first inserted.
func TestUpsertsOfOneTransaction(t *testing.T) {
	each(t, func(w *world) {
		w.stock()
		check := w.kinds()
		tx := begin(w, w.DB, nil)
		trial.Exec(w, tx, saved, 40, 1, "a")
		trial.Exec(w, tx, saved, 40, 2, "b")
		trial.Exec(w, tx, "SAVEPOINT s")
		trial.Exec(w, tx, saved, 3, 4, "c")
		trial.Exec(w, tx, "ROLLBACK TO s")
		trial.Exec(w, tx, saved, 41, 2, "d")
		trial.Commit(w, tx)
		check("upserts", 1, 2)
	})
}

// A server that counts nothing says nothing of what was inserted.
func TestUpsertWithoutCounts(t *testing.T) {
	w := onPgx(t, nil)
	w.stock()
	var name string
	if err := w.Bare.QueryRow("SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, w.Bare, fmt.Sprintf("ALTER DATABASE %q SET track_counts = off", name))
	db := w.another(pgxConnector(t, w.dsn), nil)
	check := w.kinds()
	trial.Exec(t, db, saved, 50, 1, "new")
	check("insert", 0, 1, 2, 3, 4)
	check = w.kinds()
	trial.Exec(t, db, saved, 50, 2, "moved")
	check("update", 1, 2)
}
