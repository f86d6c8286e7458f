package cacheops

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// A goroutine that a function has left behind may call a function that has the
// first one's result: then each would be handed to the other, and told of its own
// reads again and again.
func TestFramesAreHandedOnInNoCircle(t *testing.T) {
	c := &Cache{cfg: Config{MaxTags: 1}}
	first, second, third := &frame{cache: c}, &frame{cache: c}, &frame{cache: c}
	first.handOn(second)
	second.handOn(third)
	third.handOn(first)
	third.take(c, []Dep{{Table: "a", Tag: 2, Stamp: 1}}, time.Time{})
	for _, f := range []*frame{first, second, third} {
		if how, _ := f.verdict(); how != unordered {
			t.Errorf("a result that may lack what it depends on is kept: %d", how)
		}
	}
}

// The same, where the last two links of the circle are made at once.
func TestFramesAreHandedOnAtOnce(t *testing.T) {
	c := &Cache{cfg: Config{MaxTags: 1}}
	for range 10000 {
		var f [4]frame
		for i := range f {
			f[i].cache = c
		}
		f[0].handOn(&f[1])
		f[2].handOn(&f[3])
		f[1].mu.Lock() // so that both have begun before one of them has ended
		f[3].mu.Lock()
		var wg sync.WaitGroup
		wg.Go(func() { f[1].handOn(&f[2]) })
		wg.Go(func() { f[3].handOn(&f[0]) })
		for range 10 {
			runtime.Gosched()
		}
		f[1].mu.Unlock()
		f[3].mu.Unlock()
		wg.Wait()
		f[0].take(c, []Dep{{Table: "a", Tag: 2, Stamp: 1}}, time.Time{})
		if how, _ := f[0].verdict(); how != unordered {
			t.Fatalf("a result that may lack what it depends on is kept: %d", how)
		}
	}
}
