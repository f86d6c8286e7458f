package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cacheops/cacheops"
)

// What the contract says of entries.

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
