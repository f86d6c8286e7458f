package benchmarks

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// chunk is how many calls are timed at once: enough to bury the clock's own
// cost, few enough that both sides see the same disturbances.
const chunk = 64

// long is what needs no chunk to bury the clock: on a busy machine the median of
// single calls tells more than that of chunks each of which was interrupted.
const long = 20 * time.Microsecond

// compare times two functions in turns and reports the ratio of their medians,
// in x, and both medians. Which goes first is drawn each time: what comes after
// every so many calls, as the garbage collector does where each allocates a
// megabyte, would otherwise always come to the same one.
func compare(b *testing.B, base, subject func()) {
	b.Helper()
	calls := chunk
	if timed(chunk, base) > chunk*long {
		calls = 1
	}
	var bases, subjects []time.Duration
	for b.Loop() {
		for range chunk / calls {
			if first := rand.IntN(2); first == 0 {
				bases = append(bases, timed(calls, base))
				subjects = append(subjects, timed(calls, subject))
			} else {
				subjects = append(subjects, timed(calls, subject))
				bases = append(bases, timed(calls, base))
			}
		}
	}
	x, y := median(bases), median(subjects)
	b.ReportMetric(float64(x)/float64(calls), "base-ns/call")
	b.ReportMetric(float64(y)/float64(calls), "ns/call")
	b.ReportMetric(float64(y)/float64(x), "x")
	b.ReportMetric(0, "ns/op")
}

func timed(calls int, f func()) time.Duration {
	start := time.Now()
	for range calls {
		f()
	}
	return time.Since(start)
}

func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}
