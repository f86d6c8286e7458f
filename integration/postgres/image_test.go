package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

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
			for k := range 4 {
				w.same(byKind, k+1)
			}
			q, id := moves[r.IntN(len(moves))], r.IntN(5)+1
			if r.IntN(2) == 0 {
				if _, err := rowsOf(context.Background(), w.db, q, id); err != nil {
					w.Fatalf("%s: %v", q, err)
				}
			} else {
				tx := begin(w, w.db, &sql.TxOptions{Isolation: levels[r.IntN(len(levels))]})
				exec(w, tx, q, id)
				exec(w, tx, moves[0], r.IntN(5)+1)
				commit(w, tx)
			}
			for k := range 4 {
				w.same(byKind, k+1)
			}
		}
	})
}

// A read for our own ends must not end the program's transaction: a role that may
// only write is asked about first.
func TestRoleThatMayNotRead(t *testing.T) {
	w := onPgx(t, nil)
	w.fill()
	for k := range 3 {
		w.warm(byKind, k+1)
	}
	role := "cacheops_writer_" + w.dsn[strings.LastIndex(w.dsn, "_")+1:strings.LastIndex(w.dsn, "?")]
	exec(t, w.db, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() {
		exec(t, w.bare, "DROP OWNED BY "+role)
		exec(t, w.bare, "DROP ROLE "+role)
	})
	exec(t, w.db, "GRANT UPDATE (kind), SELECT (id) ON item TO "+role)
	writer := closing(t, sqlcache.OpenDB(w.cache, pgxConnector(t, strings.Replace(w.dsn, "postgres@", role+"@", 1)), nil))
	exec(t, writer, "UPDATE item SET kind = 2 WHERE id = $1", 1)
	for k := range 3 {
		w.same(byKind, k+1)
	}
	tx := begin(t, writer, nil)
	exec(t, tx, "UPDATE item SET kind = 3 WHERE id = $1", 1)
	exec(t, tx, "UPDATE item SET kind = 3 WHERE id = $1", 2)
	commit(t, tx)
	for k := range 3 {
		w.same(byKind, k+1)
	}
}

// Somebody else holds the row: what the cache reads for its own ends neither waits
// nor takes what it sees for the row that the statement changes.
func TestRowHeldByAnother(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		for _, way := range []string{"transaction", "autocommit"} {
			for k := range 9 {
				w.warm(byKind, k+1)
			}
			held := begin(w, w.bare, nil) // not seen by the cache, and so rolled back
			exec(w, held, "UPDATE item SET name = name || '!' WHERE id = 1")
			result := make(chan error, 1)
			go func() { result <- move(w.db, way) }()
			eventually(w, "the update waits", func() bool {
				got, _ := read(w, w.bare, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
				return got == "[1]"
			})
			// Meanwhile another writer of the program's moves another row.
			exec(w, w.db, "UPDATE item SET kind = kind + 1 WHERE id = 2")
			if err := held.Rollback(); err != nil {
				w.Fatal(err)
			}
			if err := <-result; err != nil {
				w.Fatal(err)
			}
			for k := range 9 {
				w.same(byKind, k+1)
			}
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
		exec(w, w.db, "UPDATE item SET kind = 1")
		for k := range 6 {
			w.warm(byKind, k+1)
		}
		first := begin(w, w.db, nil)
		exec(w, first, "UPDATE item SET kind = 4 WHERE id = 1")
		result := make(chan error, 1)
		go func() { result <- move(w.db, "autocommit") }()
		eventually(w, "the second waits", func() bool {
			got, _ := read(w, w.bare, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
			return got == "[1]"
		})
		commit(w, first)
		if err := <-result; err != nil {
			w.Fatal(err)
		}
		for k := range 6 {
			w.same(byKind, k+1)
		}
	})
}

// What the read around a write meets, the program is told in the server's words.
func TestErrorsOfTheReadAroundAWrite(t *testing.T) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t) + "&lock_timeout=50"
			w := newWorld(t, dsn, d.connector(t, dsn), nil)
			w.fill()
			w.warm(byKind, 1)
			held := begin(w, w.bare, nil)
			exec(w, held, "UPDATE item SET name = name || '!' WHERE id = 1")
			for _, way := range []string{"autocommit", "transaction"} {
				var coded interface{ SQLState() string }
				if err := move(w.db, way); !errors.As(err, &coded) || coded.SQLState() != "55P03" {
					t.Errorf("%s: %v", way, err)
				}
			}
			if err := held.Rollback(); err != nil {
				t.Fatal(err)
			}
			w.same(byKind, 1)
			exec(w, w.db, "UPDATE item SET kind = kind + 1 WHERE id = 1")
			w.same(byKind, 1)
			w.same(byKind, 2)
		})
	}
}
