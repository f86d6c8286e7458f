package mysql

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

const (
	byKind = "SELECT id, name FROM item WHERE kind = ? ORDER BY id"
	saved  = "INSERT INTO item (id, kind, name) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE kind = VALUES(kind), name = VALUES(name)"
	named  = "INSERT INTO item (id, kind, name) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE name = VALUES(name)"
	placed = "REPLACE INTO item (id, kind, name) VALUES (?, ?, ?)"
)

// stock makes a table of twenty rows of five kinds.
func (w *world) stock() {
	w.Helper()
	trial.Exec(w, w.DB, "CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, kind INTEGER, name VARCHAR(20)) ENGINE=InnoDB")
	trial.Exec(w, w.DB, "DELETE FROM item")
	for i := range 20 {
		trial.Exec(w, w.DB, "INSERT INTO item VALUES (?, ?, ?)", i, i%5, "name")
	}
}

// kinds warms the lists of five kinds and returns a function that checks which of
// them a write has dropped.
func (w *world) kinds() func(after string, dropped ...int) {
	w.Helper()
	return w.DropsOf(byKind, 5)
}

// An upsert or a REPLACE of one row drops the lists that the row leaves and enters.
// In a program's transaction with one snapshot the row's old values are not read:
// there a list is kept by what the upsert leaves as it is.
func TestUpsertDropsTheListsOfItsRow(t *testing.T) {
	for _, found := range []bool{false, true} {
		w := open(t, nil, func(c *mysql.Config) { c.ClientFoundRows = found })
		for _, level := range []sql.IsolationLevel{-1, sql.LevelReadCommitted, sql.LevelRepeatableRead} {
			run := func(q string, args ...any) {
				w.Helper()
				if level < 0 {
					trial.Exec(w, w.DB, q, args...)
					return
				}
				tx, err := w.DB.BeginTx(w.Context(), &sql.TxOptions{Isolation: level})
				if err != nil {
					w.Fatal(err)
				}
				trial.Exec(w, tx, q, args...)
				trial.Commit(w, tx)
			}
			all := []int{0, 1, 2, 3, 4}
			reads := level != sql.LevelRepeatableRead
			either := func(dropped ...int) []int {
				if reads {
					return dropped
				}
				return all
			}
			w.stock()
			check := w.kinds()
			run(saved, 30, 3, "new")
			check("inserted", 3)
			check = w.kinds()
			run(placed, 31, 3, "new")
			check("placed", 3)
			check = w.kinds()
			run(saved, 7, 4, "moved") // from 2
			check("moved", either(2, 4)...)
			check = w.kinds()
			run(placed, 8, 4, "moved") // from 3
			check("placed elsewhere", either(3, 4)...)
			check = w.kinds()
			run(named, 9, 1, "named") // in 4
			check("named", 4)
			check = w.kinds()
			run("INSERT INTO item (id, kind, name) VALUES (?, 1, 'none') ON DUPLICATE KEY UPDATE kind = kind + 1", 10)
			check("counted up", either(0, 1)...)
		}
	}
}

// The row that an upsert meets is not there yet when it is looked for: another
// transaction has inserted it and not committed.
func TestUpsertMeetsARowOfAnother(t *testing.T) {
	w := open(t, nil)
	w.stock()
	for i, q := range []string{saved, placed, named} {
		id := 100 + i
		other, ours := trial.Begin(w, w.DB), trial.Begin(w, w.DB)
		trial.Exec(w, other, "INSERT INTO item VALUES (?, 2, 'of the other')", id)
		result := make(chan error, 1)
		go func() {
			_, err := ours.Exec(q, id, 4, "ours")
			result <- err
		}()
		trial.Eventually(w, "the upsert waits", func() bool { return w.running("%INTO item%ON DUPLICATE%") || w.running("REPLACE%") })
		trial.Commit(w, other)
		if err := <-result; err != nil {
			w.Fatal(err)
		}
		w.kinds() // with the row of the other
		trial.Commit(w, ours)
		w.SameEach(byKind, 5)
	}
}

// What the cache reads for its own ends locks no gap: another's insert beside a key
// that is not there does not wait.
func TestUpsertLocksNoGap(t *testing.T) {
	for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead} {
		w := open(t, nil)
		w.stock()
		w.kinds()
		tx, err := w.DB.BeginTx(w.Context(), &sql.TxOptions{Isolation: level})
		if err != nil {
			t.Fatal(err)
		}
		trial.Exec(w, tx, saved, 500, 1, "ours")
		conn := w.Conn()
		trial.Exec(w, conn, "SET innodb_lock_wait_timeout = 1")
		trial.Exec(w, conn, "INSERT INTO item VALUES (499, 1, 'beside')")
		trial.Exec(w, conn, "INSERT INTO item VALUES (501, 1, 'beside')")
		trial.Commit(w, tx)
		w.SameEach(byKind, 5)
	}
}

// The reads around an upsert do not begin the snapshot of a program's transaction.
func TestUpsertBeginsNoSnapshot(t *testing.T) {
	w := open(t, nil)
	w.stock()
	for _, q := range []string{saved, named, placed} {
		w.kinds()
		tx := trial.Begin(w, w.DB)
		trial.Exec(w, tx, q, 1, 2, strings.ToLower(q[:6]))
		trial.Exec(w, w.Bare, "UPDATE item SET name = 'later' WHERE id = 2")
		if got, _ := trial.Read(w, tx, "SELECT name FROM item WHERE id = 2"); got != "[later]" {
			t.Errorf("%s: the transaction reads %s", q, got)
		}
		trial.Commit(w, tx)
		trial.Exec(w, w.Bare, "UPDATE item SET name = 'before' WHERE id = 2")
	}
}

// A row that an upsert leaves as it was counts once, like one that was inserted,
// where the client asks for rows found. Its triggers fire all the same.
func TestUnchangedRowFiresItsTriggers(t *testing.T) {
	w := open(t, nil, func(c *mysql.Config) { c.ClientFoundRows = true })
	w.stock()
	trial.Exec(w, w.DB, "CREATE TABLE log (id INTEGER PRIMARY KEY, n INTEGER) ENGINE=InnoDB")
	trial.Exec(w, w.DB, "INSERT INTO log VALUES (1, 0)")
	trial.Exec(w, w.DB, "CREATE TRIGGER noted AFTER UPDATE ON item FOR EACH ROW UPDATE log SET n = n + 1")
	w.Warm("SELECT n FROM log WHERE id = 1")
	for range 2 {
		w.kinds()
		tx := trial.Begin(w, w.DB) // in which the row is not read before
		trial.Exec(w, tx, saved, 1, 1, "name")
		trial.Commit(w, tx)
		w.Same("SELECT n FROM log WHERE id = 1")
	}
	if got, _ := trial.Read(w, w.DB, "SELECT n FROM log WHERE id = 1"); got != "[2]" {
		t.Errorf("the triggers fired %s times", got)
	}
}

// Of a row that the server numbers the key that the statement tells says which row
// it meets, if that row is changed by it: a number may be taken, too, and is looked
// for first.
func TestUpsertOfANumberedRow(t *testing.T) {
	w := open(t, nil)
	trial.Exec(w, w.DB, "CREATE TABLE item (id INTEGER AUTO_INCREMENT PRIMARY KEY, code INTEGER NOT NULL UNIQUE, kind INTEGER, name VARCHAR(20)) ENGINE=InnoDB")
	for i := range 20 {
		trial.Exec(w, w.DB, "INSERT INTO item (code, kind, name) VALUES (?, ?, 'name')", i, i%5)
	}
	const upsert = "INSERT INTO item (code, kind, name) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE kind = VALUES(kind), name = VALUES(name)"
	check := w.kinds()
	trial.Exec(w, w.DB, upsert, 50, 1, "new")
	check("inserted", 1)
	check = w.kinds()
	trial.Exec(w, w.DB, upsert, 3, 4, "moved") // from 3
	check("moved", 3, 4)
	check = w.kinds()
	trial.Exec(w, w.DB, upsert, 3, 4, "moved")
	check("left as it was")
	// The next number is 8, that of the row with code 7.
	cfg := w.cfg.Clone()
	cfg.Params = map[string]string{"insert_id": "8"}
	other := trial.Closing(w, sqlcache.OpenDB(trial.Cache(w, w.Store, nil), connector(w, cfg), nil))
	w.kinds()
	trial.Exec(w, other, upsert, 8, 0, "meets 8") // the row of code 7, from 2
	w.SameEach(byKind, 5)
	if got, _ := trial.Read(w, w.DB, "SELECT kind FROM item WHERE code = 7"); got != "[0]" {
		t.Errorf("the upsert did not meet the number: %s", got)
	}
}
