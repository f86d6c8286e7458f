package memstore

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cacheops/cacheops"
)

// put keeps a value that depends on nothing, as that of a function kept by time
// alone.
func put(t *testing.T, s *Store, k *cacheops.Key, v cacheops.Value) {
	t.Helper()
	if err := s.Put(context.Background(), k, &cacheops.Entry{Value: v, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsReplacedOrDeletedLeavesTheFront(t *testing.T) {
	s := New(0)
	defer s.Close()
	k := benchKey(1)
	for i := range byte(100) {
		put(t, s, k, block{i})
		for range 3 { // from the index, from the front, and once a tick from the index again
			if v, err := s.Get(context.Background(), k); err != nil || v.(block)[0] != i {
				t.Fatalf("%d was put, got %v, %v", i, v, err)
			}
		}
		if i%10 == 0 {
			if err := s.Delete(context.Background(), k); err != nil || hits(s, k) {
				t.Fatalf("hit after Delete, %v", err)
			}
		}
	}
}

// TestNobodySeesWhatWasReplaced is the same with readers that put entries in front
// while they are being replaced.
func TestNobodySeesWhatWasReplaced(t *testing.T) {
	s := New(0)
	defer s.Close()
	var last atomic.Int64
	var wg sync.WaitGroup
	put(t, s, benchKey(1), number(0))
	for range 2 {
		wg.Go(func() {
			k := benchKey(1)
			for last.Load() < 50_000 {
				before := last.Load()
				if v, err := s.Get(context.Background(), k); err == nil && int64(v.(number)) < before {
					t.Errorf("%d was put, got %d", before, v)
					return
				}
			}
		})
	}
	for i := range int64(50_000) {
		put(t, s, benchKey(1), number(i+1))
		last.Store(i + 1)
	}
	wg.Wait()
}

type number int64

func (number) Size() int                             { return 8 }
func (number) AppendBinary(b []byte) ([]byte, error) { return b, nil }

// TestALateReaderBringsNothingBack: a reader may have found an entry in the index
// before it was removed, and put it in front after.
func TestALateReaderBringsNothingBack(t *testing.T) {
	s := New(0)
	defer s.Close()
	k := benchKey(1)
	put(t, s, k, number(1))
	e, _ := s.entries.GetIfPresent(k.Hash)
	if err := s.Delete(context.Background(), k); err != nil {
		t.Fatal(err)
	}
	p := s.front.place(k.Hash)
	p.entry.Store(e)
	p.tick.Store(s.clock.NowNano())
	if hits(s, k) {
		t.Error("a deleted entry is served")
	}
	if p.take(e, 1); p.entry.Load() != nil {
		t.Error("a deleted entry is kept in memory")
	}
}

// TestTheFrontHoldsNothingElse: an entry that the store has no more is not kept in
// memory, past its bound, by a place in front.
func TestTheFrontHoldsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(256 << 10)
		defer s.Close()
		value := block(make([]byte, 100))
		for i := range 20_000 {
			k := benchKey(i)
			put(t, s, k, value)
			hits(s, k)
			if i%100 == 99 {
				time.Sleep(resolution)
			}
		}
		s.entries.CleanUp()
		held := 0
		for i := range s.front {
			switch e := s.front[i].entry.Load(); {
			case e == nil:
			case e.gone():
				t.Errorf("place %d holds an entry that was evicted", i)
			default:
				held++
			}
		}
		if held < 100 {
			t.Errorf("only %d entries are in front", held)
		}
		s.Reset()
		for i := range s.front {
			if s.front[i].entry.Load() != nil {
				t.Errorf("place %d holds an entry after Reset", i)
			}
		}
	})
}

// TestThePolicyKnowsTheFront: what is read all the time is not evicted because the
// policy no longer hears of it.
func TestThePolicyKnowsTheFront(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(256 << 10)
		defer s.Close()
		hot, value := benchKey(0), block(make([]byte, 1000))
		put(t, s, hot, value)
		for i := range 10_000 {
			if !hits(s, hot) {
				t.Fatalf("evicted after %d others", i)
			}
			once := benchKey(i + 1)
			put(t, s, once, value)
			hits(s, once)
			if i%10 == 0 {
				time.Sleep(resolution)
				synctest.Wait()
			}
		}
		if s.Stats().Evictions < 5000 {
			t.Errorf("only %d others were evicted", s.Stats().Evictions)
		}
	})
}
