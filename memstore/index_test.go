package memstore

import (
	"math/rand/v2"
	"testing"

	"github.com/cacheops/cacheops"
)

// TestIndex compares the index with a map over random additions and removals.
func TestIndex(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var x index
	want := make(map[cacheops.Tag]*stamp)
	for round := range 60_000 {
		most := 1 + 4000*(round/20_000%2) // grows, shrinks, grows
		tag := cacheops.Tag(r.IntN(5000))
		if round%2 == 0 {
			tag = cacheops.Tag(mix(uint64(tag)))
		}
		switch st := want[tag]; {
		case st == nil && len(want) < most:
			st = &stamp{tag: tag}
			want[tag] = st
			x.add(st)
		case st != nil:
			delete(want, tag)
			x.remove(st)
			x.remove(st)
		}
		if got := x.get(tag); got != want[tag] {
			t.Fatalf("round %d: tag %x: %p, want %p", round, tag, got, want[tag])
		}
	}
	if x.len() != len(want) || x.len() == 0 {
		t.Errorf("%d stamps, want %d", x.len(), len(want))
	}
	for tag, st := range want {
		if x.get(tag) != st {
			t.Errorf("tag %x is lost", tag)
		}
	}
	n := 0
	for st := range x.all() {
		if want[st.tag] != st {
			t.Errorf("tag %x should be gone", st.tag)
		}
		x.remove(st)
		n++
	}
	if n != len(want) || x.len() != 0 {
		t.Errorf("yielded %d of %d, %d are left", n, len(want), x.len())
	}
}

// TestIndexChurn sees that what was removed takes no room.
func TestIndexChurn(t *testing.T) {
	var x index
	for i := range 200_000 {
		st := &stamp{tag: cacheops.Tag(mix(uint64(i)))}
		x.add(st)
		if i >= 100 {
			x.remove(x.get(cacheops.Tag(mix(uint64(i - 100)))))
		}
	}
	slots := 0
	for i := range x.shards {
		slots += len(x.shards[i].slots)
	}
	if slots > 2000 {
		t.Errorf("%d slots for %d stamps", slots, x.len())
	}
}
