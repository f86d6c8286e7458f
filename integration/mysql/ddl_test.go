package mysql

import (
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// One process changes the schema, and another, which knows the one before, reads
// and writes: what it writes now reaches further.
func TestSchemaChangedByAnotherProcess(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	trial.Exec(t, w.DB, "CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER)")
	trial.Exec(t, w.DB, "CREATE TABLE note (id INTEGER AUTO_INCREMENT PRIMARY KEY, what VARCHAR(50))")
	trial.Exec(t, w.DB, "INSERT INTO part VALUES (1, 2), (2, 3)")
	other := w.another()
	parts, notes := "SELECT count(*) FROM part", "SELECT count(*) FROM note"
	know := func() {
		for _, q := range []string{one, kinds, parts, notes, logs} {
			w.Warm(q)
			w.WarmOn(other, q)
		}
	}
	know()
	trial.Exec(t, w.DB, "ALTER TABLE part ADD FOREIGN KEY (item) REFERENCES item (id) ON DELETE CASCADE")
	w.Warm(parts)
	trial.Exec(t, other, "DELETE FROM item WHERE id = 2")
	w.Dropped("a DELETE that cascades", parts)
	know()
	trial.Exec(t, w.DB, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW INSERT INTO note (what) VALUES ('x')")
	w.Warm(notes)
	trial.Exec(t, other, "UPDATE item SET kind = 9 WHERE id = 1")
	w.Dropped("an UPDATE with a trigger", notes)
	know()
	trial.Exec(t, w.DB, "CREATE VIEW shown AS SELECT id, name FROM item WHERE kind < 5")
	w.Same("SELECT count(*) FROM shown")
	trial.Exec(t, other, "UPDATE item SET kind = 9 WHERE id = 4")
	if w.Same("SELECT count(*) FROM shown") {
		t.Error("a hit of a view")
	}
	know()
	trial.Exec(t, w.DB, "ALTER TABLE item ADD COLUMN twice INTEGER AS (kind * 2) STORED")
	w.Warm("SELECT twice FROM item WHERE id = 1")
	trial.Exec(t, other, "UPDATE item SET kind = 11 WHERE id = 1")
	if w.Same("SELECT twice FROM item WHERE id = 1") {
		t.Error("a hit of a generated column")
	}
	know()
	trial.Exec(t, w.DB, "RENAME TABLE item TO thing")
	trial.Exec(t, w.DB, "CREATE VIEW item AS SELECT id, kind + 100 AS kind, name FROM thing")
	w.Same(one)
	if got, r := trial.Read(t, other, one); !strings.Contains(got, "111") {
		t.Errorf("the other process reads %s, %+v", got, r)
	}
}

// Somebody changes the schema past the cache.
func TestSchemaChangedOutside(t *testing.T) {
	t.Parallel()
	w := open(t, &sqlcache.Options{SchemaCheck: time.Millisecond})
	w.fill()
	trial.Exec(t, w.DB, "CREATE TABLE note (what VARCHAR(50))")
	w.Warm(one)
	trial.Exec(t, w.Bare, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW INSERT INTO note VALUES ('x')")
	time.Sleep(2 * time.Millisecond) // the interval itself
	notes := "SELECT count(*) FROM note"
	w.Warm(notes)
	trial.Exec(t, w.DB, "UPDATE item SET kind = 9 WHERE id = 1")
	w.Dropped("an UPDATE with a trigger made outside", notes)
}

// Whatever writes asks, be it all that the program does past its hits.
func TestTriggerMadeOutside(t *testing.T) {
	t.Parallel()
	const notes = "SELECT count(*) FROM note"
	for _, table := range []string{"item", "log"} { // the one that knows transactions, and the other
		for _, in := range []string{"autocommit", "transaction"} {
			t.Run(table+"/"+in, func(t *testing.T) {
				t.Parallel()
				w := open(t, &sqlcache.Options{SchemaCheck: time.Nanosecond})
				w.fill()
				trial.Exec(t, w.DB, "CREATE TABLE note (what VARCHAR(50))")
				w.Warm(notes)
				trial.Exec(t, w.Bare, "CREATE TRIGGER noting BEFORE DELETE ON "+table+" FOR EACH ROW INSERT INTO note VALUES ('x')")
				if q := "DELETE FROM " + table + " WHERE id = 1"; in == "autocommit" {
					trial.Exec(t, w.DB, q)
				} else {
					tx := trial.Begin(t, w.DB)
					trial.Exec(t, tx, q)
					trial.Commit(t, tx)
				}
				w.Dropped("a write that fires it", notes)
			})
		}
	}
}

// Two databases of one server are cached side by side, and one statement writes to
// the other.
func TestAnotherDatabase(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	cfg := newDatabase(t)
	there := over(t, cfg, w.Store, nil)
	there.DB = trial.Closing(t, sqlcache.OpenDB(w.Cache, connector(t, cfg), nil))
	there.fill()
	mine, name := one, "SELECT name FROM item WHERE id = 1"
	for _, q := range []string{
		"UPDATE " + cfg.DBName + ".item SET name = 'far' WHERE id = 1",
		"UPDATE item, " + cfg.DBName + ".item AS x SET x.name = 'join', item.name = 'join' WHERE item.id = x.id AND x.id = 1",
	} {
		w.Warm(mine)
		there.Warm(name)
		trial.Exec(t, w.DB, q)
		w.Same(mine)
		there.Dropped(q, name)
	}
	there.Warm(name)
	w.Warm(mine)
	tx := trial.Begin(t, w.DB)
	trial.Exec(t, tx, "UPDATE "+cfg.DBName+".item SET name = 'later' WHERE id = 1")
	trial.Commit(t, tx)
	there.Dropped("a transaction", name)
	w.Warm(mine)
	there.Warm(name)
	trial.Exec(t, w.DB, "UPDATE item SET kind = 5 WHERE id = 1")
	w.Dropped("a plain UPDATE", mine)
	if !there.Same(name) {
		t.Error("a plain UPDATE reaches the other database")
	}
	c := w.Conn()
	trial.Exec(t, c, "USE "+cfg.DBName)
	trial.Exec(t, c, "UPDATE item SET name = 'used' WHERE id = 1")
	there.Dropped("an UPDATE after USE", name)
	w.Same(mine)
}
