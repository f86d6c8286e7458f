package benchmarks

import (
	"slices"
	"testing"
	"time"
)

// chunk is how many calls are timed at once: enough to bury the clock's own
// cost, few enough that both sides see the same disturbances.
const chunk = 64

// compare times two functions in turns and reports the ratio of their medians,
// in x, and both medians.
func compare(b *testing.B, base, subject func()) {
	b.Helper()
	var bases, subjects []time.Duration
	for b.Loop() {
		bases = append(bases, timed(base))
		subjects = append(subjects, timed(subject))
	}
	x, y := median(bases), median(subjects)
	b.ReportMetric(float64(x)/chunk, "base-ns/call")
	b.ReportMetric(float64(y)/chunk, "ns/call")
	b.ReportMetric(float64(y)/float64(x), "x")
	b.ReportMetric(0, "ns/op")
}

func timed(f func()) time.Duration {
	start := time.Now()
	for range chunk {
		f()
	}
	return time.Since(start)
}

func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}
