package sqlcache_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/sqlcache"
)

const byID = "SELECT * FROM item WHERE id = ?"

func TestStatementsAreKept(t *testing.T) {
	w, b := bentShop(t, nil)
	renamed := "UPDATE item SET name = ? WHERE id = ?"
	w.same(byID, 1)
	exec(t, w.db, renamed, "uno", 1)
	before := b.prepared.Load()
	for id := 2; id <= 4; id++ {
		w.same(byID, id)
		exec(t, w.db, renamed, fmt.Sprint("number ", id), id)
	}
	if n := b.prepared.Load() - before; n != 0 {
		t.Errorf("known statements were prepared %d times", n)
	}
	for n := range 100 {
		w.same(fmt.Sprintf("SELECT name FROM item WHERE id = 1 AND %d", n))
	}
	if n := b.prepared.Load() - b.finalized.Load(); n > 32*(b.opened.Load()-b.closed.Load()) {
		t.Errorf("%d statements are kept", n)
	}
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	if b.prepared.Load() != b.finalized.Load() || b.opened.Load() != b.closed.Load() {
		t.Errorf("%d statements prepared and %d closed, %d connections opened and %d closed",
			b.prepared.Load(), b.finalized.Load(), b.opened.Load(), b.closed.Load())
	}
}

// A statement whose rows are open is not run again under them.
func TestKeptStatementUnderItself(t *testing.T) {
	w, b := bentShop(t, nil)
	tx, err := w.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	q := "SELECT id FROM item WHERE kind = ? ORDER BY id"
	got := ""
	outer, err := tx.Query(q, 1)
	if err != nil {
		t.Fatal(err)
	}
	for outer.Next() {
		var id int
		if err := outer.Scan(&id); err != nil {
			t.Fatal(err)
		}
		inner, err := rowsOf(context.Background(), tx, q, 2)
		if err != nil {
			t.Fatal(err)
		}
		got += fmt.Sprint(id, inner, " ")
		for n := range 40 { // which leaves no room for the outer statement
			if _, err := rowsOf(context.Background(), tx, fmt.Sprint("SELECT ", n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := outer.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "1[]interface {}{3}[]interface {}{4} 2[]interface {}{3}[]interface {}{4} "; got != want {
		t.Errorf("read %s, want %s", got, want)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	if b.prepared.Load() != b.finalized.Load() {
		t.Errorf("%d statements prepared and %d closed", b.prepared.Load(), b.finalized.Load())
	}
}

// What drivers do in connections and not in statements is left to connections.
func TestStatementsThatAreNotKept(t *testing.T) {
	w, b := bentShop(t, nil)
	b.strict = true
	exec(t, w.db, "INSERT INTO item VALUES (20, 3, 'a'); UPDATE item SET kind = 4 WHERE id = 1")
	w.same(byID, 1)
	_, cached := rowsOf(context.Background(), w.db, byID)
	_, bare := rowsOf(context.Background(), w.bare, byID)
	if cached == nil || bare == nil || cached.Error() != bare.Error() {
		t.Errorf("cached %v, bare %v", cached, bare)
	}
}

func TestKeptStatementsFollowTheSchema(t *testing.T) {
	w := shop(t, nil)
	w.same(byID, 1)
	exec(t, w.db, "ALTER TABLE item ADD COLUMN extra DEFAULT 'x'")
	w.same(byID, 1)
	w.same(byID, 2)
	exec(t, w.bare, "ALTER TABLE item DROP COLUMN extra") // which nobody here has noticed
	w.same(byID, 3)
	exec(t, w.db, "DROP TABLE item")
	if _, err := rowsOf(context.Background(), w.db, byID, 4); err == nil {
		t.Error("read a table that is gone")
	}
}

// Whoever has the bare connection may do to it what no statement survives.
func TestRawConnectionHasNoKeptStatements(t *testing.T) {
	w, b := bentShop(t, nil)
	w.same(byID, 1)
	c := w.conn()
	left := func(any) error {
		if n := b.prepared.Load() - b.finalized.Load(); n != 0 {
			t.Errorf("%d statements are kept", n)
		}
		return nil
	}
	for range 2 {
		if err := sqlcache.Raw(context.Background(), c, left); err != nil {
			t.Fatal(err)
		}
		read(t, c, byID, 2)
	}
}

// A pooled connection that was not there when the schema changed does not
// compile by what it knew.
func TestConnectionsLookAtAChangedSchema(t *testing.T) {
	for name, open := range map[string]func(*world) *sql.DB{
		"OpenDB": func(w *world) *sql.DB { return w.db },
		"Wrap": func(w *world) *sql.DB {
			inner := closing(t, sql.OpenDB(connectorTo(t, w.dsn)))
			inner.SetMaxIdleConns(4)
			return closing(t, sqlcache.Wrap(w.cache, inner, nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shop(t, &sqlcache.Options{MaxIdleConns: 4})
			db := open(w)
			late, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			read(t, late, one)
			exec(t, db, "ALTER TABLE item ADD COLUMN extra")
			read(t, db, one) // reads the schema, over another connection than late's
			if err := late.Rollback(); err != nil {
				t.Fatal(err)
			}
			exec(t, db, "INSERT INTO item VALUES (9, 9, 'nine', 'more')")
		})
	}
}

// Within a transaction a look would begin the snapshot, which is the program's
// to begin.
func TestNoLookWithinATransaction(t *testing.T) {
	w, b := bentShop(t, &sqlcache.Options{MaxIdleConns: 4})
	tx, err := w.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	exec(t, w.db, "ALTER TABLE item ADD COLUMN extra")
	b.before = func(text string) error {
		if strings.Contains(text, "sqlite_master") {
			t.Errorf("ran %s", text)
		}
		return nil
	}
	read(t, tx, one)
	b.before = nil
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}
