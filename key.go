package cacheops

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/cacheops/cacheops/internal/keysum"
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
	// Sum, if not zero, is a sum of Args that was made along with them, as
	// keysum does; it must be the same for the same Args. Zero: they are summed
	// when they are looked up, which waits for them to be written.
	Sum uint64

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
// statement, the database and mostly the session included, is in the key's text:
// entries share it, and comparing it mostly costs nothing. ok is false where the call has no
// partition although partitions are configured.
func (p *Probe) build(ctx context.Context, cfg *Config, q *Query, c *call, session string) (ok bool) {
	if session != q.Session || cfg.Partition != nil || c.Extra != "" || p.Sum == 0 {
		if !p.extend(ctx, cfg, q, c, session) {
			return false
		}
	} else {
		p.key.Hash = keysum.Word(q.hash, p.Sum)
	}
	// One by one: a whole Key would be made on the stack first, and copied.
	p.key.Rest = p.Args
	if p.of != q { // else they are there already, and writing them costs a barrier each
		p.of, p.key.Text, p.key.Decode = q, q.keyed, q.Decode
	}
	p.key.Fresh = c.Fresh || q.fresh
	return true
}

// extend appends to the arguments what is not the same for all callers, and hashes
// them with it.
func (p *Probe) extend(ctx context.Context, cfg *Config, q *Query, c *call, session string) (ok bool) {
	b := p.Args
	if session != q.Session {
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
	h, from := q.hash, 0
	if p.Sum != 0 {
		h, from = keysum.Word(h, p.Sum), len(p.Args)
	}
	if p.Args = b; from < len(b) {
		h = keysum.Bytes(h, b[from:])
	}
	p.key.Hash = h
	return true
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
