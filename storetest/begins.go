package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/cacheops/cacheops"
)

// What the contract says of Begin.

func testBeginDrops(s *suite) {
	table := newTable()
	a, b := s.put(1, s.granted(read(table, "x", tagA))), s.put(2, s.granted(read(table, "x", tagB)))
	w := s.begin(s.write(table, tagA, tagC))
	s.miss(a)
	s.hit(b, 2)
	s.end(w, table)
	s.miss(a)
	s.hit(b, 2)
}

func testBeginTable(s *suite) {
	table := newTable()
	a, b := s.put(1, s.granted(read(table, "x", tagA))), s.put(2, s.granted(cacheops.TableRead{Table: table, TTL: suiteTTL}))
	s.end(s.begin(s.write(table, cacheops.TableTag)), table)
	s.miss(a)
	s.miss(b)
}

func testBeginOther(s *suite) {
	one, two := newTable(), newTable()
	k := s.put(1, s.granted(read(one, "a", tagA)))
	s.begin(s.write(two, tagA, cacheops.TableTag))
	s.hit(k, 1)
	s.granted(read(one, "a", tagA))
}

func testBeginMoved(s *suite) {
	table := newTable()
	write := s.write(table, tagA)
	k := s.put(1, s.granted(read(table, "a", tagA)))
	w := newWriter()
	moved := s.moved(w, write)
	if len(moved) != 1 {
		s.Fatalf("moved %+v", moved)
	}
	if reg := s.registry(table); moved[0].Version != reg.Version || moved[0].Epoch != reg.Epoch ||
		moved[0].Table != table || moved[0].Catalog != reg.Catalog || !slices.Equal(moved[0].Shapes, reg.Shapes) {
		s.Errorf("moved %+v, the registry is %+v", moved[0], reg)
	}
	s.hit(k, 1)
	s.granted(read(table, "a", tagA))

	write.Epoch, write.Version = moved[0].Epoch+1, moved[0].Version
	if moved = s.moved(w, write); len(moved) != 1 {
		s.Fatal("another epoch went through")
	}
	s.hit(k, 1)
	write.Epoch = moved[0].Epoch
	s.beginAs(w, write)
	s.miss(k)
	s.refused(cacheops.IntentHeld, read(table, "a", tagA))
}

func testBeginPartly(s *suite) {
	one, two := newTable(), newTable()
	a, b := s.put(1, s.granted(read(one, "x", tagA))), s.put(2, s.granted(read(two, "x", tagA)))
	stale, good := s.write(one, tagA), s.write(two, tagA)
	stale.Version--
	w := newWriter()
	moved := s.moved(w, stale, good)
	if len(moved) != 1 || moved[0].Table != one {
		s.Fatalf("moved %+v", moved)
	}
	s.hit(a, 1)
	s.miss(b)
	s.granted(read(one, "x", tagA))
	s.refused(cacheops.IntentHeld, read(two, "x", tagA))
	s.end(w, one, two)
	s.granted(read(two, "x", tagA))
}

func testBeginUnverified(s *suite) {
	table := newTable()
	k := s.put(1, s.granted(read(table, "a", tagA)))
	w := s.begin(cacheops.TableWrite{Table: table, Unverified: true, Tags: []cacheops.Tag{cacheops.TableTag}})
	s.miss(k)
	s.refused(cacheops.IntentHeld, read(table, "new", tagB))
	s.end(w, table)
	s.granted(read(table, "new", tagB))
}

func testBeginAdds(s *suite) {
	table := newTable()
	r := read(table, "x", tagA, tagB)
	s.granted(r)
	w := s.begin(s.write(table, tagA))
	s.beginAs(w, s.write(table, tagB))
	s.beginAs(w, s.write(table, tagB))
	s.refused(cacheops.IntentHeld, read(table, "x", tagA))
	s.refused(cacheops.IntentHeld, read(table, "x", tagB))
	s.end(w, table)
	s.granted(r)
}

func testBeginCancelled(s *suite) {
	table := newTable()
	write := s.write(table, tagA)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, err := s.Store.Begin(ctx, newWriter(), []cacheops.TableWrite{write}); !errors.Is(err, context.Canceled) {
		s.Errorf("begin: %v", err)
	}
	if _, err := s.Store.Acquire(ctx, []cacheops.TableRead{read(table, "a", tagA)}); !errors.Is(err, context.Canceled) {
		s.Errorf("acquire: %v", err)
	}
}
