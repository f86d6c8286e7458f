package cacheops

import (
	"context"
	"encoding/binary"
	"math/bits"
	"time"
)

// Probe is the key of a read in the making. A connection, which makes one read
// at a time, owns one and uses it again and again, so that a hit allocates and
// copies nothing. The zero Probe is ready.
type Probe struct {
	// Args are the read's arguments in an encoding of which none is the
	// beginning of another: their number, then each with its type and, where it
	// varies, its length. [Database.Lookup] appends to it. Set it to Args[:0]
	// for the next read.
	Args []byte

	key   Key
	of    *Query // whose text and decoder key has
	query *Query
	ttl   time.Duration
	anew  bool   // the read must not share a load that has started
	watch *watch // set where a function is to know what the read depends on
}

// appendPart appends a string with its length in front, so that parts cannot
// run into each other: ("ab","c") is not ("a","bc").
func appendPart(b []byte, s string) []byte {
	if len(s) < 0x80 {
		b = append(b, byte(len(s))) // as AppendUvarint would, without the call
	} else {
		b = binary.AppendUvarint(b, uint64(len(s)))
	}
	return append(b, s...)
}

// build makes the key of a read. What is the same for every execution of a
// statement, the database included, is in the key's text: entries share it,
// and comparing it mostly costs nothing. ok is false where the call has no
// partition although partitions are configured.
func (p *Probe) build(ctx context.Context, cfg *Config, q *Query, c *call, session string) (ok bool) {
	b := p.Args
	if session != "" {
		b = appendPart(append(b, 's'), session)
	}
	if cfg.Partition != nil {
		tenant, ok := cfg.Partition(ctx)
		if !ok {
			return false
		}
		b = appendPart(append(b, 'p'), tenant)
	}
	if c.Extra != "" {
		b = appendPart(append(b, 'x'), c.Extra)
	}
	p.Args = b
	// One by one: a whole Key would be made on the stack first, and copied.
	p.key.Hash = hash(b, q.hash)
	p.key.Rest = b
	if p.of != q { // else they are there already, and writing them costs a barrier each
		p.of, p.key.Text, p.key.Decode = q, q.keyed, q.Decode
	}
	p.key.Fresh = c.Fresh || q.fresh
	return true
}

// hash hashes b from a seed by folded multiplication, which is wyhash's idea
// (https://github.com/wangyi-fudan/wyhash). Keys are some ten or twenty bytes,
// where xxhash spends most of its time on what it needs for long ones; it took
// a fifth of a hit. It has no secret: who can choose arguments can make keys
// collide, and so displace each other's entries, but no more than that, an
// entry being served only to its whole key.
func hash(b []byte, seed uint64) uint64 {
	const k0, k1, k2 = 0x9e3779b97f4a7c15, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3
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

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// flightKey is a key that can be compared: loads of one key are shared.
type flightKey struct {
	hash       uint64
	text, rest string
	// Who asked a replica may share its answer with those of whose tags nothing has
	// been dropped for as long, and with nobody else: what it shows may be older than
	// the stamps of a caller that comes while the read is about to begin.
	lags  bool
	since time.Time
}

func (f *fill) flight() flightKey {
	return flightKey{hash: f.key.Hash, text: f.key.Text, rest: string(f.key.Rest), lags: f.src.LoadSince != nil, since: f.since}
}
