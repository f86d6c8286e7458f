package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// typeName takes a type, and leaves out its lengths.
func (p *parser) typeName() string {
	switch p.d {
	case catalog.PostgreSQL:
		return p.typePostgres()
	case catalog.MySQL:
		return p.typeMySQL()
	}
	var words []string
	for p.isName(0, false) {
		words = append(words, p.name())
	}
	p.typeLengths()
	return strings.Join(words, " ")
}

// typeLengths takes (10, 2).
func (p *parser) typeLengths() {
	if !p.mark(sLParen) {
		return
	}
	for !p.mark(sRParen) && !p.failed {
		p.signedNumber()
	}
}

func (p *parser) signedNumber() {
	switch t := p.cur(); {
	case t.kind == tInt, t.kind == tFloat, t.is(sPlus), t.is(sMinus), t.is(sComma):
		p.i++
	default:
		p.fail()
	}
}

// typePostgres takes schema.name, or one of the types of several words, with
// the brackets of an array.
func (p *parser) typePostgres() string {
	if p.cur().kind != tWord && p.cur().kind != tQuoted {
		p.fail()
		return ""
	}
	name := p.label()
	switch {
	case name == "double" && p.said("precision"):
		name = "double precision"
	case (name == "character" || name == "char" || name == "bit" || name == "national") && p.isTypeWord():
		for p.isTypeWord() {
			name += " " + p.label()
		}
	}
	for p.isMark(sDot) && !p.failed {
		p.i++
		name += "." + p.label()
	}
	p.typeLengths()
	switch name {
	case "timestamp", "time":
		name += p.zoneSuffix()
	case "interval":
		p.intervalFields()
	}
	return name + p.brackets()
}

func (p *parser) isTypeWord() bool {
	return p.says("varying") || p.says("character") || p.says("char")
}

func (p *parser) zoneSuffix() string {
	switch {
	case p.isWord(kWith) && equalFold(p.text(p.peek(1)), "time"):
		p.i++
		p.timeZone()
		return " with time zone"
	case p.isWord(kWithout) && equalFold(p.text(p.peek(1)), "time"):
		p.i++
		p.timeZone()
	}
	return ""
}

func (p *parser) timeZone() {
	if !p.said("time", "zone") {
		p.fail()
	}
}

var intervalWords = []string{"year", "month", "day", "hour", "minute", "second"}

// intervalFields takes DAY TO SECOND(3).
func (p *parser) intervalFields() {
	for p.saidOne(intervalWords...) != "" {
		p.typeLengths()
		if !p.word(kTo) {
			return
		}
	}
}

// maxBrackets is more than PostgreSQL's six dimensions, in bytes.
const maxBrackets = 64

// brackets takes an array type's [], [3] and ARRAY.
func (p *parser) brackets() string {
	out := ""
	for len(out) < maxBrackets && p.isMark(sLBracket) && (p.peek(1).is(sRBracket) || p.peek(1).kind == tInt && p.peek(2).is(sRBracket)) {
		for !p.mark(sRBracket) {
			p.i++
		}
		out += "[]"
	}
	if p.isWord(kArray) {
		p.i++
		out += "[]"
		if p.isMark(sLBracket) && p.peek(1).kind == tInt && p.peek(2).is(sRBracket) {
			p.i += 3
		}
	}
	return out
}

// typeMySQL takes a type as CAST and CONVERT know them.
func (p *parser) typeMySQL() string {
	if p.cur().kind != tWord {
		p.fail()
		return ""
	}
	name := p.label()
	for _, more := range [...][2]string{
		{"signed", "integer"},
		{"signed", "int"},
		{"unsigned", "integer"},
		{"unsigned", "int"},
		{"double", "precision"},
		{"national", "char"},
	} {
		if name == more[0] {
			p.said(more[1])
		}
	}
	p.typeLengths()
	switch {
	case p.said("character"):
		p.want(kSet)
		return name + " charset " + p.label()
	case p.said("charset"):
		return name + " charset " + p.label()
	case p.saidOne("binary", "ascii", "unicode") != "":
		return name + " binary"
	}
	return name + p.brackets()
}

// constantType returns how many tokens from the next on are a type's name
// before a string: DATE '2020-01-01'. Zero if none are.
func (p *parser) constantType() int {
	n := 1
	for p.peek(n).is(sDot) && p.peek(n+1).kind == tWord {
		n += 2
	}
	for k := range 2 {
		t := p.peek(n)
		if t.kind == tWord && (equalFold(p.text(t), "varying") || k == 0 && equalFold(p.text(t), "precision")) {
			n++
		}
	}
	if p.peek(n).is(sLParen) {
		for n++; p.peek(n).kind == tInt || p.peek(n).is(sComma); n++ {
		}
		if !p.peek(n).is(sRParen) {
			return 0
		}
		n++
	}
	if k := p.peek(n).word; k == kWith || k == kWithout {
		if !equalFold(p.text(p.peek(n+1)), "time") {
			return 0
		}
		n += 3
	}
	if t := p.peek(n); t.kind == tString || t.kind == tEscape {
		return n
	}
	return 0
}

// typedConstant takes a type's name, which constantType has found n tokens
// long, and the string after it.
func (p *parser) typedConstant(n int) Expr {
	end := p.i + n
	name := p.typePostgres()
	if p.i != end {
		p.fail()
		return &Opaque{Why: "not parsed"}
	}
	x := p.literal(p.cur())
	if name == "interval" {
		p.intervalFields()
	}
	if n > 1 && p.d == catalog.PostgreSQL && !strings.Contains(name, " ") && !strings.Contains(name, ".") {
		return &Cast{X: x, Type: name} // with a length
	}
	return typed(x, name)
}
