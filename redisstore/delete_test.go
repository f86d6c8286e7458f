package redisstore

import (
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// TestDeletedEntry: what one process deletes, no process serves, held or not: at
// once, or with Tracked when the push arrives. Entries without the tag stay.
func TestDeletedEntry(t *testing.T) {
	one, cluster := newBench(t), newClusterBench(t)
	for name, way := range map[string]struct {
		bench *bench
		opts  Options
	}{
		"validated":             {one, Options{}},
		"tracked":               {one, Options{Mode: Tracked, Heartbeat: time.Minute}},
		"encrypted":             {one, Options{Keys: [][]byte{secretOf(1)}}},
		"on a Cluster":          {cluster, Options{}},
		"tracked, on a Cluster": {cluster, Options{Mode: Tracked, Heartbeat: time.Minute}},
	} {
		for _, holds := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", held by who deletes", false: ", not held there"}[holds], func(t *testing.T) {
				a, b := pair(t, way.bench, way.opts)
				keep(t, a, lifeKey(1), 7)
				keep(t, a, lifeKey(2), 8)
				if !hits(t, a, lifeKey(1)) || holds && !hits(t, b, lifeKey(1)) || !hits(t, a, lifeKey(2)) {
					t.Fatal("no hit")
				}
				if err := b.Delete(t.Context(), lifeKey(1)); err != nil {
					t.Fatal(err)
				}
				if way.opts.Mode == Tracked {
					way.bench.settle(t, a)
				}
				if hits(t, a, lifeKey(1)) || hits(t, b, lifeKey(1)) {
					t.Error("what was deleted is served")
				}
				if !hits(t, a, lifeKey(2)) {
					t.Error("another entry is gone")
				}
			})
		}
	}
}

// TestDeletedEntryWithoutDeps: there is no stamp by which others could notice, so
// nobody holds it.
func TestDeletedEntryWithoutDeps(t *testing.T) {
	a, b := pair(t, newBench(t), Options{})
	if err := a.Put(t.Context(), lifeKey(1), &cacheops.Entry{Value: text("v"), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if !hits(t, a, lifeKey(1)) || !hits(t, b, lifeKey(1)) {
		t.Fatal("no hit")
	}
	if err := b.Delete(t.Context(), lifeKey(1)); err != nil {
		t.Fatal(err)
	}
	if hits(t, a, lifeKey(1)) || hits(t, b, lifeKey(1)) {
		t.Error("what was deleted is served")
	}
}
