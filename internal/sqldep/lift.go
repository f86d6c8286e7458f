package sqldep

import (
	"database/sql/driver"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// Lifting takes the literals out of a text, so that texts that differ in them
// alone share a plan: ORMs that write arguments into the text make a new text
// for each value. It sees tokens only, and lifts where it is sure that what
// stands there is a value:
//
//   - after an operator, a parenthesis, a comma or one of a few keywords;
//   - not in a select list, whose texts name the result's columns;
//   - not as a LIMIT, nor as an item of ORDER BY or GROUP BY, where it decides
//     what kind of read this is or counts columns;
//   - not a string that names a table, or that a date function gives a meaning
//     of its own.
//
// So the lifted text, with the literals' values, decides the result as the text
// itself does. A literal lifted where a name stood after all makes the parser
// give up.

// lifter lifts the literals of one statement.
type lifter struct {
	src    string
	d      catalog.Dialect
	cat    *catalog.Catalog
	key    []byte
	values []driver.Value
	tokens []int32 // which token each value was
	frames []frame
	copied int32
}

// frame is what is known of one level of parentheses.
type frame struct {
	still bool // nothing is lifted at this level and below
	list  bool // in a select list
	by    bool // in an ORDER BY or GROUP BY list
	limit bool // after LIMIT
}

// signs merges a minus sign into the number after it, in place.
func signs(src string, toks []token) []token {
	out := toks[:0]
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		if t.is(sMinus) && i+1 < len(toks) && i > 0 && beforeSign(&toks[i-1]) {
			n := toks[i+1]
			if (n.kind == tInt || n.kind == tFloat) && strings.TrimSpace(src[t.end:n.pos]) == "" {
				n.pos = t.pos
				t = n
				i++
			}
		}
		out = append(out, t)
	}
	return out
}

// beforeSign reports whether a minus after t has no left operand.
func beforeSign(t *token) bool {
	switch t.kind {
	case tOp:
		switch t.op {
		case sLParen, sComma, sEq, sNe, sLt, sLe, sGt, sGe:
			return true
		}
	case tWord:
		switch t.word {
		case kAnd, kOr, kThen, kElse, kWhen, kBetween, kLimit, kIn, kWhere, kOn, kHaving:
			return true
		}
	}
	return false
}

// run lifts from toks. l.key then holds the lifted text.
func (l *lifter) run(toks []token) {
	l.frames = append(l.frames[:0], frame{})
	for i := range toks {
		switch t := &toks[i]; t.kind {
		case tOp:
			l.mark(toks, i)
		case tWord:
			l.word(toks, i)
		case tInt, tFloat, tString, tBlob:
			if l.liftable(toks, i) {
				l.lift(i, t)
			}
		}
	}
	l.key = append(l.key, l.src[l.copied:]...)
}

// slots maps the lifted tokens to their slots.
func (l *lifter) slots() map[int]int {
	m := make(map[int]int, len(l.tokens))
	for slot, tok := range l.tokens {
		m[int(tok)] = slot
	}
	return m
}

func (l *lifter) top() *frame { return &l.frames[len(l.frames)-1] }

func (l *lifter) mark(toks []token, i int) {
	switch toks[i].op {
	case sLParen:
		f := l.top()
		in := frame{still: f.still || f.list || i > 0 && l.interprets(&toks[i-1])}
		if f.by && i > 0 && (toks[i-1].is(sComma) || toks[i-1].is(sLParen) || toks[i-1].word == kBy) {
			in.by = true // ORDER BY (1) still counts columns
		}
		l.frames = append(l.frames, in)
	case sRParen:
		if len(l.frames) > 1 {
			l.frames = l.frames[:len(l.frames)-1]
		}
	}
}

// interprets reports whether t names a function that gives words in its
// arguments a meaning: the time now, say.
func (l *lifter) interprets(t *token) bool {
	if t.kind != tWord && t.kind != tQuoted {
		return false
	}
	name := rawName(l.src, t)
	for _, f := range [...]string{"date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"} {
		if equalFold(name, f) {
			return true
		}
	}
	return false
}

func (l *lifter) word(toks []token, i int) {
	f := l.top()
	switch toks[i].word {
	case kSelect, kReturning:
		f.list, f.by, f.limit = true, false, false
	case kFrom:
		if i > 0 && toks[i-1].word != kDistinct {
			f.list = false
		}
	case kWhere, kUnion, kIntersect, kExcept:
		f.list, f.by = false, false
	case kBy:
		f.list, f.by = false, true
	case kLimit:
		f.list, f.limit = false, true
	}
}

// liftable reports whether the literal toks[i] can be lifted.
func (l *lifter) liftable(toks []token, i int) bool {
	f := l.top()
	if i == 0 || f.still || f.list || !l.valueAfter(toks, i, f) {
		return false
	}
	t := &toks[i]
	if i+1 < len(toks) {
		switch n := &toks[i+1]; {
		case n.is(sCast), n.is(sDot), n.is(sLParen):
			return false
		case n.kind == tString, n.kind == tEscape: // 'a' 'b' is one string
			return l.d == catalog.SQLite
		}
	}
	switch t.kind {
	case tFloat, tBlob:
		return l.d == catalog.SQLite
	case tString:
		if c := l.src[t.pos]; c != '\'' && c != '"' && c != '$' && l.d != catalog.SQLite {
			return false // N'a' has a type
		}
		return !l.special(rawName(l.src, t))
	}
	return true
}

// valueAfter reports whether a value is what follows toks[i-1].
func (l *lifter) valueAfter(toks []token, i int, f *frame) bool {
	prev := &toks[i-1]
	switch prev.kind {
	case tOp:
		switch prev.op {
		case sComma:
			return !f.by && !f.limit
		case sLParen:
			return !f.by
		case sPlus, sMinus:
			return i > 1 && !f.by && operandEnd(&toks[i-2])
		case sEq, sNe, sLt, sLe, sGt, sGe, sNullEq, sConcat, sAmp, sPipe, sShiftL, sShiftR, sSlash, sPercent,
			sStar, sArrow, sArrowText:
			return true
		}
	case tWord:
		switch prev.word {
		case kAnd, kOr, kNot, kIn, kLike, kGlob, kBetween, kThen, kElse, kWhen, kIs, kOffset, kIlike:
			return true
		}
	}
	return false
}

func operandEnd(t *token) bool {
	switch t.kind {
	case tWord:
		return t.word == 0
	case tOp:
		return t.op == sRParen
	}
	return true
}

// special reports whether a string could mean more than its text.
func (l *lifter) special(s string) bool {
	if len(l.cat.Named(s)) > 0 {
		return true
	}
	if l.d == catalog.PostgreSQL && clockText(s) {
		return true
	}
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "now", "today", "tomorrow", "yesterday", "localtime", "utc", "infinity", "-infinity", "epoch", "allballs":
		return true
	}
	return false
}

func (l *lifter) lift(i int, t *token) {
	v, kind, ok := literalValue(l.src[t.pos:t.end], t.kind, l.d)
	if !ok {
		return
	}
	l.values = append(l.values, v)
	l.tokens = append(l.tokens, int32(i))
	l.key = append(l.key, l.src[l.copied:t.pos]...)
	// The text holds no zero byte of its own.
	l.key = append(l.key, 0, '0'+byte(kind))
	l.copied = t.end
}
