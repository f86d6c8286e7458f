package catalog

import "strings"

// What SQLite says of its schema through pragmas leaves out collations,
// conflict clauses, generating expressions and triggers' targets. Those are
// taken from the CREATE statements, which SQLite has accepted: the scanner need
// not find errors in them.

// token is a token of a CREATE statement.
type token struct {
	kind tokenKind
	text string // unquoted for names and strings
	at   int    // byte offset
	end  int
}

type tokenKind uint8

const (
	tokWord   tokenKind = iota + 1 // bare: a keyword or a name
	tokQuoted                      // "name", `name` or [name]
	tokString                      // 'text'
	tokNumber
	tokBlob // x'…'
	tokPunct
)

// is reports whether t is the keyword w, which is in upper case.
func (t token) is(w string) bool { return t.kind == tokWord && strings.EqualFold(t.text, w) }

func (t token) punct(p byte) bool { return t.kind == tokPunct && t.text[0] == p }

// name returns a name in lower case. SQLite takes strings for names, too.
func (t token) name() (string, bool) {
	if t.kind == tokWord || t.kind == tokQuoted || t.kind == tokString {
		return strings.ToLower(t.text), true
	}
	return "", false
}

// scan returns the tokens of sql without comments.
func scan(sql string) []token {
	var ts []token
	for i := 0; i < len(sql); {
		if n := blank(sql[i:]); n > 0 {
			i += n
			continue
		}
		t := next(sql[i:])
		t.at, t.end = i, i+t.end
		ts = append(ts, t)
		i = t.end
	}
	return ts
}

// blank returns the length of the white space or the comment at the start of s.
func blank(s string) int {
	rest := func(after int, sep string) int {
		if i := strings.Index(s[after:], sep); i >= 0 {
			return after + i + len(sep)
		}
		return len(s)
	}
	switch {
	case strings.HasPrefix(s, "--"):
		return rest(2, "\n")
	case strings.HasPrefix(s, "/*"):
		return rest(2, "*/")
	case strings.IndexByte(sqliteSpace, s[0]) >= 0, strings.HasPrefix(s, "\ufeff"):
		return len(s) - len(strings.TrimLeft(s, sqliteSpace+"\ufeff"))
	}
	return 0
}

// next returns the token at the start of s, with its length as end.
func next(s string) token {
	switch c := s[0]; {
	case c == '\'':
		text, n := quoted(s, '\'')
		return token{kind: tokString, text: text, end: n}
	case c == '"' || c == '`':
		text, n := quoted(s, c)
		return token{kind: tokQuoted, text: text, end: n}
	case c == '[':
		n := strings.IndexByte(s, ']')
		if n < 0 {
			n = len(s) - 1
		}
		return token{kind: tokQuoted, text: s[1:max(n, 1)], end: n + 1}
	case (c == 'x' || c == 'X') && len(s) > 1 && s[1] == '\'':
		text, n := quoted(s[1:], '\'')
		return token{kind: tokBlob, text: text, end: n + 1}
	case digitRun(s) > 0 || c == '.' && digitRun(s[1:]) > 0:
		n := numberRun(s)
		return token{kind: tokNumber, text: s[:n], end: n}
	case wordByte(c):
		n := 1
		for n < len(s) && wordByte(s[n]) {
			n++
		}
		return token{kind: tokWord, text: s[:n], end: n}
	}
	return token{kind: tokPunct, text: s[:1], end: 1}
}

// quoted returns what stands between quotes at the start of s, doubled ones
// undone, and the length of it all.
func quoted(s string, q byte) (text string, n int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] == q {
			if i+1 == len(s) || s[i+1] != q {
				return b.String(), i + 1
			}
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), len(s)
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 ||
		'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// numberRun returns the length of the number, its exponent and its digits'
// underscores included, at the start of s.
func numberRun(s string) int {
	n, hex := 0, strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X")
	for n < len(s) && (wordByte(s[n]) || s[n] == '.') {
		if (s[n] == 'e' || s[n] == 'E') && !hex && n+1 < len(s) && (s[n+1] == '+' || s[n+1] == '-') {
			n++
		}
		n++
	}
	return n
}

// closing returns the index of the parenthesis that closes the one at ts[open].
func closing(ts []token, open int) int {
	depth := 0
	for i := open; i < len(ts); i++ {
		switch {
		case ts[i].punct('('):
			depth++
		case ts[i].punct(')'):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(ts)
}

// sequence reports whether the keywords stand one after the other somewhere.
func sequence(ts []token, words ...string) bool {
	for i := range ts {
		n := 0
		for n < len(words) && i+n < len(ts) && ts[i+n].is(words[n]) {
			n++
		}
		if n == len(words) {
			return true
		}
	}
	return false
}
