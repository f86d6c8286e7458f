package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// prefix takes the operators before an operand, and it.
func (p *parser) prefix() Expr {
	switch {
	case p.word(kNot):
		return &Unary{Op: OpNot, X: p.operand(precNot)}
	case p.mark(sMinus):
		return &Unary{Op: OpNeg, X: p.operand(precUnary)}
	case p.mark(sPlus):
		return &Unary{Op: OpPlus, X: p.operand(precUnary)}
	case p.mark(sTilde):
		at := precUnary
		if p.d == catalog.PostgreSQL {
			at = precBit + 1
		}
		return &Unary{Op: OpBitNot, X: p.operand(at)}
	case p.mark(sBang):
		return &Unary{Op: OpNot, X: p.operand(precUnary)}
	}
	if p.d != catalog.SQLite {
		if x, ok := p.prefixOperator(); ok {
			return x
		}
	}
	return p.primary()
}

func (p *parser) primary() Expr {
	t := p.cur()
	switch t.kind {
	case tInt, tFloat, tString, tBlob:
		return p.literal(t)
	case tEscape:
		return p.literalElsewhere(t)
	case tParam:
		q := p.params[p.i]
		p.i++
		return q
	case tVar:
		return p.variable(t)
	case tQuoted:
		return p.column()
	case tWord:
		return p.wordPrimary(t)
	}
	if p.isMark(sLParen) {
		return p.group()
	}
	p.fail()
	return &Opaque{Why: "not parsed"}
}

// literal takes a constant, lifted or not.
func (p *parser) literal(t *token) Expr {
	if p.d != catalog.SQLite {
		return p.literalElsewhere(t)
	}
	if t.kind == tString && p.peek(1).is(sDot) {
		return p.column() // a name in the quotes of a string
	}
	slot, lifted := p.lifted[p.i]
	p.i++
	v, kind, ok := literalValue(p.text(t), t.kind, p.d)
	switch {
	case !ok:
		return &Opaque{Why: "literal"}
	case p.cur().kind == tString && t.kind == tString:
		p.fail() // 'a' 'b', one string on some servers
		return &Opaque{Why: "literal"}
	case lifted:
		return &Lifted{Slot: slot, Kind: kind, Pos: Pos(t.pos)}
	}
	return &Literal{Kind: kind, Value: v, Pos: Pos(t.pos)}
}

// group takes what stands in parentheses: an expression, a row, a query.
func (p *parser) group() Expr {
	p.enter()
	defer p.leave()
	p.wantMark(sLParen)
	var e Expr
	if p.isQuery() && !p.valuesCall() {
		e = &Subquery{Query: p.query()}
	} else {
		items := p.exprs()
		e = items[0]
		if len(items) > maxLinks {
			p.fail()
		}
		if len(items) > 1 {
			e = &Row{Items: items}
		}
	}
	p.wantMark(sRParen)
	for links := 0; p.d == catalog.PostgreSQL && p.mark(sDot); p.tally(&links, maxLinks) { // (composite).field
		e = p.field(e)
	}
	return e
}

// column takes a name, or name.name, or name.name.name.
func (p *parser) column() Expr {
	t := p.cur()
	c := &Column{Pos: Pos(t.pos)}
	first := p.i
	c.Name = p.name()
	if p.mark(sDot) {
		c.Table, first = c.Name, p.i
		c.Name = p.columnPart()
	}
	if p.mark(sDot) {
		c.Schema, c.Table, first = c.Table, c.Name, p.i
		c.Name = p.columnPart()
	}
	if p.failed {
		return c
	}
	last := &p.toks[first]
	c.Raw = rawName(p.src, last)
	c.Quoted = c.Table == "" && last.kind == tQuoted && p.src[last.pos] == '"'
	c.Quoted = c.Quoted && p.d == catalog.SQLite
	return c
}

func (p *parser) columnPart() string {
	switch {
	case p.isMark(sStar): // t.* as a value
		if p.d == catalog.PostgreSQL {
			p.i++
			return "*"
		}
		p.fail()
		return ""
	case p.d != catalog.SQLite:
		return p.label()
	}
	return p.name()
}

// wordPrimary takes an operand that begins with a bare word.
func (p *parser) wordPrimary(t *token) Expr {
	if p.peek(1).is(sDot) {
		return p.dotted()
	}
	switch t.word {
	case kNull:
		p.i++
		return &Literal{Kind: LitNull, Pos: Pos(t.pos)}
	case kTrue, kFalse:
		p.i++
		return p.boolean(t)
	case kCurrentDate, kCurrentTime, kCurrentTimestamp, kCurrentUser, kSessionUser, kLocalTime, kLocalTimestamp, kUser:
		if e := p.current(t); e != nil {
			return e
		}
	case kCase:
		return p.caseExpr()
	case kCast:
		return p.cast()
	case kExists:
		if p.peek(1).is(sLParen) {
			p.i += 2
			e := &Exists{Query: p.query()}
			p.wantMark(sRParen)
			return e
		}
	case kRaise:
		return p.raise()
	}
	if p.d != catalog.SQLite {
		if e, ok := p.primaryElsewhere(t); ok {
			return e
		}
	}
	if p.peek(1).is(sLParen) && (!reserved[t.word] && !strict[p.d][t.word] || p.functionWord(t.word)) {
		return p.call("", "")
	}
	if reserved[t.word] && !columnWord(t.word) {
		p.fail()
		return &Opaque{Why: "not parsed"}
	}
	return p.column()
}

// dotted takes schema.f(…) or a column with its table.
func (p *parser) dotted() Expr {
	if p.d == catalog.PostgreSQL {
		if n := p.constantType(); n > 0 { // schema.type 'x'
			return p.typedConstant(n)
		}
	}
	if p.d == catalog.SQLite || !p.peek(3).is(sLParen) {
		return p.column()
	}
	schema := p.name()
	p.wantMark(sDot)
	return p.call(schema, p.label())
}

// functionWord reports whether a reserved keyword may name a function.
func (p *parser) functionWord(k keyword) bool {
	switch k {
	case kLeft, kRight:
		return true
	case kLike, kGlob, kRegexp, kMatch, kIndexed:
		return p.d == catalog.SQLite
	case kValues, kReplace, kIf, kMod, kInsert, kTruncate, kDatabase, kUser, kRow, kDefault, kGroup, kCurrentUser:
		return p.d == catalog.MySQL
	}
	return false
}

// columnWord reports whether a reserved keyword may name a column: SQLite falls
// back to a name where the keyword cannot stand.
func columnWord(k keyword) bool {
	switch k {
	case kLeft, kRight, kFull, kInner, kOuter, kCross, kNatural, kIndexed, kOffset, kLike, kGlob, kRegexp, kMatch,
		kFor, kWindow, kIlike, kSimilar, kRlike, kLateral, kTablesample, kFetch:
		return true
	}
	return false
}

func (p *parser) boolean(t *token) Expr {
	l := &Literal{Kind: LitBool, Pos: Pos(t.pos)}
	isTrue := t.word == kTrue
	p.truth = true
	switch {
	case p.d == catalog.PostgreSQL:
		l.Value = isTrue
	case isTrue:
		l.Value = int64(1)
	default:
		l.Value = int64(0)
	}
	return l
}

// current takes CURRENT_DATE and its like; nil where the word is but a name.
func (p *parser) current(t *token) Expr {
	sqlite := t.word == kCurrentDate || t.word == kCurrentTime || t.word == kCurrentTimestamp
	if p.d == catalog.SQLite && !sqlite || t.word == kUser && p.d != catalog.PostgreSQL {
		return nil
	}
	p.i++
	if p.mark(sLParen) {
		if !p.isMark(sRParen) {
			p.expr()
		}
		p.wantMark(sRParen)
	}
	return &Literal{Kind: LitCurrent, Pos: Pos(t.pos)}
}

func (p *parser) caseExpr() Expr {
	p.want(kCase)
	c := &Case{}
	if !p.isWord(kWhen) {
		c.X = p.expr()
	}
	for p.word(kWhen) {
		w := When{Cond: p.expr()}
		p.want(kThen)
		w.Then = p.expr()
		c.Whens = append(c.Whens, w)
	}
	if p.word(kElse) {
		c.Else = p.expr()
	}
	p.want(kEnd)
	return c
}

func (p *parser) cast() Expr {
	p.want(kCast)
	p.wantMark(sLParen)
	c := &Cast{X: p.expr()}
	if p.d == catalog.MySQL && p.said("at", "time", "zone") {
		c.X = &Func{Name: "timezone", Args: []Expr{p.primary(), c.X}, Pos: p.pos()}
	}
	p.want(kAs)
	c.Type = p.typeName()
	p.wantMark(sRParen)
	return c
}

func (p *parser) collation() string {
	if p.d == catalog.PostgreSQL {
		_, name := p.qualified()
		return name
	}
	if p.d == catalog.MySQL && p.cur().kind == tString {
		p.i++
		return strings.ToUpper(unquote(p.text(&p.toks[p.i-1])))
	}
	return strings.ToUpper(p.label())
}

func (p *parser) raise() Expr {
	p.want(kRaise)
	p.wantMark(sLParen)
	r := &Raise{}
	switch k := p.oneOf(kIgnore, kRollback, kAbort, kFail); k {
	case 0:
		p.fail()
	default:
		r.Action = keywordNames[k]
	}
	if p.mark(sComma) {
		p.expr()
	}
	p.wantMark(sRParen)
	return r
}

// call takes a function call; its name, if it was not taken yet, is next.
func (p *parser) call(schema, name string) Expr {
	f := &Func{Schema: schema, Name: name, Pos: p.pos()}
	if name == "" {
		f.Name = foldName(p.src, p.cur(), p.d)
		p.i++
	}
	p.wantMark(sLParen)
	if p.d == catalog.SQLite {
		p.arguments(f)
	} else {
		p.argumentsElsewhere(f)
	}
	p.wantMark(sRParen)
	if p.d != catalog.SQLite {
		p.treatNulls()
	}
	if p.word(kWithin, kGroup) {
		p.wantMark(sLParen)
		f.OrderBy = p.orderBy()
		p.wantMark(sRParen)
	}
	if p.isWord(kFilter) && p.peek(1).is(sLParen) {
		p.i += 2
		p.want(kWhere)
		f.Filter = p.expr()
		p.wantMark(sRParen)
	}
	p.over(f)
	return f
}

func (p *parser) arguments(f *Func) {
	switch {
	case p.isMark(sRParen):
		return
	case p.mark(sStar):
		f.Star = true
		return
	case p.word(kDistinct):
		f.Distinct = true
	default:
		p.word(kAll)
	}
	f.Args = p.exprs()
	f.OrderBy = p.orderBy()
}

// treatNulls takes what a window function may say of NULLs.
func (p *parser) treatNulls() {
	if p.isWord(kFrom) && (equalFold(p.text(p.peek(1)), "first") || equalFold(p.text(p.peek(1)), "last")) {
		p.i += 2
	}
	if (p.says("respect") || p.isWord(kIgnore)) && p.peek(1).word == kNulls {
		p.i += 2
	}
}

func (p *parser) over(f *Func) {
	if !p.isWord(kOver) || !p.peek(1).is(sLParen) && !p.isName(1, true) {
		return
	}
	p.i++
	if p.isMark(sLParen) {
		f.Over = p.window()
		return
	}
	f.Over = &Window{Base: p.name()}
}
