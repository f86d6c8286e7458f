package filestore

import "github.com/zeebo/xxh3"

// stretch is how much is read or written before ctx is asked again, and what the
// sum is made of, in bytes. It fits a core's own cache, so that a stretch is summed
// while it is still there from being read.
const stretch = 256 << 10

// The sum of a file is that of its last stretch, each being the XXH3 of the
// stretch seeded with the sum of those before it, the first with zero. The first
// begins after the checksum. XXH3 in one piece would have to wait for the whole
// file, or gather pieces at twice the time; a CRC, though processors compute it
// themselves, took half as long as reading a megabyte did.

// addStretch returns the sum of what sum is of and of the stretch after it.
func addStretch(sum uint64, b []byte) uint64 { return xxh3.HashSeed(b, sum) }

// sumOf is the sum of a file that has these parts after its checksum.
func sumOf(parts ...[]byte) (sum uint64) {
	h, room := xxh3.NewSeed(0), stretch-atWritten
	for _, p := range parts {
		for len(p) > 0 {
			if room == 0 {
				sum = h.Sum64()
				h, room = xxh3.NewSeed(sum), stretch
			}
			n := min(room, len(p))
			_, _ = h.Write(p[:n]) // never fails
			p, room = p[n:], room-n
		}
	}
	return h.Sum64()
}
