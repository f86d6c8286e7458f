package sqldep

import "github.com/cacheops/cacheops/internal/catalog"

// Precedences, from the loosest. SQLite's order is exact. On PostgreSQL and
// MySQL the order among AND, OR, NOT, the comparisons and the rest is; within
// the rest it is close, which tells analysts enough: they take nothing from an
// operator below a comparison but the columns in it.
const (
	precOr = iota + 1
	precXor
	precAnd
	precNot
	precEq // = IS IN LIKE BETWEEN
	precLess
	precBit
	precAdd
	precMul
	precConcat
	precCollate
	precUnary
	precPostfix

	precBetween = precEq
)

// binaryOps gives a mark's operator and precedence.
func (p *parser) binaryOp(t *token) (Op, int) {
	less := precLess
	if p.d != catalog.SQLite {
		less = precEq
	}
	switch t.op {
	case sEq:
		return OpEq, precEq
	case sNe:
		return OpNe, precEq
	case sNullEq:
		return OpNullEq, precEq
	case sLt:
		return OpLt, less
	case sLe:
		return OpLe, less
	case sGt:
		return OpGt, less
	case sGe:
		return OpGe, less
	case sAmp:
		return OpBitAnd, precBit
	case sPipe:
		return OpBitOr, precBit
	case sShiftL:
		return OpShiftL, precBit
	case sShiftR:
		return OpShiftR, precBit
	case sPlus:
		return OpAdd, precAdd
	case sMinus:
		return OpSub, precAdd
	case sStar:
		return OpMul, precMul
	case sSlash:
		return OpDiv, precMul
	case sPercent:
		return OpMod, precMul
	case sArrow:
		return OpArrow, precConcat
	case sArrowText:
		return OpArrowText, precConcat
	case sConcat:
		if p.d == catalog.MySQL { // OR, or a concatenation, as sql_mode has it
			return 0, 0
		}
		return OpConcat, precConcat
	case sOther, sTilde:
		if p.d == catalog.PostgreSQL {
			return OpOther, precBit
		}
	case sAndAnd:
		return OpAnd, precAnd
	}
	return 0, 0
}

func (p *parser) expr() Expr { return p.operand(precOr) }

// operand takes an expression of operators that bind at least as close as prec.
func (p *parser) operand(prec int) Expr {
	p.enter()
	defer p.leave()
	x := p.prefix()
	for links := 0; !p.failed; p.tally(&links, maxLinks) {
		y, ok := p.infix(x, prec)
		if !ok {
			return x
		}
		x = y
	}
	return &Opaque{Why: "not parsed"}
}

// infix takes an operator after x, with what follows it.
func (p *parser) infix(x Expr, prec int) (Expr, bool) {
	t := p.cur()
	switch t.kind {
	case tOp:
		return p.infixMark(x, t, prec)
	case tWord:
		return p.infixWord(x, t, prec)
	}
	return nil, false
}

func (p *parser) infixMark(x Expr, t *token, prec int) (Expr, bool) {
	if t.op == sCast && p.d == catalog.PostgreSQL {
		p.i++
		return &Cast{X: x, Type: p.typeName()}, true
	}
	if t.op == sLBracket {
		return p.subscript(x), true
	}
	op, at := p.binaryOp(t)
	if at == 0 || at < prec {
		return nil, false
	}
	p.i++
	if at <= precLess && p.isOneOf(kAny, kSome, kAll) && p.peek(1).is(sLParen) && p.d != catalog.SQLite {
		return p.quantified(x, op), true
	}
	y := p.operand(at + 1)
	if p.d == catalog.PostgreSQL && at == precEq && p.cur().kind == tOp {
		if _, next := p.binaryOp(p.cur()); next == precEq { // a = b = c
			p.fail()
		}
	}
	return &Binary{Op: op, X: x, Y: y}, true
}

func (p *parser) subscript(x Expr) Expr {
	p.wantMark(sLBracket)
	parts := []Expr{x}
	for !p.mark(sRBracket) && !p.failed {
		if !p.mark(sColon) {
			parts = append(parts, p.expr())
		}
	}
	return &Opaque{Why: "array element", Exprs: parts}
}

func (p *parser) quantified(x Expr, op Op) Expr {
	a := &Any{Op: op, X: x, All: p.oneOf(kAny, kSome, kAll) == kAll}
	p.wantMark(sLParen)
	if p.isQuery() {
		a.Query = p.query()
	} else {
		a.Array = p.expr()
	}
	p.wantMark(sRParen)
	return a
}

// infixWord takes an operator that is a keyword.
func (p *parser) infixWord(x Expr, t *token, prec int) (Expr, bool) {
	switch t.word {
	case kOr:
		return p.wordOp(x, OpOr, precOr, prec)
	case kAnd:
		return p.wordOp(x, OpAnd, precAnd, prec)
	case kXor:
		if p.d == catalog.MySQL {
			return p.wordOp(x, OpOther, precXor, prec)
		}
	case kDiv, kMod:
		if p.d == catalog.MySQL {
			return p.wordOp(x, OpOther, precMul, prec)
		}
	case kCollate:
		if prec <= precCollate {
			p.i++
			return &Collate{X: x, Name: p.collation()}, true
		}
	default:
		if prec <= precEq {
			return p.predicate(x)
		}
	}
	return nil, false
}

func (p *parser) wordOp(x Expr, op Op, at, prec int) (Expr, bool) {
	if at < prec {
		return nil, false
	}
	p.i++
	p.tally(&p.logic, maxLogic)
	return &Binary{Op: op, X: x, Y: p.operand(at + 1)}, true
}

// predicate takes IS, IN, LIKE, BETWEEN and their like.
func (p *parser) predicate(x Expr) (Expr, bool) {
	switch {
	case p.word(kIsnull):
		return &Is{X: x, Y: &Literal{Kind: LitNull}}, true
	case p.word(kNotnull), p.d == catalog.SQLite && p.word(kNot, kNull):
		return &Is{Not: true, X: x, Y: &Literal{Kind: LitNull}}, true
	case p.word(kIs):
		return p.is(x), true
	}
	not := p.isWord(kNot)
	if not {
		p.i++
	}
	switch {
	case p.word(kIn):
		return p.in(x, not), true
	case p.word(kBetween):
		return p.between(x, not), true
	}
	if k := p.likeKind(); k != 0 {
		return p.like(x, not, k), true
	}
	if not {
		p.i--
	}
	return nil, false
}

func (p *parser) is(x Expr) Expr {
	not := p.word(kNot)
	if p.word(kDistinct, kFrom) {
		return &Is{Not: !not, X: x, Y: p.operand(precEq + 1)}
	}
	if p.d != catalog.SQLite && !p.isOneOf(kNull, kTrue, kFalse) {
		// UNKNOWN, JSON, DOCUMENT, NORMALIZED
		p.i++
		return &Opaque{Why: "is", Exprs: []Expr{x}}
	}
	return &Is{Not: not, X: x, Y: p.operand(precEq + 1)}
}

func (p *parser) between(x Expr, not bool) Expr {
	b := &Between{Not: not, X: x}
	if p.d == catalog.PostgreSQL {
		b.Symmetric = p.oneOf(kSymmetric, kAsymmetric) == kSymmetric
	}
	b.Lo = p.operand(precBetween + 1)
	p.want(kAnd)
	b.Hi = p.operand(precBetween + 1)
	return b
}

func (p *parser) in(x Expr, not bool) Expr {
	in := &In{Not: not, X: x}
	if !p.isMark(sLParen) {
		p.inTable(in)
		return in
	}
	p.wantMark(sLParen)
	switch {
	case p.isMark(sRParen):
		in.List = []Expr{}
	case p.isQuery():
		in.Query = p.query()
	default:
		in.List = p.exprs()
	}
	p.wantMark(sRParen)
	return in
}

func (p *parser) inTable(in *In) {
	if p.d != catalog.SQLite {
		p.fail()
		return
	}
	t := &Table{Pos: p.pos()}
	t.Schema, t.Name = p.qualified()
	if !p.isMark(sLParen) {
		in.Table = t
		return
	}
	in.Func = &TableFunc{Schema: t.Schema, Name: t.Name, Pos: t.Pos}
	p.wantMark(sLParen)
	if !p.isMark(sRParen) {
		in.Func.Args = p.exprs()
	}
	p.wantMark(sRParen)
}

func (p *parser) likeKind() LikeKind {
	switch p.oneOf(kLike, kIlike, kGlob, kRegexp, kRlike, kMatch) {
	case kLike:
		return LikeLike
	case kIlike:
		return LikeILike
	case kGlob:
		return LikeGlob
	case kRegexp, kRlike:
		return LikeRegexp
	case kMatch:
		return LikeMatch
	}
	if p.word(kSimilar, kTo) {
		return LikeSimilar
	}
	return 0
}

func (p *parser) like(x Expr, not bool, k LikeKind) Expr {
	if p.d == catalog.PostgreSQL && p.isOneOf(kAny, kSome, kAll) && p.peek(1).is(sLParen) {
		return &Opaque{Why: "like any", Exprs: []Expr{p.quantified(x, OpOther)}}
	}
	l := &Like{Not: not, Kind: k, X: x, Pattern: p.operand(precEq + 1)}
	if p.word(kEscape) {
		l.Escape = p.operand(precEq + 1)
	}
	return l
}
