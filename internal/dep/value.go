package dep

import (
	"fmt"
	"math"
	"strconv"
)

// Class says what a Value is. The zero Class is Unknown.
type Class uint8

// The classes of a Value.
const (
	Unknown Class = iota // nothing is known of the value
	Null                 // the value is NULL
	Int                  // an integral number
	Float                // a number that is not an integer of 64 bits
	Text                 // a string of characters
	Bytes                // a string of bytes
)

// Value is a column's value in canonical form. Two known values of one column
// are equal to the database exactly when they are == in Go; whoever makes a
// Value owes that, and says Unknown where it cannot be promised. The zero
// Value is unknown.
type Value struct {
	class Class
	n     uint64 // the integer, or the float's bits
	s     string
}

// NullValue is the value NULL.
func NullValue() Value { return Value{class: Null} }

// IntValue is the number n.
func IntValue(n int64) Value { return Value{class: Int, n: uint64(n)} }

// FloatValue is the number f. An integral float is the same value as that
// integer, negative zero is zero, and NaN is unknown.
func FloatValue(f float64) Value {
	switch {
	case math.IsNaN(f):
		return Value{}
	case f == math.Trunc(f) && f >= -1<<63 && f < 1<<63:
		return IntValue(int64(f))
	}
	return Value{class: Float, n: math.Float64bits(f)}
}

// TextValue is the character string s, compared byte by byte.
func TextValue(s string) Value { return Value{class: Text, s: s} }

// BytesValue is the byte string b.
func BytesValue(b string) Value { return Value{class: Bytes, s: b} }

// Class returns v's class.
func (v Value) Class() Class { return v.class }

// Known reports whether v is NULL or a value.
func (v Value) Known() bool { return v.class != Unknown }

// Int returns the number of an Int value.
func (v Value) Int() int64 { return int64(v.n) }

// Float returns the number of an Int or a Float value, rounded to the nearest
// float: the rounding keeps the order, which is all that a cell needs of it.
func (v Value) Float() float64 {
	if v.class == Int {
		return float64(int64(v.n))
	}
	return math.Float64frombits(v.n)
}

// Str returns the string of a Text or a Bytes value.
func (v Value) Str() string { return v.s }

// truth says where v lies among the values that are true, or that are false.
// NULL is neither. What a database takes text for is its own affair.
func (v Value) truth(want bool) Where {
	switch v.class {
	case Null:
		return Nowhere
	case Int, Float:
		if (v != IntValue(0)) == want {
			return Inside
		}
		return Nowhere
	}
	return Anywhere
}

// String shows v as test files and explanations write it.
func (v Value) String() string {
	switch v.class {
	case Null:
		return "NULL"
	case Int:
		return strconv.FormatInt(int64(v.n), 10)
	case Float:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case Text:
		return strconv.Quote(v.s)
	case Bytes:
		return fmt.Sprintf("x'%x'", v.s)
	}
	return "?"
}
