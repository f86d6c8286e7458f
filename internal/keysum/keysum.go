// Package keysum hashes the keys of entries by folded multiplication, which is
// wyhash's idea (https://github.com/wangyi-fudan/wyhash). Keys are some ten or
// twenty bytes, where xxhash spends most of its time on what it needs for long
// ones; it took a fifth of a hit.
//
// A sum is the same in every process: they find each other's entries by it. It has
// no secret. Who can choose arguments can make keys collide, and so displace each
// other's entries, but no more than that, an entry being served only to its whole
// key.
package keysum

import (
	"encoding/binary"
	"math/bits"
)

const k0, k1, k2 = 0x9e3779b97f4a7c15, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3

// Bytes is the sum of b after what seed is the sum of.
func Bytes(seed uint64, b []byte) uint64 {
	h, n := seed^k0, uint64(len(b))
	for ; len(b) > 16; b = b[16:] {
		h = fold(binary.LittleEndian.Uint64(b)^k1, binary.LittleEndian.Uint64(b[8:])^h)
	}
	var x, y uint64
	switch m := len(b); { // the two words overlap where there are fewer than 16 bytes
	case m >= 8:
		x, y = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[m-8:])
	case m >= 4:
		x, y = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[m-4:]))
	case m > 0:
		x = uint64(b[0])<<16 | uint64(b[m>>1])<<8 | uint64(b[m-1])
	}
	h = fold(x^k1, y^h)
	return fold(h^k2, n^k1)
}

// Word is the sum of a number after what seed is the sum of. A number that goes
// from a register into the sum need not be written first and read back: a
// processor waits for bytes that were just written one by one and are read eight at
// a time, which was a tenth of a hit.
func Word(seed, v uint64) uint64 { return fold(v^k1, seed^k2) }

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
