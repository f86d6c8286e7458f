package postgres

import (
	"database/sql"
	"database/sql/driver"
	"slices"
	"testing"
	"time"

	"github.com/cacheops/cacheops/sqlcache"
)

// BenchmarkWrite is a write through the cache against the same write on the bare
// database: turn by turn, and in ratios of the medians, because nothing else holds
// still on a shared machine. Where "seen" reads are cached whose regions the row
// decides, its values are read around the write.
func BenchmarkWrite(b *testing.B) {
	for _, d := range drivers {
		for _, seen := range []string{"", "SELECT name FROM item WHERE kind = 7"} {
			name := d.name + "/update"
			if seen != "" {
				name += "-with-images"
			}
			b.Run(name, func(b *testing.B) {
				w := benchWorld(b, d.connector)
				bare := closing(b, sql.OpenDB(d.connector(b, w.dsn)))
				if seen != "" {
					w.warm(seen)
				}
				update := func(db *sql.DB) func(int) {
					return func(i int) { exec(b, db, "UPDATE item SET kind = kind + 1 WHERE id = $1", i%1000+1) }
				}
				compare(b, update(bare), update(w.db))
			})
			b.Run(name+"-in-a-transaction", func(b *testing.B) {
				w := benchWorld(b, d.connector)
				bare := closing(b, sql.OpenDB(d.connector(b, w.dsn)))
				if seen != "" {
					w.warm(seen)
				}
				update := func(db *sql.DB) func(int) {
					return func(i int) {
						tx := begin(b, db, nil)
						exec(b, tx, "UPDATE item SET kind = kind + 1 WHERE id = $1", i%1000+1)
						commit(b, tx)
					}
				}
				compare(b, update(bare), update(w.db))
			})
		}
	}
}

// BenchmarkRead is a hit and a miss against the same read on the bare database.
func BenchmarkRead(b *testing.B) {
	w := benchWorld(b, drivers[0].connector)
	bare := closing(b, sql.OpenDB(pgxConnector(b, w.dsn)))
	query := func(db *sql.DB, i int) {
		if _, err := rowsOf(b.Context(), db, "SELECT kind, name FROM item WHERE id = $1", i%1000+1); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("hit", func(b *testing.B) {
		compare(b, func(int) { query(bare, 1) }, func(int) { query(w.db, 1) })
	})
	uncached := closing(b, sqlcache.OpenDB(newCache(b, w.store), pgxConnector(b, w.dsn), &sqlcache.Options{Session: "misses"}))
	b.Run("miss", func(b *testing.B) {
		n := 0
		compare(b, func(i int) { query(bare, i) }, func(int) {
			n++
			if _, err := rowsOf(b.Context(), uncached, "SELECT kind, name FROM item WHERE id = $1 AND kind <> $2", n%1000+1, -n); err != nil {
				b.Fatal(err)
			}
		})
	})
}

func benchWorld(b *testing.B, connector func(testing.TB, string) driver.Connector) *world {
	dsn := newDatabase(b)
	w := newWorld(b, dsn, connector(b, dsn), nil)
	exec(b, w.db, "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT)")
	exec(b, w.db, "INSERT INTO item SELECT i, i, 'name' FROM generate_series(1, 1000) i")
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
