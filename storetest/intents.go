package storetest

import (
	"github.com/cacheops/cacheops"
)

// What the contract says of intents, and of shapes that a writer had not seen.

func testIntent(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA, tagB, tagC))
	w := s.begin(s.write(table, tagA))
	s.refused(cacheops.IntentHeld, read(table, "x", tagA))
	s.refused(cacheops.IntentHeld, read(table, "x", tagB, tagA))
	s.granted(read(table, "x", tagB))
	s.end(w, table)
	s.granted(read(table, "x", tagA))
}

func testIntentTable(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA))
	w := s.begin(s.write(table, cacheops.TableTag))
	s.refused(cacheops.IntentHeld, read(table, "x", tagA))
	s.refused(cacheops.IntentHeld, cacheops.TableRead{Table: table, TTL: suiteTTL})
	s.end(w, table)
	s.granted(read(table, "x", tagA))
}

func testIntentTables(s *suite) {
	one, two := newTable(), newTable()
	reads := []cacheops.TableRead{read(one, "x", tagA), read(two, "x", tagB)}
	s.granted(reads...)
	for _, table := range []string{one, two} {
		w := s.begin(s.write(table, tagA, tagB))
		s.refused(cacheops.IntentHeld, reads...)
		s.end(w, table)
	}
	s.granted(reads...)
}

func testRefusedStamps(s *suite) {
	table := newTable()
	before := s.granted(read(table, "x", tagA, tagB))
	w := s.begin(s.write(table, tagA))
	g := s.refused(cacheops.IntentHeld, read(table, "x", tagA, tagB))
	if len(g.Deps) != len(before.Deps) {
		s.Fatalf("%+v, then %+v", before.Deps, g.Deps)
	}
	for i, d := range g.Deps {
		if d.Tag == tagA && d.Stamp == before.Deps[i].Stamp {
			s.Errorf("the dropped stamp is still there: %+v", d)
		}
		if d.Tag != tagA && d.Stamp != 0 && d != before.Deps[i] {
			s.Errorf("%+v became %+v", before.Deps[i], d)
		}
	}
	s.end(w, table)
}

func testEnd(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA, tagB))
	one, two := s.begin(s.write(table, tagA)), s.begin(s.write(table, tagA, tagB))
	s.end(one, table)
	s.refused(cacheops.IntentHeld, read(table, "x", tagA))
	s.end(two, table)
	s.granted(read(table, "x", tagA, tagB))
}

func testEndTwice(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA))
	s.end(newWriter(), table, newTable())
	one, two := s.begin(s.write(table, tagA)), s.begin(s.write(table, tagA))
	s.end(one, table)
	s.end(one, table)
	s.refused(cacheops.IntentHeld, read(table, "x", tagA))
	s.end(two, table)
	s.granted(read(table, "x", tagA))
}

func testUnseen(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA))
	old := s.begin(s.write(table, tagA))
	s.refused(cacheops.ShapeUnseen, read(table, "new", tagB))
	s.granted(read(table, "x", tagC))
	seen := s.begin(s.write(table, tagC))
	s.refused(cacheops.ShapeUnseen, read(table, "new", tagB))
	s.end(old, table)
	s.granted(read(table, "new", tagB))
	s.end(seen, table)
}

func testUnseenNoTags(s *suite) {
	table := newTable()
	w := s.begin(s.write(table))
	s.refused(cacheops.ShapeUnseen, read(table, "new", tagB))
	s.end(w, table)
	s.granted(read(table, "new", tagB))
}

func testUnseenAdds(s *suite) {
	table := newTable()
	w := s.begin(s.write(table, tagA))
	s.refused(cacheops.ShapeUnseen, read(table, "new", tagB))
	s.beginAs(w, s.write(table, tagC))
	s.refused(cacheops.ShapeUnseen, read(table, "new", tagB))
	s.end(w, table)
	s.granted(read(table, "new", tagB))
}
