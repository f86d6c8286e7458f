package sqldep

import (
	"database/sql/driver"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// literalValue returns what the database makes of a literal. ok is false where
// that is not certain.
func literalValue(text string, kind tokenKind, d catalog.Dialect) (v driver.Value, k LitKind, ok bool) {
	switch kind {
	case tString:
		return unquote(text[strings.IndexAny(text, `'"$`):]), LitString, true
	case tEscape:
		s, ok := unescape(text, d)
		return s, LitString, ok
	case tBlob:
		b, err := hex.DecodeString(text[2 : len(text)-1])
		return b, LitBlob, err == nil && d == catalog.SQLite && text[0]|0x20 == 'x'
	case tInt:
		return intValue(text, d)
	case tFloat:
		return floatValue(plainNumber(text), d)
	}
	return nil, 0, false
}

// plainNumber takes out the space after a sign and the _ between digits.
func plainNumber(text string) string {
	if strings.ContainsAny(text, "_ \t\r\n\f") {
		text = strings.Map(func(r rune) rune {
			if r == '_' || r <= ' ' {
				return -1
			}
			return r
		}, text)
	}
	return text
}

// floatValue returns a float. SQLite converts by an algorithm of its own, which
// need not round as strconv does; with few digits and a small exponent every
// algorithm is exact. Longer numbers are therefore not certain.
func floatValue(text string, d catalog.Dialect) (driver.Value, LitKind, bool) {
	digits, exp, _ := strings.Cut(strings.ToLower(text), "e")
	e, err := strconv.Atoi(exp)
	f, err2 := strconv.ParseFloat(text, 64)
	sure := len(digits) <= 16 && (exp == "" || err == nil && -6 <= e && e <= 6)
	return f, LitFloat, sure && err2 == nil && d == catalog.SQLite
}

// intValue returns an integer. One that is longer than 64 bits is a float on
// SQLite, and not certain.
func intValue(text string, d catalog.Dialect) (driver.Value, LitKind, bool) {
	text = plainNumber(text)
	if len(text) > 1 && strings.ContainsAny(text, "xXbBoO") {
		neg := text[0] == '-'
		n, err := strconv.ParseUint(strings.TrimLeft(strings.TrimPrefix(text, "-"), "0")[1:], 16, 64)
		v := int64(n)
		if neg {
			v = -v
		}
		return v, LitInt, err == nil && d == catalog.SQLite && n != 1<<63
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, LitInt, err == nil
}
