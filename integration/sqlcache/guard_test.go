package sqlcache_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/trial"
)

// A COMMIT that fails for reasons of its own may have happened; its connection
// is not used again.
func TestCommitThatFailsStrangelyIsUnknown(t *testing.T) {
	w, b := bentShop(t, nil)
	w.Warm(one)
	strange := errors.New("disk I/O error")
	fail := once("COMMIT", func() error { return strange })
	b.after = func(text string, err error) error { return errors.Join(err, fail(text)) }
	_, err := w.DB.Exec("UPDATE item SET name = 'new' WHERE id = 1")
	if !errors.Is(err, cacheops.ErrOutcomeUnknown) || !errors.Is(err, strange) {
		t.Errorf("%v", err)
	}
	if b.closed.Load() == 0 {
		t.Error("the connection was kept")
	}
	w.Same(one)
	w.Warm(one)
}

func TestNothingFollowsOnALostConnection(t *testing.T) {
	w, b := bentShop(t, nil)
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	b.after = func(text string, err error) error {
		if strings.HasPrefix(text, "UPDATE") {
			return driver.ErrBadConn
		}
		return err
	}
	if _, err := tx.Exec("UPDATE item SET kind = 3 WHERE id = 1"); err == nil {
		t.Fatal("not lost")
	}
	b.after = nil
	if _, err := tx.Exec("INSERT INTO item VALUES (30, 3, 'after')"); err == nil {
		t.Error("a statement was run on a lost connection")
	}
	if rows, err := trial.Rows(context.Background(), tx, one); err == nil {
		t.Errorf("a lost connection was read: %s", rows)
	}
	if tx.Commit() == nil {
		t.Error("committed")
	}
	if rows, _ := trial.Read(t, w.Bare, "SELECT id FROM item WHERE id = 30 OR kind = 3"); rows != "" {
		t.Errorf("kept %s", rows)
	}
}

// A transaction's first write waits for the lock as it would without the
// cache, although the cache wants to read the row first.
func TestFirstWriteOfATransactionWaitsForTheLock(t *testing.T) {
	w := shop(t, nil)
	w.Warm("SELECT id FROM item WHERE kind = 1 ORDER BY id")
	c := w.Conn()
	trial.Exec(t, c, "BEGIN IMMEDIATE")
	trial.Exec(t, c, "UPDATE item SET kind = 7 WHERE id = 2")
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := tx.Exec("UPDATE item SET kind = 3 WHERE id = 1")
		done <- err
	}()
	select {
	case err := <-done:
		t.Errorf("did not wait: %v", err)
	case <-time.After(200 * time.Millisecond):
		trial.Exec(t, c, "COMMIT")
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	w.Same(kinds)
}

func TestPanicInAReadClosesTheConnection(t *testing.T) {
	w, b := bentShop(t, nil)
	tx := "SELECT count(*) FROM item"
	b.before = once("SELECT COUNT", func() error { panic("driver") })
	closed := b.closed.Load()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = w.DB.QueryContext(cacheops.NoCache(context.Background()), tx) // panics
	}()
	if b.closed.Load() == closed {
		t.Error("the connection went back to the pool")
	}
	w.Warm(tx)
}
