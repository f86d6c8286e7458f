package redisstore

import (
	"testing"
	"time"
)

func TestFlush(t *testing.T) {
	for name, b := range map[string]*bench{"one server": newBench(t), "a Cluster": newClusterBench(t)} {
		t.Run(name, func(t *testing.T) {
			s, other := b.store(t, Options{}), b.store(t, Options{})
			defer s.Close()
			defer other.Close()
			keep(t, other, lifeKey(1), 7)
			for i := range 100 {
				keep(t, s, lifeKey(i), 7)
			}
			last := 0
			n, err := s.Flush(t.Context(), func(deleted int) { last = deleted })
			if err != nil || n != 103 || last != n { // 100 entries, two stamps and the table's state
				t.Errorf("%d deleted, %d reported, %v", n, last, err)
			}
			if hits(t, s, lifeKey(1)) || !hits(t, other, lifeKey(1)) {
				t.Error("it keeps what is ours, or takes what is not")
			}
			quarantined(t, s)
		})
	}
}

// TestFlushLeavesALongerPrefix: one store's prefix begins another's.
func TestFlushLeavesALongerPrefix(t *testing.T) {
	b := newBench(t)
	prefix := newPrefix()
	s := b.store(t, Options{Prefix: prefix})
	defer s.Close()
	if err := s.SetBytes(t.Context(), "name", []byte("mine"), time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, longer := range []string{":eu", ":v", ":b", ":t", ":e", ":l"} {
		other := b.store(t, Options{Prefix: prefix + longer})
		defer other.Close()
		keep(t, other, lifeKey(1), 7)
		if err := other.SetBytes(t.Context(), "name", []byte("theirs"), time.Minute); err != nil {
			t.Fatal(err)
		}
		n, err := s.Flush(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.GetBytes(t.Context(), "name"); err != nil || !hits(t, other, lifeKey(1)) {
			t.Errorf("the prefix with %q after it: %d keys deleted, %v", longer, n, err)
		}
	}
	if _, err := s.GetBytes(t.Context(), "name"); err == nil {
		t.Error("what is ours is left")
	}
}
