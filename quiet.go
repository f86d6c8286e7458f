package cacheops

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
	"time"
)

// quiet remembers since when sets of tags have borne their stamps. A stamp is
// never used twice and a drop deletes it, so whoever is granted the same stamps
// twice knows that nothing was dropped in between; and a grant says that no
// writer was about to commit either, so that whatever the tags could be changed
// by had been committed before the first of the two. That is all that a read of a
// replica needs to be kept: no clock but this process's own, and nothing more in
// the store.
type quiet struct {
	mu   sync.Mutex
	seed maphash.Seed
	// Two generations, so that what is in use survives what is not.
	now, before map[uint64]time.Time
}

// maxQuiet bounds a generation.
const maxQuiet = 1 << 15

// since returns when the stamps were first granted, which is at if they are new.
func (q *quiet) since(deps []Dep, at time.Time) time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.now == nil {
		q.seed, q.now = maphash.MakeSeed(), make(map[uint64]time.Time)
	}
	key := q.key(deps)
	if t, ok := q.now[key]; ok {
		return t
	}
	if t, ok := q.before[key]; ok {
		at = t
	}
	if len(q.now) >= maxQuiet {
		q.before, q.now = q.now, make(map[uint64]time.Time)
	}
	q.now[key] = at
	return at
}

func (q *quiet) key(deps []Dep) uint64 {
	var h maphash.Hash
	h.SetSeed(q.seed)
	var b [16]byte
	for i := range deps {
		_, _ = h.WriteString(deps[i].Table) // never fails
		binary.LittleEndian.PutUint64(b[:], uint64(deps[i].Tag))
		binary.LittleEndian.PutUint64(b[8:], uint64(deps[i].Stamp))
		_, _ = h.Write(b[:]) // never fails
	}
	return h.Sum64()
}
