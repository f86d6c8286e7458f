package pgxcache_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops/pgxcache"
)

// join begins a transaction past the cache, has before work in it, and wraps it.
func (w *world) join(opts pgx.TxOptions, before ...string) *pgxcache.Tx {
	w.Helper()
	ctx := context.Background()
	tx, err := w.bare.BeginTx(ctx, opts)
	if err != nil {
		w.Fatal(err)
	}
	for _, q := range before {
		w.exec(tx, q)
	}
	joined, err := w.pool.WrapTx(ctx, tx)
	if err != nil {
		w.Fatal(errors.Join(err, tx.Rollback(ctx)))
	}
	return joined
}

// givenBack checks that the bare pool has all its connections.
func (w *world) givenBack() {
	w.Helper()
	if n := w.bare.Stat().AcquiredConns(); n != 0 {
		w.Fatalf("%d connections of the bare pool are still taken", n)
	}
}

func TestJoinedTransaction(t *testing.T) {
	for _, level := range []pgx.TxIsoLevel{"", pgx.RepeatableRead, pgx.Serializable} {
		w := itemWorld(t, nil, nil)
		ctx := t.Context()
		w.warm(w.pool, byID, 1)
		w.warm(w.pool, byID, 2)
		tx := w.join(pgx.TxOptions{IsoLevel: level}, "SELECT count(*) FROM item", "SAVEPOINT sp_1")
		w.exec(tx, "UPDATE item SET name = 'joined' WHERE id = 1")
		inner, err := tx.Begin(ctx)
		must(t, err)
		w.exec(inner, "UPDATE item SET name = 'undone' WHERE id = 2")
		must(t, inner.Rollback(ctx))
		if rows, hit := w.values(tx, byID, 1); hit || fmt.Sprint(rows) != "[[joined]]" {
			t.Errorf("the transaction reads %v (hit %v)", rows, hit)
		}
		if !w.same(byID, 1) {
			t.Error("dropped before the commit")
		}
		must(t, tx.Commit(ctx))
		w.givenBack()
		if w.same(byID, 1) {
			t.Error("a hit after the commit")
		}
		if !w.same(byID, 2) {
			t.Error("a transaction that had written nothing drops more than it wrote")
		}
		if err := tx.Rollback(ctx); !errors.Is(err, pgx.ErrTxClosed) {
			t.Errorf("rollback after commit: %v", err)
		}
		if tx.Conn() != nil {
			t.Error("a connection after the end")
		}
	}
}

// What a transaction has written before it was wrapped may be anything.
func TestJoinedAfterWrites(t *testing.T) {
	for name, before := range map[string][]string{
		"a write":                     {"UPDATE item SET name = 'before' WHERE id = 1"},
		"a write under a savepoint":   {"SAVEPOINT a", "UPDATE item SET name = 'before' WHERE id = 1", "RELEASE a"},
		"a write under two":           {"SAVEPOINT a", "SAVEPOINT b", "UPDATE item SET name = name || '.' WHERE id = 1", "RELEASE b"},
		"a write of another":          {"SAVEPOINT a", "INSERT INTO item VALUES (7, 'seven')", "ROLLBACK TO a", "UPDATE item SET name = 'before' WHERE id = 1"},
		"DDL":                         {"ALTER TABLE item RENAME name TO was", "ALTER TABLE item ADD name text DEFAULT 'ddl'"},
		"a function":                  {"DO $$ BEGIN UPDATE item SET name = 'done' WHERE id = 1; END $$"},
		"a table that hides":          {"CREATE TEMP TABLE item (id int, name text) ON COMMIT DROP", "UPDATE public.item SET name = 'hidden' WHERE id = 1"},
		"TRUNCATE":                    {"TRUNCATE item"},
		"a write in a WITH of a read": {"WITH w AS (UPDATE item SET name = 'with' WHERE id = 1 RETURNING 1) SELECT * FROM w"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := itemWorld(t, nil, nil)
			w.exec(w.bare, "CREATE TABLE far (id int)")
			w.warm(w.pool, byID, 1)
			for _, more := range []string{"", "INSERT INTO far VALUES (1)"} {
				tx := w.join(pgx.TxOptions{}, before...)
				if more != "" {
					w.exec(tx, more)
				}
				must(t, tx.Commit(t.Context()))
				if w.same(byID, 1) {
					t.Error("a hit after the commit")
				}
				w.warm(w.pool, byID, 1)
				if name == "DDL" {
					break
				}
				tx = w.join(pgx.TxOptions{}, before...)
				must(t, tx.Rollback(t.Context()))
				if !w.same(byID, 1) {
					t.Error("a rollback drops")
				}
			}
			w.givenBack()
		})
	}
}

// What a transaction's names mean was perhaps said before.
func TestJoinedInAnotherSession(t *testing.T) {
	w := itemWorld(t, nil, nil)
	w.exec(w.bare, "CREATE SCHEMA other; CREATE TABLE other.item (id int PRIMARY KEY, name text); INSERT INTO other.item VALUES (1, 'other')")
	const other = "SELECT name FROM other.item WHERE id = 1"
	w.warm(w.pool, other)
	tx := w.join(pgx.TxOptions{}, "SET LOCAL search_path = other")
	w.exec(tx, "UPDATE item SET name = 'moved' WHERE id = 1")
	must(t, tx.Commit(t.Context()))
	if w.same(other) {
		t.Error("a hit after the commit")
	}
	w.warm(w.pool, byID, 1)
	tx = w.join(pgx.TxOptions{})
	w.exec(tx, "SET LOCAL search_path = other")
	w.exec(tx, "UPDATE item SET name = 'moved on' WHERE id = 1")
	must(t, tx.Commit(t.Context()))
	if w.same(other) {
		t.Error("a hit after the commit")
	}
}

// The pool beneath is no exception, nor is what a session is left with.
func TestJoinedOnThePoolBeneath(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 2 }, nil)
	w.exec(w.bare, "CREATE SCHEMA other; CREATE TABLE other.item (id int PRIMARY KEY, name text); INSERT INTO other.item VALUES (1, 'other'), (2, 'another')")
	w.warm(w.pool, byID, 1)
	tx, err := w.inner.Begin(t.Context())
	must(t, err)
	joined, err := w.pool.WrapTx(t.Context(), tx)
	must(t, err)
	w.exec(joined, "SET search_path = other")
	w.exec(joined, "UPDATE item SET name = 'moved' WHERE id = 1")
	must(t, joined.Commit(t.Context()))
	w.nothingTaken()
	plain := w.over(w.open(nil), nil)
	for range 3 {
		w.values(w.pool, byID, 2) // on the connection that was left elsewhere
		if rows, _ := w.values(plain, byID, 2); fmt.Sprint(rows) != "[[two]]" {
			t.Fatalf("another pool reads %v", rows)
		}
	}
}

func TestJoinedThatFails(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	w.exec(w.bare, "CREATE TABLE child (id int PRIMARY KEY, item int REFERENCES item DEFERRABLE INITIALLY DEFERRED)")
	const count = "SELECT count(*) FROM child"
	w.warm(w.pool, count)
	tx := w.join(pgx.TxOptions{})
	w.exec(tx, "INSERT INTO child VALUES (1, 77)")
	var pg *pgconn.PgError
	if err := tx.Commit(ctx); !errors.As(err, &pg) || pg.Code != "23503" {
		t.Errorf("commit: %v", err)
	}
	w.givenBack()
	w.warm(w.pool, count)

	tx = w.join(pgx.TxOptions{})
	w.exec(tx, "UPDATE item SET name = 'lost' WHERE id = 1")
	if _, err := tx.Exec(ctx, "SELECT 1/0"); err == nil {
		t.Fatal("no error")
	}
	if err := tx.Commit(ctx); !errors.Is(err, pgx.ErrTxCommitRollback) {
		t.Errorf("commit of a failed transaction: %v", err)
	}
	w.givenBack()

	tx = w.join(pgx.TxOptions{})
	w.warm(w.pool, byID, 1)
	w.exec(tx, "UPDATE item SET name = 'by text' WHERE id = 1")
	w.exec(tx, "COMMIT")
	if w.same(byID, 1) {
		t.Error("a hit after the commit")
	}
	if _, err := tx.Exec(ctx, "DELETE FROM item"); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("a write in no transaction: %v", err)
	}
	if err := tx.Rollback(ctx); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("rollback: %v", err)
	}
	w.givenBack()

	tx = w.join(pgx.TxOptions{})
	var pid int32
	must(t, tx.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid))
	w.exec(tx, "UPDATE item SET name = 'lost' WHERE id = 1")
	w.exec(w.pool, "SELECT pg_terminate_backend($1)", pid)
	if _, err := tx.Exec(ctx, "UPDATE item SET name = 'stray' WHERE id = 2"); err == nil {
		t.Error("a write over a lost connection succeeded")
	}
	if err := tx.Commit(ctx); err == nil {
		t.Error("a commit over a lost connection succeeded")
	}
	w.same("SELECT id, name FROM item ORDER BY id")
	w.warm(w.pool, byID, 1)
}

// Nothing is committed that the store could not be told of.
func TestJoinedWithoutTheStore(t *testing.T) {
	w := itemWorld(t, nil, nil)
	tx := w.join(pgx.TxOptions{})
	w.exec(tx, "UPDATE item SET name = 'untold' WHERE id = 1")
	must(t, w.store.Close())
	if err := tx.Commit(t.Context()); err == nil {
		t.Error("a commit without the store")
	}
	if rows, _ := w.values(w.bare, byID, 1); fmt.Sprint(rows) != "[[one]]" {
		t.Errorf("read %v", rows)
	}
	w.givenBack()
}

func TestWhatCannotBeJoined(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	refused := func(what string, tx pgx.Tx) {
		t.Helper()
		if _, err := w.pool.WrapTx(ctx, tx); err == nil {
			t.Errorf("%s was wrapped", what)
		}
	}
	outer, err := w.bare.Begin(ctx)
	must(t, err)
	nested, err := outer.Begin(ctx)
	must(t, err)
	refused("a nested transaction", nested)
	refused("one of a program's own", &releasing{Tx: outer})
	own := begin(t, w)
	refused("one of the cache's", own)
	must(t, own.Rollback(ctx))
	refused("nothing", nil)
	_, err = outer.Exec(ctx, "SELECT 1/0")
	if err == nil {
		t.Error("no error")
	}
	refused("a failed transaction", outer)
	must(t, outer.Rollback(ctx))
	refused("a transaction that is over", outer)
	prepared, err := w.bare.BeginTx(ctx, pgx.TxOptions{CommitQuery: "COMMIT AND CHAIN"})
	must(t, err)
	refused("one that commits otherwise", prepared)
	must(t, prepared.Rollback(ctx))
	elsewhere := newWorld(t, nil, nil)
	tx, err := elsewhere.bare.Begin(ctx)
	must(t, err)
	refused("one of another database", tx)
	must(t, tx.Rollback(ctx))
	w.givenBack()
}

// A lone connection's transaction is pgx's own, without a pool around it.
func TestJoinedOnALoneConnection(t *testing.T) {
	w := newWorld(t, nil, nil)
	w.exec(w.bare, manyTypes)
	ctx := t.Context()
	conn := w.connect()
	defer conn.Close(ctx)
	typ, err := conn.LoadType(ctx, "pair")
	must(t, err)
	conn.TypeMap().RegisterType(typ)
	const q = "SELECT * FROM t ORDER BY id"
	want := snap(t, conn, q)
	w.warm(w.pool, q)
	tx, err := conn.Begin(ctx)
	must(t, err)
	joined, err := w.pool.WrapTx(ctx, tx)
	must(t, err)
	if got := snap(t, joined, q); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read\n%v\nwant\n%v", got, want)
	}
	w.exec(joined, "UPDATE t SET v = 'x' WHERE id = 1")
	must(t, joined.Commit(ctx))
	w.same("SELECT v FROM t ORDER BY id")
	if conn.IsClosed() || conn.PgConn().TxStatus() != 'I' {
		t.Error("the connection was not left as it was")
	}
	if tx.Rollback(ctx) == nil {
		t.Error("the transaction is not over for who began it")
	}
}
