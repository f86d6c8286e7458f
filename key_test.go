package cacheops

import (
	"encoding/binary"
	"testing"
)

func TestAProbeIsUsedForOneQueryAfterAnother(t *testing.T) {
	a := &Query{keyed: "a"}
	b := &Query{keyed: "b", Decode: func([]byte) (Value, error) { return nil, ErrMiss }}
	var p Probe
	for i, q := range []*Query{a, b, b, a, b} {
		p.Args = p.Args[:0]
		if !p.build(t.Context(), &Config{}, q, &noCall, "") || p.key.Text != q.keyed || (p.key.Decode == nil) != (q.Decode == nil) {
			t.Errorf("%d: the key has the text %q, want %q, or another's decoder", i, p.key.Text, q.keyed)
		}
	}
}

// TestHashSpreads is about what a hit's speed rests on: keys that differ a
// little, as arguments do, must not displace each other's entries.
func TestHashSpreads(t *testing.T) {
	seen := make(map[uint64]int)
	var low [256]int
	note := func(i int, b []byte) {
		h := hash(b, 1)
		if old, ok := seen[h]; ok {
			t.Fatalf("keys %d and %d have one hash", old, i)
		}
		seen[h] = i
		low[byte(h)]++
	}
	const n = 1 << 20
	for i := range n {
		note(i, binary.AppendUvarint([]byte{1, 0, 1}, uint64(i)))
	}
	for i := range 64 { // lengths around the words' ends
		note(n+i, make([]byte, i))
	}
	for i := range 40 * 8 { // one bit in a long key
		b := []byte("0123456789abcdef0123456789abcdef01234567")
		b[i/8] ^= 1 << (i % 8)
		note(2*n+i, b)
	}
	for i, got := range low {
		if want := n / len(low); got < want*9/10 || got > want*11/10 {
			t.Errorf("%d keys end in %#x, want about %d", got, i, want)
		}
	}
	if hash([]byte("a"), 1) == hash([]byte("a"), 2) {
		t.Error("the statement does not enter the hash")
	}
}
