package trial

import "slices"

// WarmEach warms q with each argument below n.
func (w *World) WarmEach(q string, n int) {
	w.Helper()
	for i := range n {
		w.Warm(q, i)
	}
}

// SameEach compares q with each argument below n.
func (w *World) SameEach(q string, n int) {
	w.Helper()
	for i := range n {
		w.Same(q, i)
	}
}

// DropsOf warms q with each argument below n, and returns a function that checks
// with which of them a write has dropped it: with the others it is a hit.
func (w *World) DropsOf(q string, n int) func(after string, dropped ...int) {
	w.Helper()
	w.WarmEach(q, n)
	return func(after string, dropped ...int) {
		w.Helper()
		for i := range n {
			if hit := w.Same(q, i); hit == slices.Contains(dropped, i) {
				w.Errorf("%s: hit of %s with %d: %v", after, q, i, hit)
			}
		}
	}
}
