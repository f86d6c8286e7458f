package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

const byKind = "SELECT id, name FROM item WHERE kind = $1 ORDER BY id"

// Rows that move from one region to another drop the readers of both, however they
// are moved.
func TestRowsThatMove(t *testing.T) {
	levels := []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}
	each(t, func(w *world) {
		w.fill()
		seed := rand.Uint64()
		w.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		moves := []string{
			"UPDATE item SET kind = kind % 4 + 1 WHERE id = $1", "UPDATE item SET kind = 1 WHERE id = $1 AND kind > 2",
			"UPDATE item SET name = name || 'x' WHERE id = $1", "DELETE FROM item WHERE id = $1",
			"INSERT INTO item VALUES ($1, 3, 'new ' || random()::text) ON CONFLICT (id) DO UPDATE SET kind = item.kind % 4 + 1",
			"UPDATE item SET kind = kind % 4 + 1 WHERE id = $1 RETURNING kind",
		}
		for range 60 {
			w.SameEach(byKind, 5)
			q, id := moves[r.IntN(len(moves))], r.IntN(5)+1
			if r.IntN(2) == 0 {
				if _, err := trial.Rows(context.Background(), w.DB, q, id); err != nil {
					w.Fatalf("%s: %v", q, err)
				}
			} else {
				tx := begin(w, w.DB, &sql.TxOptions{Isolation: levels[r.IntN(len(levels))]})
				trial.Exec(w, tx, q, id)
				trial.Exec(w, tx, moves[0], r.IntN(5)+1)
				trial.Commit(w, tx)
			}
			w.SameEach(byKind, 5)
		}
	})
}

// A read for our own ends must not end the program's transaction: a role that may
// only write is asked about first.
func TestRoleThatMayNotRead(t *testing.T) {
	w := onPgx(t, nil)
	w.fill()
	w.WarmEach(byKind, 4)
	role := "cacheops_writer_" + w.dsn[strings.LastIndex(w.dsn, "_")+1:strings.LastIndex(w.dsn, "?")]
	trial.Exec(t, w.DB, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() {
		trial.Exec(t, w.Bare, "DROP OWNED BY "+role)
		trial.Exec(t, w.Bare, "DROP ROLE "+role)
	})
	trial.Exec(t, w.DB, "GRANT UPDATE (kind), SELECT (id) ON item TO "+role)
	writer := trial.Closing(t, sqlcache.OpenDB(w.Cache, pgxConnector(t, strings.Replace(w.dsn, "postgres@", role+"@", 1)), nil))
	trial.Exec(t, writer, "UPDATE item SET kind = 2 WHERE id = $1", 1)
	w.SameEach(byKind, 4)
	tx := begin(t, writer, nil)
	trial.Exec(t, tx, "UPDATE item SET kind = 3 WHERE id = $1", 1)
	trial.Exec(t, tx, "UPDATE item SET kind = 3 WHERE id = $1", 2)
	trial.Commit(t, tx)
	w.SameEach(byKind, 4)
}

// Somebody else holds the row: what the cache reads for its own ends neither waits
// nor takes what it sees for the row that the statement changes.
func TestRowHeldByAnother(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		for _, way := range []string{"transaction", "autocommit"} {
			w.WarmEach(byKind, 10)
			held := begin(w, w.Bare, nil) // not seen by the cache, and so rolled back
			trial.Exec(w, held, "UPDATE item SET name = name || '!' WHERE id = 1")
			result := make(chan error, 1)
			go func() { result <- move(w.DB, way) }()
			w.locked("the update waits")
			// Meanwhile another writer of the program's moves another row.
			trial.Exec(w, w.DB, "UPDATE item SET kind = kind + 1 WHERE id = 2")
			if err := held.Rollback(); err != nil {
				w.Fatal(err)
			}
			if err := <-result; err != nil {
				w.Fatal(err)
			}
			w.SameEach(byKind, 10)
		}
	})
}

func move(db *sql.DB, way string) error {
	const q = "UPDATE item SET kind = kind + 1 WHERE id = 1"
	if way == "autocommit" {
		_, err := db.Exec(q)
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if _, err := tx.Exec(q); err != nil {
		return fmt.Errorf("%w, %w", err, tx.Rollback())
	}
	return tx.Commit()
}

// Two writers of one row, one after the other: the second moves it from where the
// first has put it.
func TestWritersOfOneRow(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		trial.Exec(w, w.DB, "UPDATE item SET kind = 1")
		w.WarmEach(byKind, 7)
		first := begin(w, w.DB, nil)
		trial.Exec(w, first, "UPDATE item SET kind = 4 WHERE id = 1")
		result := make(chan error, 1)
		go func() { result <- move(w.DB, "autocommit") }()
		w.locked("the second waits")
		trial.Commit(w, first)
		if err := <-result; err != nil {
			w.Fatal(err)
		}
		w.SameEach(byKind, 7)
	})
}

// What the read around a write meets, the program is told in the server's words.
func TestErrorsOfTheReadAroundAWrite(t *testing.T) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			dsn := live.PostgresURL(t) + "&lock_timeout=50"
			w := newWorld(t, dsn, d.connector(t, dsn), nil)
			w.fill()
			w.Warm(byKind, 1)
			held := begin(w, w.Bare, nil)
			trial.Exec(w, held, "UPDATE item SET name = name || '!' WHERE id = 1")
			for _, way := range []string{"autocommit", "transaction"} {
				var coded interface{ SQLState() string }
				if err := move(w.DB, way); !errors.As(err, &coded) || coded.SQLState() != "55P03" {
					t.Errorf("%s: %v", way, err)
				}
			}
			if err := held.Rollback(); err != nil {
				t.Fatal(err)
			}
			w.Same(byKind, 1)
			trial.Exec(w, w.DB, "UPDATE item SET kind = kind + 1 WHERE id = 1")
			w.Same(byKind, 1)
			w.Same(byKind, 2)
		})
	}
}

// RETURNING tells which rows a statement wrote: the readers of others keep theirs.
func TestReturningTellsWhichRows(t *testing.T) {
	each(t, func(w *world) {
		trial.Exec(w, w.DB, "CREATE TABLE made (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind INTEGER, name TEXT)")
		trial.Exec(w, w.DB, "INSERT INTO made (kind, name) SELECT i % 3, 'name ' || i FROM generate_series(1, 9) i")
		const (
			several = "SELECT id, name FROM made WHERE id IN (1, 2, 4) ORDER BY id"
			absent  = "SELECT name FROM made WHERE id = 1000"
			next    = "SELECT name FROM made WHERE id = $1"
			kind    = "SELECT id, name FROM made WHERE kind = $1 ORDER BY id"
		)
		for round := range 3 {
			id := 10 + 3*round
			for _, q := range []string{several, absent} {
				w.Warm(q)
			}
			w.Warm(next, id)
			for k := range 3 {
				w.Warm(kind, k)
			}
			run := func(q string, dropped ...int) {
				w.Helper()
				if _, err := trial.Rows(w.Context(), w.DB, q); err != nil {
					w.Fatal(err)
				}
				if !w.Same(several) || !w.Same(absent) {
					w.Errorf("%s dropped the readers of other rows", q)
				}
				for k := range 3 {
					if hit := w.Same(kind, k); hit != !slices.Contains(dropped, k) {
						w.Errorf("%s: hit of kind %d: %v", q, k, hit)
					}
					w.Warm(kind, k)
				}
			}
			run("INSERT INTO made (kind, name) VALUES (1, 'new'), (2, 'newer') RETURNING id", 1, 2)
			if w.Same(next, id) {
				w.Error("a hit of the absence of what was inserted")
			}
			run("UPDATE made SET kind = 2 WHERE name = 'new' RETURNING id, kind", 0, 1, 2)
			run("UPDATE made SET name = name || '!' WHERE name = 'newer' RETURNING *", 2)
			run("DELETE FROM made WHERE id > 9 AND name LIKE 'newer%' RETURNING id, kind", 2)
			run("DELETE FROM made WHERE id > 9 RETURNING kind, id", 2)
			trial.Exec(w, w.DB, "INSERT INTO made (kind, name) VALUES (0, 'none')") // so that numbers go on by three
			trial.Exec(w, w.DB, "DELETE FROM made WHERE id > 9")
		}
	})
}

// Shapes outlive the columns that they were made of: a write reads what is there.
func TestColumnThatIsGone(t *testing.T) {
	each(t, func(w *world) {
		for _, way := range []string{"DROP COLUMN name", "RENAME name TO title"} {
			trial.Exec(w, w.DB, "DROP TABLE IF EXISTS item")
			w.fill()
			w.Warm("SELECT kind FROM item WHERE name = 'one'")
			trial.Exec(w, w.DB, "ALTER TABLE item "+way)
			for _, q := range []string{
				"UPDATE item SET kind = kind + 1 WHERE id = 1", "DELETE FROM item WHERE id = 2",
				"INSERT INTO item VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET kind = excluded.kind",
			} {
				w.Warm(kinds)
				trial.Exec(w, w.DB, q)
				w.Same(kinds)
				tx := begin(w, w.DB, nil)
				trial.Exec(w, tx, q)
				trial.Commit(w, tx)
				w.Same(kinds)
			}
		}
	})
}

// Who only writes hears of others' DDL by the row that cannot be read as it was.
func TestColumnThatOthersDrop(t *testing.T) {
	each(t, func(w *world) {
		const move = "UPDATE item SET kind = kind + 1 WHERE id = 1"
		for _, way := range []string{"another process", "past the cache"} {
			for _, in := range []string{"autocommit", "transaction"} {
				trial.Exec(w, w.DB, "DROP TABLE IF EXISTS item")
				w.fill()
				writer := w.another(w.connector, &sqlcache.Options{SchemaCheck: -1})
				trial.Exec(w, writer, move)
				w.Warm("SELECT kind FROM item WHERE name = 'one'")
				by := w.DB
				if way == "past the cache" {
					by = w.Bare
				}
				trial.Exec(w, by, "ALTER TABLE item DROP COLUMN name")
				if in == "transaction" { // it cannot be saved, and is the only one
					tx := begin(w, writer, nil)
					if _, err := tx.Exec(move); err == nil {
						w.Errorf("%s: the row was read by a column that is gone", way)
					}
					trial.Rollback(w, tx)
					tx = begin(w, writer, nil)
					trial.Exec(w, tx, move)
					trial.Commit(w, tx)
				}
				trial.Exec(w, writer, move)
				w.Same(kinds)
			}
		}
	})
}
