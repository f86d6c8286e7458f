package dep

import "slices"

// onto returns the values of s's slots that w, a shape with a subset of s's
// slots, needs, or false where w does not cover s: where a row could lie in a
// region of s, or a write matter to it, without doing so to w's.
func (s *Shape) onto(w *Shape, values []uint64) ([]uint64, bool) {
	if !w.Used.Contains(s.Used) || w.Found && !s.Found {
		return nil, false
	}
	var out []uint64
	i := 0
	for _, slot := range w.Slots {
		for i < len(s.Slots) && s.Slots[i] != slot {
			i++
		}
		if i == len(s.Slots) {
			return nil, false
		}
		out = append(out, values[i])
		i++
	}
	return out, true
}

// Widen returns the most precise of the shapes that covers s, with its values,
// or nil if none does. nil shapes are passed over.
func (s *Shape) Widen(values []uint64, shapes []*Shape) (*Shape, []uint64) {
	var best *Shape
	var bestValues []uint64
	for _, w := range shapes {
		if w == nil || best != nil && !w.preciser(best) {
			continue
		}
		if v, ok := s.onto(w, values); ok {
			best, bestValues = w, v
		}
	}
	return best, bestValues
}

// preciser orders covering shapes: more atoms first, then the variant that
// inserts leave alone, then fewer columns.
func (s *Shape) preciser(t *Shape) bool {
	switch {
	case len(s.Slots) != len(t.Slots):
		return len(s.Slots) > len(t.Slots)
	case s.Found != t.Found:
		return s.Found
	case s.Used.All != t.Used.All:
		return t.Used.All
	}
	return len(s.Used.Names) < len(t.Used.Names)
}

// SameSlots reports whether s and t restrict the same columns in the same way,
// for the same variant.
func (s *Shape) SameSlots(t *Shape) bool {
	return s.Found == t.Found && slices.Equal(s.Slots, t.Slots)
}

// Using returns s with other columns used, which must contain s's own.
func (s *Shape) Using(used Columns) *Shape {
	w := &Shape{Slots: s.Slots, Used: used, Found: s.Found}
	w.seal()
	return w
}
