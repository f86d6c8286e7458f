package benchmarks

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/memstore"
)

// BenchmarkOverheadByEntries is what an UPDATE of a row costs beyond the same
// UPDATE on the bare database, with many live entries against with few, under 20
// shapes in each case: the whole of what a program pays for a write, of which
// BenchmarkWriteByEntries is the part that the entries could make longer.
func BenchmarkOverheadByEntries(b *testing.B) {
	bare, err := sql.Open("sqlite", filtered(b))
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	few := cachedRows(b, 100)
	for _, n := range []int{10_000, 1_000_000} {
		if testing.Short() && n > 10_000 {
			continue
		}
		b.Run(fmt.Sprintf("%d-to-100", n), func(b *testing.B) {
			many := cachedRows(b, n)
			var none, some, all []time.Duration
			i := 0
			write := func(db *sql.DB) func() {
				return func() {
					i++
					must(b, db, "UPDATE filtered SET title = ? WHERE id = ?", i, i%filteredRows+1)
				}
			}
			for b.Loop() {
				none = append(none, timed(chunk, write(bare)))
				some = append(some, timed(chunk, write(few)))
				all = append(all, timed(chunk, write(many)))
			}
			x, y, z := float64(median(none)), float64(median(some)), float64(median(all))
			b.ReportMetric(x/chunk, "bare-ns/call")
			b.ReportMetric((y-x)/chunk, "base-ns/call")
			b.ReportMetric((z-x)/chunk, "ns/call")
			b.ReportMetric((z-x)/(y-x), "x")
			b.ReportMetric(0, "ns/op")
		})
	}
}

const filteredRows = 100

// filtered makes a database with a table of 21 columns to filter by.
func filtered(b *testing.B) (dsn string) {
	dsn = articles(b)
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	var columns, values strings.Builder
	for i := range 21 {
		fmt.Fprintf(&columns, ", c%d INT", i)
		fmt.Fprintf(&values, ", -i")
	}
	must(b, db, "CREATE TABLE filtered (id INTEGER PRIMARY KEY, title TEXT"+columns.String()+")")
	must(b, db, fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO filtered SELECT i, 'new'%s FROM n",
		filteredRows, values.String()))
	return dsn
}

// cachedRows is such a database behind a cache with n entries, of 20 shapes, none
// of which the updates of its rows drop.
func cachedRows(b *testing.B, n int) *sql.DB {
	store := memstore.New(1 << 32)
	db, _ := openOver(b, store, filtered(b))
	for i := range n {
		rows, err := db.Query(fmt.Sprintf("SELECT title FROM filtered WHERE c0 = ? AND c%d = ?", i%20+1), i, i)
		if err != nil {
			b.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			b.Fatal(err)
		}
	}
	if got := store.Stats().Entries; got != n {
		b.Fatalf("%d entries, want %d", got, n)
	}
	return db
}
