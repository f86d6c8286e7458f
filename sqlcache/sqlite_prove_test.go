package sqlcache

import (
	"testing"

	"github.com/cacheops/cacheops"
)

// TestLooseWriterOfAnotherPool: a program may open two pools on one database,
// and the cache asks the one that was opened last about the writers of both.
func TestLooseWriterOfAnotherPool(t *testing.T) {
	proof, done := localProof(proofMarked)
	w := cacheops.Writer{ID: 1, Proof: proof}
	another := &sqlite{engine: &engine{}}
	if over, err := another.prove(t.Context(), w); over || err != nil {
		t.Errorf("a writer that still runs in another pool: over = %v, %v", over, err)
	}
	done(&lease{})
	if !running.over(w) {
		t.Error("a writer that has ended is not proved over")
	}
}

// TestLooseWriterWithoutAMark: there being no mark says nothing of a writer that
// would not have made one.
func TestLooseWriterWithoutAMark(t *testing.T) {
	w := cacheops.Writer{ID: 1, Proof: proofLoose + "another:1"}
	d := &sqlite{engine: &engine{}}
	if over, err := d.prove(t.Context(), w); over || err != nil {
		t.Errorf("over = %v, %v", over, err)
	}
}
