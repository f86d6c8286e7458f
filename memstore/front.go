package memstore

import "sync/atomic"

// front holds the entries that are read all the time, each in the one place its
// hash gives it. Finding one there is a load and a comparison, where the index
// computes a hash of the hash and tells its eviction policy of every read, which
// costs more than the rest of a hit. The policy is told of an entry in front once
// a tick of the store's clock: enough to know it for one of those used most, since
// it counts to fifteen.
//
// An entry that has left the cache is void here too (see entry.end), and let go of.
type front [1 << frontBits]place

const frontBits = 10

// place is an entry's place in front, if it has one. It changes hands once a tick
// at most: who reads it next then takes it, mostly an entry that is read often.
type place struct {
	entry atomic.Pointer[entry]
	tick  atomic.Int64 // the clock's reading when the entry was last told of
}

func (f *front) place(hash uint64) *place { return &f[hash>>(64-frontBits)] }

// take puts in an entry that was just found in the index.
func (p *place) take(e *entry, now int64) {
	p.entry.Store(e)
	p.tick.Store(now)
	if e.gone() { // and whoever removed it may have looked here before
		p.leave(e)
	}
}

// leave empties the place of e, which is no longer in the cache.
func (p *place) leave(e *entry) { p.entry.CompareAndSwap(e, nil) }
