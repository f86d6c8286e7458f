package catalog

import (
	"database/sql/driver"

	"github.com/cacheops/cacheops/internal/dep"
)

// Compared returns the canonical value for which `column = v` holds, where v is
// a parameter or a literal: an operand without affinity of its own. A row
// satisfies the comparison exactly if its value in the column, as Written and
// Stored give it, is unknown or equals that. ok is false where no value says
// it, and the condition must be left out; so for NULL, which equals nothing.
//
// It is not for an operand with an affinity (another column, a CAST) nor for a
// comparison under an explicit COLLATE.
func (c *Column) Compared(v driver.Value) (val dep.Value, ok bool) {
	if c.Form.Dialect != 0 {
		val = c.formed(v, asCompared)
	} else {
		val = c.canonical(c.asked(v))
	}
	return val, val.Known() && val.Class() != dep.Null
}

// asked returns v under the affinity that a comparison with the column gives it.
func (c *Column) asked(v driver.Value) dep.Value {
	switch c.Affinity {
	case TextAffinity:
		return asText(v)
	case NumericAffinity, IntegerAffinity, RealAffinity:
		// An integer is compared with a column of floats exactly, unrounded.
		return asNumber(bound(v))
	}
	return bound(v)
}

// Bound returns v as an end of a range of the column (`column < v` and the
// like), with the family of cells whose order is the column's. ok is false
// where there is none.
func (c *Column) Bound(v driver.Value) (val dep.Value, family dep.Family, ok bool) {
	if c.Form.Dialect != 0 {
		return c.formedBound(v)
	}
	switch val = c.asked(v); val.Class() {
	case dep.Int, dep.Float:
		// Text and blobs sort above all numbers; a cell of numbers holds neither,
		// and to a write they are outside the family, which is unknown.
		return val, dep.Num, true
	case dep.Text:
		// Numbers in the column sort below all text; to a write they, too, are
		// outside the family.
		if _, where := val.In(dep.Day, 1); where == dep.Inside && c.Collation == "BINARY" && !c.utf16 {
			return val, dep.Day, true
		}
	}
	return dep.Value{}, 0, false
}

// ByteOrdered reports whether the column's text sorts by its bytes and numbers
// written to it become text, so that cells of days and prefixes mean what the
// database means.
func (c *Column) ByteOrdered() bool {
	if c.Form.Dialect != 0 {
		return c.Form.Kind == VarText && c.Form.Text.Ordered
	}
	return c.Affinity == TextAffinity && c.Collation == "BINARY" && !c.utf16
}

// formedBound is Bound on PostgreSQL and MySQL. What equality knows is ordered
// by its code, text apart.
func (c *Column) formedBound(v driver.Value) (val dep.Value, family dep.Family, ok bool) {
	switch val = c.formed(v, asCompared); val.Class() {
	case dep.Int, dep.Float:
		return val, dep.Num, true
	case dep.Text:
		if _, where := val.In(dep.Day, 1); where == dep.Inside && c.ByteOrdered() {
			return val, dep.Day, true
		}
	}
	return dep.Value{}, 0, false
}

// PrefixIsBytes reports whether LIKE 'prefix%' on a column of PostgreSQL or
// MySQL selects exactly the values whose canonical text starts with the prefix,
// so that cells of prefixes mean what LIKE means. The order does not matter.
func (c *Column) PrefixIsBytes() bool {
	f := &c.Form
	return f.Kind == VarText && f.Text.Fold == FoldNone && !f.Text.Trim
}

// SameEquality reports whether `a = b` between two columns says that a value
// known for one, in canonical form, is the other's: neither comparison converts
// anything, and both fold alike.
//
// On PostgreSQL and MySQL it says, besides, that a value of a carried over to b
// stays what it is; there the order of the two matters.
func SameEquality(a, b *Column) bool {
	if a.Form.Dialect != 0 || b.Form.Dialect != 0 {
		return sameForm(&a.Form, &b.Form)
	}
	if a.Collation != b.Collation || a.Collation == Doubtful {
		return false
	}
	numeric := func(c *Column) bool { return c.Affinity >= NumericAffinity }
	return a.Affinity == b.Affinity || numeric(a) && numeric(b)
}

// Doubtful is the collation of a column whose collation could not be read with
// certainty. Nothing is known to be equal under it.
const Doubtful = "?"
