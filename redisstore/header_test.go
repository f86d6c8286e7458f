package redisstore

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/cacheops/cacheops"
)

// A header whose numbers disagree names too few deps, or other ones, although
// its checksum is right.
func TestHeaderMustBeWhole(t *testing.T) {
	e, k := envelopeOf(t, -1), keyOf("q", "")
	b := e.mustSeal(t, k, testDeps, text("value"))
	for name, change := range map[string]func([]byte){
		"a table less":           func(b []byte) { b[3]-- },
		"a table more":           func(b []byte) { b[3]++ },
		"no table":               func(b []byte) { b[3] = 0 },
		"a dep less":             func(b []byte) { b[headerFixed+3]-- },
		"a dep more":             func(b []byte) { b[headerFixed+3]++ },
		"a name cut":             func(b []byte) { b[headerFixed+1]-- },
		"a body inside":          func(b []byte) { binary.BigEndian.PutUint32(b[4:], headerFixed-1) },
		"an end beyond the end":  func(b []byte) { binary.BigEndian.PutUint32(b[4:], 1<<31) },
		"a body that begins off": func(b []byte) { b[7]-- },
	} {
		c := slices.Clone(b)
		change(c)
		e.mustMiss(t, name, resum(c), k)
		if _, err := entryDeps(c); !errors.Is(err, cacheops.ErrMiss) {
			t.Errorf("%s: the header alone is read: %v", name, err)
		}
	}
	// An entry without deps whose header claims to begin before its own end.
	c := e.mustSeal(t, k, nil, text("value"))
	for n := range headerFixed {
		binary.BigEndian.PutUint32(c[4:], uint32(n))
		e.mustMiss(t, "a header cut", resum(c), k)
	}
}
