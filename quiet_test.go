package cacheops

import (
	"context"
	"testing"
	"time"
)

// TestQuietSets: a set of stamps that comes again is as old as when it first came,
// and any other is new.
func TestQuietSets(t *testing.T) {
	var q quiet
	start := time.Now()
	deps := func(stamp Stamp) []Dep {
		return []Dep{{Table: "t", Tag: 1, Stamp: 7}, {Table: "t", Tag: 2, Stamp: stamp}}
	}
	at := func(n int) time.Time { return start.Add(time.Duration(n)) }
	if got := q.since(deps(1), at(1)); got != at(1) {
		t.Errorf("a new set is from %v", got)
	}
	for n := range 2 * maxQuiet {
		q.since(deps(Stamp(n+2)), at(n+2))
		if got := q.since(deps(1), at(n+2)); got != at(1) {
			t.Fatalf("a set in use is from %v after %d others", got, n+1)
		}
	}
	if got := q.since(deps(2), at(5*maxQuiet)); got != at(5*maxQuiet) {
		t.Errorf("a set that was forgotten is from %v", got)
	}
	if len(q.now) > maxQuiet || len(q.before) > maxQuiet {
		t.Errorf("%d and %d sets are remembered", len(q.now), len(q.before))
	}
}

// TestReplicaReadsOfAnotherAgeAreNotShared, not even one that has not begun.
func TestReplicaReadsOfAnotherAgeAreNotShared(t *testing.T) {
	start := time.Now()
	lagging := Source{LoadSince: func(context.Context, time.Time) (Loaded, error) { return Loaded{}, nil }}
	a, b := &fill{src: lagging, since: start}, &fill{src: lagging, since: start.Add(1)}
	if a.flight() == b.flight() {
		t.Error("a read of older stamps answers for newer ones")
	}
	if same := (&fill{src: lagging, since: start}); a.flight() != same.flight() {
		t.Error("reads of the same age are not shared")
	}
	if primary := (&fill{}); primary.flight() == (&fill{src: lagging}).flight() {
		t.Error("a replica answers for the primary")
	}
}
