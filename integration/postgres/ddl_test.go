package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// One process changes the schema, and another, which knows the one before, reads
// and writes: what it writes now reaches further.
func TestSchemaChangedByAnotherProcess(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		trial.Exec(w, w.DB, "CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER)")
		trial.Exec(w, w.DB, "CREATE TABLE log (id SERIAL PRIMARY KEY, what TEXT)")
		trial.Exec(w, w.DB, "INSERT INTO part VALUES (1, 2), (2, 3)")
		other := w.another(pgxConnector(w, w.dsn), nil)
		parts, logs := "SELECT count(*) FROM part", "SELECT count(*) FROM log"
		know := func() {
			for _, q := range []string{one, kinds, parts, logs} {
				w.Warm(q)
				w.WarmOn(other, q)
			}
		}
		know()
		trial.Exec(w, w.DB, "ALTER TABLE part ADD FOREIGN KEY (item) REFERENCES item ON DELETE CASCADE")
		w.Warm(parts)
		trial.Exec(w, other, "DELETE FROM item WHERE id = 2")
		if w.Same(parts) {
			w.Error("a hit after a DELETE that cascades")
		}
		know()
		trial.Exec(w, w.DB, "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log (what) VALUES ('x'); RETURN NEW; END $$")
		trial.Exec(w, w.DB, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION note()")
		w.Warm(logs)
		trial.Exec(w, other, "UPDATE item SET kind = 9 WHERE id = 1")
		if w.Same(logs) {
			w.Error("a hit after an UPDATE with a trigger")
		}
		know()
		trial.Exec(w, w.DB, "CREATE VIEW shown AS SELECT id, name FROM item WHERE kind < 5")
		w.Same("SELECT count(*) FROM shown")
		trial.Exec(w, other, "UPDATE item SET kind = 9 WHERE id = 4")
		if w.Same("SELECT count(*) FROM shown") {
			w.Error("a hit of a view")
		}
		know()
		trial.Exec(w, w.DB, "ALTER TABLE item ADD COLUMN twice INTEGER GENERATED ALWAYS AS (kind * 2) STORED")
		w.Warm("SELECT twice FROM item WHERE id = 1")
		trial.Exec(w, other, "UPDATE item SET kind = 11 WHERE id = 1")
		if w.Same("SELECT twice FROM item WHERE id = 1") {
			w.Error("a hit of a generated column")
		}
		know()
		trial.Exec(w, w.DB, "ALTER TABLE item RENAME TO thing")
		trial.Exec(w, w.DB, "CREATE VIEW item AS SELECT id, kind + 100 AS kind, name FROM thing")
		w.Same(one)
		if got, r := trial.Read(w, other, one); !strings.Contains(got, "111") {
			w.Errorf("the other process reads %s, %+v", got, r)
		}
	})
}

// Somebody changes the schema past the cache.
func TestSchemaChangedOutside(t *testing.T) {
	w := onPgx(t, &sqlcache.Options{SchemaCheck: time.Millisecond})
	w.fill()
	trial.Exec(t, w.DB, "CREATE TABLE log (id SERIAL PRIMARY KEY, what TEXT)")
	w.Warm(one)
	logs := "SELECT count(*) FROM log"
	trial.Exec(t, w.Bare, "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log (what) VALUES ('x'); RETURN NEW; END $$")
	trial.Exec(t, w.Bare, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION note()")
	time.Sleep(2 * time.Millisecond) // the interval itself
	w.Warm(logs)
	trial.Exec(t, w.DB, "UPDATE item SET kind = 9 WHERE id = 1")
	if w.Same(logs) {
		t.Error("a hit after an UPDATE with a trigger made outside")
	}
}

// Whatever writes asks, be it all that the program does past its hits.
func TestTriggerMadeOutside(t *testing.T) {
	const logs = "SELECT count(*) FROM log"
	write := func(on trial.Querier) error {
		_, err := on.ExecContext(context.Background(), "UPDATE item SET kind = kind + 1 WHERE id = 1")
		return err
	}
	ways := map[string]func(db *sql.DB) error{
		"autocommit": func(db *sql.DB) error { return write(db) },
		"transaction": func(db *sql.DB) error {
			tx, err := db.Begin()
			if err != nil {
				return err
			}
			return errors.Join(write(tx), tx.Commit())
		},
		"text": func(db *sql.DB) error {
			c, err := db.Conn(context.Background())
			if err != nil {
				return err
			}
			_, began := c.ExecContext(context.Background(), "BEGIN")
			wrote := write(c)
			_, ended := c.ExecContext(context.Background(), "COMMIT")
			return errors.Join(began, wrote, ended, c.Close())
		},
		"several statements": func(db *sql.DB) error {
			_, err := db.Exec("UPDATE item SET kind = 5 WHERE id = 1; UPDATE item SET kind = 6 WHERE id = 1")
			return err
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onPgx(t, &sqlcache.Options{SchemaCheck: time.Nanosecond})
			w.fill()
			trial.Script(t, w.DB, "CREATE TABLE log (what TEXT)",
				"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES ('x'); RETURN NEW; END $$")
			w.Warm(logs)
			trial.Exec(t, w.Bare, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION note()")
			if err := way(w.DB); err != nil {
				t.Fatal(err)
			}
			w.Dropped("a write that fires it", logs)
		})
	}
}

func TestSchemaChangedInATransaction(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.Warm(one)
		tx := begin(w, w.DB, nil)
		trial.Exec(w, tx, "ALTER TABLE item RENAME TO old")
		trial.Exec(w, tx, "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT)")
		trial.Exec(w, tx, "INSERT INTO item VALUES (1, 5, 'new')")
		trial.Commit(w, tx)
		w.Same(one)
		w.Warm(one)
		tx = begin(w, w.DB, nil)
		trial.Exec(w, tx, "DROP TABLE item")
		if err := tx.Rollback(); err != nil {
			w.Fatal(err)
		}
		w.Same(one)
	})
}
