package keysum

import (
	"encoding/binary"
	"testing"
)

// spread is what a hit's speed rests on: keys that differ a little, as arguments
// do, must not displace each other's entries.
type spread struct {
	t         *testing.T
	seen      map[uint64]int
	low, high [256]int
}

func newSpread(t *testing.T) *spread { return &spread{t: t, seen: make(map[uint64]int)} }

func (s *spread) note(i int, h uint64) {
	if old, ok := s.seen[h]; ok {
		s.t.Fatalf("keys %d and %d have one sum", old, i)
	}
	s.seen[h] = i
	s.low[byte(h)]++
	s.high[h>>56]++
}

// even holds the sums' lowest and highest bytes, which pick an entry's place, to
// a tenth of what chance would give.
func (s *spread) even(n int) {
	for i := range s.low {
		for _, got := range []int{s.low[i], s.high[i]} {
			if want := n / len(s.low); got < want*9/10 || got > want*11/10 {
				s.t.Errorf("%d sums begin or end in %#x, want about %d", got, i, want)
			}
		}
	}
}

func TestBytesSpread(t *testing.T) {
	s := newSpread(t)
	const n = 1 << 20
	for i := range n {
		s.note(i, Bytes(1, binary.AppendUvarint([]byte{1, 0, 1}, uint64(i))))
	}
	for i := range 64 { // lengths around the words' ends
		s.note(n+i, Bytes(1, make([]byte, i)))
	}
	for i := range 40 * 8 { // one bit in a long key
		b := []byte("0123456789abcdef0123456789abcdef01234567")
		b[i/8] ^= 1 << (i % 8)
		s.note(2*n+i, Bytes(1, b))
	}
	s.even(n)
	if Bytes(1, []byte("a")) == Bytes(2, []byte("a")) {
		t.Error("the seed does not enter the sum")
	}
}

func TestWordsSpread(t *testing.T) {
	s := newSpread(t)
	const n = 1 << 10
	for i := range uint64(n) { // a key of two numbers, as a page of a list has
		for j := range uint64(n) {
			s.note(int(i*n+j), Word(Word(1, i), j))
		}
	}
	for i := range 64 {
		s.note(n*n+i, Word(1, 1<<i))
	}
	s.even(n * n)
	if Word(Word(1, 2), 3) == Word(Word(1, 3), 2) {
		t.Error("the order does not enter the sum")
	}
}
