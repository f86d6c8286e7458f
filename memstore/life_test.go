package memstore

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cacheops/cacheops"
)

func lifeRead(shape string, tags ...cacheops.Tag) []cacheops.TableRead {
	return []cacheops.TableRead{{Table: benchTable, TTL: time.Minute, Shapes: []cacheops.ShapeTags{{Shape: shape, Tags: tags}}}}
}

func mustAcquire(t *testing.T, s *Store, reads []cacheops.TableRead) cacheops.Grant {
	t.Helper()
	g, err := s.Acquire(context.Background(), reads)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func mustPut(t *testing.T, s *Store, k *cacheops.Key, g cacheops.Grant, ttl time.Duration) {
	t.Helper()
	if err := s.Put(context.Background(), k, &cacheops.Entry{Value: block("v"), Deps: g.Deps, TTL: ttl}); err != nil {
		t.Fatal(err)
	}
}

func hits(s *Store, k *cacheops.Key) bool {
	_, err := s.Get(context.Background(), k)
	return err == nil
}

func shapesOf(t *testing.T, s *Store) []string {
	t.Helper()
	r, err := s.Registry(context.Background(), benchTable)
	if err != nil {
		t.Fatal(err)
	}
	return r.Shapes
}

func TestGetAllocatesNothing(t *testing.T) {
	s := New(0)
	defer s.Close()
	fill(t, s, 100, 3, block("value"))
	ctx, keys := context.Background(), benchKeys(100)
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Get(ctx, keys[i%100]); err != nil {
			t.Fatal(err)
		}
		i++
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEvictionKeepsTheBound(t *testing.T) {
	const most = 256 << 10
	s := New(most)
	defer s.Close()
	fill(t, s, 5000, 2, block(make([]byte, 100)))
	s.entries.CleanUp()
	st := s.Stats()
	if st.Bytes > most || st.Bytes < most/2 {
		t.Errorf("%d bytes kept of %d", st.Bytes, most)
	}
	if st.Evictions == 0 || uint64(st.Entries)+st.Evictions != 5000 {
		t.Errorf("%+v after 5000 entries", st)
	}
	check(t, s)
}

func TestPutDeclinesTheLarge(t *testing.T) {
	s := New(80 << 10)
	defer s.Close()
	for size, want := range map[int]bool{1 << 10: true, 11 << 10: false, 1 << 20: false} {
		k := benchKey(size)
		if err := s.Put(context.Background(), k, &cacheops.Entry{Value: block(make([]byte, size)), TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if hits(s, k) != want {
			t.Errorf("an entry of %d bytes: kept %v", size, !want)
		}
	}
}

func TestTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(0)
		defer s.Close()
		k, other := benchKey(1), benchKey(2)
		g := mustAcquire(t, s, lifeRead("a", 1))
		mustPut(t, s, k, g, time.Minute)
		mustPut(t, s, other, g, 3*time.Minute)
		time.Sleep(time.Minute - 2*resolution)
		if !hits(s, k) {
			t.Error("gone early")
		}
		time.Sleep(3 * resolution)
		if hits(s, k) || !hits(s, other) {
			t.Error("kept too long, or took another along")
		}
		if n := s.Stats().Entries; n != 1 {
			t.Errorf("%d entries, want the expired one dropped", n)
		}
		check(t, s)
	})
}

// TestAbandonedFills sees that stamps acquired for nothing go, and those that
// an entry holds stay.
func TestAbandonedFills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(0)
		defer s.Close()
		k := benchKey(1)
		mustPut(t, s, k, mustAcquire(t, s, lifeRead("a", 0xffff)), time.Hour)
		for i := range 100 {
			mustAcquire(t, s, lifeRead("a", cacheops.Tag(i+1)))
		}
		tb := s.table(benchTable)
		if n := tb.stamps.len(); n != 102 {
			t.Errorf("%d stamps, want 102", n)
		}
		time.Sleep(grace + time.Second)
		for range 60 {
			mustAcquire(t, s, lifeRead("a", 0xffff))
		}
		if n := tb.stamps.len(); n != 2 {
			t.Errorf("%d stamps are left, want the entry's 2", n)
		}
		if !hits(s, k) {
			t.Error("the entry is gone")
		}
		check(t, s)
	})
}

func TestPendingIsBounded(t *testing.T) {
	s := New(0)
	defer s.Close()
	first := mustAcquire(t, s, lifeRead("a", 1))
	for i := range 2 * maxPending {
		mustAcquire(t, s, lifeRead("a", cacheops.Tag(i+2)))
	}
	tb := s.table(benchTable)
	if n := tb.stamps.len(); n > maxPending {
		t.Errorf("%d stamps for abandoned fills", n)
	}
	if n := cap(tb.pending.slots); n > 4*maxPending {
		t.Errorf("a queue of %d slots", n)
	}
	k := benchKey(1)
	mustPut(t, s, k, first, time.Hour)
	if hits(s, k) {
		t.Error("an entry whose stamp was given up")
	}
	check(t, s)
}

func TestStampsGoWithTheirEntries(t *testing.T) {
	s := New(0)
	defer s.Close()
	fill(t, s, 1000, 3, block("v"))
	tb := s.table(benchTable)
	tb.mu.Lock()
	for tb.pending.head < len(tb.pending.slots) {
		tb.popPending()
	}
	tb.mu.Unlock()
	check(t, s)
	if n := tb.stamps.len(); n != 1+3+1000 {
		t.Errorf("%d stamps, want %d", n, 1+3+1000)
	}
	for i := range 1000 {
		if err := s.Delete(context.Background(), benchKey(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := tb.stamps.len(); n != 0 {
		t.Errorf("%d stamps without an entry", n)
	}
	check(t, s)
}

func TestShapesLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(0)
		defer s.Close()
		short, long, dropped := benchKey(1), benchKey(2), benchKey(3)
		mustPut(t, s, short, mustAcquire(t, s, lifeRead("short", 1)), time.Minute)
		mustPut(t, s, long, mustAcquire(t, s, lifeRead("long", 2)), time.Hour)
		mustPut(t, s, dropped, mustAcquire(t, s, lifeRead("dropped", 3)), time.Hour)
		mustAcquire(t, s, lifeRead("asked only", 4))
		version := s.table(benchTable).version
		if err := s.Delete(context.Background(), dropped); err != nil {
			t.Fatal(err)
		}
		if got := shapesOf(t, s); len(got) != 4 {
			t.Errorf("shapes %q right after", got)
		}
		time.Sleep(grace + 2*time.Second)
		if got := shapesOf(t, s); !slices.Contains(got, "long") || slices.Contains(got, "short") {
			t.Errorf("shapes %q after the short entry's end", got)
		}
		if !hits(s, long) || hits(s, short) {
			t.Error("the entries do not go with their shapes")
		}
		g := mustAcquire(t, s, lifeRead("short", 1))
		if sh := s.table(benchTable).shapes["short"]; sh.registered <= version || g.Refused != cacheops.Granted {
			t.Errorf("registered anew as version %d after %d", sh.registered, version)
		}
		time.Sleep(time.Hour)
		mustAcquire(t, s, lifeRead("one", 9))
		time.Sleep(2 * time.Second)
		if got := shapesOf(t, s); !slices.Equal(got, []string{"one"}) {
			t.Errorf("shapes %q in the end", got)
		}
	})
}

// TestShapeGoneMeansEntryInvalid: a write that no longer knows of a shape must
// not leave a valid entry of it behind, nor may a late fill bring one.
func TestShapeGoneMeansEntryInvalid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(0)
		defer s.Close()
		g := mustAcquire(t, s, lifeRead("a", 1))
		k, late := benchKey(1), benchKey(2)
		mustPut(t, s, k, g, time.Minute)
		time.Sleep(grace + 2*time.Second)
		if got := shapesOf(t, s); len(got) != 0 {
			t.Fatalf("shapes %q", got)
		}
		mustPut(t, s, late, g, time.Hour)
		if hits(s, k) || hits(s, late) {
			t.Error("an entry of a forgotten shape is served")
		}
		again := mustAcquire(t, s, lifeRead("a", 1))
		if again.Deps[1].Stamp == g.Deps[1].Stamp {
			t.Error("the shape came back with its old stamp")
		}
	})
}

// TestCollidingTags: a tag that two shapes share is counted with the first. The
// second must not leave the registry for lack of stamps of its own.
func TestCollidingTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(0)
		defer s.Close()
		mustPut(t, s, benchKey(1), mustAcquire(t, s, lifeRead("a", 1)), time.Hour)
		k := benchKey(2)
		mustPut(t, s, k, mustAcquire(t, s, lifeRead("b", 1)), time.Hour)
		time.Sleep(grace + 2*time.Second)
		if got := shapesOf(t, s); !hits(s, k) || !slices.Contains(got, "b") {
			t.Errorf("shapes %q", got)
		}
	})
}

// closing is a value that closes the store while it is put there.
type closing struct{ *Store }

func (c closing) Size() int                           { _ = c.Close(); return 1 } // Close cannot fail
func (closing) AppendBinary(p []byte) ([]byte, error) { return p, nil }

func TestWhatIsPutDuringCloseIsDropped(t *testing.T) {
	s, k := New(0), benchKey(1)
	put(t, s, k, closing{s})
	if hits(s, k) || s.Stats().Entries != 0 {
		t.Errorf("after Close: %+v", s.Stats())
	}
}

func TestReset(t *testing.T) {
	ctx := context.Background()
	s := New(0)
	defer s.Close()
	k := benchKey(1)
	mustPut(t, s, k, mustAcquire(t, s, lifeRead("a", 1)), time.Hour)
	before, err := s.Registry(ctx, benchTable)
	if err != nil {
		t.Fatal(err)
	}
	w := cacheops.Writer{ID: 7}
	if _, err := s.Begin(ctx, w, []cacheops.TableWrite{{Table: benchTable, Epoch: before.Epoch, Version: before.Version, Tags: []cacheops.Tag{5}}}); err != nil {
		t.Fatal(err)
	}
	s.Reset()
	after, err := s.Registry(ctx, benchTable)
	if err != nil {
		t.Fatal(err)
	}
	if hits(s, k) || after.Epoch == before.Epoch || len(after.Shapes) != 0 || s.Stats().Entries != 0 {
		t.Errorf("after a reset: %+v, %+v", after, s.Stats())
	}
	if g := mustAcquire(t, s, lifeRead("a", 5)); g.Refused != cacheops.IntentHeld {
		t.Errorf("refusal %d under the writer's intent", g.Refused)
	}
	if g := mustAcquire(t, s, lifeRead("a", 1)); g.Refused != cacheops.ShapeUnseen {
		t.Errorf("refusal %d of a shape the writer cannot know", g.Refused)
	}
	if err := s.End(ctx, w, []string{benchTable}); err != nil {
		t.Fatal(err)
	}
	if g := mustAcquire(t, s, lifeRead("a", 1)); g.Refused != cacheops.Granted {
		t.Errorf("refusal %d after the writer's end", g.Refused)
	}
	check(t, s)
}

func TestClose(t *testing.T) {
	ctx := context.Background()
	s := New(0)
	k := benchKey(1)
	mustPut(t, s, k, mustAcquire(t, s, lifeRead("a", 1)), time.Hour)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if hits(s, k) {
		t.Error("a hit after Close")
	}
	if _, err := s.Acquire(ctx, lifeRead("a", 1)); !errors.Is(err, errClosed) {
		t.Errorf("acquire: %v", err)
	}
	if _, err := s.Begin(ctx, cacheops.Writer{ID: 1}, nil); !errors.Is(err, errClosed) {
		t.Errorf("begin: %v", err)
	}
	if err := s.End(ctx, cacheops.Writer{ID: 1}, []string{benchTable}); err != nil {
		t.Errorf("end: %v", err)
	}
}

// TestRefusedShapeStays: a shape without a stamp is one that a fill was just
// refused for, and the next writer must learn of it.
func TestRefusedShapeStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(0)
		defer s.Close()
		w := []cacheops.TableWrite{{Table: benchTable, Unverified: true, Tags: []cacheops.Tag{cacheops.TableTag}}}
		if _, err := s.Begin(context.Background(), cacheops.Writer{ID: 1}, w); err != nil {
			t.Fatal(err)
		}
		if g := mustAcquire(t, s, lifeRead("a", 1)); g.Refused != cacheops.IntentHeld {
			t.Fatalf("refusal %d", g.Refused)
		}
		time.Sleep(3 * sweepEvery)
		if got := shapesOf(t, s); !slices.Equal(got, []string{"a"}) {
			t.Errorf("shapes %q", got)
		}
	})
}
