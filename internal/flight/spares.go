package flight

import (
	"runtime"
	"sync"
)

// spares are goroutines that have run a load and wait for another one. A load
// goes deep into a driver, and a new goroutine would copy its stack again and
// again on the way there.
type spares struct {
	mu     sync.Mutex
	idle   []chan func() // the goroutines that wait, the latest last
	closed bool
	wg     sync.WaitGroup
}

// run runs f in another goroutine.
func (s *spares) run(f func()) {
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		last := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		last <- f
		return
	}
	s.mu.Unlock()
	s.wg.Go(func() { s.work(f) })
}

func (s *spares) work(f func()) {
	next := make(chan func(), 1)
	for ok := true; ok; f, ok = <-next {
		f()
		if !s.park(next) {
			return
		}
	}
}

// park puts a goroutine among those that wait, unless there are enough.
func (s *spares) park(next chan func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.idle) >= runtime.GOMAXPROCS(0) {
		return false
	}
	s.idle = append(s.idle, next)
	return true
}

// close ends those that wait, and waits for the others.
func (s *spares) close() {
	s.mu.Lock()
	s.closed = true
	for _, next := range s.idle {
		close(next)
	}
	s.idle = nil
	s.mu.Unlock()
	s.wg.Wait()
}
