package cacheops

import (
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
