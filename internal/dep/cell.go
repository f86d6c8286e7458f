package dep

import (
	"math"
	"math/bits"
)

// Family says by which order-preserving code a cell divides its column.
type Family uint8

// The families of cells.
const (
	// Num divides numbers: one bit of sign, six of exponent (2^-8 … 2^53, what
	// lies outside is clipped), then the mantissa.
	Num Family = iota + 1
	// Day divides text that starts like 2006-01-02, byte-ordered, by that day.
	// Text of another form is outside the family, which makes it unknown.
	Day
	// Prefix holds the byte-ordered text that starts with given bytes; the
	// level counts them.
	Prefix
)

func (f Family) String() string {
	switch f {
	case Num:
		return "num"
	case Day:
		return "day"
	case Prefix:
		return "prefix"
	}
	return "?"
}

// Cell is a coarse piece of an ordered column: all values whose code begins
// with Level bits (Num, Day) or bytes (Prefix) that equal Code's. For Prefix,
// Code is a hash of those bytes and Text the bytes themselves.
type Cell struct {
	Family Family
	Level  uint8
	Code   uint64
	Text   string
}

// Levels are sparse (every third bit), because each level in use is a shape of
// its own and every shape costs every write. Beyond maxLevel bits a cell is
// finer than a float's useful precision.
const (
	firstLevel = 1
	levelStep  = 3
	maxLevel   = 40
	// MaxPrefix is the longest prefix, in bytes, that a cell distinguishes.
	MaxPrefix = 32
)

// prefixLevels are the prefix lengths in use, for the same reason.
var prefixLevels = [...]int{1, 2, 3, 4, 6, 8, 10, 13, 16, 24, MaxPrefix}

// PrefixCell returns the cell that holds every text starting with p, cut to a
// length in use. ok is false for an empty p, which no cell covers.
func PrefixCell(p string) (c Cell, ok bool) {
	n := 0
	for _, l := range prefixLevels {
		if l <= len(p) {
			n = l
		}
	}
	if n == 0 {
		return Cell{}, false
	}
	return Cell{Family: Prefix, Level: uint8(n), Code: hashString(p[:n]), Text: p[:n]}, true
}

// numCode maps f, never NaN, to 64 bits that keep its order: a < b implies
// numCode(a) <= numCode(b).
func numCode(f float64) uint64 {
	const magBits = 58
	b := math.Float64bits(math.Abs(f))
	exp := int64(b>>52) - 1023 // of the value's octave
	var mag uint64
	switch octave := exp + 9; {
	case octave < 1:
		mag = 0
	case octave > 63:
		mag = 1<<magBits - 1
	default:
		mag = uint64(octave)<<52 | b&(1<<52-1)
	}
	code := uint64(1)<<magBits | mag
	if f < 0 {
		code = 1<<magBits - 1 - mag
	}
	return code << (64 - magBits - 1)
}

// dayCode maps text that starts with a date to 64 bits in the text's own order.
func dayCode(s string) (uint64, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	num := func(t string) (n uint64, ok bool) {
		for i := range len(t) {
			if t[i] < '0' || t[i] > '9' {
				return 0, false
			}
			n = n*10 + uint64(t[i]-'0')
		}
		return n, true
	}
	y, ok1 := num(s[:4])
	m, ok2 := num(s[5:7])
	d, ok3 := num(s[8:10])
	if !ok1 || !ok2 || !ok3 || m > 12 || d > 31 {
		return 0, false
	}
	const dayBits = 23 // 9999*512 + 12*32 + 31 < 1<<23
	return (y<<9 | m<<5 | d) << (64 - dayBits), true
}

// code returns v's order-preserving code in the family, or false where v is
// not a value of that family.
func (v Value) code(f Family) (uint64, bool) {
	switch {
	case f == Num && (v.class == Int || v.class == Float):
		return numCode(v.Float()), true
	case f == Day && v.class == Text:
		return dayCode(v.s)
	}
	return 0, false
}

// In says where v lies among the cells of a family and level.
func (v Value) In(f Family, level uint8) (code uint64, where Where) {
	switch {
	case v.class == Unknown:
		return 0, Anywhere
	case v.class == Null:
		return 0, Nowhere
	case f == Prefix:
		if v.class != Text {
			return 0, Anywhere
		}
		if len(v.s) < int(level) {
			return 0, Nowhere
		}
		return hashString(v.s[:level]), Inside
	}
	c, ok := v.code(f)
	if !ok {
		return 0, Anywhere
	}
	return c >> (64 - level), Inside
}

// Where is the answer of Value.In.
type Where uint8

// The answers of Value.In.
const (
	Anywhere Where = iota // the value may satisfy any atom of that form
	Inside                // it satisfies exactly the atoms with this code
	Nowhere               // it satisfies none (NULL, or too short)
)

// Cover returns at most most cells of one family that hold every value from lo
// to hi, both included; an unknown bound is open. It covers too much rather
// than too little. ok is false where no cell helps: both bounds open, or a
// bound that is no value of the family. An empty range has a cover of its own
// (no cells and ok), because nothing lies in it.
func Cover(f Family, lo, hi Value, most int) (cells []Cell, ok bool) {
	if !lo.Known() && !hi.Known() {
		return nil, false
	}
	l, h := uint64(0), ^uint64(0)
	if lo.Known() {
		if l, ok = lo.code(f); !ok {
			return nil, false
		}
	}
	if hi.Known() {
		if h, ok = hi.code(f); !ok {
			return nil, false
		}
	}
	if l > h {
		return nil, true
	}
	for level := deepest(l, h); level >= firstLevel; level -= levelStep {
		if cells = decompose(f, level, l>>(64-level), h>>(64-level)); len(cells) <= most {
			return cells, !wholeColumn(cells)
		}
	}
	return nil, false
}

// deepest returns the finest level worth trying for a range: two steps below
// the first level at which its ends part. Finer cells would only add shapes.
func deepest(l, h uint64) int {
	common := bits.LeadingZeros64(l ^ h)
	level := firstLevel
	for level < common+3*levelStep && level+levelStep <= maxLevel {
		level += levelStep
	}
	return level
}

// decompose returns the canonical radix pieces of [l,h] at level and above.
func decompose(f Family, level int, l, h uint64) (cells []Cell) {
	const radix = 1 << levelStep
	emit := func(code uint64) {
		cells = append(cells, Cell{Family: f, Level: uint8(level), Code: code})
	}
	for ; ; level -= levelStep {
		for ; l <= h && (l%radix != 0 || level == firstLevel); l++ {
			emit(l)
			if l == h {
				return cells
			}
		}
		for ; l <= h && h%radix != radix-1; h-- {
			emit(h)
			if l == h {
				return cells
			}
		}
		if l > h || level == firstLevel {
			return cells
		}
		l, h = l/radix, h/radix
	}
}

func wholeColumn(cells []Cell) bool {
	return len(cells) == 2 && cells[0].Level == firstLevel && cells[1].Level == firstLevel
}
