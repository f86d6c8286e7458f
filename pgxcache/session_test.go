package pgxcache_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops/pgxcache"
)

const otherSchema = `CREATE SCHEMA other; CREATE TABLE other.item (id int PRIMARY KEY, name text); INSERT INTO other.item VALUES (1, 'other'), (2, 'another');
	CREATE FUNCTION moves() RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', 'other', false) $$`

// What a function has done to the session is not known from its call.
func TestFunctionThatChangesTheSession(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 2 }, nil)
	w.exec(w.bare, otherSchema)
	plain := w.over(w.open(nil), nil)
	w.warm(plain, byID, 1)
	w.warm(plain, "SELECT name FROM other.item WHERE id = $1", 1)
	w.exec(w.pool, "SELECT moves()")
	w.exec(w.pool, "UPDATE item SET name = 'strange' WHERE id = 1") // wherever that is
	w.same("SELECT name FROM other.item WHERE id = $1", 1)
	w.same("SELECT name FROM public.item WHERE id = $1", 1)
	w.keptApart(plain)
}

// A write on a connection whose names mean something else is not known by its plan.
func TestConnectionsThatDiffer(t *testing.T) {
	var n atomic.Int64
	same := &pgxcache.Options{Session: "same"}
	w := itemWorld(t, func(c *pgxpool.Config) {
		c.MaxConns = 2
		c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			if n.Add(1) == 1 {
				return nil
			}
			_, err := conn.Exec(ctx, "SET search_path = other")
			return err
		}
	}, same)
	w.exec(w.bare, otherSchema)
	ctx, plain := t.Context(), w.over(w.open(nil), same)
	const other = "SELECT name FROM other.item WHERE id = $1"
	w.values(w.pool, byID, 1) // on the first connection
	for name, write := range map[string]func(){
		"alone": func() { w.exec(w.pool, "UPDATE item SET name = name || '.' WHERE id = 1") },
		"in a transaction": func() {
			tx := begin(t, w)
			w.exec(tx, "UPDATE item SET name = name || '.' WHERE id = 1")
			must(t, tx.Commit(ctx))
		},
		"in a batch": func() {
			must(t, w.pool.SendBatch(ctx, queue(&pgx.Batch{}, "UPDATE item SET name = name || '.' WHERE id = 1", "SELECT 1")).Close())
		},
		"copied": func() {
			_, err := w.pool.CopyFrom(ctx, pgx.Identifier{"item"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{3, "x"}}))
			must(t, err)
		},
		"in a transaction's batch": func() {
			tx := begin(t, w)
			must(t, tx.SendBatch(ctx, queue(&pgx.Batch{}, "UPDATE item SET name = name || '.' WHERE id = 1")).Close())
			must(t, tx.Commit(ctx))
		},
		"copied in a transaction": func() {
			tx := begin(t, w)
			_, err := tx.CopyFrom(ctx, pgx.Identifier{"item"}, []string{"id", "name"}, pgx.CopyFromRows([][]any{{4, "x"}}))
			must(t, err)
			must(t, tx.Commit(ctx))
		},
		"in one text of a transaction": func() {
			tx := begin(t, w)
			w.exec(tx, "UPDATE item SET name = name || '.' WHERE id = 1; UPDATE item SET name = name || '.' WHERE id = 1")
			must(t, tx.Commit(ctx))
		},
	} {
		for _, id := range []int{1, 3} {
			w.warm(plain, other, id)
		}
		first, err := w.inner.Acquire(ctx)
		must(t, err)
		if n := n.Load(); n > 2 {
			t.Fatalf("%d connections", n)
		}
		if path := w.path(first); path == "other" {
			second, err := w.inner.Acquire(ctx)
			must(t, err)
			first, second = second, first
			second.Release()
		}
		write()
		first.Release()
		for _, id := range []int{1, 3} {
			if got, hit := w.values(plain, other, id); hit {
				t.Errorf("%s: still a hit of %v", name, got)
			}
		}
	}
}

func (w *world) path(c *pgxpool.Conn) (path string) {
	w.Helper()
	if err := c.QueryRow(context.Background(), "SHOW search_path").Scan(&path); err != nil {
		w.Fatal(err)
	}
	return path
}

// keptApart reads on a connection that is elsewhere, of which another pool must not
// be told.
func (w *world) keptApart(another *pgxcache.Pool) {
	w.Helper()
	for range 3 {
		w.values(w.pool, byID, 2)
		w.sameOn(another, byID, 2)
	}
}

func TestTriggersThatChangeTheSession(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 2 }, nil)
	w.exec(w.bare, otherSchema)
	w.exec(w.bare, `CREATE TABLE bait (id int); CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('search_path', 'other', false); RETURN NEW; END $$;
		CREATE TRIGGER l AFTER INSERT ON bait FOR EACH ROW EXECUTE FUNCTION trap();`)
	plain := w.over(w.open(nil), nil)
	w.exec(w.pool, "INSERT INTO bait VALUES (1)")
	w.keptApart(plain)
	const other = "SELECT name FROM other.item WHERE id = $1"
	w.warm(plain, other, 1)
	w.exec(w.pool, "UPDATE item SET name = 'x' WHERE id = 1")
	w.same(other, 1)
	w.sameOn(plain, other, 1)
	_, err := w.pool.CopyFrom(t.Context(), pgx.Identifier{"public", "bait"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}}))
	must(t, err)
	w.exec(w.pool, "UPDATE item SET name = 'y' WHERE id = 1")
	w.sameOn(plain, other, 1)
}

func TestViewsThatChangeTheSession(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 2 }, nil)
	w.exec(w.bare, otherSchema)
	w.exec(w.bare, "CREATE VIEW sneaky AS SELECT moves() AS m")
	plain := w.over(w.open(nil), nil)
	w.values(w.pool, "SELECT * FROM sneaky")
	w.keptApart(plain)
}

func TestViewsThatAskTheSession(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["app.tenant"] = "one" }, nil)
	w.exec(w.pool, "CREATE VIEW mine AS SELECT * FROM item WHERE name = current_setting('app.tenant')")
	for range 3 {
		if _, hit := w.values(w.pool, "SELECT id FROM mine"); hit {
			t.Error("a hit of what depends on the session")
		}
	}
}

// A pool of one connection may open another one in its place, whose session is as it
// was at first.
func TestOnlyConnectionThatIsReplaced(t *testing.T) {
	w := itemWorld(t, func(c *pgxpool.Config) { c.MaxConns = 1 }, nil)
	w.exec(w.bare, otherSchema)
	w.exec(w.pool, "SET search_path = other")
	w.warm(w.pool, byID, 1)
	w.inner.Reset()
	w.same(byID, 1)
	w.same(byID, 1)
}

// In a transaction the server only warns of a BEGIN, and commits all with the end.
func TestBeginWithinATransaction(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	w.warm(w.pool, byID, 1)
	c, err := w.pool.Acquire(ctx)
	must(t, err)
	defer c.Release()
	tx, err := c.Begin(ctx)
	must(t, err)
	w.exec(tx, "UPDATE item SET name = 'first' WHERE id = 1")
	again, err := c.Begin(ctx)
	must(t, err)
	must(t, again.Commit(ctx))
	if w.same(byID, 1) {
		t.Error("a hit after the commit")
	}
	w.warm(w.pool, byID, 1)
	j := w.join(pgx.TxOptions{}, "UPDATE item SET name = 'joined' WHERE id = 1")
	w.exec(j, "BEGIN")
	must(t, j.Commit(ctx))
	if w.same(byID, 1) {
		t.Error("a hit after the commit")
	}
}

func TestChainedTransactions(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	for _, chain := range []string{"COMMIT AND CHAIN", "ROLLBACK AND CHAIN"} {
		w.warm(w.pool, byID, 1)
		w.warm(w.pool, byID, 2)
		c, err := w.pool.Acquire(ctx)
		must(t, err)
		w.exec(c, "BEGIN")
		w.exec(c, "UPDATE item SET name = name || '1' WHERE id = 1")
		w.exec(c, chain)
		w.same(byID, 1)
		w.warm(w.pool, byID, 1)
		w.exec(c, "UPDATE item SET name = name || '2' WHERE id = 2")
		if rows, _ := w.values(c, byID, 2); fmt.Sprint(rows) == "[[two]]" {
			t.Error("does not see its own")
		}
		w.exec(c, "ROLLBACK")
		c.Release()
		if rows, _ := w.values(w.bare, byID, 2); fmt.Sprint(rows) != "[[two]]" {
			t.Errorf("%s: the chained transaction was not rolled back: %v", chain, rows)
		}
		w.same(byID, 2)
		c, err = w.pool.Acquire(ctx)
		must(t, err)
		w.exec(c, "BEGIN")
		w.exec(c, chain)
		w.exec(c, "UPDATE item SET name = name || '3' WHERE id = 1")
		w.exec(c, "COMMIT")
		c.Release()
		w.same(byID, 1)
		w.same(byID, 1)
	}
}

// What a hook has prepared on every connection is called by its name.
func TestStatementsPreparedByAHook(t *testing.T) {
	hook := func(c *pgxpool.Config) {
		c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			if _, err := conn.Prepare(ctx, "item_by_id", byID); err != nil {
				return err
			}
			_, err := conn.Prepare(ctx, "rename", "UPDATE item SET name = $1 WHERE id = $2")
			return err
		}
	}
	w := newWorld(t, nil, nil)
	w.exec(w.bare, twoItems)
	pool := w.over(w.open(hook), nil)
	w.warm(pool, "item_by_id", 1)
	w.exec(pool, "rename", "renamed", 1)
	if rows, hit := w.values(pool, "item_by_id", 1); hit || fmt.Sprint(rows) != "[[renamed]]" {
		t.Errorf("read %v (hit %v)", rows, hit)
	}
	b := &pgx.Batch{}
	b.Queue("rename", "in a batch", 1)
	b.Queue("item_by_id", 1)
	must(t, pool.SendBatch(t.Context(), b).Close())
	if rows, hit := w.values(pool, "item_by_id", 1); hit || fmt.Sprint(rows) != "[[in a batch]]" {
		t.Errorf("read %v (hit %v)", rows, hit)
	}
}
