package dep

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Tag names what an entry depends on within a table: a shape with some of its
// values filled in. Tags are the same in every process. The zero Tag stands
// for the table itself.
type Tag uint64

// TableTag is the tag that every read of a table checks and that a change
// dropping everything in the table drops.
const TableTag Tag = 0

// normVersion changes whenever values, codes, shapes or tags are computed
// differently from before, so that a writer recognises shapes it cannot serve.
const normVersion = "1"

// maxAtoms bounds the atoms of a shape; what Fit cuts off widens the region.
const maxAtoms = 5

// Slot is one atom of a shape: a column and how it is restricted.
type Slot struct {
	Col    string
	Kind   Kind
	Family Family // for InCell
	Level  uint8  // for InCell
}

// Shape is the form of a region without its values.
type Shape struct {
	Slots []Slot // sorted; at most one per column
	Used  Columns
	// Found marks the variant for reads that pinned a unique key and found the
	// row: a plain insert does not drop it.
	Found bool

	id   uint64
	text string
}

// NewShape returns the shape of r in a use of the columns used, with the
// values of its slots. Atoms beyond the cap, and second atoms on a column, are
// left out, which widens the region.
func NewShape(r *Region, used Columns, found bool) (*Shape, []uint64) {
	return KnownShape(nil, r, used, found)
}

// KnownShape is NewShape for whoever knows shapes already: where the shape is
// among known, which may hold nils, that one is returned. Its text is not made
// again, which is most of the work.
func KnownShape(known []*Shape, r *Region, used Columns, found bool) (*Shape, []uint64) {
	var few [4]Atom
	atoms := append(few[:0], r.Atoms...)
	slices.SortStableFunc(atoms, byCost)
	kept := atoms[:0]
	for _, a := range atoms {
		same := func(b Atom) bool { return b.Col == a.Col }
		if len(kept) < maxAtoms && !slices.ContainsFunc(kept, same) {
			kept = append(kept, a)
		}
	}
	slices.SortFunc(kept, func(a, b Atom) int { return cmp.Compare(a.Col, b.Col) })
	var buf [maxAtoms]Slot
	slots := buf[:len(kept)]
	values := make([]uint64, len(kept))
	for i, a := range kept {
		slots[i] = Slot{Col: a.Col, Kind: a.Kind}
		switch a.Kind {
		case Eq:
			values[i] = a.Value.hash()
		case InCell:
			slots[i].Family, slots[i].Level = a.Cell.Family, a.Cell.Level
			values[i] = a.Cell.Code
		}
	}
	for _, s := range known {
		if s != nil && s.Found == found && slices.Equal(s.Slots, slots) && s.Used.equal(used) {
			return s, values
		}
	}
	s := &Shape{Used: used, Found: found, Slots: slices.Clone(slots)}
	s.seal()
	return s, values
}

// byCost puts the most selective atoms first.
func byCost(a, b Atom) int {
	rank := func(a Atom) int {
		switch a.Kind {
		case Eq:
			return 0
		case InCell:
			return 100 - int(a.Cell.Level)
		}
		return 200
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Col, b.Col))
}

func (s *Shape) seal() {
	var b strings.Builder
	b.WriteString(normVersion)
	if s.Found {
		b.WriteString("!")
	}
	for _, c := range s.Slots {
		b.WriteByte(' ')
		b.WriteString(strconv.Quote(c.Col))
		switch c.Kind {
		case Eq:
			b.WriteByte('=')
		case IsNull:
			b.WriteByte('0')
		case InCell:
			fmt.Fprintf(&b, "@%d.%d", c.Family, c.Level)
		case IsTrue:
			b.WriteByte('t')
		case IsFalse:
			b.WriteByte('f')
		}
	}
	b.WriteString(" |")
	if s.Used.All {
		b.WriteString(" *")
	}
	for _, n := range s.Used.Names {
		b.WriteByte(' ')
		b.WriteString(strconv.Quote(n))
	}
	s.text = b.String()
	s.id = hashString(s.text)
}

// String returns the shape's text, by which the store knows it. ParseShape
// reads it back.
func (s *Shape) String() string { return s.text }

// ParseShape reads what String wrote. It fails on a text of another
// normalisation version; a writer that meets one drops the table's tag.
func ParseShape(text string) (*Shape, error) {
	bad := func() (*Shape, error) {
		return nil, fmt.Errorf("parse shape %q: not of normalisation version %s", text, normVersion)
	}
	rest, ok := strings.CutPrefix(text, normVersion)
	if !ok {
		return bad()
	}
	s := &Shape{}
	rest, s.Found = strings.CutPrefix(rest, "!")
	for !strings.HasPrefix(rest, " |") {
		var slot Slot
		if slot, rest, ok = parseSlot(rest); !ok {
			return bad()
		}
		s.Slots = append(s.Slots, slot)
	}
	rest = rest[len(" |"):]
	if rest == " *" {
		s.Used, rest = AllColumns(), ""
	}
	for rest != "" {
		var name string
		if name, rest, ok = parseName(rest); !ok {
			return bad()
		}
		s.Used.Names = append(s.Used.Names, name)
	}
	if len(s.Slots) > maxAtoms {
		return bad()
	}
	if s.seal(); s.text != text {
		return bad()
	}
	return s, nil
}

func parseName(rest string) (name, tail string, ok bool) {
	rest, ok = strings.CutPrefix(rest, " ")
	if !ok {
		return "", "", false
	}
	q, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return "", "", false
	}
	name, err = strconv.Unquote(q)
	return name, rest[len(q):], err == nil
}

func parseSlot(rest string) (s Slot, tail string, ok bool) {
	if s.Col, rest, ok = parseName(rest); !ok || rest == "" {
		return s, "", false
	}
	kind, rest := rest[0], rest[1:]
	switch kind {
	case '=':
		s.Kind = Eq
	case '0':
		s.Kind = IsNull
	case 't':
		s.Kind = IsTrue
	case 'f':
		s.Kind = IsFalse
	case '@':
		s.Kind = InCell
		end := strings.IndexByte(rest, ' ')
		if end < 0 {
			return s, "", false
		}
		family, level, _ := strings.Cut(rest[:end], ".")
		f, err1 := strconv.ParseUint(family, 10, 8)
		l, err2 := strconv.ParseUint(level, 10, 8)
		if err1 != nil || err2 != nil || Family(f) < Num || Family(f) > Prefix {
			return s, "", false
		}
		s.Family, s.Level, rest = Family(f), uint8(l), rest[end:]
	default:
		return s, "", false
	}
	return s, rest, true
}
