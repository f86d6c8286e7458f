package dep

import "slices"

// Matcher computes which tags changes drop among a table's shapes. It is made
// once for a registry and used for every write, so it keeps what the shapes
// have in common: a write looks each column up once, not once per shape. It is
// immutable and may be used from many goroutines.
type Matcher struct {
	cols   []string // those that shapes restrict
	shapes []matched
	bits   map[string]uint64 // of the columns used, one each; see mask
}

// matched is a shape with its slots' columns as indexes into Matcher.cols.
type matched struct {
	*Shape
	cols       []int
	restricted uint64 // cols as a mask; see bit
	used       uint64 // the mask of Used
}

// hashed is a value with its hash, which many shapes ask for.
type hashed struct {
	Value
	hash uint64
}

// NewMatcher returns a matcher for shapes; nil ones are passed over.
func NewMatcher(shapes []*Shape) *Matcher {
	m := &Matcher{bits: make(map[string]uint64)}
	index := make(map[string]int)
	for _, s := range shapes {
		if s == nil {
			continue
		}
		w := matched{Shape: s, cols: make([]int, len(s.Slots))}
		for i, slot := range s.Slots {
			at, ok := index[slot.Col]
			if !ok {
				at = len(m.cols)
				index[slot.Col] = at
				m.cols = append(m.cols, slot.Col)
			}
			w.cols[i] = at
			w.restricted |= bit(at)
		}
		for _, name := range s.Used.Names {
			if m.bits[name] == 0 {
				m.bits[name] = bit(len(m.bits))
			}
			w.used |= m.bits[name]
		}
		m.shapes = append(m.shapes, w)
	}
	return m
}

// bit is the n-th column's in a mask. Columns beyond the 64th share the last
// one: they are taken for one, which drops more and never less.
func bit(n int) uint64 { return 1 << min(n, 63) }

// mask returns the bits of those of c's columns that a shape names.
func (m *Matcher) mask(c Columns) (bits uint64) {
	for _, name := range c.Names {
		bits |= m.bits[name]
	}
	return bits
}

// touches reports whether an update of the columns set, whose mask is given,
// can matter to reads of the shape.
func (w *matched) touches(set Columns, mask uint64) bool {
	switch {
	case w.Used.All:
		return set.All || len(set.Names) > 0
	case set.All:
		return w.used != 0
	}
	return w.used&mask != 0
}

// AppendDrops appends the tags that c drops among the regions of the shapes: at
// most one for each shape and image, none where c cannot touch one. Those of one
// old and one new image differ from each other. It is not for AnyOp, which drops
// the table's tag.
func (m *Matcher) AppendDrops(tags []Tag, c *Change) []Tag {
	tags = slices.Grow(tags, len(m.shapes))
	mask := uint64(0)
	if c.Op == Update {
		mask = m.mask(c.Set)
	}
	var buf [2 * usualCols]hashed
	rows := buf[:]
	if 2*len(m.cols) > len(rows) {
		rows = make([]hashed, 2*len(m.cols))
	}
	a, b := rows[:len(m.cols)], rows[len(m.cols):2*len(m.cols)]
	for i := range max(len(c.Old), len(c.New)) {
		differ := m.pair(a, b, c, i)
		for j := range m.shapes {
			w := &m.shapes[j]
			if c.Op == Insert && w.Found || c.Op == Update && !w.touches(c.Set, mask) {
				continue
			}
			tags = w.appendPair(tags, a, b, differ)
		}
	}
	return tags
}

// usualCols is how many columns shapes restrict in most tables.
const usualCols = 16

// pair reads the i-th old and the i-th new image of c into a and b, and returns
// the mask of the columns in which they differ: none where there is one alone.
// An update leaves most of what shapes restrict as it was.
func (m *Matcher) pair(a, b []hashed, c *Change, i int) (differ uint64) {
	first, second := c.Old, c.New
	if i >= len(first) {
		first, second = second, nil
	}
	for j, col := range m.cols {
		v := first[i].Get(col)
		a[j] = hashed{v, v.hash()}
		if i >= len(second) {
			continue
		}
		if v := second[i].Get(col); v != a[j].Value {
			b[j] = hashed{v, v.hash()}
			differ |= bit(j)
		} else {
			b[j] = a[j]
		}
	}
	return differ
}

// appendPair appends the tags of two rows, once if they have one in common.
func (w *matched) appendPair(tags []Tag, a, b []hashed, differ uint64) []Tag {
	t, ok := w.tag(a)
	if ok {
		tags = append(tags, t)
	}
	if w.restricted&differ != 0 {
		if u, okU := w.tag(b); okU && (!ok || u != t) {
			tags = append(tags, u)
		}
	}
	return tags
}

// tag returns the one tag that meets every region of the shape that the row
// could lie in. ok is false if it lies in no such region.
func (w *matched) tag(row []hashed) (t Tag, ok bool) {
	var buf [maxAtoms]uint64
	values, best, known := buf[:len(w.Slots)], -1, 0
	for i := range w.Slots {
		slot := &w.Slots[i]
		v, where := slot.of(&row[w.cols[i]])
		switch where {
		case Nowhere:
			return 0, false
		case Anywhere:
			continue
		}
		values[i] = v
		known++
		if best < 0 || slot.finer(&w.Slots[best]) {
			best = i
		}
	}
	switch {
	case known == len(w.Slots) && known > 0:
		return w.full(values), true
	case known > 0:
		return w.single(best, values[best]), true
	}
	return w.empty(), true
}
