package memstore

import (
	"context"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/cacheops/cacheops"
)

// entryBytes is what an entry takes besides its value and key: its own record,
// otter's node and table slot, and a stamp with its map slot. It is measured in
// TestBytesPerEntry.
const entryBytes = 250

// depBytes is what each dependency beyond those inline takes.
const depBytes = 70

// sharedText is how long a statement's text may be for free. One text mostly
// serves many entries; texts that were put together by a program, and so may be
// one entry's alone, are longer.
const sharedText = 256

// entry is one result. It is immutable once it is in the cache. A million of
// them are kept, hence the layout: four stamps (database, table, shape, value)
// are what a read by key has, and lie inline.
type entry struct {
	value  cacheops.Value
	text   string
	rest   string
	stamps [4]*stamp
	more   *[]*stamp // the fifth and later stamps, nil if none
	// end is when the entry is over, on the store's clock; its negative from when
	// the entry has left the cache, replaced perhaps by a newer one.
	end atomic.Int64
}

func (e *entry) deadline() int64 {
	end := e.end.Load()
	return max(end, -end)
}

func (e *entry) gone() bool { return e.end.Load() < 0 }

func (e *entry) is(k *cacheops.Key) bool {
	return e.rest == string(k.Rest) && e.text == k.Text
}

func (e *entry) weight() uint64 {
	n := uint64(entryBytes + len(e.rest) + max(0, len(e.text)-sharedText))
	if size := e.value.Size(); size > 0 {
		n += uint64(size)
	}
	if e.more != nil {
		n += depBytes * uint64(len(*e.more))
	}
	return n
}

// alive reports whether every stamp still stands.
//
// The flags are read one after another, and a stamp read first may die while a
// later one is read. That is harmless, because a stamp never comes back to
// life: if each was alive when it was looked at, all were alive when the first
// was, and at that moment, which lies within the caller's Get, no writer had
// passed Begin on any of the entry's tags. The value cannot have changed since
// it was loaded, the entry being immutable.
func (e *entry) alive() bool {
	for i := range e.stamps { // by index: the array itself would be copied first
		s := e.stamps[i]
		if s == nil {
			return true
		}
		if s.dead.Load() {
			return false
		}
	}
	if e.more != nil {
		for _, s := range *e.more {
			if s.dead.Load() {
				return false
			}
		}
	}
	return true
}

// moreStamps are a few stamps beside the list of them: a hit of a function reads
// eight, and each further place in memory is one to wait for.
type moreStamps struct {
	list []*stamp
	room [5]*stamp
}

// setStamps stores the stamps an entry depends on.
func (e *entry) setStamps(stamps []*stamp) {
	n := copy(e.stamps[:], stamps)
	if n == len(stamps) {
		return
	}
	if len(stamps)-n <= len(moreStamps{}.room) {
		m := new(moreStamps)
		m.list = append(m.room[:0], stamps[n:]...)
		e.more = &m.list
		return
	}
	more := slices.Clone(stamps[n:])
	e.more = &more
}

// Get implements [cacheops.Store]. It ignores ctx, having nothing to wait for.
func (s *Store) Get(_ context.Context, k *cacheops.Key) (cacheops.Value, error) {
	// The clock is read before the stamps: a shape leaves the registry once its
	// entries are over by this same clock (sweepShapes), so at this reading
	// writers still knew of the entry's shapes.
	now, p := s.clock.NowNano(), s.front.place(k.Hash)
	if p.tick.Load() == now {
		if e := p.entry.Load(); e != nil && e.is(k) && e.end.Load() > now && e.alive() {
			return e.value, nil
		}
	}
	e, ok := s.entries.GetIfPresent(k.Hash)
	if !ok || !e.is(k) {
		return nil, cacheops.ErrMiss
	}
	if e.deadline() <= now || !e.alive() {
		s.discard(k.Hash, e)
		return nil, cacheops.ErrMiss
	}
	if p.tick.Load() != now {
		p.take(e, now)
	}
	return e.value, nil
}

// discard removes e unless another entry has taken its place.
func (s *Store) discard(hash uint64, e *entry) {
	s.entries.ComputeIfPresent(hash, func(old *entry) (*entry, otter.ComputeOp) {
		if old == e {
			return nil, otter.InvalidateOp
		}
		return nil, otter.CancelOp
	})
}

// Put implements [cacheops.Store]. It declines an entry of more than an eighth
// of the store, and one with a stamp that is gone.
func (s *Store) Put(ctx context.Context, k *cacheops.Key, e *cacheops.Entry) error {
	if err := s.usable(ctx, "put"); err != nil {
		return err
	}
	kept := &entry{value: e.Value, text: k.Text, rest: string(k.Rest)}
	if e.TTL <= 0 || kept.weight()+depBytes*uint64(len(e.Deps)) > s.largest {
		return nil
	}
	end := after(s.clock.NowNano(), e.TTL)
	kept.end.Store(end)
	stamps, ok := s.hold(e.Deps, end)
	if !ok {
		return nil
	}
	kept.setStamps(stamps)
	// A stamp that dies from here on is seen dead by Get.
	s.keep(k.Hash, kept)
	return nil
}

// keep puts in an entry. Close may have dropped all the others since the call began.
func (s *Store) keep(hash uint64, e *entry) {
	s.entries.Set(hash, e)
	if s.closed.Load() {
		s.discard(hash, e)
	}
}

// hold takes a reference to the stamp of each dep, or to none if one of them
// no longer stands.
func (s *Store) hold(deps []cacheops.Dep, deadline int64) ([]*stamp, bool) {
	var buf [8]*stamp
	stamps := buf[:0]
	for i := 0; i < len(deps); {
		run := i + 1
		for run < len(deps) && deps[run].Table == deps[i].Table {
			run++
		}
		var ok bool
		if stamps, ok = s.table(deps[i].Table).hold(stamps, deps[i:run], deadline); !ok {
			release(stamps)
			return nil, false
		}
		i = run
	}
	return stamps, true
}

// Delete implements [cacheops.Store].
func (s *Store) Delete(_ context.Context, k *cacheops.Key) error {
	if e, ok := s.entries.GetIfPresent(k.Hash); ok && e.is(k) {
		s.discard(k.Hash, e)
	}
	return nil
}

// deleted runs after an entry has left the cache for whatever reason, under a
// lock of otter's. It takes table locks, so nobody may call otter under one.
func (s *Store) deleted(ev otter.DeletionEvent[uint64, *entry]) {
	if ev.Cause == otter.CauseOverflow {
		s.evictions.Add(1)
	}
	e := ev.Value
	e.end.Store(-e.end.Load())
	s.front.place(ev.Key).leave(e)
	n := 0
	for n < len(e.stamps) && e.stamps[n] != nil {
		n++
	}
	release(e.stamps[:n])
	if e.more != nil {
		release(*e.more)
	}
}

// after returns now+d, or the end of time if that is earlier.
func after(now int64, d time.Duration) int64 {
	if int64(d) > math.MaxInt64-now {
		return math.MaxInt64
	}
	return now + int64(d)
}
