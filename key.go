package cacheops

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// probe is a key under construction with its buffer, pooled so that a hit
// allocates nothing.
type probe struct {
	key Key
	buf []byte
}

var probes = sync.Pool{New: func() any { return &probe{buf: make([]byte, 0, 256)} }}

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

// build fills p with the key of a read. ok is false where the call has no
// partition although partitions are configured.
func (p *probe) build(ctx context.Context, cfg *Config, q *Query, c *call, session string, args []byte) (ok bool) {
	b := append(p.buf[:0], q.scope...)
	b = appendPart(b, session)
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
	b = append(b, 'a')
	b = append(b, args...)
	p.buf = b
	p.key = Key{Hash: xxhash.Sum64(b) ^ q.hash*0x9e3779b97f4a7c15, Text: q.Text, Rest: b, Decode: q.Decode}
	return true
}

func (p *probe) free() {
	p.key = Key{}
	probes.Put(p)
}

// flightKey is a key that can be compared: loads of one key are shared.
type flightKey struct {
	hash       uint64
	text, rest string
}

func (k *Key) flight() flightKey {
	return flightKey{hash: k.Hash, text: k.Text, rest: string(k.Rest)}
}
