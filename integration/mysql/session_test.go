package mysql

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// What changes the session keeps its connection to itself, uncached, and nothing
// of it is left for others.
func TestSessionStatementsPin(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	for _, q := range []string{
		"SET @a = 1", "SELECT @a := 5", "SET SESSION time_zone = '+05:00'", "SET NAMES latin1", "SET sql_mode = 'ANSI_QUOTES'",
		"SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", "CREATE TEMPORARY TABLE item (id INTEGER, kind INTEGER, name TEXT)",
		"SELECT GET_LOCK('mine', 0)", "LOCK TABLES item READ", "SET sql_select_limit = 1", "USE information_schema", "SET group_concat_max_len = 5",
		"PREPARE p FROM 'SELECT 1'", "SELECT SQL_CALC_FOUND_ROWS * FROM item LIMIT 1",
	} {
		w.warm(kinds)
		c := w.conn()
		if _, err := rowsOf(context.Background(), c, q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		var own string
		if _, r := read(t, c, "SELECT 1 + 1"); r.Hit || r.Why == "" {
			t.Errorf("after %s: %+v", q, r)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			w.same(kinds)
			if own, _ = read(t, w.db, "SELECT @a, @@time_zone, @@sql_select_limit > 5, IS_FREE_LOCK('mine'), DATABASE() = 'information_schema'"); own != "[<nil> SYSTEM 1 1 0]" {
				t.Fatalf("after %s others see %s", q, own)
			}
		}
	}
}

// A writer in a session of its own is seen by all.
func TestWritesInASessionOfItsOwn(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	c := w.conn()
	exec(t, c, "SET @name = 'variable'")
	w.warm(one)
	exec(t, c, "UPDATE item SET name = @name WHERE id = 1")
	w.dropped("an UPDATE in a session of its own", one)
	exec(t, c, "DO RELEASE_ALL_LOCKS()") // ours among them
	exec(t, c, "START TRANSACTION")
	exec(t, c, "UPDATE item SET name = 'again' WHERE id = 1")
	exec(t, c, "COMMIT")
	w.dropped("a transaction in a session of its own", one)
	exec(t, c, "LOCK TABLES item WRITE")
	exec(t, c, "UPDATE item SET name = 'locked' WHERE id = 1")
	exec(t, c, "UNLOCK TABLES")
	w.dropped("an UPDATE under LOCK TABLES", one)
}

func TestReadUncommittedFillsNothing(t *testing.T) {
	t.Parallel()
	w := open(t, nil, func(c *mysql.Config) { c.Params = map[string]string{"tx_isolation": "'READ-UNCOMMITTED'"} })
	w.fill()
	tx := begin(t, w.bare)
	exec(t, tx, "UPDATE item SET name = 'dirty' WHERE id = 1")
	for range 3 {
		if _, r := read(t, w.db, one); r.Hit {
			t.Error("a hit of uncommitted rows")
		}
	}
	rollback(t, tx)
	w.same(one)
}

func TestAutocommitOffInTheDSN(t *testing.T) {
	t.Parallel()
	w := open(t, nil, func(c *mysql.Config) { c.Params = map[string]string{"autocommit": "0"} })
	if err := w.db.Ping(); err == nil || !strings.Contains(err.Error(), "autocommit off") {
		t.Errorf("%v", err)
	}
}

func TestNoDatabase(t *testing.T) {
	t.Parallel()
	cfg := newDatabase(t).Clone()
	cfg.DBName = ""
	w := over(t, cfg, memstore.New(1<<20), nil)
	if err := w.db.Ping(); err == nil || !strings.Contains(err.Error(), "must name a database") {
		t.Errorf("%v", err)
	}
}

// Sessions that give other answers do not share entries, and those that give the
// same do, whatever process they are in.
func TestWhoSharesEntries(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	exec(t, w.db, "CREATE TABLE event (id INTEGER PRIMARY KEY, at TIMESTAMP)")
	exec(t, w.db, "INSERT INTO event VALUES (1, '2020-01-01 00:00:00')")
	q := "SELECT at FROM event WHERE id = 1"
	w.warm(q)
	if _, r := read(t, w.another(), q); !r.Hit {
		t.Errorf("a session like the others' has no share: %+v", r)
	}
	for name, bend := range map[string]func(*mysql.Config){
		"time_zone":  func(c *mysql.Config) { c.Params = map[string]string{"time_zone": "'+05:00'"} },
		"parseTime":  func(c *mysql.Config) { c.ParseTime = true },
		"loc":        func(c *mysql.Config) { c.ParseTime, c.Loc = true, time.FixedZone("here", 3600) },
		"sql_mode":   func(c *mysql.Config) { c.Params = map[string]string{"sql_mode": "'ANSI'"} },
		"collation":  func(c *mysql.Config) { c.Collation = "utf8mb4_bin" },
		"found rows": func(c *mysql.Config) { c.ClientFoundRows = true },
		"alias":      func(c *mysql.Config) { c.ColumnsWithAlias = true },
		"text":       func(c *mysql.Config) { c.InterpolateParams = true },
	} {
		cfg := w.cfg.Clone()
		bend(cfg)
		there := over(t, cfg, w.store, nil)
		if there.same(q) {
			t.Errorf("%s: a hit of another session's entry", name)
		}
	}
}

// What the session is asked for tells of the latest write.
func TestAskingOfTheLatestWrite(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	exec(t, w.db, "CREATE TABLE line (id INTEGER AUTO_INCREMENT PRIMARY KEY, v INTEGER)")
	c := w.conn()
	for _, want := range []string{"[1]", "[2]", "[3]"} {
		exec(t, c, "INSERT INTO line (v) VALUES (1)")
		if got, r := read(t, c, "SELECT LAST_INSERT_ID()"); got != want || r.Hit {
			t.Errorf("%s, %+v", got, r)
		}
	}
}

// On a pool of one connection, too, nothing of a session is left for others.
func TestOneConnection(t *testing.T) {
	t.Parallel()
	w := open(t, &sqlcache.Options{MaxOpenConns: 1})
	w.fill()
	for _, q := range []string{
		"CREATE TEMPORARY TABLE item (kind INTEGER, name VARCHAR(50), id INTEGER)", "SET autocommit = 0", "USE information_schema", "SET time_zone = '+05:00'",
	} {
		w.warm(one)
		exec(t, w.db, q)
		w.same(one)
		exec(t, w.db, "UPDATE item SET kind = kind + 1 WHERE id = 1")
		w.dropped(q+" and an UPDATE", one)
	}
	tx := begin(t, w.db)
	exec(t, tx, "UPDATE item SET kind = kind + 1 WHERE id = 1")
	exec(t, tx, "INSERT INTO log VALUES (77, 'x')")
	commit(t, tx)
	w.dropped("a transaction", one, logs)
}

// A write that pins a row drops what reads the row, before and after, and no more.
func TestWritesAreNarrow(t *testing.T) {
	t.Parallel()
	for _, args := range []bool{false, true} {
		w := open(t, nil, func(c *mysql.Config) { c.InterpolateParams = args })
		w.fill()
		byKind := "SELECT id, name FROM item WHERE kind = ? ORDER BY id"
		narrow := 0
		for _, q := range []string{"UPDATE item SET kind = kind + 1 WHERE id = ?", "UPDATE item SET name = CONCAT(name, '!') WHERE id = ?", "DELETE FROM item WHERE id = ?"} {
			for kind := range 4 {
				w.warm(byKind, kind)
			}
			w.warm(one)
			w.warm(two)
			exec(t, w.db, q, 1)
			w.same(one)
			if w.same(two) {
				narrow++
			}
			for kind := range 4 {
				w.same(byKind, kind)
			}
		}
		t.Logf("%d of 3 were narrow", narrow)
	}
}
