package catalog

import (
	"math"
	"strconv"
	"strings"

	"github.com/cacheops/cacheops/internal/dep"
)

// numeralText is a number's text taken apart: digits × 10^exp. digits has no
// zeros at its ends; the number zero has none at all.
type numeralText struct {
	negative bool
	digits   string
	exp      int
}

// Beyond these a numeral's text is not worth following.
const (
	longestNumeral  = 200
	largestExponent = 400
)

// parseNumeral reads [+-]digits[.digits][e[+-]digits], and nothing else: no
// blanks, no underscores, no special values.
func parseNumeral(s string) (n numeralText, ok bool) {
	m, ok := scanNumber(s)
	if !ok || len(s) > longestNumeral || m.exponent > largestExponent || m.exponent < -largestExponent {
		return n, false
	}
	n.exp = m.exponent
	n.negative = s[0] == '-'
	mantissa, _, _ := strings.Cut(strings.ToLower(strings.TrimLeft(s, "+-")), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	n.exp -= len(fraction)
	n.digits = strings.TrimLeft(whole+fraction, "0")
	return n.trimmed(), true
}

// trimmed moves trailing zeros into the exponent.
func (n numeralText) trimmed() numeralText {
	d := strings.TrimRight(n.digits, "0")
	n.exp += len(n.digits) - len(d)
	if n.digits = d; d == "" {
		return numeralText{}
	}
	return n
}

// value is the canonical form: the integer if it is one of 64 bits, otherwise
// the nearest float. Decimals that no float tells apart share a form. That is
// the safe direction: a drop too many.
func (n numeralText) value() dep.Value {
	text := n.digits
	if text == "" {
		text = "0"
	}
	if n.negative {
		text = "-" + text
	}
	if n.exp >= 0 && len(n.digits)+n.exp <= 19 {
		if i, err := strconv.ParseInt(text+strings.Repeat("0", n.exp), 10, 64); err == nil {
			return dep.IntValue(i)
		}
	}
	f, err := strconv.ParseFloat(text+"e"+strconv.Itoa(n.exp), 64)
	if err != nil {
		return dep.Value{}
	}
	return dep.FloatValue(f)
}

// float is n as the database's double has it: its conversion rounds as strconv's.
func (n numeralText) float() dep.Value {
	v := n.value()
	if v.Class() == dep.Int {
		return dep.FloatValue(float64(v.Int()))
	}
	return v
}

// rounded rounds half away from zero to scale digits after the point, as
// PostgreSQL and MySQL round decimals.
func (n numeralText) rounded(scale int) numeralText {
	drop := -scale - n.exp // digits to drop
	if drop <= 0 {
		return n
	}
	if drop > len(n.digits) {
		return numeralText{}
	}
	kept, first := n.digits[:len(n.digits)-drop], n.digits[len(n.digits)-drop]
	n.exp += drop
	if first < '5' {
		n.digits = kept
		return n.trimmed()
	}
	d := []byte("0" + kept)
	i := len(d) - 1
	for ; d[i] == '9'; i-- {
		d[i] = '0'
	}
	d[i]++
	n.digits = strings.TrimLeft(string(d), "0")
	return n.trimmed()
}

// whole returns the number of digits before the point.
func (n numeralText) whole() int { return max(0, len(n.digits)+n.exp) }

// integral reports whether n has no digits after the point.
func (n numeralText) integral() bool { return n.exp >= 0 }

// floatDigits is the number of decimal digits that survive a float64 and back,
// and with which every conversion from one to a decimal agrees.
const floatDigits = 15

// shortFloat returns the decimal that a float is printed as, where it is short
// enough that the databases' own conversions come to the same.
func shortFloat(f float64) (n numeralText, ok bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return n, false
	}
	n, ok = parseNumeral(strconv.FormatFloat(f, 'e', -1, 64))
	return n, ok && len(n.digits) <= floatDigits
}

// exactFloat returns a float that is an integer which no other integer's
// conversion to a float meets.
func exactFloat(f float64) dep.Value {
	if f != math.Trunc(f) || math.Abs(f) >= exactInts {
		return dep.Value{}
	}
	return dep.IntValue(int64(f))
}
