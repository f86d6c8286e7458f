package mysql

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// What commits the open transaction by itself is told to the store with all that
// the transaction has done.
func TestImplicitCommits(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	exec(t, w.db, "CREATE TABLE other (id INTEGER PRIMARY KEY)")
	for _, q := range []string{
		"CREATE TABLE made (id INTEGER)", "DROP TABLE made", "ALTER TABLE other ADD COLUMN x INTEGER", "TRUNCATE TABLE other",
		"LOCK TABLES other WRITE", "START TRANSACTION", "BEGIN", "ANALYZE TABLE other", "OPTIMIZE TABLE other",
		"CREATE USER IF NOT EXISTS ''@'nowhere.invalid'", "DROP USER IF EXISTS ''@'nowhere.invalid'", "FLUSH TABLES", "COMMIT AND CHAIN",
		"CREATE INDEX x ON other (x)", "RENAME TABLE other TO another", "RENAME TABLE another TO other",
	} {
		t.Run(q, func(t *testing.T) {
			w := &world{TB: t, cfg: w.cfg, store: w.store, cache: w.cache, db: w.db, bare: w.bare}
			exec(t, w.db, "UPDATE item SET name = 'one' WHERE id = 1")
			w.warm(one)
			c := w.conn()
			exec(t, c, "START TRANSACTION")
			exec(t, c, "UPDATE item SET name = 'changed' WHERE id = 1")
			if !w.same(one) {
				t.Error("no hit before the commit")
			}
			exec(t, c, q)
			if got, _ := read(t, w.bare, one); !strings.Contains(got, "changed") {
				t.Fatalf("it did not commit: %s", got)
			}
			w.dropped(q, one)
			exec(t, c, "ROLLBACK") // undoes nothing of it
			w.same(one)
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
	w.warm(one)
	w.warm(two)
	tx := begin(t, w.db)
	exec(t, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
	exec(t, tx, "CREATE TABLE made (id INTEGER PRIMARY KEY)")
	w.dropped("DDL", one)
	w.warm(two)
	exec(t, tx, "UPDATE item SET name = 'dos' WHERE id = 2")
	w.dropped("an autocommit statement after DDL", two)
	rollback(t, tx)
	w.same(one)
	w.same(two)
}

func TestAutocommitOff(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	w.warm(one)
	c := w.conn()
	exec(t, c, "SET autocommit = 0")
	for _, name := range []string{"a", "b", "c"} {
		w.warm(one)
		exec(t, c, "UPDATE item SET name = ? WHERE id = 1", name)
		if got, _ := read(t, w.bare, one); strings.Contains(got, " "+name) {
			t.Fatal("committed by itself")
		}
		if _, r := read(t, c, one); r.Hit {
			t.Error("a hit inside a transaction")
		}
		exec(t, c, "COMMIT")
		w.dropped("the COMMIT", one)
	}
	exec(t, c, "UPDATE item SET name = 'undone' WHERE id = 1")
	exec(t, c, "ROLLBACK")
	exec(t, c, "UPDATE item SET name = 'kept' WHERE id = 1")
	w.same(one)
	exec(t, c, "SET autocommit = 1")
	w.dropped("SET autocommit = 1", one)
	exec(t, c, "SET autocommit = 0")
	exec(t, c, "UPDATE item SET name = 'before' WHERE id = 1")
	tx, err := c.BeginTx(context.Background(), nil) // commits
	if err != nil {
		t.Fatal(err)
	}
	w.dropped("a BEGIN by the driver", one)
	exec(t, tx, "UPDATE item SET name = 'inside' WHERE id = 1")
	commit(t, tx)
	w.dropped("the COMMIT by the driver", one)
	exec(t, c, "UPDATE item SET name = 'last' WHERE id = 1")
	w.same(one)
	exec(t, c, "COMMIT")
	w.dropped("the last COMMIT", one)
}

// What knows no transactions changes at once, and stays changed.
func TestTableWithoutTransactions(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	w.warm(logs)
	exec(t, w.db, "INSERT INTO log VALUES (2, 'alone')")
	w.dropped("an autocommit INSERT", logs)
	tx := begin(t, w.db)
	exec(t, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
	exec(t, tx, "INSERT INTO log VALUES (3, 'inside')")
	w.dropped("an INSERT in an open transaction", logs)
	w.warm(one)
	rollback(t, tx)
	w.same(logs)
	if !w.same(one) {
		t.Error("the rollback dropped what it undid")
	}
	exec(t, w.db, "CREATE TRIGGER noting AFTER UPDATE ON item FOR EACH ROW INSERT INTO log VALUES (NEW.id + 10, NEW.name)")
	w.warm(logs)
	w.warm(two)
	tx = begin(t, w.db)
	exec(t, tx, "UPDATE item SET name = 'dos' WHERE id = 2")
	w.dropped("a trigger in an open transaction", logs)
	w.warm(two)
	commit(t, tx)
	w.dropped("the COMMIT of a statement with a trigger", two)
	// A statement that fails keeps what it wrote.
	if _, err := w.db.Exec("INSERT INTO log VALUES (100, 'kept'), (1, 'again')"); err == nil {
		t.Fatal("a duplicate key was accepted")
	}
	w.dropped("a failed INSERT", logs)
	tx = begin(t, w.db)
	if _, err := tx.Exec("INSERT INTO log VALUES (101, 'kept'), (1, 'again')"); err == nil {
		t.Fatal("a duplicate key was accepted")
	}
	w.dropped("a failed INSERT in a transaction", logs)
	rollback(t, tx)
	w.same(logs)
	// The engine changes.
	exec(t, w.db, "ALTER TABLE item ENGINE=MyISAM")
	w.warm(one)
	tx = begin(t, w.db)
	exec(t, tx, "UPDATE item SET kind = 9 WHERE id = 1")
	w.dropped("the engine was changed", one)
	rollback(t, tx)
	w.same(one)
}

// Two cached transactions wait for each other; the server rolls one back.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	w.warm(one)
	w.warm(two)
	a, b := w.conn(), w.conn()
	for _, c := range []querier{a, b} {
		exec(t, c, "START TRANSACTION")
	}
	exec(t, a, "UPDATE item SET name = 'a1' WHERE id = 1")
	exec(t, b, "UPDATE item SET name = 'b2' WHERE id = 2")
	waits := make(chan error, 1)
	go func() {
		_, err := a.ExecContext(context.Background(), "UPDATE item SET name = 'a2' WHERE id = 2")
		waits <- err
	}()
	eventually(t, "the first waits", func() bool { return w.running("%a2%") })
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
	if !w.same(one) || !w.same(two) {
		t.Error("an error dropped entries")
	}
	// What follows in the transaction that is gone is autocommit.
	w.warm(kinds)
	exec(t, won, "COMMIT")
	w.dropped("the other's COMMIT", one, two)
	exec(t, lost, "UPDATE item SET name = 'late' WHERE id = 3")
	w.dropped("a statement after a deadlock", "SELECT name FROM item WHERE id = 3")
	exec(t, lost, "ROLLBACK")
	w.same("SELECT name FROM item WHERE id = 3")
	w.same(one)
}

// A lock that is waited for in vain undoes the statement alone.
func TestLockWaitTimeout(t *testing.T) {
	t.Parallel()
	w := open(t, nil, func(c *mysql.Config) { c.Params = map[string]string{"innodb_lock_wait_timeout": "1"} })
	w.fill()
	w.warm(one)
	w.warm(two)
	holder := begin(t, w.bare)
	exec(t, holder, "UPDATE item SET kind = kind + 1 WHERE id = 2")
	tx := begin(t, w.db)
	exec(t, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
	if _, err := tx.Exec("UPDATE item SET name = 'dos' WHERE id = 2"); err == nil {
		t.Fatal("no lock")
	}
	rollback(t, holder)
	commit(t, tx)
	w.dropped("the COMMIT", one)
	w.same(two)
}

func TestSavepoints(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	w.warm(one)
	c := w.conn()
	exec(t, c, "SAVEPOINT nothing") // outside a transaction there is none
	exec(t, c, "UPDATE item SET name = 'auto' WHERE id = 1")
	w.dropped("an UPDATE after a savepoint that begins nothing", one)
	w.warm(two)
	tx := begin(t, w.db)
	exec(t, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
	exec(t, tx, "SAVEPOINT a")
	exec(t, tx, "INSERT INTO log VALUES (9, 'kept')")
	exec(t, tx, "UPDATE item SET name = 'dos' WHERE id = 2")
	w.same(logs)
	exec(t, tx, "ROLLBACK TO SAVEPOINT a")
	w.same(logs)
	exec(t, tx, "RELEASE SAVEPOINT a")
	if got, _ := read(t, w.bare, one); strings.Contains(got, "uno") {
		t.Fatal("a release committed")
	}
	commit(t, tx)
	w.dropped("the COMMIT", one)
	w.same(two)
}

// XA transactions end on any connection, and reach everything.
func TestXA(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	name := "'" + w.cfg.DBName + "'"
	c := w.conn()
	for range 2 {
		w.warm(one)
		exec(t, c, "XA START "+name)
		exec(t, c, "UPDATE item SET kind = kind + 1 WHERE id = 1")
		w.same(one)
		exec(t, c, "XA END "+name)
		w.same(one)
		exec(t, c, "XA PREPARE "+name)
		w.same(one)
		w.warm(one)
		exec(t, c, "XA COMMIT "+name)
		w.dropped("XA COMMIT", one)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	exec(t, w.db, "UPDATE item SET kind = 0 WHERE id = 1")
	w.same(one)
}

func TestProceduresAndPreparedText(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	exec(t, w.db, "CREATE PROCEDURE twice() BEGIN UPDATE item SET kind = kind + 1 WHERE id = 1; COMMIT; UPDATE item SET kind = kind + 1 WHERE id = 2; END")
	exec(t, w.db, "CREATE FUNCTION writes() RETURNS INTEGER BEGIN UPDATE item SET kind = kind + 1 WHERE id = 1; UPDATE item SET kind = kind + 1 WHERE id = 2; RETURN 1; END")
	for _, q := range []string{"CALL twice()", "DO writes()", "SELECT writes()", "UPDATE log SET what = writes() WHERE id = 1"} {
		w.warm(one)
		w.warm(two)
		exec(t, w.db, q)
		w.dropped(q, one, two)
	}
	c := w.conn()
	exec(t, c, "PREPARE p FROM 'UPDATE item SET kind = kind + 1'")
	w.warm(one)
	exec(t, c, "EXECUTE p")
	w.dropped("EXECUTE", one, two)
	tx := begin(t, w.db)
	exec(t, tx, "UPDATE item SET name = 'uno' WHERE id = 1")
	exec(t, tx, "CALL twice()")
	w.dropped("CALL in a transaction", one, two)
	rollback(t, tx)
	w.same(one)
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
		w.warm(one)
		w.warm(two)
		_, err := w.db.Exec(q)
		if (err != nil) != strings.Contains(q, "again") {
			t.Fatal(err)
		}
		w.dropped(q, one, two)
	}
	c := w.conn()
	exec(t, c, "BEGIN; UPDATE item SET kind = 50 WHERE id = 1")
	w.same(one)
	w.warm(one)
	exec(t, c, "COMMIT")
	w.dropped("the COMMIT", one)
	exec(t, c, "UPDATE item SET kind = 60 WHERE id = 1")
	w.dropped("an autocommit UPDATE", one)
}

func TestReturning(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	if v, _ := read(t, w.bare, "SELECT version()"); !strings.Contains(v, "MariaDB") {
		t.Skip("MySQL has no RETURNING")
	}
	w.fill()
	w.warm(kinds)
	for _, q := range []string{
		"INSERT INTO item VALUES (20, 1, 'x') RETURNING id", "REPLACE INTO item VALUES (20, 2, 'x') RETURNING id",
		"DELETE FROM item WHERE id = 20 RETURNING id",
	} {
		if got, _ := read(t, w.db, q); got != "[20]" {
			t.Errorf("%s: %s", q, got)
		}
		w.dropped(q, kinds)
	}
}

func TestGeneratedKeys(t *testing.T) {
	t.Parallel()
	for _, found := range []bool{false, true} {
		w := open(t, nil, func(c *mysql.Config) { c.ClientFoundRows = found })
		exec(t, w.db, "CREATE TABLE line (id INTEGER AUTO_INCREMENT PRIMARY KEY, k INTEGER UNIQUE, v INTEGER)")
		exec(t, w.db, "INSERT INTO line (k, v) VALUES (1, 1)")
		byID := "SELECT k, v FROM line WHERE id = ?"
		read := func() {
			for id := range 20 {
				w.same(byID, id)
				w.same(byID, id)
			}
			w.same("SELECT count(*) FROM line")
		}
		for _, q := range []string{
			"INSERT INTO line (k, v) VALUES (2, 2)", "INSERT INTO line (k, v) VALUES (3, 3), (4, 4)",
			"INSERT INTO line (k, v) VALUES (1, 7) ON DUPLICATE KEY UPDATE v = 7", "INSERT INTO line (k, v) VALUES (1, 7) ON DUPLICATE KEY UPDATE v = 7",
			"INSERT IGNORE INTO line (k, v) VALUES (1, 9)", "INSERT IGNORE INTO line (k, v) VALUES (1, 9), (9, 9)", "REPLACE INTO line (k, v) VALUES (1, 8)",
			"INSERT INTO line (id, k, v) VALUES (15, 15, 15)", "UPDATE line SET v = LAST_INSERT_ID(12) WHERE k = 15", "UPDATE line SET v = v",
			"INSERT INTO line (id, k, v) VALUES (0, 16, LAST_INSERT_ID(3))", "INSERT INTO line (k, v) SELECT k + 100, v FROM line",
		} {
			read()
			exec(t, w.db, q)
			read()
		}
		res := exec(t, w.db, "INSERT INTO line (k) VALUES (1000)")
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
	w.warm(kinds)
	if _, err := w.db.Exec("LOAD DATA LOCAL INFILE 'Reader::" + w.cfg.DBName + "' INTO TABLE item (id, kind, name)"); err != nil {
		t.Skipf("the server loads nothing: %v", err)
	}
	w.dropped("LOAD DATA", kinds)
	exec(t, w.db, "DELETE FROM item WHERE id >= 50")
	w.dropped("a DELETE", kinds)
	tx := begin(t, w.db)
	exec(t, tx, "LOAD DATA LOCAL INFILE 'Reader::"+w.cfg.DBName+"' INTO TABLE item (id, kind, name)")
	w.same(kinds)
	w.warm(kinds)
	commit(t, tx)
	w.dropped("LOAD DATA in a transaction", kinds)
}
