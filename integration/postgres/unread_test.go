package postgres

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/pgxcache"
	"github.com/cacheops/cacheops/sqlcache"
)

// lock has a bare connection move a table about, as VACUUM FULL does for hours.
func (w *world) lock(table string) (release func()) {
	w.Helper()
	tx := trial.Begin(w, w.Bare)
	trial.Exec(w, tx, "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE")
	return func() { trial.Rollback(w, tx) }
}

// While one table is locked its definition cannot be read, and with it the schema: the
// statements of a program that starts then, or that has heard of DDL, run as without the
// cache, whatever limits it sets for its own locks.
func TestSchemaThatCannotBeRead(t *testing.T) {
	for name, limits := range map[string]string{"no limit": "", "a lock_timeout": "&lock_timeout=20", "a statement_timeout": "&statement_timeout=400"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			dsn := onPgx(t, nil).dsn + limits
			w := newWorld(t, dsn, pgxConnector(t, dsn), nil)
			w.fill()
			trial.Exec(t, w.DB, "CREATE TABLE moved (id INTEGER PRIMARY KEY DEFAULT 3 CHECK (id > 0))")
			trial.Exec(t, w.DB, "CREATE VIEW shown AS SELECT id FROM moved")
			w.Warm(one)
			w.Warm(kinds)
			release := w.lock("moved")
			pool, err := pgxpool.New(ctx, dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			native := pgxcache.New(trial.Cache(t, w.Store, nil), pool, nil)
			defer native.Close()
			late := w.another(w.connector, &sqlcache.Options{SchemaCheck: 1})
			w.dark(ctx, late, native)
			trial.Exec(t, w.DB, "CREATE TABLE made (id INTEGER)")
			w.dark(ctx, w.DB, native)
			release()
			for _, db := range []*sql.DB{w.DB, late} {
				w.WarmOn(db, one)
				w.WarmOn(db, kinds)
			}
		})
	}
}

// dark runs statements that have nothing to do with what is locked.
func (w *world) dark(ctx context.Context, db *sql.DB, native *pgxcache.Pool) {
	w.Helper()
	for _, name := range []string{"dark", "one"} {
		for _, q := range []string{"UPDATE item SET name = '" + name + "' WHERE id = 1", "INSERT INTO item VALUES (9, 9, 'nine')", "DELETE FROM item WHERE id = 9"} {
			if _, err := db.ExecContext(ctx, q); err != nil {
				w.Fatalf("%s: %v", q, err)
			}
			w.Same(one)
			w.Same(kinds)
			if got, err := trial.Rows(ctx, db, one); err != nil || got != "[1 "+name+"]" {
				w.Fatalf("after %s: %s, %v", q, got, err)
			}
		}
	}
	for n := range 3 {
		var batch pgx.Batch
		for range n + 1 {
			batch.Queue(one)
		}
		if err := native.SendBatch(ctx, &batch).Close(); err != nil {
			w.Fatalf("a batch of %d: %v", n+1, err)
		}
	}
	if _, err := native.Exec(ctx, "UPDATE item SET kind = kind + 1 WHERE id = 1"); err != nil {
		w.Fatal(err)
	}
	w.Same(one)
	if _, err := native.Exec(ctx, "UPDATE item SET kind = kind - 1 WHERE id = 1"); err != nil {
		w.Fatal(err)
	}
	w.Same(one)
}

// A program may hold the lock itself, for which nobody else could wait in vain.
func TestSchemaThatTheProgramItselfLocks(t *testing.T) {
	each(t, func(w *world) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		w.fill()
		trial.Exec(w, w.DB, "CREATE TABLE moved (id INTEGER PRIMARY KEY DEFAULT 3)")
		tx := trial.Begin(w, w.DB)
		trial.Exec(w, tx, "ALTER TABLE moved ADD COLUMN a INTEGER")
		other := w.another(w.connector, &sqlcache.Options{})
		trial.Exec(w, other, "CREATE TABLE made (id INTEGER)")
		for _, db := range []*sql.DB{w.DB, other} {
			if _, err := trial.Rows(ctx, db, one); err != nil {
				w.Fatal(err)
			}
		}
		trial.Commit(w, tx)
		w.Warm("SELECT a FROM moved")
	})
}
