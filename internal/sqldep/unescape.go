package sqldep

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cacheops/cacheops/internal/catalog"
)

// unescape returns what a string with backslashes in it stands for. ok is false
// where that is not certain.
func unescape(text string, d catalog.Dialect) (s string, ok bool) {
	at := strings.IndexAny(text, `'"`)
	if at < 0 || len(text) < at+2 {
		return "", false
	}
	quote, in := text[at], text[at+1:len(text)-1]
	if d == catalog.PostgreSQL && at > 0 && text[0]|0x20 == 'u' {
		return unescapeUnicode(strings.ReplaceAll(in, "''", "'"), '\\')
	}
	var b strings.Builder
	for i := 0; i < len(in); i++ {
		switch c := in[i]; {
		case c == quote:
			i++ // a doubled one
			b.WriteByte(c)
		case c != '\\':
			b.WriteByte(c)
		case i+1 == len(in):
			return "", false
		case d == catalog.MySQL:
			i++
			escapeMySQL(&b, in[i])
		default:
			n := escapePostgres(&b, in[i+1:])
			if n == 0 {
				return "", false
			}
			i += n
		}
	}
	s = b.String()
	return s, utf8.ValidString(s)
}

func escapeMySQL(b *strings.Builder, c byte) {
	switch c {
	case '0':
		c = 0
	case 'b':
		c = '\b'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'Z':
		c = 26
	case '%', '_': // for LIKE to see
		b.WriteByte('\\')
	}
	b.WriteByte(c)
}

// escapePostgres writes what the characters after a backslash stand for, and
// returns how many they are: zero where the server would reject them.
func escapePostgres(b *strings.Builder, s string) int {
	if i := strings.IndexByte("bfnrt", s[0]); i >= 0 {
		b.WriteByte("\b\f\n\r\t"[i])
		return 1
	}
	switch s[0] {
	case 'u':
		return escapeRune(b, s, 4)
	case 'U':
		return escapeRune(b, s, 8)
	case 'x':
		return escapeByte(b, s, 1, 16, 2)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		return escapeByte(b, s, 0, 8, 3)
	}
	b.WriteByte(s[0])
	return 1
}

func escapeRune(b *strings.Builder, s string, digits int) int {
	if len(s) < digits+1 {
		return 0
	}
	n, err := strconv.ParseUint(s[1:digits+1], 16, 32)
	if err != nil || n == 0 || n > utf8.MaxRune || 0xd800 <= n && n < 0xe000 {
		return 0
	}
	b.WriteRune(rune(n))
	return digits + 1
}

// escapeByte writes the byte that up to most digits after the first from
// characters stand for.
func escapeByte(b *strings.Builder, s string, from, base, most int) int {
	end := from
	for end < len(s) && end < from+most && isDigit(s[end], base) {
		end++
	}
	if end == from { // \x without digits is an x
		b.WriteByte(s[0])
		return 1
	}
	n, err := strconv.ParseUint(s[from:end], base, 16)
	if err != nil || n == 0 || n > 0xff {
		return 0
	}
	b.WriteByte(byte(n))
	return end
}

// unescapeUnicode reads U&'\0061'.
func unescapeUnicode(in string, escape byte) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(in); i++ {
		if in[i] != escape {
			b.WriteByte(in[i])
			continue
		}
		rest := in[i+1:]
		switch {
		case rest == "":
			return "", false
		case rest[0] == escape:
			b.WriteByte(escape)
			i++
		case rest[0] == '+':
			n := escapeRune(&b, rest, 6)
			if n == 0 {
				return "", false
			}
			i += n
		default:
			n := escapeRune(&b, "u"+rest, 4)
			if n == 0 {
				return "", false
			}
			i += n - 1
		}
	}
	s := b.String()
	return s, utf8.ValidString(s)
}

func isDigit(c byte, base int) bool {
	_, err := strconv.ParseUint(string([]byte{c}), base, 8)
	return err == nil
}
