package storetest

import (
	"slices"

	"github.com/cacheops/cacheops"
)

// What the contract says of acquires and the registry.

func testOrder(s *suite) {
	one, two := newTable(), newTable()
	r := read(one, "ab", tagA, tagB)
	r.Shapes = append(r.Shapes, cacheops.ShapeTags{Shape: "c", Tags: []cacheops.Tag{tagC}})
	g := s.granted(r, read(two, "b", tagB), cacheops.TableRead{Table: newTable(), TTL: suiteTTL})
	var got []cacheops.Tag
	for _, d := range g.Deps {
		got = append(got, d.Tag)
	}
	want := []cacheops.Tag{cacheops.TableTag, tagA, tagB, tagC, cacheops.TableTag, tagB, cacheops.TableTag}
	if !slices.Equal(got, want) {
		s.Errorf("tags %x, want %x", got, want)
	}
	if g.Deps[0].Table != one || g.Deps[3].Table != one || g.Deps[4].Table != two {
		s.Errorf("tables in %+v", g.Deps)
	}
}

func testStampsStay(s *suite) {
	table := newTable()
	g := s.granted(read(table, "a", tagA))
	if again := s.granted(read(table, "a", tagA)); !slices.Equal(again.Deps, g.Deps) {
		s.Errorf("%+v, then %+v", g.Deps, again.Deps)
	}
}

func testStampsFresh(s *suite) {
	table := newTable()
	seen := make(map[cacheops.Stamp]bool)
	for range 20 {
		for _, d := range s.granted(read(table, "a", tagA)).Deps[1:] {
			if seen[d.Stamp] {
				s.Fatalf("stamp %d again", d.Stamp)
			}
			seen[d.Stamp] = true
		}
		s.end(s.begin(s.write(table, tagA)), table)
	}
}

func testRegisters(s *suite) {
	table := newTable()
	before := s.registry(table)
	s.granted(read(table, "a", tagA))
	one := s.registry(table)
	s.granted(read(table, "a", tagB))
	same := s.registry(table)
	s.granted(read(table, "b", tagC))
	two := s.registry(table)
	slices.Sort(two.Shapes)
	if len(before.Shapes) != 0 || !slices.Equal(one.Shapes, []string{"a"}) || !slices.Equal(two.Shapes, []string{"a", "b"}) {
		s.Errorf("shapes %q, %q, %q", before.Shapes, one.Shapes, two.Shapes)
	}
	if before.Version >= one.Version || one.Version != same.Version || same.Version >= two.Version {
		s.Errorf("versions %d, %d, %d, %d", before.Version, one.Version, same.Version, two.Version)
	}
	if before.Epoch != two.Epoch || two.Table != table {
		s.Errorf("%+v, then %+v", before, two)
	}
}

func testRegistersRefused(s *suite) {
	table := newTable()
	w := s.begin(s.write(table, cacheops.TableTag))
	s.refused(cacheops.IntentHeld, read(table, "a", tagA))
	if r := s.registry(table); !slices.Equal(r.Shapes, []string{"a"}) {
		s.Errorf("shapes %q", r.Shapes)
	}
	s.end(w, table)
	s.granted(read(table, "a", tagA))
}

func testRegistry(s *suite) {
	one, two := s.registry(newTable()), s.registry(newTable())
	if one.Epoch == 0 || one.Catalog == 0 || one.Epoch == two.Epoch {
		s.Errorf("%+v, %+v", one, two)
	}
}
