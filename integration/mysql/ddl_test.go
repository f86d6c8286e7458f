package mysql

import (
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/sqlcache"
)

// One process changes the schema, and another, which knows the one before, reads
// and writes: what it writes now reaches further.
func TestSchemaChangedByAnotherProcess(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	exec(t, w.db, "CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER)")
	exec(t, w.db, "CREATE TABLE note (id INTEGER AUTO_INCREMENT PRIMARY KEY, what VARCHAR(50))")
	exec(t, w.db, "INSERT INTO part VALUES (1, 2), (2, 3)")
	other := w.another()
	parts, notes := "SELECT count(*) FROM part", "SELECT count(*) FROM note"
	know := func() {
		for _, q := range []string{one, kinds, parts, notes, logs} {
			w.warm(q)
			w.warmOn(other, q)
		}
	}
	know()
	exec(t, w.db, "ALTER TABLE part ADD FOREIGN KEY (item) REFERENCES item (id) ON DELETE CASCADE")
	w.warm(parts)
	exec(t, other, "DELETE FROM item WHERE id = 2")
	w.dropped("a DELETE that cascades", parts)
	know()
	exec(t, w.db, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW INSERT INTO note (what) VALUES ('x')")
	w.warm(notes)
	exec(t, other, "UPDATE item SET kind = 9 WHERE id = 1")
	w.dropped("an UPDATE with a trigger", notes)
	know()
	exec(t, w.db, "CREATE VIEW shown AS SELECT id, name FROM item WHERE kind < 5")
	w.same("SELECT count(*) FROM shown")
	exec(t, other, "UPDATE item SET kind = 9 WHERE id = 4")
	if w.same("SELECT count(*) FROM shown") {
		t.Error("a hit of a view")
	}
	know()
	exec(t, w.db, "ALTER TABLE item ADD COLUMN twice INTEGER AS (kind * 2) STORED")
	w.warm("SELECT twice FROM item WHERE id = 1")
	exec(t, other, "UPDATE item SET kind = 11 WHERE id = 1")
	if w.same("SELECT twice FROM item WHERE id = 1") {
		t.Error("a hit of a generated column")
	}
	know()
	exec(t, w.db, "RENAME TABLE item TO thing")
	exec(t, w.db, "CREATE VIEW item AS SELECT id, kind + 100 AS kind, name FROM thing")
	w.same(one)
	if got, r := read(t, other, one); !strings.Contains(got, "111") {
		t.Errorf("the other process reads %s, %+v", got, r)
	}
}

// Somebody changes the schema past the cache.
func TestSchemaChangedOutside(t *testing.T) {
	t.Parallel()
	w := open(t, &sqlcache.Options{SchemaCheck: time.Millisecond})
	w.fill()
	exec(t, w.db, "CREATE TABLE note (what VARCHAR(50))")
	w.warm(one)
	exec(t, w.bare, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW INSERT INTO note VALUES ('x')")
	time.Sleep(2 * time.Millisecond) // the interval itself
	notes := "SELECT count(*) FROM note"
	w.warm(notes)
	exec(t, w.db, "UPDATE item SET kind = 9 WHERE id = 1")
	w.dropped("an UPDATE with a trigger made outside", notes)
}

// Two databases of one server are cached side by side, and one statement writes to
// the other.
func TestAnotherDatabase(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	cfg := newDatabase(t)
	there := over(t, cfg, w.store, nil)
	there.db = closing(t, sqlcache.OpenDB(w.cache, connector(t, cfg), nil))
	there.fill()
	mine, name := one, "SELECT name FROM item WHERE id = 1"
	for _, q := range []string{
		"UPDATE " + cfg.DBName + ".item SET name = 'far' WHERE id = 1",
		"UPDATE item, " + cfg.DBName + ".item AS x SET x.name = 'join', item.name = 'join' WHERE item.id = x.id AND x.id = 1",
	} {
		w.warm(mine)
		there.warm(name)
		exec(t, w.db, q)
		w.same(mine)
		there.dropped(q, name)
	}
	there.warm(name)
	w.warm(mine)
	tx := begin(t, w.db)
	exec(t, tx, "UPDATE "+cfg.DBName+".item SET name = 'later' WHERE id = 1")
	commit(t, tx)
	there.dropped("a transaction", name)
	w.warm(mine)
	there.warm(name)
	exec(t, w.db, "UPDATE item SET kind = 5 WHERE id = 1")
	w.dropped("a plain UPDATE", mine)
	if !there.same(name) {
		t.Error("a plain UPDATE reaches the other database")
	}
	c := w.conn()
	exec(t, c, "USE "+cfg.DBName)
	exec(t, c, "UPDATE item SET name = 'used' WHERE id = 1")
	there.dropped("an UPDATE after USE", name)
	w.same(mine)
}
