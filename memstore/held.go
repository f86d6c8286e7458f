package memstore

import "github.com/cacheops/cacheops"

// held counts the intents on a table's tags, several tags to a counter: one
// that is zero says that no writer holds any of its tags, which is what an
// acquire mostly hears. Where it is not, the writers' own lists tell. A map by
// tag would tell at once, and took half the time of a Begin and its End, which
// name a tag for every shape. The zero held has no intents.
type held struct {
	counts *[1 << heldBits]uint32 // nil until a writer begins
}

const heldBits = 10

func (h *held) slot(tag cacheops.Tag) *uint32 {
	return &h.counts[spread(tag)>>(64-heldBits)]
}

func (h *held) add(tags []cacheops.Tag) {
	if h.counts == nil {
		h.counts = new([1 << heldBits]uint32)
	}
	for _, tag := range tags {
		*h.slot(tag)++
	}
}

// remove takes back what add has counted.
func (h *held) remove(tags []cacheops.Tag) {
	for _, tag := range tags {
		*h.slot(tag)--
	}
}

// maybe reports whether a writer may hold the tag; false is certain.
func (h *held) maybe(tag cacheops.Tag) bool {
	return h.counts != nil && *h.slot(tag) > 0
}
