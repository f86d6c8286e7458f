package fuzz

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

var (
	flagSeed        = flag.Uint64("fuzz.seed", 0, "first seed of the fresh run; 0: taken from the clock")
	flagDuration    = flag.Duration("fuzz.duration", 0, "how long the fresh run goes on; 0: until -fuzz.reads are compared")
	flagReads       = flag.Int("fuzz.reads", 110_000, "reads to compare in each of the fixed and the fresh run")
	flagServerReads = flag.Int("fuzz.serverreads", 52_000, "the same on each server")
	flagServerRaces = flag.Int("fuzz.serverraces", 10, "the same on each server")
	flagShrink      = flag.Duration("fuzz.shrink", time.Minute, "how long a script that fails is made smaller")
	flagRaces       = flag.Int("fuzz.races", 12, "races in each of the fixed and the fresh run")
)

const fixedSeed = 1_000_000

func freshSeed() uint64 {
	if *flagSeed != 0 {
		return *flagSeed
	}
	return rand.Uint64() >> 1
}

// TestReads compares every read through the cache with the bare database: from
// a fixed seed and from a fresh one.
func TestReads(t *testing.T) {
	onLite := func(testing.TB) game { return liteGame{} }
	t.Run("fixed", func(t *testing.T) { hunt(t, onLite, fixedSeed, *flagReads, 0) })
	t.Run("fresh", func(t *testing.T) { hunt(t, onLite, freshSeed(), *flagReads, *flagDuration) })
}

// game makes scripts and judges them, one at a time.
type game interface {
	make(seed uint64) (*Script, error)
	play(s *Script, fig *Figures) error
}

type liteGame struct{}

func (liteGame) make(seed uint64) (*Script, error) { return Generate(seed, Size{}) }

func (liteGame) play(s *Script, fig *Figures) error {
	return Run(context.Background(), s, cached(nil), fig)
}

// hunt runs scripts of consecutive seeds on all processors until enough reads
// were compared, or for the duration if there is one. The first failure ends
// it and is shrunk.
func hunt(t *testing.T, start func(testing.TB) game, seed uint64, reads int, duration time.Duration) {
	if testing.Short() {
		reads /= 20
	}
	t.Logf("seed %d; repeat with -fuzz.seed=%d", seed, seed)
	var (
		fig   Figures
		mu    sync.Mutex
		wg    sync.WaitGroup
		next  atomic.Uint64
		bad   *Script
		began = time.Now()
		last  game
	)
	enough := func() bool {
		mu.Lock()
		defer mu.Unlock()
		if bad != nil {
			return true
		}
		if duration > 0 {
			return time.Since(began) > duration
		}
		return fig.Reads >= reads
	}
	for range runtime.GOMAXPROCS(0) {
		g := start(t)
		last = g
		wg.Go(func() {
			for !enough() {
				s, f, err := runSeed(g, seed+next.Add(1)-1)
				mu.Lock()
				fig.Add(f)
				if err != nil && bad == nil {
					bad = s
					t.Errorf("seed %d: %v", s.Seed, err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("in %v: %s", time.Since(began).Round(time.Millisecond), &fig)
	if bad != nil {
		report(t, last, bad)
		return
	}
	if fig.Hits < fig.Reads/20 {
		t.Errorf("only %d hits in %d reads: the cache was hardly judged", fig.Hits, fig.Reads)
	}
}

func runSeed(g game, seed uint64) (*Script, *Figures, error) {
	fig := &Figures{Scripts: 1}
	s, err := g.make(seed)
	if err != nil {
		return &Script{Seed: seed}, fig, err
	}
	return s, fig, g.play(s, fig)
}

// report shrinks a script that fails and prints it as a regression test's file.
func report(t *testing.T, g game, s *Script) {
	t.Helper()
	var last error
	deadline := time.Now().Add(*flagShrink)
	var first *Mismatch
	if err := g.play(s, &Figures{}); errors.As(err, &first) {
		s.Ops = s.Ops[:first.Step+1]
	} else {
		t.Errorf("a second run: %v", err)
		return
	}
	small := Shrink(s, func(c *Script) bool {
		var m *Mismatch
		err := g.play(c, &Figures{})
		if !errors.As(err, &m) || m.Hit != first.Hit || m.Op.SQL != first.Op.SQL {
			return false
		}
		last = err
		return true
	}, func() bool { return time.Now().After(deadline) })
	t.Errorf("shrunk: %v\n\nfor testdata/regressions:\n%s", last, small)
}

// TestRegressions replays the scripts that once failed.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob("testdata/regressions/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".sql"), func(t *testing.T) {
			text, err := os.Open(f)
			if err != nil {
				t.Fatal(err)
			}
			defer text.Close()
			s, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			var fig Figures
			if err := Run(t.Context(), s, cached(nil), &fig); err != nil {
				t.Error(err)
			}
			if fig.Accepted > 0 {
				t.Error("it differs in a way that is accepted elsewhere, but not here")
			}
		})
	}
}

// TestRaces judges readers and writers that run at the same time.
func TestRaces(t *testing.T) {
	t.Run("fixed", func(t *testing.T) { races(t, fixedSeed) })
	t.Run("fresh", func(t *testing.T) { races(t, freshSeed()) })
}

func races(t *testing.T, seed uint64) {
	n := *flagRaces
	if testing.Short() {
		n /= 5
	}
	t.Logf("seed %d; repeat with -fuzz.seed=%d", seed, seed)
	reads, writes, reached := 0, 0, int64(0)
	for i := range n {
		h, err := Race(t.Context(), seed+uint64(i), RaceSize{}, cached(nil))
		if err != nil {
			t.Fatal(err)
		}
		reads, writes, reached = reads+len(h.Seen), writes+len(h.Attempts), reached+h.Reached
		if err := Judge(h); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d races: %d reads judged against %d writes, %d queries reached the database", n, reads, writes, reached)
}

// TestForgetfulStoreIsCaught weakens the invalidation and expects the judge to
// see it: one that never finds anything proves nothing.
func TestForgetfulStoreIsCaught(t *testing.T) {
	weak := cached(func(s cacheops.Store) cacheops.Store { return &forgetful{Store: s, every: 10} })
	t.Run("steps", func(t *testing.T) {
		for seed := range uint64(30) {
			s, err := Generate(seed, Size{})
			if err != nil {
				t.Fatal(err)
			}
			var m *Mismatch
			if errors.As(Run(t.Context(), s, weak, &Figures{}), &m) && m.Hit {
				t.Logf("caught at step %d of seed %d", m.Step, seed)
				return
			}
		}
		t.Error("thirty scripts over a store that forgets one drop in ten, and no stale hit was seen")
	})
	t.Run("races", func(t *testing.T) {
		for seed := range uint64(30) {
			h, err := Race(t.Context(), seed, RaceSize{}, weak)
			if err != nil {
				t.Fatal(err)
			}
			if err := Judge(h); err != nil {
				t.Logf("caught by seed %d: %s", seed, firstLine(err))
				return
			}
		}
		t.Error("thirty races over a store that forgets one drop in ten, and no stale hit was seen")
	})
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(fmt.Sprint(err), "\n")
	return line
}
