package sqlcache_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

const byID = "SELECT * FROM item WHERE id = ?"

func TestStatementsAreKept(t *testing.T) {
	w, b := bentShop(t, nil)
	renamed := "UPDATE item SET name = ? WHERE id = ?"
	w.Same(byID, 1)
	trial.Exec(t, w.DB, renamed, "uno", 1)
	before := b.prepared.Load()
	for id := 2; id <= 4; id++ {
		w.Same(byID, id)
		trial.Exec(t, w.DB, renamed, fmt.Sprint("number ", id), id)
	}
	if n := b.prepared.Load() - before; n != 0 {
		t.Errorf("known statements were prepared %d times", n)
	}
	for n := range 100 {
		w.Same(fmt.Sprintf("SELECT name FROM item WHERE id = 1 AND %d", n))
	}
	if n := b.prepared.Load() - b.finalized.Load(); n > 32*(b.opened.Load()-b.closed.Load()) {
		t.Errorf("%d statements are kept", n)
	}
	if err := w.DB.Close(); err != nil {
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
	tx, err := w.DB.Begin()
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
		inner, err := trial.Rows(context.Background(), tx, q, 2)
		if err != nil {
			t.Fatal(err)
		}
		got += fmt.Sprint(id, inner, " ")
		for n := range 40 { // which leaves no room for the outer statement
			if _, err := trial.Rows(context.Background(), tx, fmt.Sprint("SELECT ", n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := outer.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "1[3][4] 2[3][4] "; got != want {
		t.Errorf("read %s, want %s", got, want)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := w.DB.Close(); err != nil {
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
	trial.Exec(t, w.DB, "INSERT INTO item VALUES (20, 3, 'a'); UPDATE item SET kind = 4 WHERE id = 1")
	w.Same(byID, 1)
	_, cached := trial.Rows(context.Background(), w.DB, byID)
	_, bare := trial.Rows(context.Background(), w.Bare, byID)
	if cached == nil || bare == nil || cached.Error() != bare.Error() {
		t.Errorf("cached %v, bare %v", cached, bare)
	}
}

func TestKeptStatementsFollowTheSchema(t *testing.T) {
	w := shop(t, nil)
	w.Same(byID, 1)
	trial.Exec(t, w.DB, "ALTER TABLE item ADD COLUMN extra DEFAULT 'x'")
	w.Same(byID, 1)
	w.Same(byID, 2)
	trial.Exec(t, w.Bare, "ALTER TABLE item DROP COLUMN extra") // which nobody here has noticed
	w.Same(byID, 3)
	trial.Exec(t, w.DB, "DROP TABLE item")
	if _, err := trial.Rows(context.Background(), w.DB, byID, 4); err == nil {
		t.Error("read a table that is gone")
	}
}

// Whoever has the bare connection may do to it what no statement survives.
func TestRawConnectionHasNoKeptStatements(t *testing.T) {
	w, b := bentShop(t, nil)
	w.Same(byID, 1)
	c := w.Conn()
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
		trial.Read(t, c, byID, 2)
	}
}

// A pooled connection that was not there when the schema changed does not
// compile by what it knew.
func TestConnectionsLookAtAChangedSchema(t *testing.T) {
	for name, open := range map[string]func(*world) *sql.DB{
		"OpenDB": func(w *world) *sql.DB { return w.DB },
		"Wrap": func(w *world) *sql.DB {
			inner := trial.Closing(t, sql.OpenDB(connectorTo(t, w.dsn)))
			inner.SetMaxIdleConns(4)
			return trial.Closing(t, sqlcache.Wrap(w.Cache, inner, nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shop(t, &sqlcache.Options{MaxIdleConns: 4})
			db := open(w)
			late, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			trial.Read(t, late, one)
			trial.Exec(t, db, "ALTER TABLE item ADD COLUMN extra")
			trial.Read(t, db, one) // reads the schema, over another connection than late's
			if err := late.Rollback(); err != nil {
				t.Fatal(err)
			}
			trial.Exec(t, db, "INSERT INTO item VALUES (9, 9, 'nine', 'more')")
		})
	}
}

// Within a transaction a look would begin the snapshot, which is the program's
// to begin.
func TestNoLookWithinATransaction(t *testing.T) {
	w, b := bentShop(t, &sqlcache.Options{MaxIdleConns: 4})
	tx, err := w.DB.Begin()
	if err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, w.DB, "ALTER TABLE item ADD COLUMN extra")
	b.before = func(text string) error {
		if strings.Contains(text, "sqlite_master") {
			t.Errorf("ran %s", text)
		}
		return nil
	}
	trial.Read(t, tx, one)
	b.before = nil
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}
