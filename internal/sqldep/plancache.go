package sqldep

import (
	"sync/atomic"

	"github.com/cacheops/cacheops/internal/catalog"
)

// planCache is a bounded cache of plans. It is set-associative: an entry may be
// in one of a few slots that its hash gives, each an atomic pointer. So a
// lookup takes no lock and writes nothing that is not new, and the bound needs
// no bookkeeping. In a full set the entry that nobody asked for since it was
// last passed over makes room.
type planCache struct {
	slots []atomic.Pointer[cachedPlan]
	mask  uint64 // of sets
	bytes atomic.Int64
	// most bounds the texts' bytes; beyond it the cache starts anew.
	most int64
}

// cachedPlan is immutable but for its mark.
type cachedPlan struct {
	hash  uint64
	cat   *catalog.Catalog
	text  string
	bound Bound
	used  atomic.Bool
}

const (
	ways = 8
	// bytesPerPlan is what texts are expected to take, on average.
	bytesPerPlan = 4 << 10
)

func newPlanCache(size int) *planCache {
	sets := 1
	for sets*ways < size {
		sets *= 2
	}
	return &planCache{
		slots: make([]atomic.Pointer[cachedPlan], sets*ways),
		mask:  uint64(sets - 1),
		most:  int64(sets) * ways * bytesPerPlan,
	}
}

func (c *planCache) set(h uint64) []atomic.Pointer[cachedPlan] {
	i := h & c.mask * ways
	return c.slots[i : i+ways]
}

func (c *planCache) find(h uint64, text string, cat *catalog.Catalog) *cachedPlan {
	set := c.set(h)
	for i := range set {
		if e := set[i].Load(); e != nil && e.hash == h && e.cat == cat && e.text == text {
			e.touch()
			return e
		}
	}
	return nil
}

func (c *planCache) findBytes(h uint64, text []byte, cat *catalog.Catalog) *cachedPlan {
	set := c.set(h)
	for i := range set {
		if e := set[i].Load(); e != nil && e.hash == h && e.cat == cat && e.text == string(text) {
			e.touch()
			return e
		}
	}
	return nil
}

// touch marks the entry as used, writing only where that is news.
func (e *cachedPlan) touch() {
	if !e.used.Load() {
		e.used.Store(true)
	}
}

// put adds an entry. Two that race for a slot lose one of them, which is no
// harm.
func (c *planCache) put(e *cachedPlan) {
	if int64(len(e.text)) > c.most/ways {
		return
	}
	if c.bytes.Load() > c.most {
		c.clear()
	}
	old := c.victim(e).Swap(e)
	n := int64(len(e.text))
	if old != nil {
		n -= int64(len(old.text))
	}
	c.bytes.Add(n)
}

func (c *planCache) victim(e *cachedPlan) *atomic.Pointer[cachedPlan] {
	set := c.set(e.hash)
	for i := range set {
		if old := set[i].Load(); old == nil || old.cat != e.cat || old.hash == e.hash {
			return &set[i]
		}
	}
	start := int(e.hash>>32) % ways
	for i := range set {
		slot := &set[(start+i)%ways]
		if old := slot.Load(); old != nil && !old.used.Swap(false) {
			return slot
		}
	}
	return &set[start]
}

// clear forgets everything.
func (c *planCache) clear() {
	for i := range c.slots {
		if old := c.slots[i].Swap(nil); old != nil {
			c.bytes.Add(-int64(len(old.text)))
		}
	}
}
