package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// The server rolls a transaction back that waits for a table in a circle with LOCK
// TABLES, also where it is the cache's own look at the row that waits. The statement
// does not run then, as it would not have without the cache: outside the transaction.
func TestTransactionInACircleOfTables(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"an UPDATE": "UPDATE a SET name = 'lost', kind = kind + 1 WHERE id = 1",
		"an upsert": "INSERT INTO a VALUES (1, 5, 'lost') ON DUPLICATE KEY UPDATE name = 'lost', kind = kind + 1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, nil)
			for _, table := range []string{"a", "b"} {
				trial.Script(t, w.DB, "CREATE TABLE "+table+" (id INTEGER PRIMARY KEY, kind INTEGER, name VARCHAR(50)) ENGINE=InnoDB", "INSERT INTO "+table+" VALUES (1, 1, 'one')")
			}
			w.Warm("SELECT name FROM a WHERE kind = 1")
			tx := trial.Begin(t, w.DB)
			trial.Exec(t, tx, "UPDATE b SET name = 'lost' WHERE id = 1")
			locker, err := w.Bare.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer locker.Close()
			locked := w.waiting(locker, "LOCK TABLES a WRITE, b WRITE")
			changed := make(chan error, 1)
			go func() {
				_, err := tx.ExecContext(context.Background(), change)
				changed <- err
			}()
			if err := <-locked; err != nil {
				t.Fatal(err)
			}
			trial.Exec(t, locker, "UNLOCK TABLES")
			if <-changed == nil {
				t.Error("the statement ran, although its transaction was gone")
			}
			w.Same("SELECT name FROM a WHERE kind = 1")
			trial.Commit(t, tx)
			w.Same("SELECT name FROM a WHERE kind = 1")
			w.Same("SELECT name FROM b WHERE id = 1")
			if got, _ := trial.Read(t, w.Bare, "SELECT a.name, b.name FROM a JOIN b"); got != "[one one]" {
				t.Errorf("half of the transaction was kept: %s", got)
			}
		})
	}
}

// A read that meets one waits, as it would have without the cache, although its
// connection holds a lock.
func TestReadInACircleOfTables(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]string{
		"kept": "SELECT b.name FROM b JOIN a ON a.id = b.id", "not kept": "SELECT b.name, now() IS NULL FROM b JOIN a ON a.id = b.id",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, nil)
			for _, table := range []string{"a", "aa", "b"} {
				trial.Script(t, w.DB, "CREATE TABLE "+table+" (id INTEGER PRIMARY KEY, name VARCHAR(50)) ENGINE=InnoDB", "INSERT INTO "+table+" VALUES (1, 'one')")
			}
			holder := trial.Begin(t, w.Bare)
			trial.Exec(t, holder, "UPDATE aa SET name = 'held' WHERE id = 1")
			trial.Exec(t, w.DB, "UPDATE b SET name = 'uno' WHERE id = 1")
			locker, err := w.Bare.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer locker.Close()
			locked := w.waiting(locker, "LOCK TABLES a WRITE, aa WRITE, b WRITE")
			read := make(chan string, 1)
			go func() {
				got, err := trial.Rows(context.Background(), w.DB, q)
				read <- fmt.Sprint(got, err)
			}()
			trial.Eventually(t, "the read waits", func() bool {
				got, _ := trial.Read(t, w.Bare, "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND state LIKE 'Waiting for table metadata lock%'")
				return got == "[2]"
			})
			trial.Commit(t, holder)
			if err := <-locked; err != nil {
				t.Fatal(err)
			}
			trial.Exec(t, locker, "UNLOCK TABLES")
			if got, want := <-read, "uno"; !strings.Contains(got, want) {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// waiting begins to run a statement on a connection, and returns once it waits for
// tables.
func (w *world) waiting(c *sql.Conn, q string) (done chan error) {
	w.Helper()
	thread, _ := trial.Read(w, c, "SELECT CONNECTION_ID()")
	done = make(chan error, 1)
	go func() {
		_, err := c.ExecContext(context.Background(), q)
		done <- err
	}()
	trial.Eventually(w, q+" waits", func() bool {
		got, _ := trial.Read(w, w.Bare, "SELECT state LIKE 'Waiting for table metadata lock%' FROM information_schema.processlist WHERE id = "+thread[1:len(thread)-1])
		return got == "[1]"
	})
	return done
}
