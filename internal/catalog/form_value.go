package catalog

import (
	"database/sql/driver"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cacheops/cacheops/internal/dep"
)

// use is what a value is wanted for.
type use uint8

const (
	asCompared use = iota // an operand of a comparison with the column
	asWritten             // given to the column by INSERT or UPDATE
	asStored              // read back from the column through the driver
)

// fitted reports whether only a value that the column could hold as it is is
// known. To find a value by an index, MySQL converts it to the column's type
// first, and MariaDB then finds 2 where it was asked for 1.50.
func (f *Form) fitted(u use) bool {
	return u == asWritten || u == asCompared && f.Dialect == MySQL
}

// formed returns the canonical form of v for a column of PostgreSQL or MySQL.
//
// It must hold for every way in which a driver may pass v: with the type that
// the server asks for, with one guessed from Go's type, or as text inside the
// statement. Where these come to different results v is unknown.
func (c *Column) formed(v driver.Value, u use) dep.Value {
	f := &c.Form
	if v == nil {
		return c.null(u)
	}
	if f.Kind == Other {
		return dep.Value{}
	}
	if l, ok := v.(Literal); ok {
		if v, ok = f.literal(l, u); !ok {
			return dep.Value{}
		}
	}
	if n, ok := v.(numeralText); ok {
		return f.number(n, u)
	}
	if b, ok := v.([]byte); ok && b == nil {
		return dep.Value{} // NULL or empty: drivers differ
	}
	if f.Dialect == PostgreSQL {
		return f.postgres(v, u)
	}
	return c.mysql(v, u)
}

// null is NULL, which MySQL may replace: by a generated number, by the time, and
// outside its strict mode by the type's zero.
func (c *Column) null(u use) dep.Value {
	if u == asWritten && c.Form.Dialect == MySQL && (c.NotNull || c.Identity != "" || c.AutoUpdated) {
		return dep.Value{}
	}
	return dep.NullValue()
}

// literal returns what a literal is like among a driver's values: a string for
// one of the column's own type, a numeralText for a number.
func (f *Form) literal(l Literal, u use) (driver.Value, bool) {
	if l.Type == "" {
		return l.Text, true
	}
	if l.Type == Numeral {
		n, ok := parseNumeral(l.Text)
		if ok && f.Dialect == MySQL && strings.ContainsAny(l.Text, "eE") {
			// A double, and so is the comparison.
			ok = len(n.digits) <= floatDigits && (f.Kind != Decimal || u == asWritten || f.Precision <= floatDigits)
		}
		return n, ok
	}
	return l.Text, l.Type == typeNames[f.Dialect][f.Kind]
}

var typeNames = [MySQL + 1]map[Kind]string{
	PostgreSQL: {Bool: "bool", Date: "date", Timestamp: "timestamp", Instant: "timestamptz", Clock: "time", UUID: "uuid", VarText: "text", VarBytes: "bytea"},
	MySQL:      {Date: "date", Timestamp: "timestamp", Clock: "time"},
}

// number is a number with exact digits: a numeral, or text that was read as one.
func (f *Form) number(n numeralText, u use) dep.Value {
	switch {
	case f.Unsigned && n.negative && f.fitted(u):
		return dep.Value{}
	case f.Kind == Integer && (!f.fitted(u) || n.integral()):
		return f.inRange(n.value(), u)
	case f.Kind == Decimal:
		return f.decimal(n, u)
	case f.Kind == Float:
		return n.float()
	}
	return dep.Value{}
}

func (f *Form) decimal(n numeralText, u use) dep.Value {
	if !f.fitted(u) || f.Precision == 0 {
		return n.value()
	}
	if f.Scale < 0 {
		return dep.Value{}
	}
	r := n.rounded(f.Scale)
	if r.whole() > max(0, f.Precision-f.Scale) || u == asCompared && r != n {
		return dep.Value{}
	}
	return r.value()
}

// inRange is an integer, unknown where it must lie in the column's range and does
// not.
func (f *Form) inRange(v dep.Value, u use) dep.Value {
	if f.fitted(u) && !f.fits(v) {
		return dep.Value{}
	}
	return v
}

// fits reports whether an integer lies in the column's range. What MySQL does
// with one outside depends on its mode.
func (f *Form) fits(v dep.Value) bool {
	if v.Class() != dep.Int {
		return v.Class() == dep.Float && f.Unsigned && f.Bits == 64 && v.Float() > 0 && v.Float() < 1<<64
	}
	n := v.Int()
	switch {
	case f.Unsigned && f.Bits == 64:
		return n >= 0
	case f.Unsigned:
		return n >= 0 && n < 1<<f.Bits
	case f.Bits == 64:
		return true
	}
	return n >= -1<<(f.Bits-1) && n < 1<<(f.Bits-1)
}

// integerArg returns the integer that a driver passes for v, of up to 64 bits
// without a sign.
func integerArg(v driver.Value) (numeralText, bool) {
	if n, ok := Whole(v); ok {
		return parseNumeral(strconv.FormatInt(n, 10))
	}
	switch v := v.(type) {
	case uint64:
		return parseNumeral(strconv.FormatUint(v, 10))
	case uint:
		return parseNumeral(strconv.FormatUint(uint64(v), 10))
	}
	return numeralText{}, false
}

// textual returns the text of a string or of bytes that a driver read.
func textual(v driver.Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	return "", false
}

// text is s under the column's comparison, unknown where the column may keep
// less of it than it was given.
func (f *Form) text(s string, u use) dep.Value {
	t := &f.Text
	if s == "" && t.NoEmpty && u != asStored {
		return dep.Value{}
	}
	if !utf8.ValidString(s) || t.Fold == FoldUnknown || t.ASCII && !isASCII(s) || t.Fold == FoldASCII && !printable(s) {
		return dep.Value{}
	}
	if f.fitted(u) && f.Length > 0 && f.longer(s) {
		return dep.Value{}
	}
	if t.Trim {
		s = strings.TrimRight(s, " ")
	}
	if t.Fold == FoldASCII {
		s = lowerASCII(s)
	}
	return dep.TextValue(s)
}

func (f *Form) longer(s string) bool {
	if f.Text.Bytes {
		return len(s) > f.Length
	}
	return utf8.RuneCountInString(s) > f.Length
}

// label is one of an enumeration's labels. MySQL takes other text for a label's
// number, at times.
func (f *Form) label(s string, u use) dep.Value {
	v := f.text(s, asCompared)
	if u == asStored {
		return v
	}
	for _, l := range f.Labels {
		if v.Known() && f.text(l, asCompared) == v {
			return v
		}
	}
	return dep.Value{}
}

// day, clock and wall canonicalise text in the one form that no setting of any
// session reads otherwise.
func (f *Form) day(s string) dep.Value {
	t, ok := parseDate(s)
	if !ok {
		return dep.Value{}
	}
	return dateValue(t)
}

func (f *Form) clock(s string, u use) dep.Value {
	us, ok := parseClock(s, 23)
	if !ok || f.fitted(u) && finer(us, f.Scale) {
		return dep.Value{}
	}
	return dep.IntValue(us)
}

func (f *Form) wall(s string, u use) dep.Value {
	t, ok := parseWall(s)
	if !ok || f.fitted(u) && finer(t.UnixMicro(), f.Scale) {
		return dep.Value{}
	}
	return wallValue(t)
}
