package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// mark reads a token that begins with neither a letter nor a digit.
func (l *lexer) mark(t *token, c byte) {
	switch c {
	case '\'':
		l.quoted(t, tString, c, l.backslash())
	case '"':
		if l.d == catalog.MySQL && l.mode&ANSIQuotes == 0 {
			l.quoted(t, tString, c, l.backslash())
			return
		}
		l.quoted(t, tQuoted, c, false)
	case '`':
		if l.d == catalog.PostgreSQL {
			l.operator(t)
			return
		}
		l.quoted(t, tQuoted, c, false)
	case '[':
		if l.d == catalog.SQLite {
			l.quoted(t, tQuoted, ']', false)
			return
		}
		l.single(t, sLBracket)
	case '?', ':', '@', '$', '#':
		l.param(t, c)
	default:
		if s := singles[c]; s != 0 {
			l.single(t, s)
			return
		}
		l.operator(t)
	}
}

// singles are the marks that are a token by themselves.
var singles = [256]symbol{'(': sLParen, ')': sRParen, ',': sComma, ';': sSemi, '.': sDot, ']': sRBracket}

func (l *lexer) single(t *token, s symbol) {
	t.kind, t.op = tOp, s
	l.i++
}

// param reads a parameter, a variable or a dollar-quoted string.
func (l *lexer) param(t *token, c byte) {
	switch {
	case c == '?' && l.d != catalog.PostgreSQL:
		t.kind = tParam
		l.i++
		if l.d == catalog.SQLite {
			l.run(bDigit)
		}
	case c == '$' && l.d == catalog.PostgreSQL:
		l.dollar(t)
	case c == '$' && l.d == catalog.MySQL:
		t.kind = tWord
		l.run(bName)
	case c == '@' && l.d == catalog.MySQL:
		l.variable(t)
	case c == '#' && l.d == catalog.SQLite:
		t.kind = tBad
		l.i++
	case l.d == catalog.SQLite:
		l.named(t)
	case c == ':':
		l.colon(t)
	default:
		l.operator(t)
	}
}

// variable reads @a, @'a', @@a and @@global.a. After an account's name it is the
// host's.
func (l *lexer) variable(t *token) {
	for l.at(0) == '@' {
		l.i++
	}
	switch q := l.at(0); q {
	case '\'', '"', '`':
		if l.quoted(t, tVar, q, q != '`' && l.backslash()); t.kind == tBad {
			return
		}
	default:
		for l.run(bName); l.at(0) == '.'; l.run(bName) {
			l.i++
		}
	}
	t.kind = tVar
}

// named reads SQLite's :a, @a and $a, the last with Tcl's ::b and (c) after it.
func (l *lexer) named(t *token) {
	tcl := l.src[l.i] == '$'
	t.kind = tParam
	l.i++
	start := l.i
	for l.run(bName); tcl && l.at(0) == ':' && l.at(1) == ':'; l.run(bName) {
		l.i += 2
	}
	if l.i == start {
		t.kind = tBad
		return
	}
	if tcl && l.at(0) == '(' {
		// A call cannot follow a parameter, so this is Tcl's array index.
		if n := strings.IndexAny(l.src[l.i:], ") \t\r\n"); n >= 0 && l.src[l.i+n] == ')' {
			l.i += n + 1
			return
		}
		t.kind = tBad
	}
}

func (l *lexer) colon(t *token) {
	if l.at(1) == ':' {
		l.i++
		l.single(t, sCast)
		return
	}
	if l.at(1) == '=' {
		l.i++
		l.single(t, sAssign)
		return
	}
	l.single(t, sColon)
}

// dollar reads $1 or a dollar-quoted string.
func (l *lexer) dollar(t *token) {
	if byteClass[l.at(1)]&bDigit != 0 {
		t.kind = tParam
		l.i++
		l.run(bDigit)
		return
	}
	n := 1
	for c := l.at(n); byteClass[c]&bName != 0 && c != '$'; c = l.at(n) {
		n++
	}
	if l.at(n) != '$' {
		t.kind = tBad
		l.i++
		return
	}
	tag := l.src[l.i : l.i+n+1]
	l.i += len(tag)
	t.kind = tString
	if end := strings.Index(l.src[l.i:], tag); end >= 0 {
		l.i += end + len(tag)
		return
	}
	t.kind = tBad
	l.i = len(l.src)
}

func (l *lexer) operator(t *token) {
	if l.d == catalog.PostgreSQL {
		l.operatorPG(t)
		return
	}
	s, n := operatorAt(l.src[l.i], l.at(1), l.at(2))
	if n > 1 && !l.has(s) {
		s, n = operatorAt(l.src[l.i], 0, 0)
		if l.src[l.i] == '<' { // <=>
			s, n = operatorAt('<', '=', 0)
		}
	}
	t.kind, t.op = tOp, s
	if n == 0 || !l.has(s) {
		t.kind, n = tBad, 1
		if l.src[l.i] == '^' && l.d == catalog.MySQL {
			t.kind, t.op = tOp, sCaret
		}
	}
	l.i += n
}

// operatorAt returns the operator that these bytes begin with, the longest that
// any dialect has, and its length: zero if there is none.
func operatorAt(a, b, c byte) (s symbol, n int) {
	switch a {
	case '*':
		return sStar, 1
	case '+':
		return sPlus, 1
	case '/':
		return sSlash, 1
	case '%':
		return sPercent, 1
	case '~':
		return sTilde, 1
	case '-':
		switch {
		case b == '>' && c == '>':
			return sArrowText, 3
		case b == '>':
			return sArrow, 2
		}
		return sMinus, 1
	case '=':
		if b == '=' {
			return sEq, 2
		}
		return sEq, 1
	case '!':
		if b == '=' {
			return sNe, 2
		}
		return sBang, 1
	case '&':
		if b == '&' {
			return sAndAnd, 2
		}
		return sAmp, 1
	case '|':
		if b == '|' {
			return sConcat, 2
		}
		return sPipe, 1
	case '<', '>':
		return angleAt(a, b, c)
	}
	return sOther, 0
}

func angleAt(a, b, c byte) (s symbol, n int) {
	switch {
	case a == '<' && b == '=' && c == '>':
		return sNullEq, 3
	case a == '<' && b == '=':
		return sLe, 2
	case a == '<' && b == '>':
		return sNe, 2
	case a == '<' && b == '<':
		return sShiftL, 2
	case a == '<':
		return sLt, 1
	case b == '=':
		return sGe, 2
	case b == '>':
		return sShiftR, 2
	}
	return sGt, 1
}

// has reports whether the dialect cuts the operator as one token.
func (l *lexer) has(s symbol) bool {
	switch s {
	case sNullEq, sAndAnd, sBang:
		return l.d == catalog.MySQL
	}
	return true
}

// operatorPG reads an operator by PostgreSQL's rule: the longest run of
// operator characters that holds no comment; one of several characters ends in
// + or - only if it has one of ~ ! @ # % ^ & | ` ? in it.
func (l *lexer) operatorPG(t *token) {
	n := 0
	for byteClass[l.at(n)]&bOpPG != 0 && !(n > 0 && l.commentAt(n)) {
		n++
	}
	if n == 0 {
		t.kind = tBad
		l.i++
		return
	}
	op := l.src[l.i : l.i+n]
	if !strings.ContainsAny(op, "~!@#%^&|`?") {
		for len(op) > 1 && (op[len(op)-1] == '+' || op[len(op)-1] == '-') {
			op = op[:len(op)-1]
		}
	}
	t.kind, t.op = tOp, sOther
	var b [3]byte
	if copy(b[:], op); len(op) <= len(b) {
		s, k := operatorAt(b[0], b[1], b[2])
		if k == len(op) && s != sNullEq && s != sBang && s != sAndAnd && op != "==" {
			t.op = s
		}
		if op == "^" {
			t.op = sCaret
		}
	}
	l.i += len(op)
}

func (l *lexer) commentAt(n int) bool {
	a, b := l.at(n), l.at(n+1)
	return a == '-' && b == '-' || a == '/' && b == '*'
}
