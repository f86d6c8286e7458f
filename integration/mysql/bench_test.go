package mysql

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/integration/trial"
)

// BenchmarkWrite is a write through the cache against the same write on the bare
// database. Where "seen" reads are cached whose regions the row decides, its values
// are read around the write.
func BenchmarkWrite(b *testing.B) {
	for _, seen := range []string{"", "SELECT name FROM item WHERE kind = 7"} {
		for name, text := range map[string]bool{"prepared": false, "interpolated": true} {
			w := benchWorld(b, text)
			if seen != "" {
				w.Warm(seen)
				name += "-with-images"
			}
			alone := func(db *sql.DB) func(int) {
				return func(i int) { trial.Exec(b, db, "UPDATE item SET kind = kind + 1 WHERE id = ?", i%1000+1) }
			}
			within := func(db *sql.DB) func(int) {
				return func(i int) {
					tx := trial.Begin(b, db)
					trial.Exec(b, tx, "UPDATE item SET kind = kind + 1 WHERE id = ?", i%1000+1)
					trial.Commit(b, tx)
				}
			}
			b.Run(name, func(b *testing.B) { trial.Compare(b, alone(w.Bare), alone(w.DB)) })
			b.Run(name+"-in-a-transaction", func(b *testing.B) { trial.Compare(b, within(w.Bare), within(w.DB)) })
		}
	}
}

// BenchmarkManyRows are writes of many rows at once.
func BenchmarkManyRows(b *testing.B) {
	w := benchWorld(b, true)
	w.Warm("SELECT name FROM item WHERE kind = 7")
	batch := func(db *sql.DB) func(int) {
		return func(i int) {
			args := make([]any, 100)
			for j := range args {
				args[j] = 50 + (i+j)%50
			}
			trial.Exec(b, db, "INSERT INTO item (kind, name) VALUES (?, 'name')"+strings.Repeat(", (?, 'name')", len(args)-1), args...)
		}
	}
	mass := func(db *sql.DB) func(int) {
		return func(i int) { // what holds the value already MySQL leaves alone
			trial.Exec(b, db, "UPDATE item SET name = ? WHERE id <= 1000", fmt.Sprint(db == w.Bare, i))
		}
	}
	b.Run("insert-100", func(b *testing.B) { trial.Compare(b, batch(w.Bare), batch(w.DB)) })
	b.Run("update-1000", func(b *testing.B) { trial.Compare(b, mass(w.Bare), mass(w.DB)) })
}

// BenchmarkUpsert is an upsert of a row that is there and of one that is not, where
// reads are cached whose regions it decides.
func BenchmarkUpsert(b *testing.B) {
	w := benchWorld(b, true)
	w.Warm("SELECT name FROM item WHERE kind = 7")
	next := 10_000
	upsert := func(db *sql.DB, fresh bool) func(int) {
		return func(i int) {
			id := i%1000 + 1
			if fresh {
				next++
				id = next
			}
			trial.Exec(b, db, "INSERT INTO item (id, kind, name) VALUES (?, ?, 'name') ON DUPLICATE KEY UPDATE kind = VALUES(kind)", id, next%50+i)
		}
	}
	for _, fresh := range []bool{false, true} {
		b.Run(fmt.Sprintf("new=%v", fresh), func(b *testing.B) { trial.Compare(b, upsert(w.Bare, fresh), upsert(w.DB, fresh)) })
	}
}

// BenchmarkHit is a hit against the same read on the bare database.
func BenchmarkHit(b *testing.B) {
	w := benchWorld(b, true)
	for _, n := range []int{1, 20, 1000} {
		query := func(db *sql.DB) func(int) {
			return func(int) {
				trial.Scan(b, db, "SELECT id, kind, name FROM item WHERE id <= ? ORDER BY id", n)
			}
		}
		b.Run(strconv.Itoa(n), func(b *testing.B) { trial.Compare(b, query(w.Bare), query(w.DB)) })
	}
}

func benchWorld(b *testing.B, text bool) *world {
	w := open(b, nil, func(c *mysql.Config) { c.InterpolateParams = text })
	trial.Exec(b, w.DB, "CREATE TABLE item (id INTEGER AUTO_INCREMENT PRIMARY KEY, kind INTEGER, name VARCHAR(50)) ENGINE=InnoDB")
	trial.Exec(b, w.DB, "INSERT INTO item (kind, name) VALUES (1, 'name')")
	for range 10 { // doubles it
		trial.Exec(b, w.DB, "INSERT INTO item (kind, name) SELECT kind, name FROM item")
	}
	return w
}
