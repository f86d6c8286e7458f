package mysql

import (
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// A MERGE table keeps its rows in other tables, which a write to it changes.
func TestMergeTableWritesElsewhere(t *testing.T) {
	w := open(t, nil)
	trial.Script(t, w.DB,
		"CREATE TABLE part (id INTEGER, v INTEGER, KEY (id)) ENGINE=MyISAM", "CREATE TABLE rest (id INTEGER, v INTEGER, KEY (id)) ENGINE=MyISAM",
		"CREATE TABLE whole (id INTEGER, v INTEGER, KEY (id)) ENGINE=MERGE UNION=(part, rest) INSERT_METHOD=LAST",
		"CREATE TABLE source (id INTEGER PRIMARY KEY) ENGINE=InnoDB",
		"CREATE TRIGGER copied AFTER INSERT ON source FOR EACH ROW INSERT INTO whole VALUES (NEW.id, 9)",
		"INSERT INTO part VALUES (1, 1)",
	)
	const inPart, inRest = "SELECT v FROM part WHERE id = 1", "SELECT count(*) FROM rest"
	for _, q := range []string{"INSERT INTO whole VALUES (2, 2)", "UPDATE whole SET v = 7 WHERE id = 1", "INSERT INTO source VALUES (5)", "DELETE FROM whole WHERE id = 1"} {
		w.Warm(inPart)
		w.Warm(inRest)
		trial.Exec(t, w.DB, q)
		w.Same(inPart)
		w.Same(inRest)
	}
}

// DEFAULT(a) evaluates what may be different each time.
func TestDefaultIsEvaluated(t *testing.T) {
	w := open(t, nil)
	trial.Exec(t, w.DB, "CREATE TABLE drawn (id INTEGER PRIMARY KEY, r DOUBLE DEFAULT (RAND()))")
	trial.Exec(t, w.DB, "INSERT INTO drawn (id) VALUES (1)")
	for range 3 {
		if _, r := trial.Read(t, w.DB, "SELECT DEFAULT(r) FROM drawn"); r.Hit {
			t.Fatal("a hit")
		}
	}
	w.Warm("SELECT r FROM drawn")
}

// A stored function or a trigger may set what decides how rows come back, for
// whoever comes next on its connection.
func TestRoutinesThatSetTheSession(t *testing.T) {
	w := open(t, nil)
	trial.Script(t, w.DB,
		"CREATE TABLE moment (id INTEGER PRIMARY KEY, at TIMESTAMP NULL, n INTEGER) ENGINE=InnoDB", "INSERT INTO moment VALUES (1, '2020-01-01', 0)",
		"CREATE TABLE entry (id INTEGER PRIMARY KEY) ENGINE=InnoDB", "CREATE TABLE plain (id INTEGER PRIMARY KEY) ENGINE=InnoDB",
		"CREATE FUNCTION away() RETURNS INTEGER BEGIN SET SESSION time_zone = '+09:00'; RETURN 1; END",
		"CREATE FUNCTION far() RETURNS INTEGER DETERMINISTIC BEGIN SET time_zone = '+09:00'; RETURN 1; END",
		"CREATE FUNCTION around() RETURNS INTEGER RETURN away()",
		"CREATE FUNCTION twice(a INTEGER) RETURNS INTEGER BEGIN DECLARE b INTEGER; SET b = 2 * a; RETURN b; END",
		"CREATE TRIGGER entered BEFORE INSERT ON entry FOR EACH ROW SET SESSION time_zone = '+05:00'",
		"CREATE TRIGGER plainly BEFORE INSERT ON plain FOR EACH ROW SET NEW.id = twice(NEW.id)",
		"CREATE VIEW login AS SELECT away() AS a",
	)
	const q = "SELECT at FROM moment WHERE id = 1"
	for _, s := range []string{"SELECT away()", "SELECT far()", "SELECT around() FROM moment", "SELECT a FROM login", "INSERT INTO entry VALUES (1)"} {
		trial.Exec(t, w.DB, "UPDATE moment SET at = at + INTERVAL 1 MINUTE")
		trial.Read(t, w.DB, s)
		w.Same(q)
		w.Warm(q)
		trial.Exec(t, w.DB, "DELETE FROM entry")
		c := w.Conn()
		trial.Read(t, c, s)
		here, _ := trial.Read(t, w.Bare, q)
		if got, _ := trial.Read(t, c, q); got == here {
			t.Errorf("%s: the connection reads %s", s, got)
		}
		_ = c.Close()
		trial.Exec(t, w.DB, "DELETE FROM entry")
		w.Warm(q)
		w.Same(q)
	}
	c := w.Conn()
	trial.Exec(t, c, "INSERT INTO plain VALUES (1)") // it leaves nothing
	w.WarmOn(c, q)
}
