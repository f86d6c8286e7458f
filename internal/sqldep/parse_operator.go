package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// This file has the operators that SQLite lacks.

// says reports whether the next tokens are these words, in lower case. It is
// for words that are rare enough not to be keywords.
func (p *parser) says(words ...string) bool {
	for n, w := range words {
		if t := p.peek(n); t.kind != tWord || !equalFold(p.text(t), w) {
			return false
		}
	}
	return true
}

// said takes the words if they are next.
func (p *parser) said(words ...string) bool {
	if !p.says(words...) {
		return false
	}
	p.i += len(words)
	return true
}

// saidOne takes the next token if it is one of the words, and returns it.
func (p *parser) saidOne(words ...string) string {
	for _, w := range words {
		if p.said(w) {
			return w
		}
	}
	return ""
}

// postfix takes what may follow a value on PostgreSQL: x::type, x[1], x[1].f.
func (p *parser) postfix(x Expr, t *token) (Expr, bool) {
	switch t.op {
	case sCast:
		p.i++
		return &Cast{X: x, Type: p.typeName()}, true
	case sLBracket:
		return p.subscript(x), true
	case sDot:
		switch x.(type) {
		case *Subscript, *Field:
			p.i++
			return p.field(x), true
		}
	}
	return nil, false
}

func (p *parser) field(x Expr) Expr {
	if p.mark(sStar) {
		return &Field{X: x, Name: "*"}
	}
	return &Field{X: x, Name: p.label()}
}

// subscript takes x[i], x[i:j], x[:j], x[i:] and x[:].
func (p *parser) subscript(x Expr) Expr {
	p.wantMark(sLBracket)
	s := &Subscript{X: x}
	if !p.isMark(sColon) {
		s.Index = append(s.Index, p.expr())
	}
	if s.Slice = p.mark(sColon); s.Slice && !p.isMark(sRBracket) {
		s.Index = append(s.Index, p.expr())
	}
	p.wantMark(sRBracket)
	return s
}

// infixOther takes an operator that is a word but no keyword.
func (p *parser) infixOther(x Expr, t *token, prec int) (Expr, bool) {
	if p.d == catalog.MySQL {
		return p.infixMySQL(x, prec)
	}
	switch w := p.text(t); {
	case len(w) == 2 && prec <= precAt && p.said("at", "time", "zone"):
		zone := p.operand(precAt + 1)
		return &Func{Name: "timezone", Args: []Expr{zone, x}, Pos: Pos(t.pos)}, true
	case len(w) == 2 && prec <= precAt && p.said("at", "local"):
		return &Func{Name: "timezone", Args: []Expr{x}, Pos: Pos(t.pos)}, true
	case len(w) == 8 && prec <= precBit && p.peek(1).is(sLParen) && p.said("operator"):
		return p.namedOperator(x), true
	case len(w) == 8 && prec <= precLike && p.said("overlaps"):
		return &Binary{Op: OpOther, X: x, Y: p.operand(p.tight()), Text: "overlaps"}, true
	}
	return nil, false
}

// namedOperator takes OPERATOR(schema.op) and its right side.
func (p *parser) namedOperator(x Expr) Expr {
	p.wantMark(sLParen)
	text := ""
	for p.isName(0, true) && p.peek(1).is(sDot) {
		text += p.name() + "."
		p.wantMark(sDot)
	}
	t := p.cur()
	if t.kind != tOp || t.is(sLParen) || t.is(sRParen) || t.is(sComma) || t.is(sDot) {
		p.fail()
		return x
	}
	text += p.text(t)
	p.i++
	p.wantMark(sRParen)
	if p.isOneOf(kAny, kSome, kAll) && p.peek(1).is(sLParen) {
		return p.quantified(x, OpOther, text)
	}
	return &Binary{Op: OpOther, X: x, Y: p.operand(precBit + 1), Text: text}
}

func (p *parser) infixMySQL(x Expr, prec int) (Expr, bool) {
	switch {
	case prec > precLike:
	case p.says("sounds") && p.peek(1).word == kLike:
		p.i += 2
		return &Binary{Op: OpOther, X: x, Y: p.operand(p.tight()), Text: "sounds like"}, true
	case p.says("member") && (p.peek(1).word == kOf || p.peek(1).is(sLParen)):
		p.i++
		p.word(kOf)
		p.wantMark(sLParen)
		y := p.expr()
		p.wantMark(sRParen)
		return &Binary{Op: OpOther, X: x, Y: y, Text: "member of"}, true
	}
	return nil, false
}

// kindTest takes what follows IS besides NULL and truth: PostgreSQL's tests of a
// value's kind.
func (p *parser) kindTest(x Expr) Expr {
	start := p.pos()
	switch {
	case p.d != catalog.PostgreSQL:
		p.fail()
	case p.said("document"), p.said("normalized"):
	case p.saidOne("nfc", "nfd", "nfkc", "nfkd") != "":
		if !p.said("normalized") {
			p.fail()
		}
	case p.said("json"):
		if !p.word(kValue) && !p.word(kArray) {
			p.saidOne("object", "scalar")
		}
		if p.oneOf(kWith, kWithout) != 0 {
			p.want(kUnique)
			p.said("keys")
		}
	default:
		p.fail()
	}
	if p.failed {
		return x
	}
	words := strings.Fields(strings.ToLower(p.src[start:p.pos()]))
	return &Unary{Op: OpOther, X: x, Text: "is " + strings.Join(words, " ")}
}

// prefixOperator takes an operator before one operand that SQLite lacks.
func (p *parser) prefixOperator() (Expr, bool) {
	t := p.cur()
	switch {
	case p.d == catalog.MySQL && p.says("binary") && !p.peek(1).is(sDot):
		p.i++
		return &Cast{X: p.operand(precUnary), Type: "binary"}, true
	case p.d == catalog.PostgreSQL && t.is(sOther):
		p.i++
		return &Unary{Op: OpOther, X: p.operand(precBit + 1), Text: p.text(t)}, true
	case p.d == catalog.PostgreSQL && p.says("operator") && p.peek(1).is(sLParen):
		p.i++
		b, ok := p.namedOperator(&Literal{Kind: LitNull}).(*Binary)
		if !ok {
			p.fail()
			return &Opaque{Why: "not parsed"}, true
		}
		return &Unary{Op: OpOther, X: b.Y, Text: b.Text}, true
	}
	return nil, false
}
