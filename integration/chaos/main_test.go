package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var (
	flagWorker   = flag.String("chaos.worker", "", "be a worker with these orders; for the coordinator's use")
	flagSeed     = flag.Uint64("chaos.seed", 0, "the first seed; 0: taken from the clock")
	flagDuration = flag.Duration("chaos.duration", 5*time.Second, "how long each test starts new runs")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *flagWorker != "" {
		if err := Work(*flagWorker); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// seeds calls run with one seed after the other until the time is over or the
// test has failed.
func seeds(t *testing.T, run func(t *testing.T, seed uint64)) {
	t.Helper()
	seed := *flagSeed
	if seed == 0 {
		seed = rand.Uint64() >> 1
	}
	t.Logf("seed %d; repeat with -chaos.seed=%d", seed, seed)
	d := *flagDuration
	if testing.Short() {
		d /= 5
	}
	for began := time.Now(); time.Since(began) < d && !t.Failed(); seed++ {
		run(t, seed)
	}
}
