package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// mark reads a token that begins with neither a letter nor a digit.
func (l *lexer) mark(t *token, c byte) {
	switch c {
	case '\'':
		l.quoted(t, tString, c, l.d == catalog.MySQL)
	case '"':
		l.quoted(t, tQuoted, c, l.d == catalog.MySQL)
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
		t.kind = tVar
		for l.at(0) == '@' {
			l.i++
		}
		l.run(bName)
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
		l.single(t, sOther)
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

// operators are the operators by their text. The longest that matches counts.
var operators = map[string]symbol{
	"*": sStar, "+": sPlus, "-": sMinus, "/": sSlash, "%": sPercent, "=": sEq, "==": sEq, "<>": sNe, "!=": sNe,
	"<": sLt, "<=": sLe, ">": sGt, ">=": sGe, "<=>": sNullEq, "||": sConcat, "&": sAmp, "|": sPipe,
	"&&": sAndAnd, "<<": sShiftL, ">>": sShiftR, "~": sTilde, "!": sBang, "->": sArrow, "->>": sArrowText,
}

const longestOperator = 3

func (l *lexer) operator(t *token) {
	if l.d == catalog.PostgreSQL {
		l.operatorPG(t)
		return
	}
	for n := min(longestOperator, len(l.src)-l.i); n > 0; n-- {
		if s, ok := operators[l.src[l.i:l.i+n]]; ok && l.has(s) {
			t.kind, t.op = tOp, s
			l.i += n
			return
		}
	}
	t.kind = tBad
	if l.src[l.i] == '^' && l.d == catalog.MySQL {
		t.kind = tOp
	}
	l.i++
}

// has reports whether the dialect cuts the operator as one token.
func (l *lexer) has(s symbol) bool {
	switch s {
	case sNullEq, sAndAnd:
		return l.d == catalog.MySQL
	case sBang:
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
	t.kind, t.op = tOp, operators[op]
	if t.op == sNullEq || t.op == sBang || t.op == sAndAnd {
		t.op = sOther
	}
	l.i += len(op)
}

func (l *lexer) commentAt(n int) bool {
	a, b := l.at(n), l.at(n+1)
	return a == '-' && b == '-' || a == '/' && b == '*'
}
