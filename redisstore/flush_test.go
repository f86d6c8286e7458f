package redisstore

import "testing"

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
