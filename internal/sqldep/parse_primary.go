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
		return &Unary{Op: OpBitNot, X: p.operand(precUnary)}
	case p.mark(sBang):
		return &Unary{Op: OpNot, X: p.operand(precUnary)}
	}
	return p.primary()
}

func (p *parser) primary() Expr {
	t := p.cur()
	switch t.kind {
	case tInt, tFloat, tString, tBlob:
		return p.literal(t)
	case tEscape:
		p.i++
		return &Opaque{Why: "escaped string"}
	case tParam:
		q := p.params[p.i]
		p.i++
		return q
	case tVar:
		p.i++
		return &Opaque{Why: "variable"}
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
	if p.d == catalog.SQLite && t.kind == tString && p.peek(1).is(sDot) {
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
	if p.isQuery() {
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
	if p.d == catalog.PostgreSQL && p.mark(sDot) { // (composite).field
		if !p.mark(sStar) {
			p.name()
		}
		e = &Opaque{Why: "field", Exprs: []Expr{e}}
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
	if c.Quoted && p.d == catalog.MySQL {
		return &Opaque{Why: "string or name", Exprs: []Expr{c}}
	}
	return c
}

func (p *parser) columnPart() string {
	if p.isMark(sStar) { // t.* as a value
		p.fail()
		return ""
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
	case kDefault:
		if p.d != catalog.SQLite {
			p.i++
			return &Default{Pos: Pos(t.pos)}
		}
	case kInterval, kArray, kRow:
		if p.d != catalog.SQLite {
			return p.odd()
		}
	}
	if p.peek(1).is(sLParen) && (!reserved[t.word] && !strict[p.d][t.word] || p.functionWord(t.word)) {
		return p.call("", "")
	}
	if reserved[t.word] && !columnWord(t.word) {
		p.fail()
		return &Opaque{Why: "not parsed"}
	}
	if next := p.peek(1); p.d != catalog.SQLite && next.kind == tString { // DATE '2020-01-01', _utf8'a'
		p.i += 2
		return &Opaque{Why: "typed literal"}
	}
	return p.column()
}

// dotted takes schema.f(…) or a column with its table.
func (p *parser) dotted() Expr {
	if p.d == catalog.SQLite || !p.peek(3).is(sLParen) {
		return p.column()
	}
	schema := p.name()
	p.wantMark(sDot)
	return p.call(schema, p.name())
}

// functionWord reports whether a reserved keyword may name a function.
func (p *parser) functionWord(k keyword) bool {
	switch k {
	case kLeft, kRight:
		return true
	case kLike, kGlob, kRegexp, kMatch, kIndexed:
		return p.d == catalog.SQLite
	case kValues, kReplace, kIf, kMod:
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
	p.want(kAs)
	c.Type = p.typeName()
	p.wantMark(sRParen)
	return c
}

// typeName takes a type, and leaves out its lengths.
func (p *parser) typeName() string {
	var words []string
	for p.isName(0, false) {
		words = append(words, p.name())
		if p.d == catalog.PostgreSQL && !moreType(p.cur()) {
			break
		}
	}
	if p.mark(sLParen) {
		for !p.mark(sRParen) && !p.failed {
			p.signedNumber()
		}
	}
	if p.mark(sLBracket) {
		words = append(words, "[]")
		p.wantMark(sRBracket)
	}
	return strings.Join(words, " ")
}

func moreType(t *token) bool {
	return t.kind == tWord && t.word == 0 // double precision; a keyword ends the type
}

func (p *parser) signedNumber() {
	switch t := p.cur(); {
	case t.kind == tInt, t.kind == tFloat, t.is(sPlus), t.is(sMinus), t.is(sComma):
		p.i++
	default:
		p.fail()
	}
}

func (p *parser) collation() string {
	if p.d == catalog.PostgreSQL {
		_, name := p.qualified()
		return name
	}
	return strings.ToUpper(p.name())
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

// odd takes INTERVAL '1 day', ARRAY[…] and ROW(…), as something opaque.
func (p *parser) odd() Expr {
	o := &Opaque{Why: strings.ToLower(p.text(p.cur()))}
	p.i++
	switch {
	case p.mark(sLBracket):
		if !p.isMark(sRBracket) {
			o.Exprs = p.exprs()
		}
		p.wantMark(sRBracket)
	default:
		o.Exprs = []Expr{p.primary()}
		if p.d == catalog.MySQL && p.cur().kind == tWord && !reserved[p.cur().word] {
			p.i++ // the unit
		}
	}
	return o
}

// call takes a function call; its name, if it was not taken yet, is next.
func (p *parser) call(schema, name string) Expr {
	f := &Func{Schema: schema, Name: name, Pos: p.pos()}
	if name == "" {
		f.Name = foldName(p.src, p.cur(), p.d)
		p.i++
	}
	p.wantMark(sLParen)
	p.arguments(f)
	p.wantMark(sRParen)
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
