package mysql

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// While a table is being made of a query MariaDB does not tell of the tables, or not of
// that one, and leaves it at a warning. The statements of a program that starts then, or
// that has heard of DDL, run as without the cache, whatever limits it sets for itself.
func TestSchemaThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]map[string]string{
		"no limit": nil, "lock_wait_timeout": {"lock_wait_timeout": "1"}, "max_error_count": {"max_error_count": "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			w := open(t, nil, func(c *mysql.Config) { c.Params = limits })
			w.fill()
			w.Warm(one)
			w.Warm(kinds)
			unmake := w.making(ctx)
			late := w.another()
			w.unread(ctx, late)
			trial.Exec(t, w.DB, "CREATE TABLE another (id INTEGER)")
			w.unread(ctx, w.DB)
			unmake()
			for _, db := range []*sql.DB{w.DB, late} {
				w.WarmOn(db, one)
				w.WarmOn(db, kinds)
			}
		})
	}
}

// Whether somebody has changed the schema cannot be asked then either, and nobody goes
// on as if nothing had happened.
func TestSchemaThatChangesUnseen(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	w := open(t, &sqlcache.Options{SchemaCheck: time.Nanosecond})
	w.fill()
	trial.Exec(t, w.DB, "CREATE TABLE seen (id INTEGER AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB")
	const seen = "SELECT count(*) FROM seen"
	w.Warm(seen)
	unmake := w.making(ctx)
	trial.Exec(t, w.Bare, "CREATE TRIGGER sees AFTER UPDATE ON item FOR EACH ROW INSERT INTO seen VALUES ()")
	for _, name := range []string{"first", "second"} {
		trial.Exec(t, w.DB, "UPDATE item SET name = '"+name+"' WHERE id = 1")
		w.Same(seen)
	}
	unmake()
	w.Warm(seen)
	trial.Exec(t, w.DB, "UPDATE item SET name = 'third' WHERE id = 1")
	w.Dropped("an UPDATE with a trigger", seen)
}

// A table that is being made in another database is nobody's concern here.
func TestTableLockedElsewhere(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	w, other := open(t, nil), open(t, nil)
	w.fill()
	defer other.making(ctx)()
	for _, db := range []*sql.DB{w.DB, w.another()} {
		w.WarmOn(db, one)
		trial.Exec(t, db, "CREATE TABLE made (id INTEGER)")
		w.WarmOn(db, kinds)
		trial.Exec(t, db, "DROP TABLE made")
	}
}

// making begins to make a table, which stays locked until the returned function has
// ended that.
func (w *world) making(ctx context.Context) (end func()) {
	w.Helper()
	c, err := w.Bare.Conn(ctx)
	if err != nil {
		w.Fatal(err)
	}
	thread, _ := trial.Read(w, c, "SELECT CONNECTION_ID()")
	made := make(chan error, 1)
	go func() {
		_, err := c.ExecContext(ctx, "CREATE TABLE made AS SELECT SLEEP(100)")
		made <- err
	}()
	trial.Eventually(w, "the table is being made", func() bool {
		got, _ := trial.Read(w, w.Bare, "SELECT state FROM information_schema.processlist WHERE id = "+thread[1:len(thread)-1])
		return got == "[User sleep]"
	})
	return func() {
		trial.Exec(w, w.Bare, "KILL QUERY "+thread[1:len(thread)-1])
		if <-made == nil {
			w.Error("the table was made")
		}
		_ = c.Close()
	}
}

// unread runs statements through a cache that cannot know the schema.
func (w *world) unread(ctx context.Context, db *sql.DB) {
	w.Helper()
	for _, name := range []string{"dark", "one"} {
		for _, q := range []string{"UPDATE item SET name = '" + name + "' WHERE id = 1", "INSERT INTO item VALUES (9, 9, 'nine')", "DELETE FROM item WHERE id = 9"} {
			if _, err := db.ExecContext(ctx, q); err != nil {
				w.Fatalf("%s: %v", q, err)
			}
			w.Same(one)
			w.Same(kinds)
			for range 2 {
				if got, r := trial.ReadIn(ctx, w, db, one); got != "[1 "+name+"]" || r.Hit {
					w.Fatalf("after %s: %s, %+v", q, got, r)
				}
			}
		}
	}
}
