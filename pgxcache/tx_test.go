package pgxcache_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/pgxcache"
)

func begin(t testing.TB, w *world) pgx.Tx {
	t.Helper()
	tx, err := w.pool.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// must fails the test with an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestNestedTransactions(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	w.warm(w.pool, byID, 1)
	w.warm(w.pool, byID, 2)
	tx := begin(t, w)
	inner, err := tx.Begin(ctx)
	must(t, err)
	w.exec(inner, "UPDATE item SET name = 'undone' WHERE id = 1")
	must(t, inner.Rollback(ctx))
	if err := inner.Commit(ctx); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("commit after rollback: %v", err)
	}
	second, err := tx.Begin(ctx)
	must(t, err)
	third, err := second.Begin(ctx)
	must(t, err)
	w.exec(third, "UPDATE item SET name = 'done' WHERE id = 2")
	must(t, third.Commit(ctx))
	must(t, second.Commit(ctx))
	if !w.same(byID, 2) {
		t.Error("dropped before the commit")
	}
	must(t, tx.Commit(ctx))
	if !w.same(byID, 1) {
		t.Error("what a savepoint undid was dropped")
	}
	if w.same(byID, 2) {
		t.Error("a hit after the commit")
	}
	if err := tx.Rollback(ctx); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("rollback after commit: %v", err)
	}
	if _, err := tx.Exec(ctx, "DELETE FROM item"); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("a write after commit: %v", err)
	}
}

func TestBeginFunc(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.warm(w.pool, byID, 1)
	must(t, pgx.BeginTxFunc(t.Context(), w.pool, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		var level string
		if err := tx.QueryRow(t.Context(), "SHOW transaction_isolation").Scan(&level); err != nil || level != "serializable" {
			t.Errorf("level %q, %v", level, err)
		}
		_, err := tx.Exec(t.Context(), "UPDATE item SET name = 'new' WHERE id = 1")
		return err
	}))
	if w.same(byID, 1) {
		t.Error("a hit after the commit")
	}
	err := pgx.BeginTxFunc(t.Context(), w.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE item SET name = 'never' WHERE id = 1")
		return err
	})
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "25006" {
		t.Errorf("a write in a read-only transaction: %v", err)
	}
	w.same(byID, 1)
}

func TestCommitOfAFailedTransaction(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.warm(w.pool, byID, 1)
	tx := begin(t, w)
	w.exec(tx, "UPDATE item SET name = 'lost' WHERE id = 1")
	if _, err := tx.Exec(t.Context(), "SELECT 1/0"); err == nil {
		t.Fatal("no error")
	}
	if err := tx.Commit(t.Context()); !errors.Is(err, pgx.ErrTxCommitRollback) {
		t.Errorf("commit: %v", err)
	}
	if !w.same(byID, 1) {
		t.Error("dropped by a transaction that failed")
	}
	w.nothingTaken()
}

func TestCommitWithDeferredConstraint(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.exec(w.pool, "CREATE TABLE child (id int PRIMARY KEY, item int REFERENCES item DEFERRABLE INITIALLY DEFERRED)")
	tx := begin(t, w)
	w.exec(tx, "INSERT INTO child VALUES (1, 77)")
	var pg *pgconn.PgError
	if err := tx.Commit(t.Context()); !errors.As(err, &pg) || pg.Code != "23503" {
		t.Errorf("commit: %v", err)
	}
	w.same("SELECT count(*) FROM child")
}

// A transaction whose connection is gone must not go on in autocommit.
func TestLostConnection(t *testing.T) {
	w := itemWorld(t, nil, nil)
	tx := begin(t, w)
	var pid int32
	must(t, tx.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid))
	w.exec(tx, "UPDATE item SET name = 'lost' WHERE id = 1")
	w.exec(w.bare, "SELECT pg_terminate_backend($1)", pid)
	for range 2 {
		if _, err := tx.Exec(t.Context(), "UPDATE item SET name = 'stray' WHERE id = 2"); err == nil {
			t.Error("a write over a lost connection succeeded")
		}
	}
	if err := tx.Commit(t.Context()); err == nil {
		t.Error("a commit over a lost connection succeeded")
	}
	w.same("SELECT id, name FROM item ORDER BY id")
	if rows, _ := w.values(w.bare, "SELECT name FROM item ORDER BY id"); fmt.Sprint(rows) != "[[one] [two]]" {
		t.Errorf("the rows are %v", rows)
	}
}

func TestTransactionEndedByText(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.warm(w.pool, byID, 1)
	tx := begin(t, w)
	w.exec(tx, "UPDATE item SET name = 'by text' WHERE id = 1")
	w.exec(tx, "COMMIT")
	if w.same(byID, 1) {
		t.Error("a hit after the commit")
	}
	if _, err := tx.Exec(t.Context(), "DELETE FROM item"); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("a write in no transaction: %v", err)
	}
	if err := tx.Rollback(t.Context()); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("rollback: %v", err)
	}
	w.same("SELECT count(*) FROM item")
}

// As with a bare pool the first statement over a connection that was lost while
// it was idle may fail; nothing is stale after it.
func TestLostIdleConnection(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 1 }, nil)
	for range 3 {
		w.warm(w.pool, byID, 1)
		w.exec(w.bare, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		if _, err := w.pool.Exec(t.Context(), "UPDATE item SET name = name || '.' WHERE id = 1"); err != nil {
			w.same(byID, 1)
			w.exec(w.pool, "UPDATE item SET name = name || '.' WHERE id = 1")
		}
		if w.same(byID, 1) {
			t.Error("a hit after the write")
		}
	}
}

// As with pgx, a statement that comes while rows are being read is refused, and the
// transaction goes on.
func TestBusyTransaction(t *testing.T) {
	w := itemWorld(t, nil, nil)
	tx := begin(t, w)
	defer tx.Rollback(t.Context()) //nolint:errcheck // it has ended
	w.exec(tx, "UPDATE item SET name = 'kept' WHERE id = 1")
	rows, err := tx.Query(t.Context(), "SELECT n FROM generate_series(1, 100000) n, item")
	must(t, err)
	rows.Next()
	if _, err := tx.Exec(t.Context(), "UPDATE item SET name = 'refused' WHERE id = 2"); err == nil || err.Error() != "conn busy" {
		t.Errorf("a write between rows: %v", err)
	}
	rows.Close()
	must(t, rows.Err())
	must(t, tx.Commit(t.Context()))
	if rows, _ := w.values(w.bare, "SELECT name FROM item ORDER BY id"); fmt.Sprint(rows) != "[[kept] [two]]" {
		t.Errorf("the rows are %v", rows)
	}
}

func TestBeginsContextEndsNothing(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.warm(w.pool, byID, 1)
	ctx, cancel := context.WithCancel(t.Context())
	tx, err := w.pool.Begin(ctx)
	must(t, err)
	cancel()
	w.exec(tx, "UPDATE item SET name = 'kept' WHERE id = 1")
	must(t, tx.Commit(t.Context()))
	if w.same(byID, 1) {
		t.Error("a hit after the commit")
	}
	tx = begin(t, w)
	w.exec(tx, "UPDATE item SET name = 'gone' WHERE id = 1")
	if err := tx.Rollback(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("rollback with a cancelled context: %v", err)
	}
	w.same(byID, 1)
	w.nothingTaken()
}

func TestPreparedInTransaction(t *testing.T) {
	w := itemWorld(t, nil, nil)
	tx := begin(t, w)
	sd, err := tx.Prepare(t.Context(), "rename", "UPDATE item SET name = $1 WHERE id = $2")
	must(t, err)
	if len(sd.ParamOIDs) != 2 || sd.Name != "rename" {
		t.Errorf("described as %+v", sd)
	}
	w.exec(tx, "rename", "renamed", 1)
	w.warm(w.pool, byID, 1)
	must(t, tx.Commit(t.Context()))
	if w.same(byID, 1) {
		t.Error("a hit after the commit")
	}
}

func TestExposedConnection(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.warm(w.pool, byID, 1)
	tx := begin(t, w)
	_, err := tx.Conn().Exec(t.Context(), "UPDATE item SET name = 'past the cache' WHERE id = 1")
	must(t, err)
	must(t, tx.Commit(t.Context()))
	if w.same(byID, 1) {
		t.Error("a hit after the commit")
	}
	if tx.Conn() != nil {
		t.Error("a connection after the end")
	}
}

func TestLargeObjects(t *testing.T) {
	w := itemWorld(t, nil, nil)
	tx := begin(t, w)
	lo := tx.LargeObjects()
	oid, err := lo.Create(t.Context(), 0)
	must(t, err)
	obj, err := lo.Open(t.Context(), oid, pgx.LargeObjectModeRead|pgx.LargeObjectModeWrite)
	must(t, err)
	if _, err := obj.Write([]byte("large")); err != nil {
		t.Error(err)
	}
	must(t, tx.Commit(t.Context()))
	lo = tx.LargeObjects()
	if _, err := lo.Create(t.Context(), 0); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("after the commit: %v", err)
	}
	var data []byte
	must(t, w.bare.QueryRow(t.Context(), "SELECT lo_get($1)", oid).Scan(&data))
	if string(data) != "large" {
		t.Errorf("wrote %q", data)
	}
}

func TestAcquired(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 1 }, nil)
	ctx := t.Context()
	w.warm(w.pool, byID, 1)
	c, err := w.pool.Acquire(ctx)
	must(t, err)
	if _, hit := w.values(c, byID, 1); !hit {
		t.Error("no hit on an acquired connection")
	}
	if n := w.inner.Stat().AcquiredConns(); n != 0 {
		t.Errorf("an acquired connection holds %d of the pool", n)
	}
	tx, err := c.Begin(ctx)
	must(t, err)
	w.exec(tx, "UPDATE item SET name = 'acquired' WHERE id = 1")
	must(t, tx.Commit(ctx))
	c.Release()
	if w.same(byID, 1) {
		t.Error("a hit after the commit")
	}
	c, err = w.pool.Acquire(ctx)
	must(t, err)
	_, err = c.Begin(ctx)
	must(t, err)
	w.exec(c, "UPDATE item SET name = 'left open' WHERE id = 1")
	c.Release()
	w.same(byID, 1)
}

func TestSessionsOfTheirOwn(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 2 }, nil)
	ctx := t.Context()
	w.exec(w.bare, "CREATE SCHEMA other; CREATE TABLE other.item (id int PRIMARY KEY, name text); INSERT INTO other.item VALUES (1, 'other')")
	w.warm(w.pool, byID, 1)
	must(t, w.pool.AcquireFunc(ctx, func(c *pgxcacheConn) error {
		w.exec(c, "SET search_path = other")
		for range 3 {
			if rows, hit := w.values(c, byID, 1); hit || fmt.Sprint(rows) != "[[other]]" {
				t.Errorf("a session of its own reads %v (hit %v)", rows, hit)
			}
		}
		return nil
	}))
	for range 4 {
		w.same(byID, 1)
		w.exec(w.pool, "UPDATE item SET name = name || '.' WHERE id = 1")
	}
	if rows, _ := w.values(w.bare, "SELECT name FROM other.item"); fmt.Sprint(rows) != "[[other]]" {
		t.Errorf("a session's settings went back to the pool: %v", rows)
	}
}

func TestRawConnection(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	c, err := w.pool.Acquire(ctx)
	must(t, err)
	must(t, c.Watch(ctx, func(conn *pgx.Conn) error { _, err := conn.Exec(ctx, "LISTEN news"); return err }))
	w.warm(w.pool, byID, 1)
	must(t, c.Raw(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "UPDATE item SET name = 'raw' WHERE id = 1")
		return err
	}))
	if w.same(byID, 1) {
		t.Error("a hit after a raw write")
	}
	w.exec(w.pool, "NOTIFY news, 'hello'")
	must(t, c.Watch(ctx, func(conn *pgx.Conn) error {
		n, err := conn.WaitForNotification(ctx)
		if err == nil && n.Payload != "hello" {
			t.Errorf("heard %+v", n)
		}
		return err
	}))
	c.Release()
	w.nothingTaken()
}

func TestReleaseWithOpenRows(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 2 }, nil)
	ctx := cacheops.NoCache(t.Context())
	c, err := w.pool.Acquire(ctx)
	must(t, err)
	rows, err := c.Query(ctx, "SELECT n FROM generate_series(1, 100000) n, item")
	must(t, err)
	rows.Next()
	c.Release()
	w.nothingTaken()
	w.same(byID, 1)
	rows.Close()
	w.warm(w.pool, byID, 1)
	w.exec(w.pool, "UPDATE item SET name = 'after' WHERE id = 1")
	w.same(byID, 1)
	w.nothingTaken()
}

// Whatever begins a transaction asks whether the schema was changed past the cache, be
// it all that the program does past its hits.
func TestTriggerMadeOutside(t *testing.T) {
	const logs, write = "SELECT count(*) FROM log", "UPDATE item SET name = name || '!' WHERE id = 1"
	ctx := context.Background()
	for name, way := range map[string]func(w *world){
		"transaction": func(w *world) {
			tx, err := w.pool.Begin(ctx)
			must(t, err)
			w.exec(tx, write)
			must(t, tx.Commit(ctx))
		},
		"batch": func(w *world) {
			b := &pgx.Batch{}
			b.Queue(write)
			must(t, w.pool.SendBatch(ctx, b).Close())
		},
		"joined": func(w *world) {
			tx := w.join(pgx.TxOptions{})
			w.exec(tx, write)
			must(t, tx.Commit(ctx))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := itemWorld(t, nil, &pgxcache.Options{SchemaCheck: time.Nanosecond})
			w.exec(w.pool, "CREATE TABLE log (what TEXT)")
			w.exec(w.pool, "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES ('x'); RETURN NEW; END $$")
			w.warm(w.pool, logs)
			w.exec(w.bare, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION note()")
			way(w)
			if rows, hit := w.values(w.pool, logs); hit || fmt.Sprint(rows) != "[[1]]" {
				t.Errorf("after a write that fires it: %v (hit %v)", rows, hit)
			}
		})
	}
}
