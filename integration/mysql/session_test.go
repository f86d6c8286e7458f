package mysql

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/integration/trial"
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
		"SELECT GET_LOCK('" + w.cfg.DBName + "', 0)", "LOCK TABLES item READ", "SET sql_select_limit = 1", "USE information_schema", "SET group_concat_max_len = 5",
		"PREPARE p FROM 'SELECT 1'", "SELECT SQL_CALC_FOUND_ROWS * FROM item LIMIT 1",
	} {
		w.Warm(kinds)
		c := w.Conn()
		if _, err := trial.Rows(context.Background(), c, q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		var own string
		if _, r := trial.Read(t, c, "SELECT 1 + 1"); r.Hit || r.Why == "" {
			t.Errorf("after %s: %+v", q, r)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			w.Same(kinds)
			if own, _ = trial.Read(t, w.DB, "SELECT @a, @@time_zone, @@sql_select_limit > 5, DATABASE() = 'information_schema'"); own != "[<nil> SYSTEM 1 0]" {
				t.Fatalf("after %s others see %s", q, own)
			}
		}
		trial.Eventually(t, "its lock is free after "+q, func() bool {
			free, _ := trial.Read(t, w.DB, "SELECT IS_FREE_LOCK('"+w.cfg.DBName+"')")
			return free == "[1]"
		})
	}
}

// A writer in a session of its own is seen by all.
func TestWritesInASessionOfItsOwn(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	c := w.Conn()
	trial.Exec(t, c, "SET @name = 'variable'")
	w.Warm(one)
	trial.Exec(t, c, "UPDATE item SET name = @name WHERE id = 1")
	w.Dropped("an UPDATE in a session of its own", one)
	trial.Exec(t, c, "DO RELEASE_ALL_LOCKS()") // ours among them
	trial.Exec(t, c, "START TRANSACTION")
	trial.Exec(t, c, "UPDATE item SET name = 'again' WHERE id = 1")
	trial.Exec(t, c, "COMMIT")
	w.Dropped("a transaction in a session of its own", one)
	trial.Exec(t, c, "LOCK TABLES item WRITE")
	trial.Exec(t, c, "UPDATE item SET name = 'locked' WHERE id = 1")
	trial.Exec(t, c, "UNLOCK TABLES")
	w.Dropped("an UPDATE under LOCK TABLES", one)
}

func TestReadUncommittedFillsNothing(t *testing.T) {
	t.Parallel()
	w := open(t, nil, func(c *mysql.Config) { c.Params = map[string]string{"tx_isolation": "'READ-UNCOMMITTED'"} })
	w.fill()
	tx := trial.Begin(t, w.Bare)
	trial.Exec(t, tx, "UPDATE item SET name = 'dirty' WHERE id = 1")
	for range 3 {
		if _, r := trial.Read(t, w.DB, one); r.Hit {
			t.Error("a hit of uncommitted rows")
		}
	}
	trial.Rollback(t, tx)
	w.Same(one)
}

func TestAutocommitOffInTheDSN(t *testing.T) {
	t.Parallel()
	w := open(t, nil, func(c *mysql.Config) { c.Params = map[string]string{"autocommit": "0"} })
	if err := w.DB.Ping(); err == nil || !strings.Contains(err.Error(), "autocommit off") {
		t.Errorf("%v", err)
	}
}

func TestNoDatabase(t *testing.T) {
	t.Parallel()
	cfg := newDatabase(t).Clone()
	cfg.DBName = ""
	w := over(t, cfg, memstore.New(1<<20), nil)
	if err := w.DB.Ping(); err == nil || !strings.Contains(err.Error(), "must name a database") {
		t.Errorf("%v", err)
	}
}

// Sessions that give other answers do not share entries, and those that give the
// same do, whatever process they are in.
func TestWhoSharesEntries(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	trial.Exec(t, w.DB, "CREATE TABLE event (id INTEGER PRIMARY KEY, at TIMESTAMP)")
	trial.Exec(t, w.DB, "INSERT INTO event VALUES (1, '2020-01-01 00:00:00')")
	q := "SELECT at FROM event WHERE id = 1"
	w.Warm(q)
	if _, r := trial.Read(t, w.another(), q); !r.Hit {
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
		there := over(t, cfg, w.Store, nil)
		if there.Same(q) {
			t.Errorf("%s: a hit of another session's entry", name)
		}
	}
}

// What the session is asked for tells of the latest write.
func TestAskingOfTheLatestWrite(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	trial.Exec(t, w.DB, "CREATE TABLE line (id INTEGER AUTO_INCREMENT PRIMARY KEY, v INTEGER)")
	c := w.Conn()
	for _, want := range []string{"[1]", "[2]", "[3]"} {
		trial.Exec(t, c, "INSERT INTO line (v) VALUES (1)")
		if got, r := trial.Read(t, c, "SELECT LAST_INSERT_ID()"); got != want || r.Hit {
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
		w.Warm(one)
		trial.Exec(t, w.DB, q)
		w.Same(one)
		trial.Exec(t, w.DB, "UPDATE item SET kind = kind + 1 WHERE id = 1")
		w.Dropped(q+" and an UPDATE", one)
	}
	tx := trial.Begin(t, w.DB)
	trial.Exec(t, tx, "UPDATE item SET kind = kind + 1 WHERE id = 1")
	trial.Exec(t, tx, "INSERT INTO log VALUES (77, 'x')")
	trial.Commit(t, tx)
	w.Dropped("a transaction", one, logs)
}

// A write that pins a row drops what reads the row, before and after, and no more.
func TestWritesAreNarrow(t *testing.T) {
	t.Parallel()
	for _, args := range []bool{false, true} {
		w := open(t, nil, func(c *mysql.Config) { c.InterpolateParams = args })
		w.fill()
		for _, q := range []string{"UPDATE item SET kind = kind + 1 WHERE id = ?", "UPDATE item SET name = CONCAT(name, '!') WHERE id = ?", "DELETE FROM item WHERE id = ?"} {
			w.WarmEach(byKind, 4)
			w.Warm(one)
			w.Warm(two)
			trial.Exec(t, w.DB, q, 1)
			w.Same(one)
			if !w.Same(two) {
				t.Errorf("%s dropped the reader of another row", q)
			}
			w.SameEach(byKind, 4)
		}
	}
}

// A sql_mode that is set for the server under running programs reaches their new
// connections, and what "kind" means there.
func TestGlobalModeUnderRunningPrograms(t *testing.T) {
	cfg := newServer(t, 1)
	const q = "SELECT id FROM item WHERE name = '1'"
	for _, within := range []bool{false, true} {
		w := over(t, cfg, memstore.New(16<<20), &sqlcache.Options{MaxIdleConns: -1})
		trial.Exec(t, w.Bare, "SET GLOBAL sql_mode = DEFAULT")
		w.fill()
		w.Warm(q)
		trial.Exec(t, w.Bare, "SET GLOBAL sql_mode = 'ANSI_QUOTES'")
		const update = `UPDATE item SET name = "kind" WHERE id = 1`
		if within {
			tx := trial.Begin(t, w.DB)
			trial.Exec(t, tx, update)
			trial.Commit(t, tx)
		} else {
			trial.Exec(t, w.DB, update)
		}
		if got, _ := trial.Read(t, w.DB, q); got != "[1]" {
			t.Errorf("in a transaction %v: read %s", within, got)
		}
		trial.Exec(t, w.DB, "DROP TABLE item, log")
		trial.Exec(t, w.Bare, "SET GLOBAL sql_mode = DEFAULT")
	}
}

// A setting that changes answers keeps programs apart that ask for nothing, too,
// where the server's own has changed between them.
func TestGlobalSettingsKeepApart(t *testing.T) {
	cfg := newServer(t, 1)
	w := over(t, cfg, memstore.New(16<<20), nil)
	w.fill()
	w.Warm(one)
	if !over(t, cfg, w.Store, nil).Same(one) {
		t.Fatal("a program like the first has no share in its entries")
	}
	for name, value := range map[string]string{
		"standard_compliant_cte": "0", "div_precision_increment": "9", "group_concat_max_len": "1000", "sql_select_limit": "5",
		"max_recursive_iterations": "3", "default_week_format": "3", "lc_time_names": "'de_DE'", "sql_mode": "'PIPES_AS_CONCAT'", "time_zone": "'+05:00'",
	} {
		trial.Exec(t, w.Bare, "SET GLOBAL "+name+" = "+value)
		if over(t, cfg, w.Store, nil).Same(one) {
			t.Errorf("%s: a hit of an entry of another setting", name)
		}
		trial.Exec(t, w.Bare, "SET GLOBAL "+name+" = DEFAULT")
	}
}

// Which numbers an INSERT of several rows has given is a matter of the server's
// settings, and LAST_INSERT_ID() tells of the first one alone.
func TestNumbersGivenInSteps(t *testing.T) {
	t.Parallel()
	w := open(t, nil, func(c *mysql.Config) {
		c.Params = map[string]string{"auto_increment_increment": "5", "auto_increment_offset": "2"}
	})
	trial.Exec(t, w.DB, "CREATE TABLE made (id INTEGER AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20))")
	const byID = "SELECT name FROM made WHERE id = ?"
	for _, q := range []string{
		"INSERT INTO made (name) VALUES ('a')", "INSERT INTO made (name) VALUES ('a'), ('b'), ('c')", "INSERT INTO made (name) SELECT name FROM made",
		"INSERT INTO made (id, name) VALUES (NULL, 'a'), (100, 'b'), (0, 'c')", "INSERT INTO made (name) VALUES ('z')",
	} {
		for id := range 160 {
			w.Same(byID, id)
		}
		trial.Exec(t, w.DB, q)
		for id := range 160 {
			w.Same(byID, id)
		}
	}
}
