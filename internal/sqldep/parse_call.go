package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// This file has what PostgreSQL and MySQL allow between a call's parentheses.

// maxRetries bounds how often something that was not understood is read again.
const maxRetries = 16

// argumentsElsewhere takes the arguments of a call, up to the closing
// parenthesis. Arguments in a syntax that the parser does not know are passed
// over: the call is then Odd.
func (p *parser) argumentsElsewhere(f *Func) {
	start := p.i
	before := *p
	p.specialArguments(f)
	if !p.failed && p.isMark(sRParen) {
		return
	}
	end := p.closing(start)
	if before.retries >= maxRetries || end < 0 || p.depth > maxDepth/2 {
		p.fail()
		return
	}
	retries := p.retries + 1
	*p = before
	p.retries = retries
	p.i = end
	f.Args, f.OrderBy, f.Star, f.Distinct, f.Odd = nil, nil, false, false, true
}

// closing returns the place of the parenthesis that closes what begins at
// start, or -1.
func (p *parser) closing(start int) int {
	depth := 0
	for i := start; i < len(p.toks); i++ {
		switch {
		case p.toks[i].is(sLParen):
			depth++
		case p.toks[i].is(sRParen):
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

// specialArguments takes arguments in words of the function's own.
func (p *parser) specialArguments(f *Func) {
	switch f.Name {
	case "extract":
		p.extractArguments(f)
	case "position":
		f.Args = []Expr{p.operand(p.tight())}
		if p.word(kIn) {
			f.Args = append(f.Args, p.operand(p.tight()))
			return
		}
		p.moreArguments(f)
	case "substring", "substr", "mid", "overlay":
		p.substringArguments(f)
	case "trim":
		p.trimArguments(f)
	case "timestampadd", "timestampdiff", "get_format":
		f.Args = []Expr{p.wordLiteral()}
		p.moreArguments(f)
	default:
		p.plainArguments(f)
	}
}

// wordLiteral takes a bare word as a string.
func (p *parser) wordLiteral() Expr {
	pos := p.pos()
	if t := p.cur(); t.kind == tString {
		return p.literal(t)
	}
	return &Literal{Kind: LitString, Value: strings.ToLower(p.label()), Pos: pos}
}

func (p *parser) moreArguments(f *Func) {
	for p.mark(sComma) {
		f.Args = append(f.Args, p.expr())
	}
}

// extractArguments takes EXTRACT(year FROM x).
func (p *parser) extractArguments(f *Func) {
	f.Args = []Expr{p.wordLiteral()}
	p.want(kFrom)
	f.Args = append(f.Args, p.expr())
}

// substringArguments takes SUBSTRING(x FROM a FOR b), OVERLAY(x PLACING y FROM
// a), and SUBSTRING(x SIMILAR y ESCAPE z).
func (p *parser) substringArguments(f *Func) {
	f.Args = []Expr{p.expr()}
	if p.isMark(sComma) {
		p.moreArguments(f)
		return
	}
	if p.isWord(kFor) { // from the first character on
		f.Args = append(f.Args, &Literal{Kind: LitInt, Value: int64(1), Pos: p.pos()})
	}
	for !p.isMark(sRParen) && !p.failed {
		switch {
		case p.word(kFrom), p.word(kFor), p.word(kEscape), p.said("placing"), p.word(kSimilar):
			f.Args = append(f.Args, p.expr())
		default:
			p.fail()
		}
	}
}

// trimArguments takes TRIM(BOTH x FROM y).
func (p *parser) trimArguments(f *Func) {
	switch p.saidOne("both", "leading", "trailing") {
	case "leading":
		f.Name = "ltrim"
	case "trailing":
		f.Name = "rtrim"
	}
	if p.word(kFrom) {
		f.Args = p.exprs()
		return
	}
	f.Args = []Expr{p.expr()}
	if p.word(kFrom) {
		f.Args = append(p.exprs(), f.Args...)
		return
	}
	p.moreArguments(f)
}

func (p *parser) plainArguments(f *Func) {
	if p.d == catalog.MySQL && p.spaced(f) {
		p.fail()
		return
	}
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
	f.Args = []Expr{p.argument()}
	for p.mark(sComma) {
		f.Args = append(f.Args, p.argument())
	}
	f.OrderBy = p.orderBy()
	if p.d == catalog.MySQL {
		p.groupConcat(f)
	}
}

// argument takes one argument, perhaps with its name, or a query on its own.
func (p *parser) argument() Expr {
	if p.d == catalog.PostgreSQL {
		p.said("variadic")
		if p.isName(0, true) && (p.peek(1).is(sAssign) || p.peek(1).is(sOther) && p.text(p.peek(1)) == "=>") {
			p.i += 2
		}
	}
	return p.expr()
}

// groupConcat takes what may follow the arguments of GROUP_CONCAT and CHAR.
func (p *parser) groupConcat(f *Func) {
	if p.word(kSeparator) {
		t := p.cur()
		if t.kind != tString && t.kind != tEscape && t.kind != tBlob && t.kind != tParam {
			p.fail()
			return
		}
		f.Args = append(f.Args, p.primary())
	}
	if f.Name == "group_concat" && p.isWord(kLimit) { // MariaDB
		limit, offset := p.limit()
		f.Args = append(f.Args, limit)
		if offset != nil {
			f.Args = append(f.Args, offset)
		}
	}
	if f.Name == "char" && p.word(kUsing) {
		f.Args = append(f.Args, p.wordLiteral())
	}
}

// spaced reports whether white space stands before the parenthesis of one of
// the functions that MySQL then takes for the program's own.
func (p *parser) spaced(f *Func) bool {
	if p.i < 2 || p.toks[p.i-2].end == p.toks[p.i-1].pos || f.Schema != "" {
		return false
	}
	switch f.Name {
	case "adddate", "bit_and", "bit_or", "bit_xor", "cast", "count", "curdate", "curtime", "date_add", "date_sub",
		"extract", "group_concat", "max", "mid", "min", "now", "position", "session_user", "std", "stddev",
		"stddev_pop", "stddev_samp", "subdate", "substr", "substring", "sum", "sysdate", "system_user", "trim",
		"variance", "var_pop", "var_samp":
		return true
	}
	return false
}
