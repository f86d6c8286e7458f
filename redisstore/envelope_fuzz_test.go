package redisstore

import (
	"slices"
	"testing"

	"github.com/cacheops/cacheops"
)

// FuzzOpen opens bytes made of parts of two entries and of noise, with their
// checksums made right, so that what is behind them is reached. Whatever opens
// must be what was sealed under that very key.
func FuzzOpen(f *testing.F) {
	f.Add([]byte{}, uint16(0), uint16(0), true, uint8(0))
	f.Add([]byte{headerVersion, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 'e', 1, 'q', 0}, uint16(0), uint16(0), true, uint8(0))
	f.Add([]byte("other"), uint16(30), uint16(40), true, uint8(1))
	f.Add([]byte{flagCompressed}, uint16(1), uint16(2), true, uint8(2))
	f.Add([]byte{0xff, 0xff}, uint16(2), uint16(4), false, uint8(3))
	ways := []*envelope{envelopeOf(f, -1), envelopeOf(f, 1), envelopeOf(f, -1, 1), envelopeOf(f, 1, 1)}
	mine, other := keyOf("SELECT a FROM t WHERE id = ?", "mine"), keyOf("SELECT a FROM t WHERE id = ?", "other")
	f.Fuzz(func(t *testing.T, noise []byte, from, to uint16, sum bool, way uint8) {
		e := ways[int(way)%len(ways)]
		b := e.mustSeal(t, other, testDeps, text("other other other other other other other"))
		start, end := int(from)%(len(b)+1), int(to)%(len(b)+1)
		b = slices.Concat(b[:start], noise, b[max(start, end):])
		if sum && len(b) >= checkBytes {
			b = resum(b)
		}
		_, _ = entryDeps(b)
		for _, k := range []*cacheops.Key{mine, other} {
			deps, v, err := e.open(b, k)
			if err != nil {
				continue
			}
			// Only a body about k opens, and what it says is then k's. Noise that
			// spells such a body with its checksum is an entry of k like any other.
			h, body, ok := e.openAny(b, content{kind: kindEntry, text: k.Text, rest: k.Rest})
			if again, whole := h.deps(); !ok || !whole || text(body) != v || !slices.Equal(again, deps) {
				t.Fatalf("%q opens as %v", k.Rest, v)
			}
			if e.encrypts() && (k != other || v != text("other other other other other other other") || !slices.Equal(deps, testDeps)) {
				t.Fatalf("bytes made without the secret open as %v, %v under %q", deps, v, k.Rest)
			}
			b2 := e.mustSeal(t, k, deps, v)
			if deps2, v2, err := e.open(b2, k); err != nil || v2 != v || !slices.Equal(deps, deps2) {
				t.Fatalf("opened, sealed and opened: %v, %v, %v", deps2, v2, err)
			}
		}
	})
}
