package dep

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// Tags are hashes: two that collide share a stamp, and so a drop of one drops
// the other, which costs an entry and never correctness. They are the same in
// every process, so nothing here is seeded.

func hashString(s string) uint64 { return xxhash.Sum64String(s) }

// mix folds b into a: the multiply-and-fold step of wyhash (Wang Yi).
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd1342543de82ef95)
	return hi ^ lo
}

func (v Value) hash() uint64 {
	h := mix(uint64(v.class), v.n)
	if v.class == Text || v.class == Bytes {
		h = mix(h, hashString(v.s))
	}
	return h
}
