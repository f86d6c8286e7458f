package sqlcache_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

func TestTextualTransactions(t *testing.T) {
	w := shop(t, nil)
	c := w.Conn()
	w.Warm(one)
	w.Warm(two)
	trial.Exec(t, c, "BEGIN")
	trial.Exec(t, c, "UPDATE item SET name = 'in' WHERE id = 1")
	if rows, r := trial.Read(t, c, one); !strings.Contains(rows, "in") || r.Why != "transaction" {
		t.Errorf("inside: %s, %+v", rows, r)
	}
	if !w.Same(one) {
		t.Error("dropped before the commit")
	}
	trial.Exec(t, c, "COMMIT")
	if w.Same(one) {
		t.Error("a hit after the commit")
	}
	w.Warm(one)
	trial.Exec(t, c, "BEGIN IMMEDIATE")
	trial.Exec(t, c, "UPDATE item SET name = 'out' WHERE id = 1")
	trial.Exec(t, c, "ROLLBACK")
	if !w.Same(one) {
		t.Error("a rollback dropped an entry")
	}
	if _, r := trial.Read(t, c, one); !r.Hit {
		t.Errorf("the connection is not back in the cache: %+v", r)
	}
}

func TestReleaseOfTheOutermostSavepointCommits(t *testing.T) {
	w := shop(t, nil)
	c := w.Conn()
	w.Warm(one)
	trial.Exec(t, c, `SAVEPOINT "A b"`)
	trial.Exec(t, c, "UPDATE item SET name = 'x' WHERE id = 1")
	trial.Exec(t, c, "SAVEPOINT inner1")
	trial.Exec(t, c, "RELEASE inner1")
	if !w.Same(one) {
		t.Error("dropped before the commit")
	}
	trial.Exec(t, c, `RELEASE "a B"`)
	if w.Same(one) {
		t.Error("a hit after the commit")
	}
	if _, r := trial.Read(t, c, two); r.Why == "transaction" {
		t.Error("still in the transaction")
	}
}

// After OR ROLLBACK the rest of a transaction is autocommit.
func TestOrRollbackEndsTheTransaction(t *testing.T) {
	w := shop(t, nil)
	w.Warm(one)
	w.Warm(two)
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, tx, "UPDATE item SET name = 'lost' WHERE id = 1")
	if _, err := tx.Exec("INSERT OR ROLLBACK INTO item VALUES (2, 9, 'nine')"); err == nil {
		t.Fatal("no conflict")
	}
	if !w.Same(one) {
		t.Error("what was rolled back dropped an entry")
	}
	trial.Exec(t, tx, "UPDATE item SET name = 'kept' WHERE id = 2")
	if w.Same(two) {
		t.Error("a hit after what has become autocommit")
	}
	if err := tx.Commit(); err == nil || !strings.Contains(err.Error(), "no transaction is active") {
		t.Errorf("Commit: %v, want what the bare driver says", err)
	}
	w.Same(one)
	w.Same(two)
	w.Warm(two)
}

func TestOrFailKeepsRows(t *testing.T) {
	w := shop(t, nil)
	w.Warm(kinds)
	if _, err := w.DB.Exec("INSERT OR FAIL INTO item VALUES (10, 9, 'ten'), (1, 1, 'dup')"); err == nil {
		t.Fatal("no conflict")
	}
	w.Same(kinds)
	if rows, _ := trial.Read(t, w.DB, "SELECT name FROM item WHERE id = 10"); rows == "" {
		t.Error("the row before the failure is gone")
	}
}

// In a rollback journal a reader keeps a writer from committing.
func TestCommitThatIsBusy(t *testing.T) {
	dsn := "file:" + t.TempDir() + "/busy.db"
	w := &world{&trial.World{TB: t, Cache: newCache(t, nil)}, dsn}
	w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, connectorTo(t, dsn), nil))
	w.Bare = trial.Closing(t, sql.OpenDB(connectorTo(t, dsn)))
	w.fill()
	w.Warm(one)
	reader, err := w.Bare.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if rows, _ := trial.Read(t, reader, one); rows == "" {
		t.Fatal("no rows")
	}
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, tx, "UPDATE item SET name = 'late' WHERE id = 1")
	if err := tx.Commit(); err == nil || errors.Is(err, cacheops.ErrOutcomeUnknown) {
		t.Errorf("Commit: %v, want busy", err)
	}
	if _, err := w.DB.Exec("UPDATE item SET name = 'alone' WHERE id = 1"); err == nil || errors.Is(err, cacheops.ErrOutcomeUnknown) {
		t.Errorf("autocommit: %v, want busy", err)
	}
	c := w.Conn()
	trial.Exec(t, c, "BEGIN")
	trial.Exec(t, c, "UPDATE item SET name = 'patient' WHERE id = 1")
	if _, err := c.ExecContext(context.Background(), "COMMIT"); err == nil {
		t.Error("a textual COMMIT was not busy")
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, c, "COMMIT") // the transaction was left open, as without the cache
	if w.Same(one) {
		t.Error("a hit after the second COMMIT")
	}
	if rows, _ := trial.Read(t, w.DB, one); !strings.Contains(rows, "patient") {
		t.Errorf("read %s", rows)
	}
	w.Warm(one)
}

func TestUnknownOutcome(t *testing.T) {
	for name, lands := range map[string]bool{"it had committed": true, "it had not": false} {
		for _, auto := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " auto ", auto), func(t *testing.T) { unknownOutcome(t, lands, auto) })
		}
	}
}

func unknownOutcome(t *testing.T, lands, auto bool) {
	w, b := bentShop(t, nil)
	w.Warm(one)
	fail := once("COMMIT", func() error { return driver.ErrBadConn })
	if lands {
		b.after = func(text string, err error) error { return errors.Join(err, fail(text)) }
	} else {
		b.before = fail
	}
	err := writeOne(w.DB, auto)
	if !errors.Is(err, cacheops.ErrOutcomeUnknown) || errors.Is(err, driver.ErrBadConn) {
		t.Errorf("the write: %v", err)
	}
	if b.closed.Load() == 0 {
		t.Error("the connection was kept")
	}
	w.Same(one)
	if rows, _ := trial.Read(t, w.DB, one); strings.Contains(rows, "new") != lands {
		t.Errorf("read %s", rows)
	}
	w.Warm(one) // once the database has proved the writer over
}

// TestProofThatMustWait: that somebody else writes while a doubtful writer is asked
// about is no failure of anything, however long the connection waits for the lock.
func TestProofThatMustWait(t *testing.T) {
	for name, pragmas := range map[string]string{"refused": "", "waiting": pragmas} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proofThatMustWait(t, pragmas)
		})
	}
}

func proofThatMustWait(t *testing.T, pragmas string) {
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + pragmas
	b := &bent{Connector: connectorTo(t, dsn)}
	w := &world{&trial.World{TB: t, Cache: newCache(t, nil)}, dsn}
	w.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, b, nil))
	w.Bare = trial.Closing(t, sql.OpenDB(connectorTo(t, dsn)))
	w.fill()
	w.Warm(one)
	tried := make(chan struct{})
	var doubtful atomic.Bool
	fail := once("COMMIT", func() error { return driver.ErrBadConn })
	b.after = func(text string, err error) error {
		if err != nil && strings.HasPrefix(text, "BEGIN IMMEDIATE") && doubtful.Swap(false) {
			close(tried)
		}
		return errors.Join(err, fail(text))
	}
	if err := writeOne(w.DB, true); !errors.Is(err, cacheops.ErrOutcomeUnknown) {
		t.Fatalf("the write: %v", err)
	}
	c, err := w.Bare.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	trial.Exec(t, c, "BEGIN IMMEDIATE")
	doubtful.Store(true)
	for waiting := true; waiting; {
		if w.Same(one) {
			t.Fatal("a hit under the doubt")
		}
		select {
		case <-tried:
			waiting = false
		default:
		}
	}
	trial.Exec(t, c, "ROLLBACK")
	w.Warm(one)
	if n := w.Cache.Stats().StoreErrors; n > 0 {
		t.Errorf("%d failures were reported", n)
	}
}

func writeOne(db *sql.DB, auto bool) error {
	if auto {
		_, err := db.Exec("UPDATE item SET name = 'new' WHERE id = 1")
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE item SET name = 'new' WHERE id = 1"); err != nil {
		return err
	}
	return tx.Commit()
}

func TestDeferredConstraintFailsTheCommit(t *testing.T) {
	w := newWorld(t, nil)
	trial.Exec(t, w.DB, "CREATE TABLE parent (id INTEGER PRIMARY KEY)")
	trial.Exec(t, w.DB, "CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
	c := w.Conn()
	trial.Exec(t, c, "PRAGMA foreign_keys = ON")
	w.Warm("SELECT count(*) FROM child")
	tx, err := c.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, tx, "INSERT INTO child VALUES (1, 99)")
	if err := tx.Commit(); err == nil || errors.Is(err, cacheops.ErrOutcomeUnknown) {
		t.Errorf("Commit: %v", err)
	}
	w.Same("SELECT count(*) FROM child")
	trial.Exec(t, c, "BEGIN")
	trial.Exec(t, c, "INSERT INTO child VALUES (1, 99)")
	if _, err := c.ExecContext(context.Background(), "COMMIT"); err == nil {
		t.Fatal("the constraint held")
	}
	trial.Exec(t, c, "INSERT INTO parent VALUES (99)")
	w.Warm("SELECT count(*) FROM child")
	trial.Exec(t, c, "COMMIT")
	w.Same("SELECT count(*) FROM child")
}

// Waiting for the write lock ends with the context.
func TestCancelWhileWaitingForTheLock(t *testing.T) {
	w := shop(t, nil)
	c := w.Conn()
	trial.Exec(t, c, "BEGIN IMMEDIATE")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := w.DB.ExecContext(ctx, "UPDATE item SET name = 'x'"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("waited %v", took)
	}
	trial.Exec(t, c, "ROLLBACK")
	w.Warm(one)
	trial.Exec(t, w.DB, "UPDATE item SET name = 'y' WHERE id = 1")
	w.Same(one)
}

// A transaction that only reads must not be made to wait, or to fail, by reads
// of ours around its first write.
func TestDeferredTransactionFailsAsWithoutTheCache(t *testing.T) {
	w := shop(t, nil)
	w.Warm("SELECT name FROM item WHERE kind = 1 ORDER BY id")
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	trial.Read(t, tx, one)
	trial.Exec(t, w.DB, "UPDATE item SET name = 'first' WHERE id = 2")
	_, cached := tx.Exec("UPDATE item SET kind = 3 WHERE id = 1")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	tx, err = w.Bare.Begin()
	if err != nil {
		t.Fatal(err)
	}
	trial.Read(t, tx, one)
	trial.Exec(t, w.DB, "UPDATE item SET name = 'second' WHERE id = 2")
	_, bare := tx.Exec("UPDATE item SET kind = 3 WHERE id = 1")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if cached == nil || bare == nil || cached.Error() != bare.Error() {
		t.Errorf("cached %v, bare %v", cached, bare)
	}

	tx, err = w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	other := make(chan error, 1)
	trial.Exec(t, tx, "UPDATE item SET kind = 4 WHERE id = 1")
	go func() {
		_, err := w.DB.Exec("UPDATE item SET kind = 5 WHERE id = 1")
		other <- err
	}()
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	if err := <-other; err != nil {
		t.Error(err)
	}
	w.Same(one)
}

// A driver may say that the context ended although the statement ran. A BEGIN
// like that must not go back to the pool with its lock.
func TestBeginThatIsCancelledTooLateKeepsNoLock(t *testing.T) {
	for _, statement := range []string{"UPDATE item SET kind = 8 WHERE id = 1", "BEGIN IMMEDIATE"} {
		w, b := bentShop(t, nil)
		w.Warm(one)
		ctx, cancel := context.WithCancel(context.Background())
		late := once("BEGIN IMMEDIATE", func() error { cancel(); return context.Canceled })
		b.after = func(text string, err error) error { return errors.Join(err, late(text)) }
		if _, err := w.DB.ExecContext(ctx, statement); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", statement, err)
		}
		quick, stop := context.WithTimeout(context.Background(), 2*time.Second)
		defer stop()
		if _, err := w.Bare.ExecContext(quick, "UPDATE item SET kind = 9 WHERE id = 2"); err != nil {
			t.Errorf("%s: the lock is still held: %v", statement, err)
		}
		w.Warm(one)
	}
}

// What a cancelled autocommit write did is rolled back, and drops nothing.
func TestCancelledWriteIsRolledBack(t *testing.T) {
	w, b := bentShop(t, nil)
	w.Warm(one)
	ctx, cancel := context.WithCancel(context.Background())
	late := once("UPDATE", func() error { cancel(); return context.Canceled })
	b.after = func(text string, err error) error { return errors.Join(err, late(text)) }
	if _, err := w.DB.ExecContext(ctx, "UPDATE item SET kind = 8 WHERE id = 1"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if !w.Same(one) {
		t.Error("a write that was rolled back dropped an entry")
	}
	if rows, _ := trial.Read(t, w.DB, one); strings.Contains(rows, "8") {
		t.Errorf("read %s", rows)
	}
}
