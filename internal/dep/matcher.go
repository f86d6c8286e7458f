package dep

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
	cols []int
	used uint64 // the mask of Used
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
		}
		for _, name := range s.Used.Names {
			if m.bits[name] == 0 {
				// Columns beyond the 64th share the last bit: they are taken for one,
				// which drops more and never less.
				m.bits[name] = 1 << min(len(m.bits), 63)
			}
			w.used |= m.bits[name]
		}
		m.shapes = append(m.shapes, w)
	}
	return m
}

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
// most one for each shape and image, none where c cannot touch one. It is not
// for AnyOp, which drops the table's tag.
func (m *Matcher) AppendDrops(tags []Tag, c *Change) []Tag {
	mask := uint64(0)
	if c.Op == Update {
		mask = m.mask(c.Set)
	}
	row := make([]hashed, len(m.cols))
	for _, images := range [...][]Image{c.Old, c.New} {
		for _, img := range images {
			for i, col := range m.cols {
				row[i].Value = img.Get(col)
				row[i].hash = row[i].Value.hash()
			}
			for i := range m.shapes {
				w := &m.shapes[i]
				if c.Op == Insert && w.Found || c.Op == Update && !w.touches(c.Set, mask) {
					continue
				}
				tags = w.appendRow(tags, row)
			}
		}
	}
	return tags
}

// appendRow appends the one tag that meets every region of the shape that the
// row could lie in, or none if it lies in no such region.
func (w *matched) appendRow(tags []Tag, row []hashed) []Tag {
	var buf [maxAtoms]uint64
	values, best, known := buf[:len(w.Slots)], -1, 0
	for i := range w.Slots {
		slot := &w.Slots[i]
		v, where := slot.of(&row[w.cols[i]])
		switch where {
		case Nowhere:
			return tags
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
		return append(tags, w.full(values))
	case known > 0:
		return append(tags, w.single(best, values[best]))
	}
	return append(tags, w.empty())
}
