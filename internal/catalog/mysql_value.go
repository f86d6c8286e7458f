package catalog

import (
	"database/sql/driver"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/cacheops/cacheops/internal/dep"
)

// mysql canonicalises v for a column of MySQL or MariaDB. It holds in every
// sql_mode: what strict mode refuses and others bend is unknown.
func (c *Column) mysql(v driver.Value, u use) dep.Value {
	f := &c.Form
	switch f.Kind {
	case Integer, Bits, Year:
		return c.myInteger(v, u)
	case Decimal, Float:
		return f.myNumber(v, u)
	case VarText, PadText:
		return f.myText(v, u)
	case VarBytes, PadBytes:
		return f.myBytes(v, u)
	case Enum:
		if s, ok := textual(v); ok {
			return f.label(s, u)
		}
		return dep.Value{}
	}
	return f.myTime(v, u)
}

// myInteger: a string that meets a number is read as far as it looks like one,
// and both are doubles then. Only an integer's own text is certain.
func (c *Column) myInteger(v driver.Value, u use) dep.Value {
	f := &c.Form
	val := dep.Value{}
	switch v := v.(type) {
	case bool:
		if val = dep.IntValue(0); v {
			val = dep.IntValue(1)
		}
	case float64:
		if f.Kind == Integer && u != asStored {
			val = exactFloat(v)
		}
	case string:
		val = f.integerText(v, u)
	case []byte:
		if f.Kind == Bits {
			val = bitString(v, u)
			break
		}
		val = f.integerText(string(v), u)
	default:
		if n, ok := Whole(v); ok {
			val = dep.IntValue(n)
		} else if n, ok := integerArg(v); ok {
			val = n.value()
		}
	}
	switch {
	case u == asWritten && c.Identity != "" && val == dep.IntValue(0), u != asStored && val.Known() && !f.fits(val):
		return dep.Value{} // 0 asks for the next number
	case f.Kind == Year && (val.Class() != dep.Int || val.Int() < 1901 || val.Int() > 2155):
		return dep.Value{} // two digits stand for four
	}
	return val
}

// integerText is an integer's own text. A BIT column takes text for its bytes.
func (f *Form) integerText(s string, u use) dep.Value {
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case f.Kind == Bits:
		return dep.Value{}
	case u == asStored: // zero-filled perhaps, perhaps beyond 63 bits
		if m, ok := parseNumeral(s); ok && m.integral() {
			return m.value()
		}
		return dep.Value{}
	case err != nil || strconv.FormatInt(n, 10) != s || n >= exactInts || n <= -exactInts:
		return dep.Value{}
	}
	return dep.IntValue(n)
}

// bitString is a BIT as the driver reads it, the highest byte first.
func bitString(b []byte, u use) dep.Value {
	if u != asStored || len(b) == 0 || len(b) > 8 {
		return dep.Value{}
	}
	n := uint64(0)
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	if n > math.MaxInt64 {
		return dep.FloatValue(float64(n))
	}
	return dep.IntValue(int64(n))
}

func (f *Form) myNumber(v driver.Value, u use) dep.Value {
	if b, ok := v.(bool); ok {
		v = int64(0)
		if b {
			v = int64(1)
		}
	}
	if n, ok := integerArg(v); ok {
		if f.Kind == Float && len(n.digits)+n.exp > floatDigits {
			return dep.Value{}
		}
		return f.number(n, u)
	}
	if x, ok := v.(float64); ok {
		return f.myFloat(x, u)
	}
	s, ok := textual(v)
	if !ok {
		return dep.Value{}
	}
	n, ok := parseNumeral(s)
	if !ok || u != asStored && f.Kind == Decimal && !f.asDouble(n, u) {
		return dep.Value{}
	}
	return f.number(n, u)
}

func (f *Form) myFloat(x float64, u use) dep.Value {
	if f.Kind == Float {
		if u != asStored && f.Unsigned && x < 0 || math.IsInf(x, 0) { // it is clipped
			return dep.Value{}
		}
		return dep.FloatValue(x)
	}
	if n, ok := shortFloat(x); ok && u != asStored && f.asDouble(n, u) {
		return f.number(n, u)
	}
	return dep.Value{}
}

// asDouble reports whether a decimal column that is compared with n as a double
// holds no two values that are the same double.
func (f *Form) asDouble(n numeralText, u use) bool {
	return len(n.digits) <= floatDigits && (u == asWritten || f.Precision <= floatDigits)
}

// myText: a number that meets a text is compared with what number the text looks
// like; written, it is its digits.
func (f *Form) myText(v driver.Value, u use) dep.Value {
	if s, ok := textual(v); ok {
		return f.text(s, u)
	}
	if n, ok := Whole(v); ok && u == asWritten {
		return f.text(strconv.FormatInt(n, 10), u)
	}
	return dep.Value{}
}

func (f *Form) myBytes(v driver.Value, u use) dep.Value {
	s, ok := textual(v)
	if !ok || u != asStored && (f.Length > 0 && len(s) > f.Length || s == "" && f.Text.NoEmpty) {
		return dep.Value{}
	}
	if f.Kind == PadBytes && u == asWritten {
		s += strings.Repeat("\x00", f.Length-len(s))
	}
	return dep.BytesValue(s)
}

func (f *Form) myTime(v driver.Value, u use) dep.Value {
	if f.Kind == Instant && !f.Session.UTC {
		return dep.Value{}
	}
	if t, ok := v.(time.Time); ok {
		return f.myMoment(t, u)
	}
	s, ok := textual(v)
	if !ok {
		return dep.Value{}
	}
	switch f.Kind {
	case Date:
		return f.day(s)
	case Clock:
		return f.clock(s, u)
	case Timestamp, Instant:
		if len(s) == 10 && u == asCompared {
			return dep.Value{}
		}
		return f.representable(f.wall(s, u), u)
	}
	return dep.Value{}
}

// representable leaves out what a TIMESTAMP does not hold: it turns into the zero
// date, or is refused.
func (f *Form) representable(v dep.Value, u use) dep.Value {
	const second = 1_000_000
	if f.Kind == Instant && u != asStored && v.Known() && (v.Int() <= second || v.Int() > (1<<31-1)*second) {
		return dep.Value{}
	}
	return v
}

// myMoment: the driver passes and reads wall clocks, in a zone of its own.
func (f *Form) myMoment(t time.Time, u use) dep.Value {
	if u == asStored && !plainUTC(t) || u != asStored && !f.Session.UTC {
		return dep.Value{}
	}
	t = t.UTC()
	switch {
	case f.Kind == Date && midnight(t):
		return dateValue(t)
	case (f.Kind == Timestamp || f.Kind == Instant) && (u == asStored || !finer(t.UnixMicro(), f.Scale)):
		return f.representable(wallValue(t), u)
	}
	return dep.Value{}
}
