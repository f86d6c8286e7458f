package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/cacheops/cacheops"
)

func begin(t testing.TB, db *sql.DB, opts *sql.TxOptions) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func commit(t testing.TB, tx *sql.Tx) {
	t.Helper()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// After an error nothing of a transaction can be kept: its COMMIT rolls back, and
// drops nothing.
func TestCommitOfAnAbortedTransaction(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.warm(one)
		tx := begin(w, w.db, nil)
		exec(w, tx, "UPDATE item SET name = 'lost' WHERE id = 1")
		if _, err := tx.Exec("INSERT INTO item VALUES (1, 1, 'again')"); err == nil {
			w.Fatal("a duplicate key was accepted")
		}
		if _, err := tx.Exec("UPDATE item SET name = 'never' WHERE id = 2"); err == nil {
			w.Fatal("a statement ran in an aborted transaction")
		}
		bare := begin(w, closing(w, sql.OpenDB(w.connector)), nil)
		if _, err := bare.Exec("INSERT INTO item VALUES (1, 1, 'again')"); err == nil {
			w.Fatal("a duplicate key was accepted")
		}
		if got, want := tx.Commit(), bare.Commit(); got == nil || want == nil || got.Error() != want.Error() {
			w.Errorf("the commit says %v, without the cache %v", got, want)
		}
		if !w.same(one) {
			w.Error("the rollback dropped an entry")
		}
		exec(w, w.db, "UPDATE item SET name = 'kept' WHERE id = 1")
		w.same(one)
		w.warm(one)
	})
}

func TestSavepointRecoversAnAbortedTransaction(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.warm(one)
		w.warm(kinds)
		tx := begin(w, w.db, nil)
		exec(w, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
		exec(w, tx, "SAVEPOINT Here")
		if _, err := tx.Exec("INSERT INTO item VALUES (1, 1, 'again')"); err == nil {
			w.Fatal("a duplicate key was accepted")
		}
		exec(w, tx, "ROLLBACK TO SAVEPOINT here")
		exec(w, tx, "UPDATE item SET kind = 3 WHERE id = 2")
		commit(w, tx)
		if w.same(one) || w.same(kinds) {
			w.Error("a hit of what the transaction changed")
		}
	})
}

// A constraint that is checked at the COMMIT fails it, for certain.
func TestDeferredConstraintFailsTheCommit(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		exec(w, w.db, "CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item DEFERRABLE INITIALLY DEFERRED)")
		w.warm("SELECT count(*) FROM part")
		tx := begin(w, w.db, nil)
		exec(w, tx, "INSERT INTO part VALUES (1, 99)")
		if err := tx.Commit(); err == nil || errors.Is(err, cacheops.ErrOutcomeUnknown) {
			w.Errorf("the commit says %v", err)
		}
		w.same("SELECT count(*) FROM part")
		w.warm("SELECT count(*) FROM part")
		if _, err := w.db.Exec("INSERT INTO part VALUES (1, 99)"); err == nil || errors.Is(err, cacheops.ErrOutcomeUnknown) {
			w.Errorf("the autocommit statement says %v", err)
		}
		w.same("SELECT count(*) FROM part")
		w.warm("SELECT count(*) FROM part")
	})
}

func TestSerializationFailures(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.warm(kinds)
		serializable := &sql.TxOptions{Isolation: sql.LevelSerializable}
		a, b := begin(w, w.db, serializable), begin(w, w.db, serializable)
		for _, tx := range []*sql.Tx{a, b} {
			if _, r := read(w, tx, kinds); r.Hit {
				w.Error("a hit inside a transaction")
			}
		}
		exec(w, a, "UPDATE item SET kind = 7 WHERE id = 1")
		exec(w, b, "UPDATE item SET kind = 8 WHERE id = 3")
		commit(w, a)
		err := b.Commit()
		var coded interface{ SQLState() string }
		if !errors.As(err, &coded) || coded.SQLState() != "40001" || errors.Is(err, cacheops.ErrOutcomeUnknown) {
			w.Errorf("the second commit says %v", err)
		}
		w.same(kinds)
		w.warm(kinds)
	})
}

func TestIsolationAndReadOnlyPassThrough(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		for _, level := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadUncommitted, sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable} {
			tx := begin(w, w.db, &sql.TxOptions{Isolation: level})
			got, _ := read(w, tx, "SELECT replace(current_setting('transaction_isolation'), ' ', '')")
			if want := strings.ReplaceAll(strings.ToLower(level.String()), " ", ""); level != sql.LevelDefault && !strings.Contains(got, want) {
				w.Errorf("%v: the transaction is %s", level, got)
			}
			exec(w, tx, "UPDATE item SET kind = kind + 1 WHERE id = 1")
			commit(w, tx)
			w.same(one)
			w.warm(one)
		}
		tx := begin(w, w.db, &sql.TxOptions{ReadOnly: true})
		if _, err := tx.Exec("UPDATE item SET kind = 0"); err == nil {
			w.Error("a write in a read-only transaction")
		}
		if err := tx.Rollback(); err != nil {
			w.Error(err)
		}
	})
}

func TestTextualTransactions(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.warm(one)
		c := w.conn()
		exec(w, c, "BEGIN ISOLATION LEVEL REPEATABLE READ")
		exec(w, c, "UPDATE item SET name = 'text' WHERE id = 1")
		if _, r := read(w, c, one); r.Why != "transaction" {
			w.Errorf("%+v", r)
		}
		exec(w, c, "COMMIT")
		if w.same(one) {
			w.Error("a hit after the commit")
		}
		w.warm(one)
		exec(w, c, "START TRANSACTION")
		exec(w, c, "UPDATE item SET name = 'first' WHERE id = 1")
		exec(w, c, "COMMIT AND CHAIN")
		if w.same(one) {
			w.Error("a hit after COMMIT AND CHAIN")
		}
		exec(w, c, "UPDATE item SET name = 'second' WHERE id = 1")
		exec(w, c, "COMMIT")
		if w.same(one) {
			w.Error("a hit after the second commit")
		}
		// One that has failed.
		w.warm(one)
		exec(w, c, "BEGIN")
		exec(w, c, "UPDATE item SET name = 'third' WHERE id = 1")
		if _, err := c.ExecContext(context.Background(), "SELECT 1/0"); err == nil {
			w.Fatal("no error")
		}
		_, _ = c.ExecContext(context.Background(), "COMMIT") // rolls back; drivers differ in whether they say so
		if !w.same(one) {
			w.Error("a transaction that failed dropped an entry")
		}
		exec(w, c, "UPDATE item SET name = 'fourth' WHERE id = 1")
		w.same(one)
	})
}

func TestSeveralStatementsInOneText(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.warm(kinds)
		exec(w, w.db, "INSERT INTO item VALUES (20, 3, 'a'); UPDATE item SET kind = 4 WHERE id = 1;")
		if w.same(kinds) {
			w.Error("a hit after two writes in one text")
		}
		w.warm(kinds)
		// One fails: both are undone.
		if _, err := w.db.Exec("UPDATE item SET kind = 6 WHERE id = 1; INSERT INTO item VALUES (1, 1, 'dup')"); err == nil {
			w.Fatal("no conflict")
		}
		w.same(kinds)
		c := w.conn()
		w.warm(kinds)
		exec(w, c, "BEGIN; UPDATE item SET kind = 5 WHERE id = 1")
		if _, r := read(w, c, one); r.Hit {
			w.Error("a hit inside a transaction")
		}
		exec(w, c, "COMMIT")
		if w.same(kinds) {
			w.Error("a hit after the commit")
		}
		w.warm(kinds)
		exec(w, w.db, "BEGIN; UPDATE item SET kind = 6 WHERE id = 1; COMMIT; UPDATE item SET kind = 7 WHERE id = 2")
		if w.same(kinds) {
			w.Error("a hit after a text with its own COMMIT")
		}
	})
}

// Settings of a transaction's own may turn a name into another table.
func TestSetLocalInATransaction(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		exec(w, w.db, "CREATE SCHEMA other; CREATE TABLE other.item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT); INSERT INTO other.item VALUES (1, 1, 'other')")
		q := "SELECT kind, name FROM other.item WHERE id = 1"
		for _, set := range []string{"SET LOCAL search_path = other", "SELECT set_config('search_path', 'other', true)"} {
			w.warm(q)
			tx := begin(w, w.db, nil)
			if _, err := rowsOf(context.Background(), tx, set); err != nil {
				w.Fatal(err)
			}
			exec(w, tx, "UPDATE item SET kind = kind + 1 WHERE id = 1")
			commit(w, tx)
			if w.same(q) {
				w.Errorf("a hit although %s had turned the name", set)
			}
		}
		w.warm(q)
		if got, _ := read(w, w.db, one); strings.Contains(got, "other") {
			w.Errorf("the setting outlived its transaction: %s", got)
		}
	})
}

// What cannot run inside a transaction runs outside, and is seen.
func TestWhatCannotRunInATransaction(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		for _, q := range []string{
			"CREATE INDEX CONCURRENTLY item_kind ON item (kind)", "DROP INDEX CONCURRENTLY item_kind", "VACUUM item", "ANALYZE item",
			"REINDEX TABLE CONCURRENTLY item", "CREATE TYPE mood AS ENUM ('sad')", "ALTER TYPE mood ADD VALUE 'glad'",
		} {
			exec(w, w.db, q)
			w.same(kinds)
		}
		exec(w, w.db, "CREATE PROCEDURE twice() LANGUAGE plpgsql AS $$ BEGIN UPDATE item SET kind = kind + 10 WHERE id = 1; COMMIT; UPDATE item SET kind = kind + 10 WHERE id = 2; END $$")
		for _, q := range []string{"CALL twice()", "DO $$ BEGIN UPDATE item SET kind = kind + 10 WHERE id = 3; COMMIT; UPDATE item SET kind = kind + 10 WHERE id = 4; END $$"} {
			w.warm(kinds)
			w.warm(one)
			exec(w, w.db, q)
			if w.same(kinds) || w.same(one) {
				w.Errorf("a hit after %s", q)
			}
		}
		w.warm(kinds)
	})
}

// lib/pq makes a COPY of a prepared statement.
func TestCopyIn(t *testing.T) {
	dsn := newDatabase(t)
	w := newWorld(t, dsn, pqConnector(t, dsn), nil)
	w.fill()
	w.warm(kinds)
	tx := begin(w, w.db, nil)
	s, err := tx.Prepare(pq.CopyIn("item", "id", "kind", "name"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if _, err := s.Exec(100+i, 9, "copied "+string(rune('a'+i))); err != nil {
			t.Fatal(err)
		}
	}
	res, err := s.Exec()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := res.RowsAffected(); n != 5 || err != nil {
		t.Errorf("copied %d rows, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !w.same(kinds) {
		t.Error("no hit before the commit")
	}
	commit(w, tx)
	if w.same(kinds) {
		t.Error("a hit after the COPY")
	}
	w.warm(kinds)
}
