package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

func begin(t testing.TB, db *sql.DB, opts *sql.TxOptions) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// After an error nothing of a transaction can be kept: its COMMIT rolls back, and
// drops nothing.
func TestCommitOfAnAbortedTransaction(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.Warm(one)
		tx := begin(w, w.DB, nil)
		trial.Exec(w, tx, "UPDATE item SET name = 'lost' WHERE id = 1")
		if _, err := tx.Exec("INSERT INTO item VALUES (1, 1, 'again')"); err == nil {
			w.Fatal("a duplicate key was accepted")
		}
		if _, err := tx.Exec("UPDATE item SET name = 'never' WHERE id = 2"); err == nil {
			w.Fatal("a statement ran in an aborted transaction")
		}
		bare := begin(w, trial.Closing(w, sql.OpenDB(w.connector)), nil)
		if _, err := bare.Exec("INSERT INTO item VALUES (1, 1, 'again')"); err == nil {
			w.Fatal("a duplicate key was accepted")
		}
		if got, want := tx.Commit(), bare.Commit(); got == nil || want == nil || got.Error() != want.Error() {
			w.Errorf("the commit says %v, without the cache %v", got, want)
		}
		if !w.Same(one) {
			w.Error("the rollback dropped an entry")
		}
		trial.Exec(w, w.DB, "UPDATE item SET name = 'kept' WHERE id = 1")
		w.Same(one)
		w.Warm(one)
	})
}

func TestSavepointRecoversAnAbortedTransaction(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.Warm(one)
		w.Warm(kinds)
		tx := begin(w, w.DB, nil)
		trial.Exec(w, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
		trial.Exec(w, tx, "SAVEPOINT Here")
		if _, err := tx.Exec("INSERT INTO item VALUES (1, 1, 'again')"); err == nil {
			w.Fatal("a duplicate key was accepted")
		}
		trial.Exec(w, tx, "ROLLBACK TO SAVEPOINT here")
		trial.Exec(w, tx, "UPDATE item SET kind = 3 WHERE id = 2")
		trial.Commit(w, tx)
		if w.Same(one) || w.Same(kinds) {
			w.Error("a hit of what the transaction changed")
		}
	})
}

// A constraint that is checked at the COMMIT fails it, for certain.
func TestDeferredConstraintFailsTheCommit(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		trial.Exec(w, w.DB, "CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item DEFERRABLE INITIALLY DEFERRED)")
		w.Warm("SELECT count(*) FROM part")
		tx := begin(w, w.DB, nil)
		trial.Exec(w, tx, "INSERT INTO part VALUES (1, 99)")
		if err := tx.Commit(); err == nil || errors.Is(err, cacheops.ErrOutcomeUnknown) {
			w.Errorf("the commit says %v", err)
		}
		w.Same("SELECT count(*) FROM part")
		w.Warm("SELECT count(*) FROM part")
		if _, err := w.DB.Exec("INSERT INTO part VALUES (1, 99)"); err == nil || errors.Is(err, cacheops.ErrOutcomeUnknown) {
			w.Errorf("the autocommit statement says %v", err)
		}
		w.Same("SELECT count(*) FROM part")
		w.Warm("SELECT count(*) FROM part")
	})
}

func TestSerializationFailures(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.Warm(kinds)
		serializable := &sql.TxOptions{Isolation: sql.LevelSerializable}
		a, b := begin(w, w.DB, serializable), begin(w, w.DB, serializable)
		for _, tx := range []*sql.Tx{a, b} {
			if _, r := trial.Read(w, tx, kinds); r.Hit {
				w.Error("a hit inside a transaction")
			}
		}
		trial.Exec(w, a, "UPDATE item SET kind = 7 WHERE id = 1")
		trial.Exec(w, b, "UPDATE item SET kind = 8 WHERE id = 3")
		trial.Commit(w, a)
		err := b.Commit()
		var coded interface{ SQLState() string }
		if !errors.As(err, &coded) || coded.SQLState() != "40001" || errors.Is(err, cacheops.ErrOutcomeUnknown) {
			w.Errorf("the second commit says %v", err)
		}
		w.Same(kinds)
		w.Warm(kinds)
	})
}

func TestIsolationAndReadOnlyPassThrough(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		for _, level := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadUncommitted, sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable} {
			tx := begin(w, w.DB, &sql.TxOptions{Isolation: level})
			got, _ := trial.Read(w, tx, "SELECT replace(current_setting('transaction_isolation'), ' ', '')")
			if want := strings.ReplaceAll(strings.ToLower(level.String()), " ", ""); level != sql.LevelDefault && !strings.Contains(got, want) {
				w.Errorf("%v: the transaction is %s", level, got)
			}
			trial.Exec(w, tx, "UPDATE item SET kind = kind + 1 WHERE id = 1")
			trial.Commit(w, tx)
			w.Same(one)
			w.Warm(one)
		}
		tx := begin(w, w.DB, &sql.TxOptions{ReadOnly: true})
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
		w.Warm(one)
		c := w.Conn()
		trial.Exec(w, c, "BEGIN ISOLATION LEVEL REPEATABLE READ")
		trial.Exec(w, c, "UPDATE item SET name = 'text' WHERE id = 1")
		if _, r := trial.Read(w, c, one); r.Why != "transaction" {
			w.Errorf("%+v", r)
		}
		trial.Exec(w, c, "COMMIT")
		if w.Same(one) {
			w.Error("a hit after the commit")
		}
		w.Warm(one)
		trial.Exec(w, c, "START TRANSACTION")
		trial.Exec(w, c, "UPDATE item SET name = 'first' WHERE id = 1")
		trial.Exec(w, c, "COMMIT AND CHAIN")
		if w.Same(one) {
			w.Error("a hit after COMMIT AND CHAIN")
		}
		trial.Exec(w, c, "UPDATE item SET name = 'second' WHERE id = 1")
		trial.Exec(w, c, "COMMIT")
		if w.Same(one) {
			w.Error("a hit after the second commit")
		}
		// One that has failed.
		w.Warm(one)
		trial.Exec(w, c, "BEGIN")
		trial.Exec(w, c, "UPDATE item SET name = 'third' WHERE id = 1")
		if _, err := c.ExecContext(context.Background(), "SELECT 1/0"); err == nil {
			w.Fatal("no error")
		}
		_, _ = c.ExecContext(context.Background(), "COMMIT") // rolls back; drivers differ in whether they say so
		if !w.Same(one) {
			w.Error("a transaction that failed dropped an entry")
		}
		trial.Exec(w, c, "UPDATE item SET name = 'fourth' WHERE id = 1")
		w.Same(one)
	})
}

func TestSeveralStatementsInOneText(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.Warm(kinds)
		trial.Exec(w, w.DB, "INSERT INTO item VALUES (20, 3, 'a'); UPDATE item SET kind = 4 WHERE id = 1;")
		if w.Same(kinds) {
			w.Error("a hit after two writes in one text")
		}
		w.Warm(kinds)
		// One fails: both are undone.
		if _, err := w.DB.Exec("UPDATE item SET kind = 6 WHERE id = 1; INSERT INTO item VALUES (1, 1, 'dup')"); err == nil {
			w.Fatal("no conflict")
		}
		w.Same(kinds)
		c := w.Conn()
		w.Warm(kinds)
		trial.Exec(w, c, "BEGIN; UPDATE item SET kind = 5 WHERE id = 1")
		if _, r := trial.Read(w, c, one); r.Hit {
			w.Error("a hit inside a transaction")
		}
		trial.Exec(w, c, "COMMIT")
		if w.Same(kinds) {
			w.Error("a hit after the commit")
		}
		w.Warm(kinds)
		trial.Exec(w, w.DB, "BEGIN; UPDATE item SET kind = 6 WHERE id = 1; COMMIT; UPDATE item SET kind = 7 WHERE id = 2")
		if w.Same(kinds) {
			w.Error("a hit after a text with its own COMMIT")
		}
	})
}

// A text of several statements that ends a transaction which has failed cannot take
// the lock by which other processes see it. Where they share the store, it is not run.
func TestSeveralStatementsAfterAFailure(t *testing.T) {
	for _, alone := range []bool{true, false} {
		t.Run(fmt.Sprintf("alone %v", alone), func(t *testing.T) {
			w := onPgx(t, nil)
			w.fill()
			store := memstore.New(1 << 20)
			defer store.Close()
			cache := trial.Cache(t, store, nil)
			if alone {
				var err error
				if cache, err = cacheops.New(store, nil); err != nil {
					t.Fatal(err)
				}
				defer cache.Close()
			}
			db := sqlcache.OpenDB(cache, pgxConnector(t, w.dsn), nil)
			defer db.Close()
			c, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for text, runs := range map[string]bool{
				"ROLLBACK; SELECT 1": true,
				"ROLLBACK AND CHAIN": true,
				"ROLLBACK; UPDATE item SET name = 'late' WHERE id = 1": alone,
			} {
				trial.Exec(w, c, "BEGIN")
				if _, err := c.ExecContext(t.Context(), "SELECT 1/0"); err == nil {
					t.Fatal("no error")
				}
				if _, err := c.ExecContext(t.Context(), text); (err == nil) != runs {
					t.Errorf("%s: %v", text, err)
				}
				_, _ = c.ExecContext(t.Context(), "ROLLBACK") // there may be nothing left to end
			}
			if got, _ := trial.Read(t, w.Bare, one); strings.Contains(got, "late") != alone {
				t.Errorf("the database has %s", got)
			}
		})
	}
}

// Settings of a transaction's own may turn a name into another table.
func TestSetLocalInATransaction(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		trial.Exec(w, w.DB, "CREATE SCHEMA other; CREATE TABLE other.item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT); INSERT INTO other.item VALUES (1, 1, 'other')")
		q := "SELECT kind, name FROM other.item WHERE id = 1"
		for _, set := range []string{"SET LOCAL search_path = other", "SELECT set_config('search_path', 'other', true)"} {
			w.Warm(q)
			tx := begin(w, w.DB, nil)
			if _, err := trial.Rows(context.Background(), tx, set); err != nil {
				w.Fatal(err)
			}
			trial.Exec(w, tx, "UPDATE item SET kind = kind + 1 WHERE id = 1")
			trial.Commit(w, tx)
			if w.Same(q) {
				w.Errorf("a hit although %s had turned the name", set)
			}
		}
		w.Warm(q)
		if got, _ := trial.Read(w, w.DB, one); strings.Contains(got, "other") {
			w.Errorf("the setting outlived its transaction: %s", got)
		}
	})
}

// What set_config() sets for a transaction costs no connection, as what it sets for
// the session does.
func TestSetConfigForATransaction(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		pid := func() string {
			got, _ := trial.Read(w, w.DB, "SELECT pg_backend_pid()")
			return got
		}
		for set, stays := range map[string]bool{
			"SELECT set_config('app.tenant', '7', true)":                                     true,
			"SELECT pg_catalog.set_config('app.tenant', upper(('a'::text)), TRUE)":           true,
			"SELECT set_config('app.tenant', '7', false)":                                    false,
			"SELECT set_config('app.tenant', '7', NOT true)":                                 false,
			"SELECT set_config('app.tenant', set_config('app.other', '8', false), true)":     false,
			"SELECT set_config('app.tenant', '7', true), pg_advisory_lock(1)":                false,
			"SELECT set_config('app.tenant', '7', true), set_config('app.other', '8', true)": true,
		} {
			for _, within := range []bool{true, false} {
				before := pid()
				if within {
					tx := begin(w, w.DB, nil)
					if _, err := trial.Rows(context.Background(), tx, set); err != nil {
						w.Fatal(err)
					}
					trial.Commit(w, tx)
				} else if _, err := trial.Rows(context.Background(), w.DB, set); err != nil {
					w.Fatal(err)
				}
				if after := pid(); (after == before) != stays {
					w.Errorf("%s, in a transaction %v: connection %s, then %s", set, within, before, after)
				}
				if got, _ := trial.Read(w, w.DB, "SELECT coalesce(current_setting('app.tenant', true), '')"); got != "[]" {
					w.Errorf("%s left %s behind", set, got)
				}
			}
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
			trial.Exec(w, w.DB, q)
			w.Same(kinds)
		}
		trial.Exec(w, w.DB, "CREATE PROCEDURE twice() LANGUAGE plpgsql AS $$ BEGIN UPDATE item SET kind = kind + 10 WHERE id = 1; COMMIT; UPDATE item SET kind = kind + 10 WHERE id = 2; END $$")
		for _, q := range []string{"CALL twice()", "DO $$ BEGIN UPDATE item SET kind = kind + 10 WHERE id = 3; COMMIT; UPDATE item SET kind = kind + 10 WHERE id = 4; END $$"} {
			w.Warm(kinds)
			w.Warm(one)
			trial.Exec(w, w.DB, q)
			if w.Same(kinds) || w.Same(one) {
				w.Errorf("a hit after %s", q)
			}
		}
		w.Warm(kinds)
	})
}

// lib/pq makes a COPY of a prepared statement.
func TestCopyIn(t *testing.T) {
	dsn := live.PostgresURL(t)
	w := newWorld(t, dsn, pqConnector(t, dsn), nil)
	w.fill()
	w.Warm(kinds)
	tx := begin(w, w.DB, nil)
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
	if !w.Same(kinds) {
		t.Error("no hit before the commit")
	}
	trial.Commit(w, tx)
	if w.Same(kinds) {
		t.Error("a hit after the COPY")
	}
	w.Warm(kinds)
}
