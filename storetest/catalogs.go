package storetest

import (
	"github.com/cacheops/cacheops"
)

// What the contract says of catalog versions.

// planned is a read with a catalog version.
func planned(table string, version uint64) cacheops.TableRead {
	r := read(table, "x", tagA)
	r.Catalog = version
	return r
}

func (s *suite) ddl(table string) cacheops.TableWrite {
	w := s.write(table, cacheops.TableTag)
	w.BumpCatalog = true
	return w
}

func testCatalogRead(s *suite) {
	table := newTable()
	old := s.registry(table).Catalog
	if g := s.granted(planned(table, old)); g.Catalog != old {
		s.Errorf("catalog version %d, want %d", g.Catalog, old)
	}
	s.end(s.begin(s.ddl(table)), table)
	now := s.registry(table).Catalog
	if now == old || now == 0 {
		s.Errorf("catalog version %d after %d", now, old)
	}
	if g := s.refused(cacheops.CatalogMoved, planned(table, old)); g.Catalog != now {
		s.Errorf("catalog version %d, want %d", g.Catalog, now)
	}
	s.granted(planned(table, now))
	s.granted(planned(table, 0))
}

func testCatalogWrite(s *suite) {
	table := newTable()
	old := s.registry(table).Catalog
	s.end(s.begin(s.ddl(table)), table)
	w := s.write(table, tagA)
	w.Catalog = old
	if moved := s.moved(newWriter(), w); len(moved) != 1 || moved[0].Catalog == old {
		s.Errorf("moved %+v", moved)
	}
	w.Unverified = true
	if moved := s.moved(newWriter(), w); len(moved) != 1 {
		s.Error("unverified tags passed an old plan")
	}
	w.Catalog, w.Unverified = s.registry(table).Catalog, false
	s.begin(w)
}

func testCatalogInFlight(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA))
	w := s.write(table, tagB)
	w.Catalog = s.registry(table).Catalog
	old := s.begin(w)
	s.granted(planned(table, w.Catalog))
	s.end(s.begin(s.ddl(table)), table)
	s.refused(cacheops.CatalogMoved, planned(table, s.registry(table).Catalog))
	s.end(old, table)
	s.granted(planned(table, s.registry(table).Catalog))
}

func testCatalogDuring(s *suite) {
	table := newTable()
	w := s.begin(s.ddl(table))
	during := s.registry(table).Catalog
	s.end(w, table)
	s.refused(cacheops.CatalogMoved, planned(table, during))
	s.granted(planned(table, s.registry(table).Catalog))
}

func testCatalogOwn(s *suite) {
	table := newTable()
	s.granted(read(table, "x", tagA))
	d := s.ddl(table)
	d.Catalog = s.registry(table).Catalog
	w := s.begin(d)
	more := s.write(table, tagA)
	more.Catalog = d.Catalog
	s.beginAs(w, more)
	s.end(w, table)
	s.granted(read(table, "x", tagA))
}
