package memstore

import (
	"iter"

	"github.com/cacheops/cacheops"
)

// index finds a table's stamps by tag. Most of what Begin looks up is not
// there: a write names a tag for every shape, and few of them are in use. A
// miss therefore reads one byte of a compact array and no stamp, so that Begin
// costs about the same however many stamps there are; Go's map, with two words
// a slot, took twice as long at a million.
//
// It is an open-addressing table with linear probing, cut into shards so that
// growth copies a small part at a time. Partial tags, which are most and which
// few writes look for, have shards of their own: the bytes that Begin does read
// are then few enough to stay in a processor's cache. The zero index is empty.
// It is guarded by the table's lock.
type index struct {
	shards [2 << shardBits]shard
}

const (
	shardBits = 4
	minSlots  = 8

	markFree = 0 // never used
	markDead = 1 // was used; a probe goes on past it
	markLive = 2 // this and above: part of the tag's hash
)

// shard has a mark and a stamp for each slot. At most three quarters of the
// marks are not free.
type shard struct {
	marks []uint8
	slots []*stamp
	live  int
	taken int // marks that are not free
}

// spread makes a hash of a tag. Tags mostly are hashes; the table's is zero.
func spread(tag cacheops.Tag) uint64 {
	h := uint64(tag) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

func mark(h uint64) uint8 { return max(uint8(h>>56), markLive) }

func (x *index) shard(tag cacheops.Tag, h uint64) *shard {
	i := h & (1<<shardBits - 1)
	if tag.Partial() {
		i |= 1 << shardBits
	}
	return &x.shards[i]
}

func home(h uint64) int { return int(h >> shardBits & (1<<40 - 1)) }

func (x *index) get(tag cacheops.Tag) *stamp {
	h := spread(tag)
	s := x.shard(tag, h)
	if i := s.find(tag, h); i >= 0 {
		return s.slots[i]
	}
	return nil
}

// find returns the slot of a tag, or -1.
func (s *shard) find(tag cacheops.Tag, h uint64) int {
	mask := len(s.marks) - 1
	if mask < 0 {
		return -1
	}
	want := mark(h)
	for i := home(h) & mask; ; i = (i + 1) & mask {
		switch s.marks[i] {
		case markFree:
			return -1
		case want:
			if s.slots[i].tag == tag {
				return i
			}
		}
	}
}

// add puts in a stamp whose tag is not there.
func (x *index) add(st *stamp) {
	h := spread(st.tag)
	s := x.shard(st.tag, h)
	if 4*(s.taken+1) > 3*len(s.marks) {
		s.rebuild()
	}
	s.add(st, h)
}

func (s *shard) add(st *stamp, h uint64) {
	mask := len(s.marks) - 1
	i := home(h) & mask
	for s.marks[i] >= markLive {
		i = (i + 1) & mask
	}
	if s.marks[i] == markFree {
		s.taken++
	}
	s.marks[i], s.slots[i] = mark(h), st
	s.live++
}

// remove takes out a stamp that is there.
func (x *index) remove(st *stamp) {
	h := spread(st.tag)
	s := x.shard(st.tag, h)
	i := s.find(st.tag, h)
	if i < 0 {
		return
	}
	s.marks[i], s.slots[i] = markDead, nil
	s.live--
	if s.live == 0 {
		*s = shard{}
	}
}

// rebuild makes room: more of it if stamps fill half of the shard, and
// otherwise by forgetting what was removed.
func (s *shard) rebuild() {
	n := max(len(s.marks), minSlots)
	for 2*(s.live+1) > n {
		n *= 2
	}
	old := s.slots
	*s = shard{marks: make([]uint8, n), slots: make([]*stamp, n)}
	for _, st := range old {
		if st != nil {
			s.add(st, spread(st.tag))
		}
	}
}

// all yields every stamp. The one just yielded may be removed.
func (x *index) all() iter.Seq[*stamp] {
	return func(yield func(*stamp) bool) {
		for i := range x.shards {
			for _, st := range x.shards[i].slots {
				if st != nil && !yield(st) {
					return
				}
			}
		}
	}
}

func (x *index) len() int {
	n := 0
	for i := range x.shards {
		n += x.shards[i].live
	}
	return n
}
