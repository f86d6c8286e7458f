package mysql

import (
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// BenchmarkWrite is a write through the cache against the same write on the bare
// database: turn by turn, and in ratios of the medians, because nothing else holds
// still on a shared machine. Where "seen" reads are cached whose regions the row
// decides, its values are read around the write.
func BenchmarkWrite(b *testing.B) {
	for _, seen := range []string{"", "SELECT name FROM item WHERE kind = 7"} {
		for name, text := range map[string]bool{"prepared": false, "interpolated": true} {
			w := benchWorld(b, text)
			if seen != "" {
				w.warm(seen)
				name += "-with-images"
			}
			alone := func(db *sql.DB) func(int) {
				return func(i int) { exec(b, db, "UPDATE item SET kind = kind + 1 WHERE id = ?", i%1000+1) }
			}
			within := func(db *sql.DB) func(int) {
				return func(i int) {
					tx := begin(b, db)
					exec(b, tx, "UPDATE item SET kind = kind + 1 WHERE id = ?", i%1000+1)
					commit(b, tx)
				}
			}
			b.Run(name, func(b *testing.B) { compare(b, alone(w.bare), alone(w.db)) })
			b.Run(name+"-in-a-transaction", func(b *testing.B) { compare(b, within(w.bare), within(w.db)) })
		}
	}
}

// BenchmarkHit is a hit against the same read on the bare database.
func BenchmarkHit(b *testing.B) {
	w := benchWorld(b, true)
	query := func(db *sql.DB) func(int) {
		return func(int) {
			if _, err := rowsOf(b.Context(), db, "SELECT kind, name FROM item WHERE id = ?", 1); err != nil {
				b.Fatal(err)
			}
		}
	}
	compare(b, query(w.bare), query(w.db))
}

func benchWorld(b *testing.B, text bool) *world {
	w := open(b, nil, func(c *mysql.Config) { c.InterpolateParams = text })
	exec(b, w.db, "CREATE TABLE item (id INTEGER AUTO_INCREMENT PRIMARY KEY, kind INTEGER, name VARCHAR(50)) ENGINE=InnoDB")
	exec(b, w.db, "INSERT INTO item (kind, name) VALUES (1, 'name')")
	for range 10 { // doubles it
		exec(b, w.db, "INSERT INTO item (kind, name) SELECT kind, name FROM item")
	}
	return w
}

// compare runs both in turns and reports the ratio of their medians.
func compare(b *testing.B, bare, cached func(i int)) {
	var times [2][]time.Duration
	for i := 0; b.Loop(); i++ {
		for n, f := range []func(int){bare, cached} {
			start := time.Now()
			f(i)
			times[n] = append(times[n], time.Since(start))
		}
	}
	var median [2]float64
	for n := range times {
		slices.Sort(times[n])
		median[n] = float64(times[n][len(times[n])/2].Nanoseconds())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median[0]/1000, "bare-µs")
	b.ReportMetric(median[1]/1000, "cached-µs")
	b.ReportMetric(median[1]/median[0], "ratio")
}
