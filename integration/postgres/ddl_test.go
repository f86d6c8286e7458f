package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/sqlcache"
)

// One process changes the schema, and another, which knows the one before, reads
// and writes: what it writes now reaches further.
func TestSchemaChangedByAnotherProcess(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		exec(w, w.db, "CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER)")
		exec(w, w.db, "CREATE TABLE log (id SERIAL PRIMARY KEY, what TEXT)")
		exec(w, w.db, "INSERT INTO part VALUES (1, 2), (2, 3)")
		other := w.another(pgxConnector(w, w.dsn), nil)
		parts, logs := "SELECT count(*) FROM part", "SELECT count(*) FROM log"
		know := func() {
			for _, q := range []string{one, kinds, parts, logs} {
				w.warm(q)
				w.warmOn(other, q)
			}
		}
		know()
		exec(w, w.db, "ALTER TABLE part ADD FOREIGN KEY (item) REFERENCES item ON DELETE CASCADE")
		w.warm(parts)
		exec(w, other, "DELETE FROM item WHERE id = 2")
		if w.same(parts) {
			w.Error("a hit after a DELETE that cascades")
		}
		know()
		exec(w, w.db, "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log (what) VALUES ('x'); RETURN NEW; END $$")
		exec(w, w.db, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION note()")
		w.warm(logs)
		exec(w, other, "UPDATE item SET kind = 9 WHERE id = 1")
		if w.same(logs) {
			w.Error("a hit after an UPDATE with a trigger")
		}
		know()
		exec(w, w.db, "CREATE VIEW shown AS SELECT id, name FROM item WHERE kind < 5")
		w.same("SELECT count(*) FROM shown")
		exec(w, other, "UPDATE item SET kind = 9 WHERE id = 4")
		if w.same("SELECT count(*) FROM shown") {
			w.Error("a hit of a view")
		}
		know()
		exec(w, w.db, "ALTER TABLE item ADD COLUMN twice INTEGER GENERATED ALWAYS AS (kind * 2) STORED")
		w.warm("SELECT twice FROM item WHERE id = 1")
		exec(w, other, "UPDATE item SET kind = 11 WHERE id = 1")
		if w.same("SELECT twice FROM item WHERE id = 1") {
			w.Error("a hit of a generated column")
		}
		know()
		exec(w, w.db, "ALTER TABLE item RENAME TO thing")
		exec(w, w.db, "CREATE VIEW item AS SELECT id, kind + 100 AS kind, name FROM thing")
		w.same(one)
		if got, r := read(w, other, one); !strings.Contains(got, "111") {
			w.Errorf("the other process reads %s, %+v", got, r)
		}
	})
}

// Somebody changes the schema past the cache.
func TestSchemaChangedOutside(t *testing.T) {
	w := onPgx(t, &sqlcache.Options{SchemaCheck: time.Millisecond})
	w.fill()
	exec(t, w.db, "CREATE TABLE log (id SERIAL PRIMARY KEY, what TEXT)")
	w.warm(one)
	logs := "SELECT count(*) FROM log"
	exec(t, w.bare, "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log (what) VALUES ('x'); RETURN NEW; END $$")
	exec(t, w.bare, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION note()")
	time.Sleep(2 * time.Millisecond) // the interval itself
	w.warm(logs)
	exec(t, w.db, "UPDATE item SET kind = 9 WHERE id = 1")
	if w.same(logs) {
		t.Error("a hit after an UPDATE with a trigger made outside")
	}
}

func TestSchemaChangedInATransaction(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.warm(one)
		tx := begin(w, w.db, nil)
		exec(w, tx, "ALTER TABLE item RENAME TO old")
		exec(w, tx, "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT)")
		exec(w, tx, "INSERT INTO item VALUES (1, 5, 'new')")
		commit(w, tx)
		w.same(one)
		w.warm(one)
		tx = begin(w, w.db, nil)
		exec(w, tx, "DROP TABLE item")
		if err := tx.Rollback(); err != nil {
			w.Fatal(err)
		}
		w.same(one)
	})
}
