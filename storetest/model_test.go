package storetest

import (
	"testing"
	"time"
)

func TestModelIsNeverStale(t *testing.T) {
	for _, sc := range append(scenarios(), splitScenarios()...) {
		t.Run(sc.name, func(t *testing.T) {
			began := time.Now()
			g := explore(&sc, bound(0))
			t.Logf("%d states, %d steps, %v", len(g.worlds), g.edges, time.Since(began).Round(time.Millisecond))
			if g.bad != "" {
				t.Errorf("%s:\n%v", g.bad, g.badAt)
			}
		})
	}
}

func TestEveryGuardMatters(t *testing.T) {
	for _, sc := range flawed() {
		t.Run(sc.flaw.String(), func(t *testing.T) {
			g := explore(&sc, 0)
			if g.bad == "" {
				t.Fatalf("%d states and no stale answer: the guard guards nothing here", len(g.worlds))
			}
			t.Logf("%s:\n%v", g.bad, g.badAt)
			sc.flaw = noFlaw
			if g := explore(&sc, 0); g.bad != "" {
				t.Errorf("with the guard, %s:\n%v", g.bad, g.badAt)
			}
		})
	}
}
