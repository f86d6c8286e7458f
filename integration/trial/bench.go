package trial

import (
	"database/sql"
	"slices"
	"testing"
	"time"
)

// Compare runs both in turns and reports the ratio of their medians: nothing else
// holds still on a shared machine.
func Compare(b *testing.B, bare, cached func(i int)) {
	b.Helper()
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

// Scan reads rows of a number, a number and a text.
func Scan(b *testing.B, db *sql.DB, q string, arg any) {
	b.Helper()
	rows, err := db.QueryContext(b.Context(), q, arg)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, kind int
		var name string
		if err := rows.Scan(&id, &kind, &name); err != nil {
			b.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
}
