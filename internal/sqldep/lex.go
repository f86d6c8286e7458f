package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// lexer cuts a text into tokens as one dialect does.
type lexer struct {
	src  string
	d    catalog.Dialect
	mode Mode
	i    int
	// conditional is set where part of the text runs on some servers only
	// (MySQL's /*! … */): its tokens are delivered, its structure is unknown.
	conditional bool
	// murky is set where a name may be hidden from the lexer (U&"…, a comment
	// without its end).
	murky bool
	// inside is set within a conditional comment.
	inside bool
	// hints are what the comments for the cache say: see Planner.Hints.
	hints []string
}

// lex appends the tokens of src to toks, without an end token.
func (l *lexer) lex(toks []token) []token {
	for l.skip(); l.i < len(l.src); l.skip() {
		// Each token is filled in where it stays: a copy of what was just written
		// byte by byte costs more than the rest.
		toks = append(toks, token{pos: int32(l.i)})
		l.next(&toks[len(toks)-1])
	}
	l.conditional = l.conditional || l.inside // a comment without its end
	return toks
}

// Classes of bytes.
const (
	bSpace  = 1 << iota
	bLetter // begins a name
	bDigit
	bName  // continues a name
	bOpPG  // part of an operator on PostgreSQL
	bOther // an operator or punctuation
)

var byteClass = func() (c [256]uint8) {
	for b := range 256 {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', b == '_', b >= 0x80:
			c[b] = bLetter | bName
		case '0' <= b && b <= '9':
			c[b] = bDigit | bName
		case b == ' ', '\t' <= b && b <= '\r':
			c[b] = bSpace
		}
	}
	c['$'] |= bName
	for _, b := range []byte("+-*/<>=~!@#%^&|`?") {
		c[b] |= bOpPG
	}
	return c
}()

// at returns the byte n places on, or zero at the end.
func (l *lexer) at(n int) byte {
	if l.i+n < len(l.src) {
		return l.src[l.i+n]
	}
	return 0
}

// next reads the token that begins here.
func (l *lexer) next(t *token) {
	switch c := l.src[l.i]; {
	case byteClass[c]&bLetter != 0:
		l.word(t, c)
	case byteClass[c]&bDigit != 0, c == '.' && byteClass[l.at(1)]&bDigit != 0:
		l.number(t)
	default:
		l.mark(t, c)
	}
	t.end = int32(l.i)
}

// skip passes over white space and comments.
func (l *lexer) skip() {
	for l.i < len(l.src) {
		switch c := l.src[l.i]; {
		case byteClass[c]&bSpace != 0:
			l.i++
		case c == '-' && l.at(1) == '-' && l.dashes():
			l.line(2)
		case c == '#' && l.d == catalog.MySQL:
			l.line(1)
		case c == '/' && l.at(1) == '*':
			l.comment()
		case c == '*' && l.at(1) == '/' && l.inside:
			l.i += 2
			l.inside = false
		default:
			return
		}
	}
}

// dashes reports whether -- begins a comment: on MySQL only before a space.
func (l *lexer) dashes() bool {
	return l.d != catalog.MySQL || l.i+2 >= len(l.src) || l.src[l.i+2] <= ' '
}

// line passes over a comment to the end of its line; mark is how long that is
// which begins it.
func (l *lexer) line(mark int) {
	n := strings.IndexByte(l.src[l.i:], '\n')
	if n < 0 {
		n = len(l.src) - l.i
	}
	l.remark(l.src[l.i+mark : l.i+n])
	l.i += n
}

func (l *lexer) comment() {
	if l.d == catalog.MySQL && l.executable() {
		return
	}
	depth, start := 0, l.i
	for l.i < len(l.src) {
		switch {
		case l.at(0) == '/' && l.at(1) == '*' && (depth == 0 || l.d == catalog.PostgreSQL):
			depth++
			l.i += 2
		case l.at(0) == '*' && l.at(1) == '/':
			l.i += 2
			if depth--; depth == 0 {
				l.hint(l.src[start:l.i])
				l.remark(l.src[start+2 : l.i-2])
				return
			}
		default:
			l.i++
		}
	}
	// SQLite takes the text's end for the comment's.
	l.remark(l.src[start+2:])
	l.murky = l.murky || l.d != catalog.SQLite
}

// executable enters a comment that MySQL or MariaDB executes. One without a
// version, or with one that every supported server has, is text like any other;
// MariaDB passes over 50700 to 99999.
func (l *lexer) executable() bool {
	switch {
	case l.at(2) == '!':
		l.i += 3
	case l.at(2) == 'M' && l.at(3) == '!':
		l.i += 4
		l.conditional = true
	default:
		return false
	}
	// A comment within a comment is passed over by some servers.
	l.conditional = l.conditional || l.inside
	l.inside = true
	start := l.i
	l.run(bDigit)
	version := l.src[start:l.i]
	l.conditional = l.conditional || len(version) > 0 && (len(version) != 5 || version >= "50700")
	return true
}

// hint looks at an optimizer hint: one sets variables for the statement.
func (l *lexer) hint(comment string) {
	if l.d == catalog.MySQL && len(comment) > 3 && comment[2] == '+' && strings.Contains(strings.ToLower(comment), "set_var") {
		l.conditional = true
	}
}

// word reads a name, a keyword, or a string with a letter before it.
func (l *lexer) word(t *token, c byte) {
	t.kind = tWord
	if q := l.at(1); q == '\'' || q == '&' || q == '"' {
		if l.prefixed(t, c|0x20, q) {
			return
		}
	}
	i := l.i + 1
	for i < len(l.src) && byteClass[l.src[i]]&bName != 0 {
		i++
	}
	t.word = lookupKeyword(l.src[l.i:i])
	l.i = i
}

// prefixed reads x'00', E'a', N'a', B'0', U&'a' and U&"a".
func (l *lexer) prefixed(t *token, c, q byte) bool {
	switch {
	case c == 'x' && q == '\'':
		l.i++
		l.quoted(t, tBlob, '\'', false)
	case l.d == catalog.SQLite:
		return false
	case c == 'e' && q == '\'' && l.d == catalog.PostgreSQL:
		l.i++
		l.quoted(t, tEscape, '\'', true)
	case c == 'n' && q == '\'':
		l.i++
		l.quoted(t, tString, '\'', l.backslash())
	case c == 'b' && q == '\'':
		l.i++
		l.quoted(t, tBlob, '\'', false)
	case c == 'u' && q == '&' && l.d == catalog.PostgreSQL && (l.at(2) == '\'' || l.at(2) == '"'):
		l.murky = l.murky || l.at(2) == '"'
		l.i += 2
		l.quoted(t, tEscape, l.src[l.i], false)
	default:
		return false
	}
	return true
}

// backslash reports whether a backslash escapes in a plain string.
func (l *lexer) backslash() bool {
	switch l.d {
	case catalog.MySQL:
		return l.mode&NoBackslashEscapes == 0
	case catalog.PostgreSQL:
		return l.mode&BackslashStrings != 0
	}
	return false
}

// quoted reads a string or name from its quote on. A doubled quote stands for
// itself.
func (l *lexer) quoted(t *token, kind tokenKind, q byte, backslash bool) {
	t.kind = kind
	if !backslash {
		l.plain(t, q)
		return
	}
	for l.i++; l.i < len(l.src); l.i++ {
		switch c := l.src[l.i]; {
		case c == '\\':
			if kind == tString {
				t.kind = tEscape
			}
			l.i++
		case c == q:
			l.i++
			if l.at(0) != q {
				return
			}
		}
	}
	l.i = len(l.src)
	t.kind = tBad
}

// plain reads what is in quotes where a backslash means nothing.
func (l *lexer) plain(t *token, q byte) {
	for l.i++; ; l.i++ {
		n := strings.IndexByte(l.src[l.i:], q)
		if n < 0 {
			l.i = len(l.src)
			t.kind = tBad
			return
		}
		if l.i += n + 1; l.at(0) != q || q == ']' {
			return
		}
	}
}

// number reads a number. On MySQL a name may begin with digits.
func (l *lexer) number(t *token) {
	t.kind = tInt
	if c := l.at(1) | 0x20; l.src[l.i] == '0' && (c == 'x' || c == 'b' || c == 'o') && (c == 'x' || l.d != catalog.SQLite) {
		l.i += 2
		l.run(bName)
		return
	}
	l.digits()
	if l.at(0) == '.' && !(l.at(1) == '.' && l.d == catalog.PostgreSQL) {
		t.kind = tFloat
		l.i++
		l.digits()
	}
	if l.exponent() {
		t.kind = tFloat
		l.digits()
	}
	if byteClass[l.at(0)]&bName == 0 {
		return
	}
	if l.run(bName); l.d == catalog.MySQL && t.kind == tInt {
		t.kind = tWord
		return
	}
	t.kind = tBad
}

func (l *lexer) exponent() bool {
	if l.at(0)|0x20 != 'e' {
		return false
	}
	n := 1
	if l.at(1) == '+' || l.at(1) == '-' {
		n = 2
	}
	if byteClass[l.at(n)]&bDigit == 0 {
		return false
	}
	l.i += n
	return true
}

// digits passes over digits with single _ between them.
func (l *lexer) digits() {
	for byteClass[l.at(0)]&bDigit != 0 || l.at(0) == '_' && l.d != catalog.MySQL && byteClass[l.at(1)]&bDigit != 0 {
		l.i++
	}
}

func (l *lexer) run(class uint8) {
	for l.i < len(l.src) && byteClass[l.src[l.i]]&class != 0 {
		l.i++
	}
}
