package postgres

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// BenchmarkWrite is a write through the cache against the same write on the bare
// database. Where "seen" reads are cached whose regions the row decides, its values
// are read around the write.
func BenchmarkWrite(b *testing.B) {
	const update = "UPDATE item SET kind = kind + 1 WHERE id = $1"
	alone := func(b *testing.B, db *sql.DB, i int) { trial.Exec(b, db, update, i%1000+1) }
	within := func(b *testing.B, db *sql.DB, i int) {
		tx := begin(b, db, nil)
		trial.Exec(b, tx, update, i%1000+1)
		trial.Commit(b, tx)
	}
	for _, d := range drivers {
		for _, seen := range []string{"", "SELECT name FROM item WHERE kind = 7"} {
			name := d.name + "/update"
			if seen != "" {
				name += "-with-images"
			}
			run := func(name string, write func(*testing.B, *sql.DB, int)) {
				b.Run(name, func(b *testing.B) {
					w := benchWorld(b, d.connector)
					bare := trial.Closing(b, sql.OpenDB(d.connector(b, w.dsn)))
					if seen != "" {
						w.Warm(seen)
					}
					trial.Compare(b, func(i int) { write(b, bare, i) }, func(i int) { write(b, w.DB, i) })
				})
			}
			run(name, alone)
			run(name+"-in-a-transaction", within)
		}
	}
}

// BenchmarkManyRows are writes of many rows at once.
func BenchmarkManyRows(b *testing.B) {
	for _, d := range drivers {
		w := benchWorld(b, d.connector)
		bare := trial.Closing(b, sql.OpenDB(d.connector(b, w.dsn)))
		w.Warm("SELECT name FROM item WHERE kind = 7")
		id := 1000
		batch := func(db *sql.DB) func(int) {
			return func(int) {
				args, marks := make([]any, 0, 200), make([]string, 0, 100)
				for range 100 {
					id++
					args = append(args, id, id%50)
					marks = append(marks, fmt.Sprintf("($%d, $%d, 'name')", len(args)-1, len(args)))
				}
				trial.Exec(b, db, "INSERT INTO item (id, kind, name) VALUES "+strings.Join(marks, ", "), args...)
			}
		}
		mass := func(db *sql.DB) func(int) {
			return func(int) { trial.Exec(b, db, "UPDATE item SET name = 'new' WHERE id <= $1", 1000) }
		}
		b.Run(d.name+"/insert-100", func(b *testing.B) { trial.Compare(b, batch(bare), batch(w.DB)) })
		b.Run(d.name+"/update-1000", func(b *testing.B) { trial.Compare(b, mass(bare), mass(w.DB)) })
	}
}

// BenchmarkUpsert is an upsert of rows that are there and of such that are not, where
// reads are cached whose regions they decide.
func BenchmarkUpsert(b *testing.B) {
	w := benchWorld(b, drivers[0].connector)
	bare := trial.Closing(b, sql.OpenDB(pgxConnector(b, w.dsn)))
	w.Warm("SELECT name FROM item WHERE kind = 7")
	next := 10_000
	upsert := func(db *sql.DB, rows int, fresh bool) func(int) {
		return func(i int) {
			args, marks := make([]any, 0, 2*rows), make([]string, 0, rows)
			for j := range rows {
				id := (i*rows+j)%1000 + 1
				if fresh {
					next++
					id = next
				}
				args = append(args, id, id%50)
				marks = append(marks, fmt.Sprintf("($%d, $%d, 'name')", len(args)-1, len(args)))
			}
			trial.Exec(b, db, "INSERT INTO item (id, kind, name) VALUES "+strings.Join(marks, ", ")+" ON CONFLICT (id) DO UPDATE SET kind = excluded.kind", args...)
		}
	}
	for _, rows := range []int{1, 100} {
		for _, fresh := range []bool{false, true} {
			b.Run(fmt.Sprintf("rows=%d/new=%v", rows, fresh), func(b *testing.B) { trial.Compare(b, upsert(bare, rows, fresh), upsert(w.DB, rows, fresh)) })
		}
	}
}

// BenchmarkRead is a hit and a miss against the same read on the bare database.
func BenchmarkRead(b *testing.B) {
	w := benchWorld(b, drivers[0].connector)
	bare := trial.Closing(b, sql.OpenDB(pgxConnector(b, w.dsn)))
	query := func(db *sql.DB, i int) {
		if _, err := trial.Rows(b.Context(), db, "SELECT kind, name FROM item WHERE id = $1", i%1000+1); err != nil {
			b.Fatal(err)
		}
	}
	for _, n := range []int{1, 20, 1000} {
		rows := func(db *sql.DB) func(int) {
			return func(int) {
				trial.Scan(b, db, "SELECT id, kind, name FROM item WHERE id <= $1 ORDER BY id", n)
			}
		}
		b.Run(fmt.Sprintf("hit-of-%d", n), func(b *testing.B) { trial.Compare(b, rows(bare), rows(w.DB)) })
	}
	uncached := trial.Closing(b, sqlcache.OpenDB(trial.Cache(b, w.Store, nil), pgxConnector(b, w.dsn), &sqlcache.Options{Session: "misses"}))
	b.Run("miss", func(b *testing.B) {
		n := 0
		trial.Compare(b, func(i int) { query(bare, i) }, func(int) {
			n++
			if _, err := trial.Rows(b.Context(), uncached, "SELECT kind, name FROM item WHERE id = $1 AND kind <> $2", n%1000+1, -n); err != nil {
				b.Fatal(err)
			}
		})
	})
}

func benchWorld(b *testing.B, connector func(testing.TB, string) driver.Connector) *world {
	dsn := live.PostgresURL(b)
	w := newWorld(b, dsn, connector(b, dsn), nil)
	trial.Exec(b, w.DB, "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT)")
	trial.Exec(b, w.DB, "INSERT INTO item SELECT i, i, 'name' FROM generate_series(1, 1000) i")
	return w
}
