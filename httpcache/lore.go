package httpcache

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// lore is what a site has learned from responses. It is forgotten when it grows too
// large, which costs a few requests their page, and no more than that.
type lore struct {
	seed   maphash.Seed
	mu     sync.RWMutex
	vary   map[place][]string
	passed map[uint64]time.Time // until when visits are handed on, by digest
}

const (
	maxLore = 4096
	// maxVary bounds the fields that the responses of one path may vary on.
	maxVary = 8
	// passFor is how long requests are handed on after a response that was not kept
	// because of what it is. They neither wait for each other then, nor lose their
	// ranges.
	passFor = 5 * time.Second
)

func newLore() lore { return lore{seed: maphash.MakeSeed()} }

func (l *lore) names(at place) []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.vary[at]
}

// learn adds to the fields that a path's responses vary on. It reports false where
// they are too many.
func (l *lore) learn(at place, names []string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Concat(l.vary[at], names)
	slices.Sort(all)
	if all = slices.Compact(all); len(all) > maxVary {
		return false
	}
	if l.vary == nil || len(l.vary) >= maxLore {
		l.vary = make(map[place][]string)
	}
	l.vary[at] = all
	return true
}

func (l *lore) pass(v *visit) {
	d := v.digest(l.seed)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.passed == nil || len(l.passed) >= maxLore {
		l.passed = make(map[uint64]time.Time)
	}
	l.passed[d] = time.Now().Add(passFor)
}

func (l *lore) passes(v *visit) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.passed) == 0 {
		return false
	}
	until, ok := l.passed[v.digest(l.seed)]
	return ok && time.Now().Before(until)
}
