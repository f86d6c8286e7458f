package mysql

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/integration/trial"
)

// What commits the open transaction by itself is told to the store with all that
// the transaction has done.
func TestImplicitCommits(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	trial.Exec(t, w.DB, "CREATE TABLE other (id INTEGER PRIMARY KEY)")
	for _, q := range []string{
		"CREATE TABLE made (id INTEGER)", "DROP TABLE made", "ALTER TABLE other ADD COLUMN x INTEGER", "TRUNCATE TABLE other",
		"LOCK TABLES other WRITE", "START TRANSACTION", "BEGIN", "ANALYZE TABLE other", "OPTIMIZE TABLE other",
		"CREATE USER IF NOT EXISTS ''@'nowhere.invalid'", "DROP USER IF EXISTS ''@'nowhere.invalid'", "FLUSH TABLES", "COMMIT AND CHAIN",
		"CREATE INDEX x ON other (x)", "RENAME TABLE other TO another", "RENAME TABLE another TO other",
	} {
		t.Run(q, func(t *testing.T) {
			w := &world{&trial.World{TB: t, Store: w.Store, Cache: w.Cache, DB: w.DB, Bare: w.Bare}, w.cfg}
			trial.Exec(t, w.DB, "UPDATE item SET name = 'one' WHERE id = 1")
			w.Warm(one)
			c := w.Conn()
			trial.Exec(t, c, "START TRANSACTION")
			trial.Exec(t, c, "UPDATE item SET name = 'changed' WHERE id = 1")
			if !w.Same(one) {
				t.Error("no hit before the commit")
			}
			trial.Exec(t, c, q)
			if got, _ := trial.Read(t, w.Bare, one); !strings.Contains(got, "changed") {
				t.Fatalf("it did not commit: %s", got)
			}
			w.Dropped(q, one)
			trial.Exec(t, c, "ROLLBACK") // undoes nothing of it
			w.Same(one)
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The same in a transaction that database/sql began; what follows is autocommit.
func TestDDLInsideATransaction(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	w.Warm(one)
	w.Warm(two)
	tx := trial.Begin(t, w.DB)
	trial.Exec(t, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
	trial.Exec(t, tx, "CREATE TABLE made (id INTEGER PRIMARY KEY)")
	w.Dropped("DDL", one)
	w.Warm(two)
	trial.Exec(t, tx, "UPDATE item SET name = 'dos' WHERE id = 2")
	w.Dropped("an autocommit statement after DDL", two)
	trial.Rollback(t, tx)
	w.Same(one)
	w.Same(two)
}

func TestAutocommitOff(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	w.Warm(one)
	c := w.Conn()
	trial.Exec(t, c, "SET autocommit = 0")
	for _, name := range []string{"a", "b", "c"} {
		w.Warm(one)
		trial.Exec(t, c, "UPDATE item SET name = ? WHERE id = 1", name)
		if got, _ := trial.Read(t, w.Bare, one); strings.Contains(got, " "+name) {
			t.Fatal("committed by itself")
		}
		if _, r := trial.Read(t, c, one); r.Hit {
			t.Error("a hit inside a transaction")
		}
		trial.Exec(t, c, "COMMIT")
		w.Dropped("the COMMIT", one)
	}
	trial.Exec(t, c, "UPDATE item SET name = 'undone' WHERE id = 1")
	trial.Exec(t, c, "ROLLBACK")
	trial.Exec(t, c, "UPDATE item SET name = 'kept' WHERE id = 1")
	w.Same(one)
	trial.Exec(t, c, "SET autocommit = 1")
	w.Dropped("SET autocommit = 1", one)
	trial.Exec(t, c, "SET autocommit = 0")
	trial.Exec(t, c, "UPDATE item SET name = 'before' WHERE id = 1")
	tx, err := c.BeginTx(context.Background(), nil) // commits
	if err != nil {
		t.Fatal(err)
	}
	w.Dropped("a BEGIN by the driver", one)
	trial.Exec(t, tx, "UPDATE item SET name = 'inside' WHERE id = 1")
	trial.Commit(t, tx)
	w.Dropped("the COMMIT by the driver", one)
	trial.Exec(t, c, "UPDATE item SET name = 'last' WHERE id = 1")
	w.Same(one)
	trial.Exec(t, c, "COMMIT")
	w.Dropped("the last COMMIT", one)
}

// What knows no transactions changes at once, and stays changed.
func TestTableWithoutTransactions(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	w.Warm(logs)
	trial.Exec(t, w.DB, "INSERT INTO log VALUES (2, 'alone')")
	w.Dropped("an autocommit INSERT", logs)
	tx := trial.Begin(t, w.DB)
	trial.Exec(t, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
	trial.Exec(t, tx, "INSERT INTO log VALUES (3, 'inside')")
	w.Dropped("an INSERT in an open transaction", logs)
	w.Warm(one)
	trial.Rollback(t, tx)
	w.Same(logs)
	if !w.Same(one) {
		t.Error("the rollback dropped what it undid")
	}
	trial.Exec(t, w.DB, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW INSERT INTO log VALUES (NEW.id + 10, NEW.name)")
	w.Warm(logs)
	w.Warm(two)
	tx = trial.Begin(t, w.DB)
	trial.Exec(t, tx, "UPDATE item SET name = 'dos' WHERE id = 2")
	w.Dropped("a trigger in an open transaction", logs)
	w.Warm(two)
	trial.Commit(t, tx)
	w.Dropped("the COMMIT of a statement with a trigger", two)
	// A statement that fails keeps what it wrote.
	if _, err := w.DB.Exec("INSERT INTO log VALUES (100, 'kept'), (1, 'again')"); err == nil {
		t.Fatal("a duplicate key was accepted")
	}
	w.Dropped("a failed INSERT", logs)
	tx = trial.Begin(t, w.DB)
	if _, err := tx.Exec("INSERT INTO log VALUES (101, 'kept'), (1, 'again')"); err == nil {
		t.Fatal("a duplicate key was accepted")
	}
	w.Dropped("a failed INSERT in a transaction", logs)
	trial.Rollback(t, tx)
	w.Same(logs)
	// The engine changes.
	trial.Exec(t, w.DB, "ALTER TABLE item ENGINE=MyISAM")
	w.Warm(one)
	tx = trial.Begin(t, w.DB)
	trial.Exec(t, tx, "UPDATE item SET kind = 9 WHERE id = 1")
	w.Dropped("the engine was changed", one)
	trial.Rollback(t, tx)
	w.Same(one)
}

// Two cached transactions wait for each other; the server rolls one back.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	w.Warm(one)
	w.Warm(two)
	a, b := w.Conn(), w.Conn()
	for _, c := range []trial.Querier{a, b} {
		trial.Exec(t, c, "START TRANSACTION")
	}
	trial.Exec(t, a, "UPDATE item SET name = 'a1' WHERE id = 1")
	trial.Exec(t, b, "UPDATE item SET name = 'b2' WHERE id = 2")
	waits := make(chan error, 1)
	go func() {
		_, err := a.ExecContext(context.Background(), "UPDATE item SET name = 'a2' WHERE id = 2")
		waits <- err
	}()
	trial.Eventually(t, "the first waits", func() bool { return w.running("%a2%") })
	_, errB := b.ExecContext(context.Background(), "UPDATE item SET name = 'b1' WHERE id = 1")
	errA := <-waits
	lost, won := a, b
	if errB != nil {
		lost, won = b, a
	}
	var coded *mysql.MySQLError
	if err := errors.Join(errA, errB); !errors.As(err, &coded) || coded.Number != 1213 {
		t.Fatalf("no deadlock: %v", err)
	}
	if !w.Same(one) || !w.Same(two) {
		t.Error("an error dropped entries")
	}
	// What follows in the transaction that is gone is autocommit.
	w.Warm(kinds)
	trial.Exec(t, won, "COMMIT")
	w.Dropped("the other's COMMIT", one, two)
	trial.Exec(t, lost, "UPDATE item SET name = 'late' WHERE id = 3")
	w.Dropped("a statement after a deadlock", "SELECT name FROM item WHERE id = 3")
	trial.Exec(t, lost, "ROLLBACK")
	w.Same("SELECT name FROM item WHERE id = 3")
	w.Same(one)
}

// A lock that is waited for in vain undoes the statement alone.
func TestLockWaitTimeout(t *testing.T) {
	t.Parallel()
	w := open(t, nil, func(c *mysql.Config) { c.Params = map[string]string{"innodb_lock_wait_timeout": "1"} })
	w.fill()
	w.Warm(one)
	w.Warm(two)
	holder := trial.Begin(t, w.Bare)
	trial.Exec(t, holder, "UPDATE item SET kind = kind + 1 WHERE id = 2")
	tx := trial.Begin(t, w.DB)
	trial.Exec(t, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
	if _, err := tx.Exec("UPDATE item SET name = 'dos' WHERE id = 2"); err == nil {
		t.Fatal("no lock")
	}
	trial.Rollback(t, holder)
	trial.Commit(t, tx)
	w.Dropped("the COMMIT", one)
	w.Same(two)
}

func TestSavepoints(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	w.Warm(one)
	c := w.Conn()
	trial.Exec(t, c, "SAVEPOINT nothing") // outside a transaction there is none
	trial.Exec(t, c, "UPDATE item SET name = 'auto' WHERE id = 1")
	w.Dropped("an UPDATE after a savepoint that begins nothing", one)
	w.Warm(two)
	tx := trial.Begin(t, w.DB)
	trial.Exec(t, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
	trial.Exec(t, tx, "SAVEPOINT a")
	trial.Exec(t, tx, "INSERT INTO log VALUES (9, 'kept')")
	trial.Exec(t, tx, "UPDATE item SET name = 'dos' WHERE id = 2")
	w.Same(logs)
	trial.Exec(t, tx, "ROLLBACK TO SAVEPOINT a")
	w.Same(logs)
	trial.Exec(t, tx, "RELEASE SAVEPOINT a")
	if got, _ := trial.Read(t, w.Bare, one); strings.Contains(got, "uno") {
		t.Fatal("a release committed")
	}
	trial.Commit(t, tx)
	w.Dropped("the COMMIT", one)
	w.Same(two)
}

// XA transactions end on any connection, and reach everything.
func TestXA(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	name := "'" + w.cfg.DBName + "'"
	c := w.Conn()
	for range 2 {
		w.Warm(one)
		trial.Exec(t, c, "XA START "+name)
		trial.Exec(t, c, "UPDATE item SET kind = kind + 1 WHERE id = 1")
		w.Same(one)
		trial.Exec(t, c, "XA END "+name)
		w.Same(one)
		trial.Exec(t, c, "XA PREPARE "+name)
		w.Same(one)
		w.Warm(one)
		trial.Exec(t, c, "XA COMMIT "+name)
		w.Dropped("XA COMMIT", one)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, w.DB, "UPDATE item SET kind = 0 WHERE id = 1")
	w.Same(one)
}

func TestProceduresAndPreparedText(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	trial.Exec(t, w.DB, "CREATE PROCEDURE twice() BEGIN UPDATE item SET kind = kind + 1 WHERE id = 1; COMMIT; UPDATE item SET kind = kind + 1 WHERE id = 2; END")
	trial.Exec(t, w.DB, "CREATE FUNCTION writes() RETURNS INTEGER BEGIN UPDATE item SET kind = kind + 1 WHERE id = 1; UPDATE item SET kind = kind + 1 WHERE id = 2; RETURN 1; END")
	for _, q := range []string{"CALL twice()", "DO writes()", "SELECT writes()", "UPDATE log SET what = writes() WHERE id = 1"} {
		w.Warm(one)
		w.Warm(two)
		trial.Exec(t, w.DB, q)
		w.Dropped(q, one, two)
	}
	c := w.Conn()
	trial.Exec(t, c, "PREPARE p FROM 'UPDATE item SET kind = kind + 1'")
	w.Warm(one)
	trial.Exec(t, c, "EXECUTE p")
	w.Dropped("EXECUTE", one, two)
	tx := trial.Begin(t, w.DB)
	trial.Exec(t, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
	trial.Exec(t, tx, "CALL twice()")
	w.Dropped("CALL in a transaction", one, two)
	trial.Rollback(t, tx)
	w.Same(one)
}

func TestSeveralStatementsInOneText(t *testing.T) {
	t.Parallel()
	w := open(t, nil, func(c *mysql.Config) { c.MultiStatements = true })
	w.fill()
	for _, q := range []string{
		"UPDATE item SET kind = kind + 1 WHERE id = 1; UPDATE item SET kind = kind + 1 WHERE id = 2",
		"BEGIN; UPDATE item SET kind = kind + 1; COMMIT",
		"SELECT 1; UPDATE item SET kind = kind + 1; INSERT INTO item VALUES (1, 1, 'again')",
	} {
		w.Warm(one)
		w.Warm(two)
		_, err := w.DB.Exec(q)
		if (err != nil) != strings.Contains(q, "again") {
			t.Fatal(err)
		}
		w.Dropped(q, one, two)
	}
	c := w.Conn()
	trial.Exec(t, c, "BEGIN; UPDATE item SET kind = 50 WHERE id = 1")
	w.Same(one)
	w.Warm(one)
	trial.Exec(t, c, "COMMIT")
	w.Dropped("the COMMIT", one)
	trial.Exec(t, c, "UPDATE item SET kind = 60 WHERE id = 1")
	w.Dropped("an autocommit UPDATE", one)
}

func TestReturning(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	if v, _ := trial.Read(t, w.Bare, "SELECT version()"); !strings.Contains(v, "MariaDB") {
		t.Skip("MySQL has no RETURNING")
	}
	w.fill()
	w.Warm(kinds)
	for _, q := range []string{
		"INSERT INTO item VALUES (20, 1, 'x') RETURNING id", "REPLACE INTO item VALUES (20, 2, 'x') RETURNING id",
		"DELETE FROM item WHERE id = 20 RETURNING id",
	} {
		if got, _ := trial.Read(t, w.DB, q); got != "[20]" {
			t.Errorf("%s: %s", q, got)
		}
		w.Dropped(q, kinds)
	}
	// Of rows that nobody asks for the driver counts none as affected.
	for _, q := range []string{
		"INSERT INTO item VALUES (21, 1, 'y') RETURNING id", "REPLACE INTO item VALUES (21, 2, 'y') RETURNING id",
		"DELETE FROM item WHERE id = 21 RETURNING id",
	} {
		trial.Exec(t, w.DB, q)
		w.Dropped(q, kinds)
	}
}

func TestGeneratedKeys(t *testing.T) {
	t.Parallel()
	for _, found := range []bool{false, true} {
		w := open(t, nil, func(c *mysql.Config) { c.ClientFoundRows = found })
		trial.Exec(t, w.DB, "CREATE TABLE line (id INTEGER AUTO_INCREMENT PRIMARY KEY, k INTEGER UNIQUE, v INTEGER)")
		trial.Exec(t, w.DB, "INSERT INTO line (k, v) VALUES (1, 1)")
		byID := "SELECT k, v FROM line WHERE id = ?"
		readAll := func() {
			for id := range 20 {
				w.Same(byID, id)
				w.Same(byID, id)
			}
			w.Same("SELECT count(*) FROM line")
		}
		for _, q := range []string{
			"INSERT INTO line (k, v) VALUES (2, 2)", "INSERT INTO line (k, v) VALUES (3, 3), (4, 4)",
			"INSERT INTO line (k, v) VALUES (1, 7) ON DUPLICATE KEY UPDATE v = 7", "INSERT INTO line (k, v) VALUES (1, 7) ON DUPLICATE KEY UPDATE v = 7",
			"INSERT IGNORE INTO line (k, v) VALUES (1, 9)", "INSERT IGNORE INTO line (k, v) VALUES (1, 9), (9, 9)", "REPLACE INTO line (k, v) VALUES (1, 8)",
			"INSERT INTO line (id, k, v) VALUES (15, 15, 15)", "UPDATE line SET v = LAST_INSERT_ID(12) WHERE k = 15", "UPDATE line SET v = v",
			"INSERT INTO line (id, k, v) VALUES (0, 16, LAST_INSERT_ID(3))", "INSERT INTO line (k, v) SELECT k + 100, v FROM line",
		} {
			readAll()
			trial.Exec(t, w.DB, q)
			readAll()
		}
		res := trial.Exec(t, w.DB, "INSERT INTO line (k) VALUES (1000)")
		id, err := res.LastInsertId()
		if n, _ := res.RowsAffected(); id == 0 || err != nil || n != 1 {
			t.Errorf("%d, %d, %v", id, n, err)
		}
	}
}

func TestLoadData(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	mysql.RegisterReaderHandler(w.cfg.DBName, func() io.Reader { return strings.NewReader("50\t7\tloaded\n51\t7\ttoo\n") })
	t.Cleanup(func() { mysql.DeregisterReaderHandler(w.cfg.DBName) })
	w.Warm(kinds)
	if _, err := w.DB.Exec("LOAD DATA LOCAL INFILE 'Reader::" + w.cfg.DBName + "' INTO TABLE item (id, kind, name)"); err != nil {
		t.Skipf("the server loads nothing: %v", err)
	}
	w.Dropped("LOAD DATA", kinds)
	trial.Exec(t, w.DB, "DELETE FROM item WHERE id >= 50")
	w.Dropped("a DELETE", kinds)
	tx := trial.Begin(t, w.DB)
	trial.Exec(t, tx, "LOAD DATA LOCAL INFILE 'Reader::"+w.cfg.DBName+"' INTO TABLE item (id, kind, name)")
	w.Same(kinds)
	w.Warm(kinds)
	trial.Commit(t, tx)
	w.Dropped("LOAD DATA in a transaction", kinds)
}
