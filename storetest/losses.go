package storetest

import (
	"github.com/cacheops/cacheops"
)

// What the contract says of doubts, and of state that is lost or comes back.

func testDoubt(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA))
	w := s.begin(s.write(table, tagA))
	if g := s.refused(cacheops.IntentHeld, read(table, "x", tagA)); len(g.Doubts) != 0 {
		s.Errorf("doubts %+v about a writer in flight", g.Doubts)
	}
	s.ok(s.expire(s.ctx, w, table))
	s.granted(read(table, "x", tagB))
	for range 3 {
		g := s.refused(cacheops.IntentHeld, read(table, "x", tagA))
		if len(g.Doubts) != 1 || g.Doubts[0].Writer != w || g.Doubts[0].Table != table {
			s.Fatalf("doubts %+v, want one about %+v", g.Doubts, w)
		}
	}
	g := s.refused(cacheops.IntentHeld, read(table, "x", tagA))
	s.ok(s.Store.Clear(s.ctx, g.Doubts[0]))
	s.granted(read(table, "x", tagA))
}

func testDoubtUnseen(s *suite) {
	table := newTable()
	w := s.begin(s.write(table, tagA))
	s.ok(s.expire(s.ctx, w, table))
	g := s.refused(cacheops.ShapeUnseen, read(table, "new", tagB))
	if len(g.Doubts) != 1 || g.Doubts[0].Writer != w {
		s.Fatalf("doubts %+v, want one about %+v", g.Doubts, w)
	}
	s.ok(s.Store.Clear(s.ctx, g.Doubts[0]))
	s.granted(read(table, "new", tagB))
}

func testClearOne(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA))
	one, two := s.begin(s.write(table, tagA)), s.begin(s.write(table, tagA))
	s.ok(s.expire(s.ctx, one, table))
	s.ok(s.expire(s.ctx, two, table))
	g := s.refused(cacheops.IntentHeld, read(table, "x", tagA))
	if len(g.Doubts) != 2 {
		s.Fatalf("doubts %+v, want two", g.Doubts)
	}
	s.ok(s.Store.Clear(s.ctx, g.Doubts[0]))
	left := s.refused(cacheops.IntentHeld, read(table, "x", tagA))
	if len(left.Doubts) != 1 || left.Doubts[0] != g.Doubts[1] {
		s.Fatalf("doubts %+v, want %+v", left.Doubts, g.Doubts[1])
	}
	s.end(left.Doubts[0].Writer, table)
	s.granted(read(table, "x", tagA))
}

func (s *suite) lose(table string) {
	s.Helper()
	if s.Lose == nil {
		s.Skip("this store does not lose its state")
	}
	s.ok(s.Lose([]string{table}))
}

// quarantined expects that the store says it does not know, and returns the
// doubt to clear.
func (s *suite) quarantined(table string) cacheops.Doubt {
	s.Helper()
	g := s.refused(cacheops.StateUnknown, read(table, "x", tagA))
	if len(g.Doubts) != 1 || g.Doubts[0].Writer.ID != 0 || g.Doubts[0].Table != table {
		s.Fatalf("doubts %+v, want one about everybody", g.Doubts)
	}
	return g.Doubts[0]
}

func testLose(s *suite) {
	table := newTable()
	before := s.registry(table)
	g := s.granted(read(table, "x", tagA))
	k := s.put(1, g)
	s.lose(table)
	s.miss(k)
	d := s.quarantined(table)
	if reg := s.registry(table); reg.Epoch == before.Epoch || d.Epoch != reg.Epoch || reg.Catalog == before.Catalog {
		s.Errorf("registry %+v before, %+v after, doubt of epoch %d", before, reg, d.Epoch)
	}
	s.miss(s.put(2, g))
	s.ok(s.Store.Clear(s.ctx, d))
	s.miss(k)
	for i, dep := range s.granted(read(table, "x", tagA)).Deps {
		if dep.Stamp == g.Deps[i].Stamp {
			s.Errorf("stamp %d survived", dep.Stamp)
		}
	}
	s.miss(s.put(3, g))
}

func testLoseBegin(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA))
	write := s.write(table, tagA)
	w := s.begin(write)
	s.lose(table)
	if moved := s.moved(newWriter(), write); len(moved) != 1 {
		s.Error("a write computed before the loss went through")
	}
	s.end(w, table)
	s.quarantined(table)
}

func testLoseClear(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA))
	s.lose(table)
	old := s.quarantined(table)
	s.lose(table)
	s.ok(s.Store.Clear(s.ctx, old))
	s.ok(s.Store.Clear(s.ctx, cacheops.Doubt{Table: table, Writer: newWriter(), Epoch: s.registry(table).Epoch}))
	s.ok(s.Store.Clear(s.ctx, s.quarantined(table)))
	s.granted(read(table, "x", tagA))
}

func testLoseKnown(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA))
	s.lose(table)
	d := s.quarantined(table)
	w := s.begin(s.write(table, tagA))
	s.ok(s.Store.Clear(s.ctx, d))
	s.refused(cacheops.IntentHeld, read(table, "x", tagA))
	s.end(w, table)
	s.granted(read(table, "x", tagA))
}

func testRestore(s *suite) {
	if s.Save == nil {
		s.Skip("this store's state does not come back")
	}
	table := newTable()
	g := s.granted(read(table, "x", tagA))
	k := s.put(1, g)
	restore, err := s.Save()
	s.ok(err)
	w := s.begin(s.write(table, tagA))
	s.ok(restore())
	s.miss(k)
	d := s.quarantined(table)
	s.miss(s.put(2, g))
	s.end(w, table)
	s.quarantined(table)
	s.ok(s.Store.Clear(s.ctx, d))
	s.miss(k)
	s.granted(read(table, "x", tagA))
}
