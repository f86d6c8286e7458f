package sqldep

import "github.com/cacheops/cacheops/internal/catalog"

// Precedences, from the loosest. A dialect has some of these levels only: on
// SQLite everything from IS to BETWEEN is on precEq.
const (
	precOr = iota + 1
	precXor
	precAnd
	precNot
	precIs   // PostgreSQL's IS
	precEq   // = and the other comparisons, SQLite's IS IN LIKE BETWEEN, MySQL's IS
	precLike // PostgreSQL's and MySQL's IN LIKE BETWEEN
	precLess // SQLite's < <= > >=
	precBitOr
	precBitAnd
	precBit // PostgreSQL's operators that have no level of their own
	precAdd
	precMul
	precPow
	precAt // AT TIME ZONE
	precConcat
	precCollate
	precUnary
)

// operator is what a mark between two operands means; with prec 0 nothing.
type operator struct {
	op   Op
	prec uint8
}

var binaryOps = [catalog.MySQL + 1][sRBracket + 1]operator{
	catalog.SQLite: {
		sEq: {OpEq, precEq}, sNe: {OpNe, precEq}, sNullEq: {OpNullEq, precEq}, sLt: {OpLt, precLess}, sLe: {OpLe, precLess},
		sGt: {OpGt, precLess}, sGe: {OpGe, precLess}, sAmp: {OpBitAnd, precBit}, sPipe: {OpBitOr, precBit},
		sShiftL: {OpShiftL, precBit}, sShiftR: {OpShiftR, precBit}, sPlus: {OpAdd, precAdd}, sMinus: {OpSub, precAdd},
		sStar: {OpMul, precMul}, sSlash: {OpDiv, precMul}, sPercent: {OpMod, precMul}, sArrow: {OpArrow, precConcat},
		sArrowText: {OpArrowText, precConcat}, sConcat: {OpConcat, precConcat}, sAndAnd: {OpAnd, precAnd},
	},
	catalog.PostgreSQL: {
		sEq: {OpEq, precEq}, sNe: {OpNe, precEq}, sLt: {OpLt, precEq}, sLe: {OpLe, precEq}, sGt: {OpGt, precEq},
		sGe: {OpGe, precEq}, sAmp: {OpBitAnd, precBit}, sPipe: {OpBitOr, precBit}, sShiftL: {OpShiftL, precBit},
		sShiftR: {OpShiftR, precBit}, sArrow: {OpArrow, precBit}, sArrowText: {OpArrowText, precBit},
		sConcat: {OpConcat, precBit}, sOther: {OpOther, precBit}, sTilde: {OpOther, precBit}, sPlus: {OpAdd, precAdd},
		sMinus: {OpSub, precAdd}, sStar: {OpMul, precMul}, sSlash: {OpDiv, precMul}, sPercent: {OpMod, precMul},
		sCaret: {OpOther, precPow},
	},
	catalog.MySQL: {
		sEq: {OpEq, precEq}, sNe: {OpNe, precEq}, sNullEq: {OpNullEq, precEq}, sLt: {OpLt, precEq}, sLe: {OpLe, precEq},
		sGt: {OpGt, precEq}, sGe: {OpGe, precEq}, sPipe: {OpBitOr, precBitOr}, sAmp: {OpBitAnd, precBitAnd},
		sShiftL: {OpShiftL, precBit}, sShiftR: {OpShiftR, precBit}, sPlus: {OpAdd, precAdd}, sMinus: {OpSub, precAdd},
		sStar: {OpMul, precMul}, sSlash: {OpDiv, precMul}, sPercent: {OpMod, precMul}, sCaret: {OpOther, precPow},
		sArrow: {OpArrow, precConcat}, sArrowText: {OpArrowText, precConcat}, sConcat: {OpOr, precOr}, sAndAnd: {OpAnd, precAnd},
	},
}

// binaryOp gives a mark's operator and precedence.
func (p *parser) binaryOp(t *token) (Op, int) {
	if t.op == sConcat && p.mode&PipesAsConcat != 0 {
		return OpConcat, precConcat
	}
	o := binaryOps[p.d][t.op]
	return o.op, int(o.prec)
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
	if p.d == catalog.PostgreSQL {
		if y, ok := p.postfix(x, t); ok {
			return y, true
		}
	}
	op, at := p.binaryOp(t)
	if at == 0 || at < prec {
		return nil, false
	}
	p.i++
	if op == OpAnd || op == OpOr {
		p.tally(&p.logic, maxLogic)
	}
	text := ""
	if op == OpOther {
		text = p.text(t)
	}
	if p.d != catalog.SQLite && p.isOneOf(kAny, kSome, kAll) && p.peek(1).is(sLParen) {
		if p.d == catalog.PostgreSQL || at == precEq {
			return p.quantified(x, op, text), true
		}
	}
	y := p.operand(at + 1)
	if p.d == catalog.PostgreSQL && at == precEq && p.cur().kind == tOp {
		if _, next := p.binaryOp(p.cur()); next == precEq { // a = b = c
			p.fail()
		}
	}
	return &Binary{Op: op, X: x, Y: y, Text: text}, true
}

func (p *parser) quantified(x Expr, op Op, text string) Expr {
	a := &Any{Op: op, Text: text, X: x, All: p.oneOf(kAny, kSome, kAll) == kAll}
	p.wantMark(sLParen)
	switch {
	case p.isQuery():
		a.Query = p.query()
	case p.d == catalog.PostgreSQL:
		a.Array = p.expr()
	default:
		p.fail()
	}
	p.wantMark(sRParen)
	return a
}

// infixWord takes an operator that is a keyword.
func (p *parser) infixWord(x Expr, t *token, prec int) (Expr, bool) {
	switch t.word {
	case 0:
		if p.d != catalog.SQLite {
			return p.infixOther(x, t, prec)
		}
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
	case kIsnull, kNotnull, kIs:
		if prec <= precIs || prec <= precEq && p.d != catalog.PostgreSQL {
			return p.nullTest(x)
		}
	case kNot, kIn, kBetween, kLike, kIlike, kGlob, kRegexp, kRlike, kMatch, kSimilar:
		if prec <= precEq || prec <= precLike && p.d != catalog.SQLite {
			return p.predicate(x)
		}
	}
	return nil, false
}

func (p *parser) wordOp(x Expr, op Op, at, prec int) (Expr, bool) {
	if at < prec {
		return nil, false
	}
	text := ""
	if op == OpOther {
		text = keywordNames[p.cur().word]
	}
	p.i++
	p.tally(&p.logic, maxLogic)
	return &Binary{Op: op, X: x, Y: p.operand(at + 1), Text: text}, true
}

// nullTest takes IS and its like.
func (p *parser) nullTest(x Expr) (Expr, bool) {
	switch {
	case p.word(kIs):
		return p.is(x), true
	case p.d == catalog.MySQL:
		return nil, false
	}
	return &Is{Not: p.oneOf(kIsnull, kNotnull) == kNotnull, X: x, Y: &Literal{Kind: LitNull}}, true
}

// tight is the loosest precedence of what stands to the right of LIKE and its
// like.
func (p *parser) tight() int {
	if p.d == catalog.SQLite {
		return precEq + 1
	}
	return precLike + 1
}

// predicate takes IN, LIKE, BETWEEN and their like.
func (p *parser) predicate(x Expr) (Expr, bool) {
	if p.d == catalog.SQLite && p.word(kNot, kNull) {
		return &Is{Not: true, X: x, Y: &Literal{Kind: LitNull}}, true
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
	if p.d != catalog.MySQL && p.word(kDistinct, kFrom) {
		at := precEq + 1
		if p.d == catalog.PostgreSQL {
			at = precIs + 1
		}
		return &Is{Not: !not, X: x, Y: p.operand(at)}
	}
	switch {
	case p.d == catalog.SQLite:
		return &Is{Not: not, X: x, Y: p.operand(precEq + 1)}
	case p.isOneOf(kNull, kTrue, kFalse):
		return &Is{Not: not, X: x, Y: p.primary()}
	case p.word(kUnknown): // a boolean that is NULL
		return &Is{Not: not, X: x, Y: &Literal{Kind: LitNull}}
	}
	test := p.kindTest(x)
	if not {
		return &Unary{Op: OpNot, X: test}
	}
	return test
}

func (p *parser) between(x Expr, not bool) Expr {
	b := &Between{Not: not, X: x}
	if p.d == catalog.PostgreSQL {
		b.Symmetric = p.oneOf(kSymmetric, kAsymmetric) == kSymmetric
	}
	b.Lo = p.operand(p.tight())
	p.want(kAnd)
	hi := p.tight()
	if p.d == catalog.MySQL {
		hi = precLike // a BETWEEN b AND c LIKE d ends in a LIKE
	}
	b.Hi = p.operand(hi)
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
		if p.d != catalog.SQLite {
			p.fail()
		}
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
	k := p.cur().word
	switch {
	case k == kLike:
		p.i++
		return LikeLike
	case k == kIlike && p.d == catalog.PostgreSQL:
		p.i++
		return LikeILike
	case k == kGlob && p.d == catalog.SQLite:
		p.i++
		return LikeGlob
	case k == kRegexp && p.d != catalog.PostgreSQL, k == kRlike && p.d == catalog.MySQL:
		p.i++
		return LikeRegexp
	case k == kMatch && p.d == catalog.SQLite:
		p.i++
		return LikeMatch
	case p.d == catalog.PostgreSQL && p.word(kSimilar, kTo):
		return LikeSimilar
	}
	return 0
}

func (p *parser) like(x Expr, not bool, k LikeKind) Expr {
	if p.d == catalog.PostgreSQL && k != LikeSimilar && p.isOneOf(kAny, kSome, kAll) && p.peek(1).is(sLParen) {
		text := "like"
		if k == LikeILike {
			text = "ilike"
		}
		if not {
			text = "not " + text
		}
		return p.quantified(x, OpOther, text)
	}
	l := &Like{Not: not, Kind: k, X: x, Pattern: p.operand(p.tight())}
	if p.word(kEscape) {
		l.Escape = p.operand(p.tight())
	}
	return l
}
