package memstore

import "time"

const (
	// grace is how long a fill may take for its result to be kept for certain.
	// A slower one is kept if other entries hold its stamps.
	grace = 5 * time.Minute
	// maxPending bounds the stamps of a table that are kept for fills under way
	// or abandoned. Beyond it the oldest goes early: a fill that slow, with so
	// many others beside it, loses its entry.
	maxPending = 1 << 14
)

// pending is a queue of stamps that were acquired and that no entry may ever
// hold: the fill can fail or be abandoned. Its stamps have the pending bit.
type pending struct {
	slots []slot
	head  int
}

type slot struct {
	stamp *stamp
	until int64
}

// await keeps st for the fill that acquired it, until an entry holds it.
func (t *table) await(st *stamp, now int64) {
	p := &t.pending
	for n := 0; n < 2 && p.head < len(p.slots) && p.slots[p.head].until < now; n++ {
		t.popPending()
	}
	if st.refs&pendingBit != 0 {
		return
	}
	if len(p.slots)-p.head >= maxPending {
		t.popPending()
	}
	if p.head > 64 && p.head > len(p.slots)/2 {
		n := copy(p.slots, p.slots[p.head:])
		clear(p.slots[n:])
		p.slots, p.head = p.slots[:n], 0
	}
	st.refs |= pendingBit
	p.slots = append(p.slots, slot{st, after(now, grace)})
}

func (t *table) popPending() {
	p := &t.pending
	st := p.slots[p.head].stamp
	p.slots[p.head] = slot{}
	p.head++
	if st.refs &^= pendingBit; st.refs == 0 {
		t.kill(st)
	}
}
