package sqldep

import "strings"

// Mode says how a session's settings change what a text means to the server.
// The zero Mode is the server's own default.
type Mode uint8

// The modes. Those before BackslashStrings are values of MySQL's sql_mode.
const (
	// ANSIQuotes: "x" is a name, not a string.
	ANSIQuotes Mode = 1 << iota
	// PipesAsConcat: || concatenates, it is not OR.
	PipesAsConcat
	// NoBackslashEscapes: a backslash in a string is a character like any other.
	NoBackslashEscapes
	// OddGrammar: HIGH_NOT_PRECEDENCE, ORACLE and others under which statements
	// are read by rules that the parser does not know. It then understands none.
	OddGrammar
	// BackslashStrings is PostgreSQL's standard_conforming_strings = off: a
	// backslash escapes in every string.
	BackslashStrings
)

// SQLMode returns the mode that a value of MySQL's or MariaDB's sql_mode makes.
// Values that do not change how a text is read are passed over; those that
// nobody has looked at count as OddGrammar.
func SQLMode(value string) Mode {
	var m Mode
	for name := range strings.SplitSeq(strings.ToUpper(value), ",") {
		m |= sqlMode(strings.TrimSpace(name))
	}
	return m
}

func sqlMode(name string) Mode {
	switch name {
	case "ANSI_QUOTES":
		return ANSIQuotes
	case "PIPES_AS_CONCAT":
		return PipesAsConcat
	case "NO_BACKSLASH_ESCAPES":
		return NoBackslashEscapes
	case "ANSI":
		return ANSIQuotes | PipesAsConcat
	case "", "ALLOW_INVALID_DATES", "ERROR_FOR_DIVISION_BY_ZERO", "IGNORE_BAD_TABLE_OPTIONS", "NO_AUTO_CREATE_USER",
		"NO_AUTO_VALUE_ON_ZERO", "NO_DIR_IN_CREATE", "NO_ENGINE_SUBSTITUTION", "NO_UNSIGNED_SUBTRACTION",
		"NO_ZERO_DATE", "NO_ZERO_IN_DATE", "ONLY_FULL_GROUP_BY", "PAD_CHAR_TO_FULL_LENGTH", "REAL_AS_FLOAT",
		"SIMULTANEOUS_ASSIGNMENT", "STRICT_ALL_TABLES", "STRICT_TRANS_TABLES", "TIME_ROUND_FRACTIONAL",
		"TIME_TRUNCATE_FRACTIONAL", "TRADITIONAL", "IGNORE_SPACE", "NO_FIELD_OPTIONS", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS":
		return 0
	}
	return OddGrammar
}
