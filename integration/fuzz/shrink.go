package fuzz

import "slices"

// Shrink drops steps and setup from a script for as long as fails says that it
// still fails, and stop does not say that it is enough. The script that it
// returns fails.
func Shrink(s *Script, fails func(*Script) bool, stop func() bool) *Script {
	s = withoutReads(s, fails)
	for {
		before := len(s.Ops) + len(s.Setup)
		s = shrinkWith(s, stop, fails, func(c *Script) *[]Op { return &c.Ops })
		s = shrinkWith(s, stop, fails, func(c *Script) *[]string { return &c.Setup })
		s = shrinkWith(s, stop, fails, func(c *Script) *[]string { return &c.Pragmas })
		if len(s.Ops)+len(s.Setup) == before || stop() {
			return s
		}
	}
}

// shrinkWith removes chunks of one list, large ones first.
func shrinkWith[T any](s *Script, stop func() bool, fails func(*Script) bool, list func(*Script) *[]T) *Script {
	for size := max(1, len(*list(s))/2); size > 0; size /= 2 {
		for from := len(*list(s)) - size; from > -size; from -= size {
			if stop() {
				return s
			}
			at, to := max(0, from), from+size
			c := *s
			l := list(&c)
			if to > len(*l) {
				continue
			}
			*l = slices.Delete(slices.Clone(*l), at, to)
			if fails(&c) {
				s = &c
			}
		}
	}
	return s
}

// withoutReads leaves out, at once, the reads that are not the last one, which
// fails, if it then still does: they are most of a script.
func withoutReads(s *Script, fails func(*Script) bool) *Script {
	if len(s.Ops) == 0 {
		return s
	}
	last := &s.Ops[len(s.Ops)-1]
	for _, keep := range []func(op *Op) bool{
		func(op *Op) bool { return op.SQL == last.SQL && op.Session == last.Session },
		func(op *Op) bool { return op.SQL == last.SQL },
	} {
		c := *s
		c.Ops = slices.DeleteFunc(slices.Clone(s.Ops), func(op Op) bool { return op.Read && !keep(&op) })
		if fails(&c) {
			return &c
		}
	}
	return s
}
