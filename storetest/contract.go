package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cacheops/cacheops"
)

// contract is one test for each sentence of the contract.
var contract = []struct {
	name string
	run  func(*suite)
}{
	{"a key that was never stored is a miss", testEmpty},
	{"an entry is found until it is deleted", testDelete},
	{"a key that differs in a byte is a miss", testCollision},
	{"an entry ends after its TTL", testTTL},
	{"an entry without deps lives by its TTL", testNoDeps},
	{"the last put counts", testReplace},
	{"put with a stamp that is gone keeps nothing valid", testPutLate},
	{"an entry needs all its stamps, on every table", testAllStamps},
	{"many stamps on one entry", testManyStamps},

	{"acquire returns the table's tag and then the shapes' in order", testOrder},
	{"stamps stay while nobody writes", testStampsStay},
	{"a dropped stamp never returns", testStampsFresh},
	{"acquire registers shapes", testRegisters},
	{"a registration survives a refusal", testRegistersRefused},
	{"a registry has an epoch and a catalog version from the start", testRegistry},

	{"begin drops its tags and no others", testBeginDrops},
	{"begin on the table's tag drops everything in the table", testBeginTable},
	{"begin on one table leaves others alone", testBeginOther},
	{"begin verifies version and epoch", testBeginMoved},
	{"begin with tables moved begins the others", testBeginPartly},
	{"begin unverified is not compared", testBeginUnverified},
	{"begin adds to what the writer has begun", testBeginAdds},
	{"begin is refused when its context is done", testBeginCancelled},

	{"an intent refuses fills of its tags only", testIntent},
	{"an intent on the table's tag refuses every fill", testIntentTable},
	{"an intent refuses a fill across tables", testIntentTables},
	{"a refused grant's stamps are those that stand", testRefusedStamps},
	{"end lifts the writer's own intents only", testEnd},
	{"end of a writer that is not there does nothing", testEndTwice},
	{"a shape that a writer in flight had not seen is refused", testUnseen},
	{"a writer without tags is in flight all the same", testUnseenNoTags},
	{"what a writer adds does not vouch for what it began with", testUnseenAdds},

	{"a read planned from another catalog version is refused", testCatalogRead},
	{"a write planned from another catalog version has moved", testCatalogWrite},
	{"a writer in flight with an older plan refuses fills", testCatalogInFlight},
	{"a catalog version taken while the schema changes does not last", testCatalogDuring},
	{"a writer may add to its own schema change", testCatalogOwn},

	{"a doubtful intent goes on refusing, and is reported, until it is cleared", testDoubt},
	{"a doubtful writer refuses the shapes it had not seen", testDoubtUnseen},
	{"clear removes one writer", testClearOne},

	{"a table that was lost says that it does not know", testLose},
	{"a write computed before the loss has moved", testLoseBegin},
	{"only the present quarantine can be lifted", testLoseClear},
	{"a writer that begins after the loss is known", testLoseKnown},
	{"state that comes back is void", testRestore},
}

const (
	tagA cacheops.Tag = 0xa
	tagB cacheops.Tag = 0xb
	tagC cacheops.Tag = 0xc
)

func testEmpty(s *suite) {
	s.miss(newKey())
	s.ok(s.Store.Delete(s.ctx, newKey()))
}

func testDelete(s *suite) {
	k := s.put(1, s.granted(read(newTable(), "a", tagA)))
	s.hit(k, 1)
	s.ok(s.Store.Delete(s.ctx, k))
	s.miss(k)
}

func testCollision(s *suite) {
	k := s.put(1, s.granted(read(newTable(), "a", tagA)))
	text, rest, longer, none := *k, *k, *k, *k
	text.Text += " "
	rest.Rest = slices.Clone(k.Rest)
	rest.Rest[len(rest.Rest)-1]++
	longer.Rest = append(slices.Clone(k.Rest), 0)
	none.Rest = nil
	for _, other := range []*cacheops.Key{&text, &rest, &longer, &none} {
		s.miss(other)
		s.hit(k, 1)
	}
	s.ok(s.Store.Delete(s.ctx, &rest))
	s.hit(k, 1)
}

func testTTL(s *suite) {
	k, short := newKey(), 100*time.Millisecond
	g := s.granted(read(newTable(), "a", tagA))
	s.ok(s.Store.Put(s.ctx, k, &cacheops.Entry{Value: number(1), Deps: g.Deps, TTL: short}))
	s.hit(k, 1)
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(short / 10)
	defer tick.Stop()
	for {
		if _, err := s.Store.Get(s.ctx, k); errors.Is(err, cacheops.ErrMiss) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.Fatal("the entry outlives its TTL")
		}
	}
}

func testNoDeps(s *suite) {
	s.hit(s.put(3, cacheops.Grant{}), 3)
}

func testReplace(s *suite) {
	g := s.granted(read(newTable(), "a", tagA))
	k := s.put(1, g)
	s.ok(s.Store.Put(s.ctx, k, &cacheops.Entry{Value: number(2), Deps: g.Deps, TTL: suiteTTL}))
	s.hit(k, 2)
}

func testPutLate(s *suite) {
	table := newTable()
	g := s.granted(read(table, "a", tagA))
	w := s.begin(s.write(table, tagA))
	k := s.put(1, g)
	s.miss(k)
	s.end(w, table)
	s.miss(k)
	s.granted(read(table, "a", tagA))
	s.miss(k)

	made := cacheops.Dep{Table: newTable(), Tag: tagA, Stamp: 12345}
	s.miss(s.put(1, cacheops.Grant{Deps: []cacheops.Dep{made}}))
	zero := cacheops.Dep{Table: newTable(), Tag: tagA}
	s.miss(s.put(1, cacheops.Grant{Deps: []cacheops.Dep{zero}}))
}

func testAllStamps(s *suite) {
	one, two := newTable(), newTable()
	for _, drop := range []struct {
		table string
		tag   cacheops.Tag
	}{{one, tagA}, {one, tagB}, {one, cacheops.TableTag}, {two, tagC}, {two, cacheops.TableTag}} {
		k := s.put(1, s.granted(read(one, "ab", tagA, tagB), read(two, "c", tagC)))
		s.hit(k, 1)
		s.end(s.begin(s.write(drop.table, drop.tag)), drop.table)
		s.miss(k)
	}
}

func testManyStamps(s *suite) {
	table := newTable()
	tags := make([]cacheops.Tag, 100)
	for i := range tags {
		tags[i] = cacheops.Tag(1000 + i)
	}
	for _, i := range []int{0, 1, 2, 3, 50, 99} {
		k := s.put(number(i), s.granted(read(table, "many", tags...)))
		s.hit(k, number(i))
		s.end(s.begin(s.write(table, tags[i])), table)
		s.miss(k)
	}
}

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
