package catalog

import (
	"slices"
	"strings"
)

// Form says what a column of PostgreSQL or MySQL holds, as far as equality and
// order depend on it. The zero Form is SQLite's: there the Affinity and the
// Collation decide.
type Form struct {
	Dialect Dialect
	Kind    Kind
	// Bits is the size of an integer or a float, and the n of BIT(n).
	Bits     int
	Unsigned bool
	// Length bounds a text (in characters; in bytes for MySQL's TEXT) or a byte
	// string. Zero is no bound.
	Length int
	// Precision is a decimal's number of digits, zero for PostgreSQL's unbounded
	// numeric. Scale is its digits after the point, and a time's digits of the
	// second's fraction.
	Precision, Scale int
	// Labels are an enumeration's, in its order.
	Labels []string
	Text   TextForm
	// Session is what the program promised of its sessions.
	Session Session
}

// Kind is the kind of values that a column holds.
type Kind uint8

// The kinds. Other says that nothing is known of equality: the type is not on
// the list.
const (
	Other Kind = iota
	Bool
	Integer
	Decimal
	Float
	VarText // text, varchar
	PadText // char(n)
	VarBytes
	PadBytes // MySQL's BINARY(n)
	UUID
	Enum
	Bits
	Year
	Date
	Clock     // a time of day; MySQL's TIME, which is an interval
	Timestamp // without a time zone; MySQL's DATETIME
	Instant   // PostgreSQL's timestamptz, MySQL's TIMESTAMP
)

var kindNames = [...]string{
	"other", "bool", "integer", "decimal", "float", "vartext", "padtext", "varbytes", "padbytes",
	"uuid", "enum", "bits", "year", "date", "clock", "timestamp", "instant",
}

func (k Kind) String() string { return kindNames[k] }

// TextForm says how a column's text is compared. The zero TextForm knows of no
// two texts whether they are equal.
type TextForm struct {
	Fold Fold
	// Trim: trailing blanks are not compared, or there never are any.
	Trim bool
	// ASCII: only ASCII is known, because the column's character set, or the
	// connection's, is not that of the program's strings.
	ASCII bool
	// Ordered: the text's order is that of its bytes.
	Ordered bool
	// Bytes: the length bound counts bytes, not characters.
	Bytes bool
	// NoEmpty: the empty string may be NULL (MariaDB's EMPTY_STRING_IS_NULL).
	NoEmpty bool
}

// Fold says which texts a collation holds equal.
type Fold uint8

// The folds. FoldASCII is for collations that ignore case: under them ASCII's
// printable characters are equal exactly if their lower case is, and what any
// other character is equal to is not known.
const (
	FoldUnknown Fold = iota
	FoldNone
	FoldASCII
)

// Session is what the program knows of all its sessions. The zero Session knows
// nothing.
type Session struct {
	// UTC promises that every session's time zone is UTC, and that the driver
	// sends and reads times without a zone in UTC. Without it dates and times that
	// depend on a zone are unknown: the driver's and the session's may differ from
	// one connection to the next.
	UTC bool
	// Microseconds promises that PostgreSQL's driver cuts times to microseconds, as
	// pgx does. Others leave it to the server, which rounds; a time with more digits
	// is unknown then.
	Microseconds bool
	// NoHiddenTriggers promises that no table of MySQL's has a trigger, and none
	// refers to it by a foreign key, that the role which reads the catalog may not
	// see. Without it, and without the TRIGGER privilege on the whole database, every
	// table counts as having an unclear one.
	NoHiddenTriggers bool
}

// Literal is a literal of a statement, for PostgreSQL and MySQL, where a driver's
// value would not say enough: a numeral that is not an integer, a string with a
// type before it.
type Literal struct {
	// Type is "numeral" for a numeral as written, in lower case the SQL type for
	// DATE '2024-01-02' and the like.
	Type string
	Text string
}

// Numeral is the type of a Literal that is a bare number.
const Numeral = "numeral"

// sameForm reports whether a value known of a column of form f is the same value
// in one of form g, when it is compared and when it is carried over.
func sameForm(f, g *Form) bool {
	if f.Dialect != g.Dialect || f.Kind != g.Kind || f.Kind == Other || f.Session.UTC != g.Session.UTC || f.Session.Microseconds != g.Session.Microseconds {
		return false
	}
	switch f.Kind {
	case Integer:
		// PostgreSQL refuses what does not fit, MySQL may clip it.
		return f.Dialect == PostgreSQL || f.Bits == g.Bits && f.Unsigned == g.Unsigned
	case Decimal:
		return f.Precision == g.Precision && f.Scale == g.Scale && f.Unsigned == g.Unsigned || f.Dialect == PostgreSQL && g.Precision == 0
	case VarText, PadText:
		return f.Text.Fold == g.Text.Fold && f.Text.Fold != FoldUnknown && f.Text.Trim == g.Text.Trim && f.Text.ASCII == g.Text.ASCII &&
			(f.Length == g.Length && f.Text.Bytes == g.Text.Bytes || g.Length == 0)
	case VarBytes, PadBytes:
		return f.Length == g.Length || g.Length == 0
	case Enum:
		return f.Dialect == MySQL && slices.Equal(f.Labels, g.Labels) && f.Text == g.Text || f.Dialect == PostgreSQL
	case Date, Clock, Timestamp, Instant:
		return f.Scale == g.Scale
	}
	return f.Bits == g.Bits && f.Unsigned == g.Unsigned
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

// printable reports whether s consists of ASCII's printable characters: beyond
// them a collation may ignore a character altogether.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
