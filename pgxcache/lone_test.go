package pgxcache_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/pgxcache"
)

var _ DBTX = (*pgxcache.Conn)(nil)

// loneConn is a connection in no pool, through a cache over the world's store.
type loneConn struct {
	*pgxcache.Conn
	under *pgx.Conn
	close func()
}

func (w *world) connect() *pgx.Conn {
	w.Helper()
	c, err := pgx.Connect(context.Background(), w.dsn)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w *world) lone(under *pgx.Conn) loneConn {
	w.Helper()
	if under == nil {
		under = w.connect()
	}
	return w.loneWith(under, nil)
}

func (w *world) loneWith(under *pgx.Conn, opts *pgxcache.Options) loneConn {
	w.Helper()
	c, err := cacheops.New(shared{w.store}, &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}}})
	if err != nil {
		w.Fatal(err)
	}
	if opts == nil {
		opts = &pgxcache.Options{MaxEntryBytes: 64 << 10}
	}
	conn, err := pgxcache.NewConn(context.Background(), c, under, opts)
	if err != nil {
		w.Fatal(err)
	}
	return loneConn{conn, under, func() {
		conn.Release()
		if err := errors.Join(under.Close(context.Background()), c.Close()); err != nil {
			w.Error(err)
		}
	}}
}

func TestLoneConnection(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	w.warm(w.pool, byID, 1)
	l := w.lone(nil)
	defer l.close()
	if _, hit := w.values(l, byID, 1); !hit {
		t.Error("what a pool has read is not a lone connection's")
	}
	w.warm(l, byID, 2)
	if !w.same(byID, 2) {
		t.Error("what a lone connection has read is not a pool's")
	}
	w.exec(l, "UPDATE item SET name = 'lone' WHERE id = 1")
	if w.same(byID, 1) {
		t.Error("a hit after a write")
	}
	tx, err := l.Begin(ctx)
	must(t, err)
	w.exec(tx, "UPDATE item SET name = 'lone too' WHERE id = 2")
	if rows, hit := w.values(l, byID, 2); hit || fmt.Sprint(rows) != "[[lone too]]" {
		t.Errorf("in its transaction the connection reads %v (hit %v)", rows, hit)
	}
	if !w.same(byID, 2) {
		t.Error("dropped before the commit")
	}
	must(t, tx.Commit(ctx))
	if w.same(byID, 2) {
		t.Error("a hit after the commit")
	}
	w.warm(l, byID, 1)
	_, err = l.Begin(ctx)
	must(t, err)
	w.exec(l, "UPDATE item SET name = 'left open' WHERE id = 1")
	l.Release()
	if status := l.under.PgConn().TxStatus(); status != 'I' || l.under.IsClosed() {
		t.Errorf("the connection was given back in state %c, closed %v", status, l.under.IsClosed())
	}
	w.same(byID, 1)
	l.Release()
}

func TestLoneConnectionInTransaction(t *testing.T) {
	w := itemWorld(t, nil, nil)
	under := w.connect()
	defer under.Close(t.Context())
	w.exec(under, "BEGIN")
	c, err := cacheops.New(shared{w.store}, nil)
	must(t, err)
	defer c.Close()
	if _, err := pgxcache.NewConn(t.Context(), c, under, nil); err == nil {
		t.Error("a connection in a transaction was taken")
	}
}

// The entries follow what SET changes, however that is done, and what a rollback
// undoes.
func TestLoneSession(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	w.exec(w.bare, `CREATE SCHEMA other; CREATE TABLE other.item (id int PRIMARY KEY, name text); INSERT INTO other.item VALUES (1, 'other');
		CREATE FUNCTION moves() RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', 'other', false) $$`)
	l := w.lone(nil)
	defer l.close()
	is := func(want string) {
		t.Helper()
		for range 3 {
			if rows, hit := w.values(l, byID, 1); fmt.Sprint(rows) != want {
				t.Fatalf("read %v (hit %v), want %s", rows, hit, want)
			}
		}
	}
	home, away := "[[one]]", "[[other]]"
	is(home)
	w.exec(l, "SET search_path = other")
	is(away)
	w.same(byID, 1)
	w.exec(l, "RESET search_path")
	is(home)
	tx, err := l.Begin(ctx)
	must(t, err)
	w.exec(tx, "SET search_path = other")
	is(away)
	must(t, tx.Rollback(ctx))
	is(home)
	must(t, l.Watch(ctx, func(c *pgx.Conn) error { _, err := c.Exec(ctx, "SET search_path = other"); return err }))
	is(away)
	w.exec(l, "SELECT set_config('search_path', 'public', false)")
	is(home)
	w.exec(l, "SELECT moves()")
	is(away)
	w.exec(l, "RESET search_path")
	w.exec(l, "CREATE TEMP TABLE item (id int, name text)")
	is("[]")
	w.exec(l, "INSERT INTO item VALUES (1, 'mine')")
	is("[[mine]]")
	w.exec(l, "DROP TABLE item")
	is(home)
	w.same(byID, 1)
	if err := l.Raw(ctx, func(c *pgx.Conn) error { _, err := c.Exec(ctx, "UPDATE item SET name = 'raw'"); return err }); err != nil {
		t.Fatal(err)
	}
	is("[[raw]]")
	w.same(byID, 1)
	l.Release()
	if l.under.IsClosed() {
		t.Error("a connection that Raw was called with was closed")
	}
}

func TestLoneListens(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	l := w.lone(nil)
	defer l.close()
	w.exec(l, "LISTEN news")
	w.warm(l, byID, 1)
	for range 3 {
		w.exec(w.pool, "NOTIFY news, 'hello'")
		must(t, l.Watch(ctx, func(c *pgx.Conn) error {
			n, err := c.WaitForNotification(ctx)
			if err == nil && n.Payload != "hello" {
				t.Errorf("heard %+v", n)
			}
			return err
		}))
		if _, hit := w.values(l, byID, 1); !hit {
			t.Error("no hit on a connection that listens")
		}
	}
	l.Release()
	w.exec(w.bare, "NOTIFY news, 'again'")
	if n, err := l.under.WaitForNotification(ctx); err != nil || n.Payload != "again" {
		t.Errorf("after Release: %+v, %v", n, err)
	}
}

// Types are those of the connection, also those that are registered in Watch.
func TestLoneTypes(t *testing.T) {
	w := newWorld(t, nil, nil)
	w.exec(w.bare, manyTypes)
	ctx := t.Context()
	const all = "SELECT * FROM t ORDER BY id"
	register := func(conn *pgx.Conn) error {
		typ, err := conn.LoadType(ctx, "pair")
		if err != nil {
			return err
		}
		conn.TypeMap().RegisterType(typ)
		return nil
	}
	bare := w.connect()
	defer bare.Close(ctx)
	plain := snap(t, bare, all)
	must(t, register(bare))
	registered := snap(t, bare, all)
	check := func(on queryer, want snapshot, when string) {
		t.Helper()
		for range 3 {
			if got := snap(t, on, all); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s: read\n%v\nwant\n%v", when, got, want)
			}
		}
	}
	late := w.lone(nil)
	defer late.close()
	check(late, plain, "without types")
	under := w.connect()
	must(t, register(under))
	early := w.lone(under)
	defer early.close()
	check(early, registered, "with types")
	if _, hit := w.values(early, all); !hit {
		t.Error("never a hit with types of its own")
	}
	must(t, late.Watch(ctx, register))
	check(late, registered, "with types registered late")
	third := w.lone(nil)
	defer third.close()
	check(third, plain, "another one without types")
}

func TestLoneConnectionThatIsClosed(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	l := w.lone(nil)
	defer l.close()
	w.warm(l, byID, 1)
	must(t, l.under.Close(ctx))
	_, got := l.Exec(ctx, "DELETE FROM item")
	_, want := l.under.Exec(ctx, "DELETE FROM item")
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("on a closed connection: %v, pgx says %v", got, want)
	}
	if err := l.QueryRow(ctx, byID, 2).Scan(new(string)); err == nil {
		t.Error("a read on a closed connection")
	}
	if _, err := l.Begin(ctx); err == nil {
		t.Error("a transaction on a closed connection")
	}
	w.same(byID, 1)
}

// A read that its caller has given up may still be ending when the connection is
// given back.
func TestLoneReadThatIsGivenUp(t *testing.T) {
	w := itemWorld(t, nil, nil)
	for i := range 5 {
		l := w.lone(nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*3*time.Millisecond)
		_ = l.QueryRow(ctx, "SELECT count(*) FROM item a, generate_series(1, 3000000) b WHERE a.id > $1", 0).Scan(new(int))
		cancel()
		_ = l.QueryRow(t.Context(), byID, 1).Scan(new(string)) // as pgx has closed the connection, if it has
		l.Release()
		if l.under.PgConn().IsBusy() {
			t.Fatal("given back while it is in use")
		}
		l.close()
	}
}

func TestLoneErrorsAreIts(t *testing.T) {
	w := itemWorld(t, nil, nil)
	ctx := t.Context()
	l := w.lone(nil)
	defer l.close()
	rows, err := l.Query(cacheops.NoCache(ctx), "SELECT n FROM generate_series(1, 10000) n, item")
	must(t, err)
	rows.Next()
	bare := w.connect()
	defer bare.Close(ctx)
	open, err := bare.Query(ctx, "SELECT n FROM generate_series(1, 10000) n, item")
	must(t, err)
	_, got := l.Exec(ctx, "DELETE FROM item")
	_, want := bare.Exec(ctx, "DELETE FROM item")
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("while rows are read: %v, pgx says %v", got, want)
	}
	rows.Close()
	open.Close()
	var pg *pgconn.PgError
	if _, err := l.Exec(ctx, "INSERT INTO item (id) VALUES (1)"); !errors.As(err, &pg) || pg.Code != "23505" {
		t.Errorf("a duplicate key: %v", err)
	}
	w.warm(l, byID, 1)
	w.same(byID, 1)
}
