package catalog

import (
	"database/sql/driver"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cacheops/cacheops/internal/dep"
)

// Written returns what the column holds after an INSERT or UPDATE that gives it
// v: v under the column's affinity, in the column's canonical form. It is
// unknown where that depends on the driver (times, empty byte strings, types
// that the driver has yet to convert) or on SQLite's printing and parsing of
// long floats.
//
// On PostgreSQL and MySQL it is unknown, besides, where the result depends on
// how the driver passes v, on a setting of the session, or on what the column
// does with a value that does not fit; v may be a Literal there.
//
// A NULL for the rowid alias is not NULL afterwards, but generated; that, and
// what OR REPLACE makes of a NULL, is for the caller.
func (c *Column) Written(v driver.Value) dep.Value {
	if c.Form.Dialect != 0 {
		return c.formed(v, asWritten)
	}
	return c.canonical(c.applied(v))
}

// Stored returns the canonical form of v as it was read back from the column:
// an int64, float64, string, non-empty []byte or nil. Other types say that the
// driver interpreted what it read (a bool, a time), and are unknown.
func (c *Column) Stored(v driver.Value) dep.Value {
	if c.Form.Dialect != 0 {
		return c.formed(v, asStored)
	}
	if _, ok := v.(bool); ok {
		return dep.Value{}
	}
	return c.canonical(bound(v))
}

// bound returns the value that SQLite sees where a program binds v.
func bound(v driver.Value) dep.Value {
	switch v := v.(type) {
	case nil:
		return dep.NullValue()
	case bool:
		if v {
			return dep.IntValue(1)
		}
		return dep.IntValue(0)
	case float64:
		return dep.FloatValue(v)
	case float32:
		return dep.FloatValue(float64(v))
	case string:
		return textValue(v)
	case []byte:
		if len(v) == 0 { // NULL or an empty blob: drivers differ
			return dep.Value{}
		}
		return dep.BytesValue(string(v))
	}
	if n, ok := Whole(v); ok {
		return dep.IntValue(n)
	}
	return dep.Value{}
}

// Whole returns the whole number that a program gave as an argument, in any of
// Go's types for one.
func Whole(v driver.Value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case int16:
		return int64(v), true
	case int8:
		return int64(v), true
	case uint8:
		return int64(v), true
	case uint16:
		return int64(v), true
	case uint32:
		return int64(v), true
	case uint:
		return int64(v), uint64(v) <= math.MaxInt64
	case uint64:
		return int64(v), v <= math.MaxInt64
	}
	return 0, false
}

// textValue knows s only where SQLite keeps it as it is and compares all of it:
// a NUL ends NOCASE's comparison and a C string, and invalid UTF-8 does not
// survive a UTF-16 database.
func textValue(s string) dep.Value {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		return dep.Value{}
	}
	return dep.TextValue(s)
}

// applied returns what SQLite makes of a bound v under the column's affinity.
func (c *Column) applied(v driver.Value) dep.Value {
	switch c.Affinity {
	case TextAffinity:
		return asText(v)
	case NumericAffinity, IntegerAffinity:
		return asNumber(bound(v))
	case RealAffinity:
		return asReal(asNumber(bound(v)))
	}
	return bound(v)
}

// asText is TEXT affinity. How SQLite prints a float is not worth reproducing.
func asText(v driver.Value) dep.Value {
	switch v.(type) {
	case float64, float32:
		return dep.Value{}
	}
	b := bound(v)
	if b.Class() == dep.Int {
		return dep.TextValue(strconv.FormatInt(b.Int(), 10))
	}
	return b
}

func asNumber(v dep.Value) dep.Value {
	if v.Class() != dep.Text {
		return v
	}
	n, is, sure := numberText(v.Str())
	switch {
	case !sure:
		return dep.Value{}
	case is:
		return n
	}
	return v
}

// exactInts bounds the integers that a float64 holds exactly.
const exactInts = 1 << 53

func asReal(v dep.Value) dep.Value {
	if v.Class() == dep.Int && (v.Int() > exactInts || v.Int() < -exactInts) {
		return dep.FloatValue(float64(v.Int()))
	}
	return v
}

// canonical folds text so that two values are == exactly where the column's
// collation holds them equal. SQLite's NOCASE folds the 26 letters of ASCII and
// no others.
func (c *Column) canonical(v dep.Value) dep.Value {
	if v.Class() != dep.Text {
		return v
	}
	switch c.Collation {
	case "BINARY":
		return v
	case "NOCASE":
		return dep.TextValue(lowerASCII(v.Str()))
	case "RTRIM":
		return dep.TextValue(strings.TrimRight(v.Str(), " "))
	}
	return dep.Value{}
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// sqliteSpace is what SQLite skips around a number.
const sqliteSpace = " \t\n\v\f\r"

// numberText says whether NUMERIC affinity turns s into a number, and into
// which. sure is false where the digits go beyond what every version of
// SQLite's own conversion rounds as strconv does.
func numberText(s string) (n dep.Value, is, sure bool) {
	s = strings.Trim(s, sqliteSpace)
	m, ok := scanNumber(s)
	switch {
	case !ok:
		return n, false, true
	case m.plain && m.digits <= 18:
		i, err := strconv.ParseInt(strings.TrimPrefix(s, "+"), 10, 64)
		return dep.IntValue(i), true, err == nil
	case m.digits > 15 || m.exponent > 22 || m.exponent < -22 || len(s) > 40:
		return n, true, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return dep.FloatValue(f), true, err == nil
}

// numeral is the form of a number's text.
type numeral struct {
	plain    bool // digits alone
	digits   int  // significant digits of the mantissa
	exponent int  // clipped to ±999
}

func scanNumber(s string) (m numeral, ok bool) {
	i := 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	whole := digitRun(s[i:])
	i += whole
	all, fraction := s[i-whole:i], 0
	m.plain = true
	if i < len(s) && s[i] == '.' {
		m.plain = false
		fraction = digitRun(s[i+1:])
		all += s[i+1 : i+1+fraction]
		i += 1 + fraction
	}
	if whole+fraction == 0 {
		return m, false
	}
	m.digits = len(strings.TrimLeft(all, "0"))
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		m.plain = false
		var n int
		if m.exponent, n = scanExponent(s[i+1:]); n == 0 {
			return m, false
		}
		i += 1 + n
	}
	return m, i == len(s)
}

// scanExponent returns the exponent at the start of s and its length, 0 if
// there is none.
func scanExponent(s string) (exp, length int) {
	sign := 0
	if s != "" && (s[0] == '+' || s[0] == '-') {
		sign = 1
	}
	n := digitRun(s[sign:])
	if n == 0 {
		return 0, 0
	}
	exp, err := strconv.Atoi(s[:sign+n])
	if err != nil || exp > 999 || exp < -999 {
		exp = 999
	}
	return exp, sign + n
}

func digitRun(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
