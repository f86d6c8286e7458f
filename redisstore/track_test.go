package redisstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

const lifeTable = "life/t"

func lifeReads(tags ...cacheops.Tag) []cacheops.TableRead {
	return []cacheops.TableRead{{Table: lifeTable, TTL: time.Minute, Shapes: []cacheops.ShapeTags{{Shape: "a", Tags: tags}}}}
}

// lifeKey is one of a few keys.
func lifeKey(i int) *cacheops.Key { return benchKey(i) }

// granted acquires the tag, lifting the doubt about a new table.
func granted(t testing.TB, s *Store, tag cacheops.Tag) cacheops.Grant {
	t.Helper()
	for range 2 {
		g, err := s.Acquire(t.Context(), lifeReads(tag))
		if err != nil {
			t.Fatal(err)
		}
		if g.Refused == cacheops.Granted {
			return g
		}
		for _, d := range g.Doubts {
			if err := s.Clear(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatal("refused")
	return cacheops.Grant{}
}

// keep fills an entry that depends on the tag.
func keep(t testing.TB, s *Store, k *cacheops.Key, tag cacheops.Tag) {
	t.Helper()
	g := granted(t, s, tag)
	if s.opts.Mode == Tracked {
		greet(t, s) // the stamps it made are pushed as well
	}
	if err := s.Put(t.Context(), k, &cacheops.Entry{Value: block("v"), Deps: g.Deps, TTL: time.Minute}); err != nil {
		t.Fatal(err)
	}
}

func greet(t testing.TB, s *Store) {
	t.Helper()
	if err := s.greet(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func hits(t testing.TB, s *Store, k *cacheops.Key) bool {
	t.Helper()
	_, err := s.Get(t.Context(), k)
	if err != nil && !errors.Is(err, cacheops.ErrMiss) {
		t.Fatal(err)
	}
	return err == nil
}

// dropped is a write that begins and ends.
func dropped(t testing.TB, s *Store, tags ...cacheops.Tag) {
	t.Helper()
	w := begun(t, s, tags...)
	if err := s.End(t.Context(), w, []string{lifeTable}); err != nil {
		t.Fatal(err)
	}
}

func begun(t testing.TB, s *Store, tags ...cacheops.Tag) cacheops.Writer {
	t.Helper()
	reg, err := s.Registry(t.Context(), lifeTable)
	if err != nil {
		t.Fatal(err)
	}
	w := cacheops.Writer{ID: nonzero(), Proof: "a proof"}
	moved, err := s.Begin(t.Context(), w, []cacheops.TableWrite{{Table: lifeTable, Epoch: reg.Epoch, Version: reg.Version, Tags: tags}})
	if err != nil || len(moved) > 0 {
		t.Fatal(moved, err)
	}
	return w
}

func TestTrackedAnswersWithoutTheServer(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{Mode: Tracked, Heartbeat: time.Minute})
	defer s.Close()
	keep(t, s, lifeKey(1), 7)
	greet(t, s)
	if err := b.server.Pause(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), lifeKey(1)); err != nil {
		t.Errorf("tracked: %v", err)
	}
	fresh := lifeKey(1)
	fresh.Fresh = true
	if _, err := s.Get(t.Context(), fresh); err == nil || errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("fresh: %v, want the server's silence", err)
	}
	if err := b.server.Resume(); err != nil {
		t.Fatal(err)
	}
}

// TestOwnWritesNeedNoPush: the server pushes nothing, and Begin drops all the same.
func TestOwnWritesNeedNoPush(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{Mode: Tracked, Heartbeat: time.Minute})
	defer s.Close()
	for _, tag := range []cacheops.Tag{7, cacheops.TableTag} {
		keep(t, s, lifeKey(1), 7)
		off := s.client.B().ClientTracking().Off().Build()
		if err := s.client.Do(t.Context(), off).Error(); err != nil {
			t.Fatal(err)
		}
		if !hits(t, s, lifeKey(1)) {
			t.Fatal("no hit")
		}
		w := begun(t, s, tag)
		if hits(t, s, lifeKey(1)) {
			t.Errorf("tag %d: what is about to be written over is served", tag)
		}
		if err := s.End(t.Context(), w, []string{lifeTable}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTrackedHearsOfOthersWrites(t *testing.T) {
	b := newBench(t)
	prefix := newPrefix()
	s := b.store(t, Options{Mode: Tracked, Prefix: prefix, Heartbeat: time.Minute})
	defer s.Close()
	other := b.store(t, Options{Prefix: prefix})
	defer other.Close()
	for _, tag := range []cacheops.Tag{7, cacheops.TableTag} {
		keep(t, s, lifeKey(1), 7)
		keep(t, s, lifeKey(2), 8)
		greet(t, s)
		if s.held(t.Context(), lifeKey(1)) == nil || s.held(t.Context(), lifeKey(2)) == nil {
			t.Fatal("not held")
		}
		dropped(t, other, tag)
		greet(t, s) // what was pushed before comes before the answer
		if s.held(t.Context(), lifeKey(1)) != nil {
			t.Errorf("tag %d: still held", tag)
		}
		if gone := s.held(t.Context(), lifeKey(2)) == nil; gone != (tag == cacheops.TableTag) {
			t.Errorf("tag %d: the other's entry gone: %v", tag, gone)
		}
	}
}

// TestPushOvertakesTheAnswer: an entry was found valid, its tag is dropped and
// pushed, and only then is it kept.
func TestPushOvertakesTheAnswer(t *testing.T) {
	b := newBench(t)
	prefix := newPrefix()
	s := b.store(t, Options{Mode: Tracked, Prefix: prefix, Heartbeat: time.Minute})
	defer s.Close()
	other := b.store(t, Options{Prefix: prefix})
	defer other.Close()
	ctx := t.Context()
	h := &held{Value: block("old"), deps: granted(t, s, 7).Deps}
	greet(t, s)
	seen := s.pushes.seen()
	if ok, err := s.valid(ctx, h.deps); err != nil || !ok {
		t.Fatal(ok, err)
	}
	dropped(t, other, 7)
	greet(t, s)
	s.hold(ctx, lifeKey(1), h, time.Minute, seen)
	if s.held(ctx, lifeKey(1)) != nil {
		t.Error("kept what was dropped")
	}
}

// lastHit calls until it hits no more, and returns how long that took.
func lastHit(t *testing.T, s *Store, k *cacheops.Key, from time.Time) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var last time.Duration
	for ctx.Err() == nil {
		if _, err := s.Get(ctx, k); err != nil {
			return last
		}
		last = time.Since(from)
	}
	t.Fatal("it goes on hitting")
	return 0
}

func TestSilentServerIsNotTrusted(t *testing.T) {
	const bound = 500 * time.Millisecond
	b := newBench(t)
	s := b.store(t, Options{Mode: Tracked, Heartbeat: bound})
	defer s.Close()
	keep(t, s, lifeKey(1), 7)
	greet(t, s)
	if !hits(t, s, lifeKey(1)) {
		t.Fatal("no hit")
	}
	from := time.Now()
	if err := b.server.Pause(); err != nil {
		t.Fatal(err)
	}
	last := lastHit(t, s, lifeKey(1), from)
	t.Logf("the last hit was %v after the server froze, the bound is %v", last, bound)
	if last > bound+bound/2 { // the timer's and the machine's share
		t.Errorf("hits for %v", last)
	}
	if err := b.server.Resume(); err != nil {
		t.Fatal(err)
	}
}

func TestLostConnectionEmptiesTheTier(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{Mode: Tracked, Heartbeat: time.Minute})
	defer s.Close()
	keep(t, s, lifeKey(1), 7)
	greet(t, s)
	if !hits(t, s, lifeKey(1)) {
		t.Fatal("no hit")
	}
	if err := b.server.Kill(); err != nil {
		t.Fatal(err)
	}
	from := time.Now()
	t.Logf("the last hit was %v after the kill", lastHit(t, s, lifeKey(1), from))
	// The tier is not served first, and empty then.
	within(t, "the tier is emptied", func() bool { return s.local.Stats().Entries == 0 })
	if err := b.server.Restart(); err != nil {
		t.Fatal(err)
	}
}

func TestNames(t *testing.T) {
	n := newNames("p")
	for _, name := range []string{"main/articles", "", "}", "a}b{c", "\x00/", "a:b", string(make([]byte, 100))} {
		tb := n.of(name, anyPlace)
		for _, tag := range []cacheops.Tag{cacheops.TableTag, 1, 1 << 63, 0x7d7d7d7d3a7d7d7d} {
			table, got, ok := n.parse(string(tb.appendStamp(nil, tag)))
			if !ok || table != tb.short || got != tag {
				t.Errorf("table %q, tag %x: %q, %x, %v", name, tag, table, got, ok)
			}
		}
	}
	if _, _, ok := n.parse("p:v:0123456789abcdef"); ok {
		t.Error("an entry is no stamp")
	}
}
