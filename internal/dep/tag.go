package dep

// The tags of a shape with slots 0…k-1 are: full (every value), single(i)
// (slot i's value alone) and empty. With one slot full and single coincide,
// with none all three do.
const (
	emptyMark  = 0x45
	singleMark = 0x53
	fullMark   = 0x46
)

// partial is set in the tags that a write drops only where it does not know all
// of a row's values. They are two thirds of all stamps or more, and hardly ever
// asked for; a store that keeps them apart has the others close together.
const partial = 1

// Partial reports whether only a write that does not know a whole row drops t.
func (t Tag) Partial() bool { return t&partial != 0 }

func (s *Shape) empty() Tag {
	t := Tag(mix(s.id, emptyMark))
	if len(s.Slots) == 0 {
		return t &^ partial
	}
	return t | partial
}

func (s *Shape) single(i int, value uint64) Tag {
	return Tag(mix(mix(s.id, singleMark+uint64(i)<<8), value)) | partial
}

func (s *Shape) full(values []uint64) Tag {
	if len(values) == 1 {
		return s.single(0, values[0]) &^ partial
	}
	h := mix(s.id, fullMark)
	for _, v := range values {
		h = mix(h, v)
	}
	return Tag(h) &^ partial
}

// AppendReads appends the tags that a region of this shape with these values
// checks.
func (s *Shape) AppendReads(tags []Tag, values []uint64) []Tag {
	tags = append(tags, s.empty())
	if len(values) == 0 {
		return tags
	}
	tags = append(tags, s.full(values))
	if len(values) > 1 {
		for i, v := range values {
			tags = append(tags, s.single(i, v))
		}
	}
	return tags
}

// AppendDrops appends the tags that c drops among the regions of this shape
// alone; see [Matcher.AppendDrops].
func (s *Shape) AppendDrops(tags []Tag, c *Change) []Tag {
	return NewMatcher([]*Shape{s}).AppendDrops(tags, c)
}

// of returns the value that a row with v in the slot's column has in a tag.
func (c *Slot) of(v *hashed) (uint64, Where) {
	switch {
	case v.class == Unknown:
		return 0, Anywhere
	case c.Kind == Eq && v.class == Null:
		return 0, Nowhere
	case c.Kind == Eq:
		return v.hash, Inside
	case c.Kind == IsNull && v.class == Null:
		return 0, Inside
	case c.Kind == IsNull:
		return 0, Nowhere
	case c.Kind == IsTrue || c.Kind == IsFalse:
		return 0, v.truth(c.Kind == IsTrue)
	}
	return v.In(c.Family, c.Level)
}

// finer says whether a tag on c alone drops fewer regions than one on d.
func (c *Slot) finer(d *Slot) bool {
	if c.Kind != d.Kind {
		return c.Kind == Eq || d.Kind != Eq && c.Kind == InCell
	}
	return c.Level > d.Level
}
