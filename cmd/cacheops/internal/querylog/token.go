package querylog

import "strings"

// A token of SQL, as far as splitting and sorting statements needs it.
type tokenKind uint8

const (
	space   tokenKind = iota // white space and comments
	word                     // an unquoted name or keyword
	literal                  // a number, a 'text' or an x'blob'
	quoted                   // a "name", `name` or [name]
	mark                     // any other single byte
	broken                   // a quote or comment that is never closed
)

// next returns the kind and the length of the token that s begins with; s is
// not empty.
func next(s string) (tokenKind, int) {
	switch c := s[0]; {
	case isSpace(c):
		return space, 1
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			return space, i + 1
		}
		return space, len(s)
	case strings.HasPrefix(s, "/*"):
		if i := strings.Index(s[2:], "*/"); i >= 0 {
			return space, i + 4
		}
		return broken, len(s)
	case c == '\'':
		return closed(literal, s, 0, c)
	case (c == 'x' || c == 'X') && len(s) > 1 && s[1] == '\'':
		return closed(literal, s, 1, '\'')
	case c == '"' || c == '`':
		return closed(quoted, s, 0, c)
	case c == '[':
		if i := strings.IndexByte(s, ']'); i >= 0 {
			return quoted, i + 1
		}
		return broken, len(s)
	case isDigit(c) || c == '.' && len(s) > 1 && isDigit(s[1]):
		return literal, numberLen(s)
	case isWord(c):
		i := 1
		for i < len(s) && (isWord(s[i]) || isDigit(s[i]) || s[i] == '$') {
			i++
		}
		return word, i
	}
	return mark, 1
}

// closed finds the end of a quoted token whose quote is at s[at]; a doubled
// quote stands for itself.
func closed(kind tokenKind, s string, at int, quote byte) (tokenKind, int) {
	for i := at + 1; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			i++
			continue
		}
		return kind, i + 1
	}
	return broken, len(s)
}

// numberLen is generous: 1e+5 is one number, and so is 0x1F or 12_000.
func numberLen(s string) int {
	i := 1
	for i < len(s) {
		c := s[i]
		exponent := (c == '+' || c == '-') && (s[i-1] == 'e' || s[i-1] == 'E') && !strings.HasPrefix(s, "0x")
		if !isDigit(c) && !isWord(c) && c != '.' && !exponent {
			break
		}
		i++
	}
	return i
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// Shape is the statement with its literals replaced by question marks and its
// white space and comments shortened: what groups statements in a report.
func Shape(sql string) string {
	var b strings.Builder
	gap := false
	for len(sql) > 0 {
		kind, n := next(sql)
		text := sql[:n]
		sql = sql[n:]
		if kind == space {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		if kind == literal {
			text = "?"
		}
		b.WriteString(text)
	}
	return b.String()
}
