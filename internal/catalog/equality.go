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
	val = c.canonical(c.asked(v))
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
	return c.Affinity == TextAffinity && c.Collation == "BINARY" && !c.utf16
}

// SameEquality reports whether `a = b` between two columns says that a value
// known for one, in canonical form, is the other's: neither comparison converts
// anything, and both fold alike.
func SameEquality(a, b *Column) bool {
	if a.Collation != b.Collation || a.Collation == Doubtful {
		return false
	}
	numeric := func(c *Column) bool { return c.Affinity >= NumericAffinity }
	return a.Affinity == b.Affinity || numeric(a) && numeric(b)
}

// Doubtful is the collation of a column whose collation could not be read with
// certainty. Nothing is known to be equal under it.
const Doubtful = "?"
