package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/fuzz"
	"github.com/cacheops/cacheops/redisstore"
)

func slicesByName(f []fault) {
	slices.SortStableFunc(f, func(a, b fault) int { return strings.Compare(a.name, b.name) })
}

// servers are what a store is kept on.
type servers interface {
	url(worker int) string
	bender(t testing.TB, dice *rand.Rand, prefix string) *bender
}

const (
	readTimeout = 100 * time.Millisecond
	lease       = 400 * time.Millisecond
	heartbeat   = 300 * time.Millisecond
	// circuitWait is how long a cache does not ask a store that failed.
	circuitWait = time.Second
	// trackedBound is how old what a tracked worker serves may be: it hears
	// nothing for a heartbeat, and runs on a busy machine.
	trackedBound = time.Second
)

// arena is one test's servers and workers.
type arena struct {
	*testing.T
	servers
	herd herd
	mode redisstore.Mode
	// degrade has writes go through without the store. No worker dies then: what it
	// owes the store would be lost.
	degrade bool
	// loose is how many in a hundred writes are texts with a transaction of their own.
	loose  int
	prefix string
	flaw   string
	// calm leaves the servers alone; frozen is the point at which writers freeze
	// in races, empty for any fate at any point.
	calm   bool
	frozen string
}

func newArena(t *testing.T, s servers) *arena {
	a := &arena{T: t, servers: s}
	a.herd.orders = func(i int) Orders {
		return Orders{
			URL: s.url(i), Prefix: a.prefix, Mode: a.mode, Degrade: a.degrade, Flaw: a.flaw, Lease: lease, Heartbeat: heartbeat,
			Timeout: readTimeout, WriteTimeout: 3 * readTimeout,
		}
	}
	t.Cleanup(func() {
		if err := a.herd.stop(); err != nil {
			t.Error(err)
		}
		if a.herd.total.Slow != "" {
			t.Error(a.herd.total.Slow)
		}
		t.Log(&a.herd.total)
	})
	return a
}

// steps runs one script, step by step, in the herd and on a bare database.
func (a *arena) steps(seed uint64, fig *fuzz.Figures, rest *fuzz.Remaining) (string, error) {
	script, err := fuzz.Generate(seed, fuzz.Size{Ops: 1500, Sessions: 5})
	if err != nil {
		return "", err
	}
	dice := rand.New(rand.NewPCG(seed, 0xbad))
	a.prefix = fmt.Sprint("steps", seed)
	b := a.bent(dice)
	b.every = 120
	r := &fuzz.Remote{
		Start:  func(dsn string) error { return a.herd.start(dsn) },
		Client: a.herd.client,
		Before: func(ctx context.Context, _ int, op *fuzz.Op) bool {
			b.step()
			f := noFate
			if dice.IntN(120) == 0 {
				f = fate(dice, die)
			}
			if f == noFate && a.herd.fate(op.Session) == "" {
				return false
			}
			if err := a.herd.tell(ctx, op.Session, f); err != nil {
				a.Error(err)
			}
			return f != noFate
		},
		Died: func(session int) (bool, error) {
			b.well() // a worker starts only where there is a server
			f := a.herd.fate(session)
			return committed(f), a.herd.replace(session)
		},
	}
	err = fuzz.RunRemote(a.Context(), script, r, fig, rest)
	b.well()
	if err != nil && a.Context().Err() == nil {
		err = fmt.Errorf("%w\nworkers were told: %q", err, a.herd.fates())
	}
	return b.counts(), err
}

// bent returns what happens to the servers.
func (a *arena) bent(dice *rand.Rand) *bender {
	if a.calm {
		return &bender{TB: a.T, dice: dice}
	}
	return a.bender(a.T, dice, a.prefix)
}

// fate chooses what becomes of a writer in a race.
func (a *arena) fate(dice *rand.Rand) string {
	kinds := []string{die, freeze}
	if a.degrade {
		kinds = kinds[1:]
	}
	switch {
	case a.frozen != "" && dice.IntN(4) == 0:
		return freeze + a.frozen
	case a.frozen == "" && dice.IntN(10) == 0:
		return fate(dice, kinds...)
	}
	return noFate
}

// race has the herd read and write at the same time.
func (a *arena) race(seed uint64) (*fuzz.History, string, error) {
	dice := rand.New(rand.NewPCG(seed, 0xbad))
	a.prefix = fmt.Sprint("race", seed)
	b := a.bent(dice)
	b.every, b.rest = 7, circuitWait
	if a.mode == redisstore.Tracked {
		b.lasts = trackedBound + trackedBound/2
	}
	rs := &fuzz.Racers{
		Processes: herdSize,
		Start:     func(dsn string) error { return a.herd.start(dsn) },
		Client:    a.herd.client,
		Before: func(ctx context.Context, _, by int) {
			b.step()
			if err := a.herd.tell(ctx, by, a.fate(dice)); err != nil && !errors.Is(err, fuzz.ErrGone) {
				a.Error(err)
			}
		},
		After: func(context.Context, int) {
			for i := range herdSize {
				if a.herd.client(i).Gone() {
					b.well()
					if err := a.herd.replace(i); err != nil && !a.Failed() {
						a.Error(err)
					}
				}
			}
		},
	}
	if a.degrade {
		rs.Settle = func(ctx context.Context) error {
			b.well()
			return a.herd.settle(ctx)
		}
	}
	between := func() {}
	if s, ok := a.servers.(*single); ok && a.loose > 0 {
		between = func() { _ = s.srv.Flush() } // it may be down just now
	}
	stop := a.herd.wake(lease, between)
	defer stop()
	h, err := fuzz.RaceRemote(a.Context(), seed, fuzz.RaceSize{Readers: 2 * herdSize, Writers: herdSize, Writes: 20, Loose: a.loose}, rs)
	b.well()
	return h, b.counts(), err
}

// judge judges a history by what the mode promises.
func (a *arena) judge(h *fuzz.History) error {
	err := fuzz.JudgeWrites(h)
	if a.degrade {
		return errors.Join(err, fuzz.JudgeDegraded(h))
	}
	if a.mode == redisstore.Tracked {
		return errors.Join(err, fuzz.JudgeWithin(h, trackedBound))
	}
	return errors.Join(err, fuzz.Judge(h))
}

// races judges one race after the other.
func (a *arena) races() {
	seeds(a.T, func(t *testing.T, seed uint64) {
		h, faults, err := a.race(seed)
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, faults, err)
		}
		store, unknown, gone := h.Failures()
		t.Logf("seed %d: %d reads, %d writes (%d without the store, %d unknown, %d died); %s",
			seed, len(h.Seen), len(h.Attempts), store, unknown, gone, faults)
		if t.Failed() {
			return
		}
		if err := a.judge(h); err != nil {
			t.Fatalf("%s: %v", faults, err)
		}
	})
}

// script judges one script after the other.
func (a *arena) scripts() {
	var fig fuzz.Figures
	var rest fuzz.Remaining
	seeds(a.T, func(t *testing.T, seed uint64) {
		faults, err := a.steps(seed, &fig, &rest)
		fig.Scripts++
		t.Logf("seed %d: %s", seed, faults)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	})
	a.Logf("%+v\n%s", rest, &fig)
	if fig.Hits < fig.Reads/50 {
		a.Errorf("only %d hits in %d reads: the cache was hardly judged", fig.Hits, fig.Reads)
	}
}

// TestSteps compares each statement's answer, while sessions in three processes
// take turns and the server is bent between their steps.
func TestSteps(t *testing.T) { newArena(t, newSingle(t)).scripts() }

func TestRacesValidated(t *testing.T) { newArena(t, newSingle(t)).races() }

func TestRacesTracked(t *testing.T) {
	a := newArena(t, newSingle(t))
	a.mode = redisstore.Tracked
	a.races()
}

// TestRacesDegraded: writes go through while the store is gone. Their own process
// never serves what they wrote over, and nobody does once the store was told.
func TestRacesDegraded(t *testing.T) {
	a := newArena(t, newSingle(t))
	a.degrade = true
	a.races()
	if err := a.herd.stop(); err != nil { // and counts what the last of them did
		t.Error(err)
	}
	if a.herd.total.StoreErrors == 0 && !testing.Short() {
		t.Error("the store could always be told: nothing was judged")
	}
}

// TestRacesLoose: writers freeze when the store was told of a text that holds no
// lock yet, and meanwhile the store loses its state.
func TestRacesLoose(t *testing.T) {
	a := newArena(t, newSingle(t))
	a.loose, a.calm, a.frozen = 70, true, afterBegin
	a.races()
}

func TestCluster(t *testing.T) { newArena(t, newCluster(t)).races() }

func TestSentinels(t *testing.T) { newArena(t, newSentinels(t)).races() }

// TestFlawsAreCaught breaks a rule of the protocol in the workers and expects
// the judge to see it: one that never finds anything proves nothing.
func TestFlawsAreCaught(t *testing.T) {
	for flaw, frozen := range map[string]string{flawForgetful: "", flawTrusting: afterBegin, flawDeaf: ""} {
		t.Run(flaw, func(t *testing.T) {
			a := newArena(t, newSingle(t))
			a.flaw, a.frozen = flaw, frozen
			a.degrade = flaw == flawDeaf
			a.calm = !a.degrade
			for seed := range uint64(30) {
				h, _, err := a.race(seed)
				if err != nil {
					t.Fatal(err)
				}
				if err := a.judge(h); err != nil {
					t.Logf("caught by race %d: %.200s", seed, err)
					return
				}
			}
			t.Error("thirty races, and no stale hit was seen")
		})
	}
}
