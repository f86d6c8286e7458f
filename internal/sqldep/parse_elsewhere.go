package sqldep

import (
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// This file has the operands of PostgreSQL and MySQL that SQLite lacks.

// literalElsewhere takes a constant. One that is no driver.Value for certain is
// a Cast of its text.
func (p *parser) literalElsewhere(t *token) Expr {
	slot, lifted := p.lifted[p.i]
	p.i++
	text := p.text(t)
	switch t.kind {
	case tFloat:
		return numeral(t, text)
	case tBlob:
		return p.castText(t, text[2:len(text)-1], p.blobType(text))
	case tInt:
		return p.integer(t, slot, lifted)
	}
	v, kind, ok := literalValue(text, t.kind, p.d)
	if t.kind == tEscape && text[0]|0x20 == 'u' {
		v, ok = p.unicodeString(t, v, ok)
	}
	for links := 0; p.adjacent(t); p.tally(&links, maxLinks) {
		next := p.cur()
		more, _, ok2 := literalValue(p.text(next), next.kind, p.d)
		s, _ := v.(string)
		s2, _ := more.(string)
		v, ok = s+s2, ok && ok2 && !lifted
		t = next
		p.i++
	}
	if !ok {
		return &Opaque{Why: "literal"}
	}
	if lifted {
		return &Lifted{Slot: slot, Kind: kind, Pos: Pos(t.pos)}
	}
	l := &Literal{Kind: LitString, Value: v, Pos: Pos(t.pos)}
	if text[0]|0x20 == 'n' {
		return &Cast{X: l, Type: map[catalog.Dialect]string{catalog.PostgreSQL: "bpchar", catalog.MySQL: "_utf8mb3"}[p.d]}
	}
	return l
}

func (p *parser) castText(t *token, text, to string) Expr {
	return &Cast{X: &Literal{Kind: LitString, Value: text, Pos: Pos(t.pos)}, Type: to}
}

func (p *parser) integer(t *token, slot int, lifted bool) Expr {
	text := p.text(t)
	v, kind, ok := intValue(text, p.d)
	switch {
	case lifted:
		return &Lifted{Slot: slot, Kind: kind, Pos: Pos(t.pos)}
	case ok:
		return &Literal{Kind: kind, Value: v, Pos: Pos(t.pos)}
	case strings.ContainsAny(text, "xXbBoO") && p.d == catalog.PostgreSQL:
		return &Opaque{Why: "literal"} // a number, or zero AS x1f before version 16
	case strings.ContainsAny(text, "xX"):
		return p.castText(t, text[2:], "hex")
	case strings.ContainsAny(text, "bB"):
		return p.castText(t, text[2:], "bit")
	}
	return numeral(t, text)
}

func numeral(t *token, text string) Expr {
	v := catalog.Literal{Type: catalog.Numeral, Text: plainNumber(text)}
	return &Literal{Kind: LitFloat, Value: v, Pos: Pos(t.pos)}
}

// typed is a string with a type before it.
func typed(x Expr, name string) Expr {
	if l, ok := x.(*Literal); ok && l.Kind == LitString {
		text, _ := l.Value.(string)
		return &Literal{Kind: LitTyped, Value: catalog.Literal{Type: name, Text: text}, Pos: l.Pos}
	}
	return &Cast{X: x, Type: name}
}

func (p *parser) blobType(text string) string {
	if p.d == catalog.MySQL && text[0]|0x20 == 'x' {
		return "hex"
	}
	return "bit"
}

// adjacent reports whether another string follows that is part of the one that
// t is: on PostgreSQL with a line's end between.
func (p *parser) adjacent(t *token) bool {
	next := p.cur()
	if next.kind != tString && next.kind != tEscape || t.kind != tString && t.kind != tEscape {
		return false
	}
	if p.d == catalog.PostgreSQL && !strings.ContainsAny(p.src[t.end:next.pos], "\n\r") {
		p.fail()
		return false
	}
	return true
}

// unicodeString takes the UESCAPE after U&'…'.
func (p *parser) unicodeString(t *token, v any, ok bool) (any, bool) {
	if !p.said("uescape") {
		return v, ok
	}
	c := p.cur()
	p.i++
	mark := ""
	if c.kind == tString {
		mark = unquote(p.text(c))
	}
	if len(mark) != 1 {
		p.fail()
		return nil, false
	}
	text := p.text(t)
	return unescapeUnicode(strings.ReplaceAll(text[3:len(text)-1], "''", "'"), mark[0])
}

// variable takes @a, @@a and @a := x.
func (p *parser) variable(t *token) Expr {
	p.i++
	v := &Variable{Name: strings.ToLower(p.text(t))}
	if p.mark(sAssign) {
		v.Assign = p.operand(precOr)
	}
	return v
}

// valuesCall reports whether MySQL's VALUES(column) is next.
func (p *parser) valuesCall() bool {
	return p.d == catalog.MySQL && p.isWord(kValues) && p.peek(1).is(sLParen)
}

// primaryElsewhere takes an operand that begins with a word and is no column
// and no plain call.
func (p *parser) primaryElsewhere(t *token) (Expr, bool) {
	call := p.peek(1).is(sLParen)
	switch t.word {
	case kDefault:
		if !call {
			p.i++
			return &Default{Pos: Pos(t.pos)}, true
		}
	case kRow:
		if call {
			return p.rowValue(), true
		}
	case kArray:
		if p.d == catalog.PostgreSQL {
			return p.array(), true
		}
	case kInterval:
		return p.interval()
	case kMatch:
		if p.d == catalog.MySQL {
			return p.fullText(), true
		}
	case kNext:
		if p.d == catalog.MySQL && p.peek(1).word == kValue && p.peek(2).word == kFor {
			p.i += 3
			return p.sequence("nextval"), true
		}
	}
	if p.d == catalog.PostgreSQL {
		return p.primaryPostgres(t)
	}
	return p.primaryMySQL(t)
}

// rowValue takes ROW(a, b).
func (p *parser) rowValue() Expr {
	p.i++
	p.wantMark(sLParen)
	r := &Row{Items: []Expr{}}
	if !p.isMark(sRParen) {
		r.Items = p.exprs()
	}
	p.wantMark(sRParen)
	return r
}

// array takes ARRAY[…] and ARRAY(query).
func (p *parser) array() Expr {
	p.want(kArray)
	if p.isMark(sLBracket) {
		return p.arrayItems()
	}
	p.wantMark(sLParen)
	a := &Array{Query: p.query()}
	p.wantMark(sRParen)
	return a
}

func (p *parser) arrayItems() Expr {
	p.enter()
	defer p.leave()
	p.wantMark(sLBracket)
	a := &Array{Items: []Expr{}}
	for !p.mark(sRBracket) && !p.failed {
		if p.isMark(sLBracket) {
			a.Items = append(a.Items, p.arrayItems())
		} else {
			a.Items = append(a.Items, p.expr())
		}
		if !p.isMark(sRBracket) {
			p.wantMark(sComma)
		}
	}
	return a
}

func (p *parser) interval() (Expr, bool) {
	if p.d == catalog.PostgreSQL {
		if n := p.constantType(); n > 0 {
			return p.typedConstant(n), true
		}
		return nil, false
	}
	p.i++
	if p.isMark(sLParen) {
		start := p.i
		p.i++
		items := p.exprs()
		p.wantMark(sRParen)
		if len(items) > 1 {
			return &Func{Name: "interval", Args: items, Pos: Pos(p.toks[start].pos)}, true
		}
		p.i = min(start, len(p.toks))
		if p.failed {
			p.fail()
		}
	}
	v := &Interval{X: p.expr()}
	if v.Unit = p.label(); !slices.Contains(intervalUnits, v.Unit) {
		p.fail()
	}
	return v, true
}

var intervalUnits = []string{
	"microsecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "second_microsecond",
	"minute_microsecond", "minute_second", "hour_microsecond", "hour_second", "hour_minute", "day_microsecond",
	"day_second", "day_minute", "day_hour", "year_month", "sql_tsi_second", "sql_tsi_minute", "sql_tsi_hour", "sql_tsi_day",
	"sql_tsi_week", "sql_tsi_month", "sql_tsi_quarter", "sql_tsi_year",
}

// fullText takes MATCH (a, b) AGAINST (x IN BOOLEAN MODE).
func (p *parser) fullText() Expr {
	p.want(kMatch)
	open := p.mark(sLParen)
	cols := &Row{Items: []Expr{p.column()}}
	for p.mark(sComma) {
		cols.Items = append(cols.Items, p.column())
	}
	if open {
		p.wantMark(sRParen)
	}
	if !p.said("against") {
		p.fail()
	}
	p.wantMark(sLParen)
	l := &Like{Kind: LikeMatch, X: cols, Pattern: p.operand(precBitOr)}
	if p.word(kIn) && !p.said("boolean", "mode") && !(p.word(kNatural) && p.said("language", "mode")) {
		p.fail()
	}
	if p.word(kWith) && !(p.word(kQuery) && p.said("expansion")) {
		p.fail()
	}
	p.wantMark(sRParen)
	return l
}

// sequence takes the name of a sequence after NEXT VALUE FOR.
func (p *parser) sequence(f string) Expr {
	pos := p.pos()
	_, name := p.qualified()
	return &Func{Name: f, Args: []Expr{&Literal{Kind: LitString, Value: name, Pos: pos}}, Pos: pos}
}

func (p *parser) primaryPostgres(t *token) (Expr, bool) {
	if n := p.constantType(); n > 0 && !reserved[t.word] {
		return p.typedConstant(n), true
	}
	switch w := p.text(t); {
	case t.word != 0 || p.peek(1).is(sLParen):
	case equalFold(w, "current_role"), equalFold(w, "current_catalog"), equalFold(w, "current_schema"),
		equalFold(w, "system_user"):
		p.i++
		return &Literal{Kind: LitCurrent, Pos: Pos(t.pos)}, true
	}
	return nil, false
}

func (p *parser) primaryMySQL(t *token) (Expr, bool) {
	next := p.peek(1)
	switch w := p.text(t); {
	case w[0] == '_' && (next.kind == tString || next.kind == tEscape || next.kind == tBlob || next.kind == tInt):
		p.i++
		return &Cast{X: p.literal(next), Type: strings.ToLower(w)}, true
	case (equalFold(w, "date") || equalFold(w, "time") || equalFold(w, "timestamp")) && (next.kind == tString || next.kind == tEscape):
		p.i++
		return typed(p.literal(next), strings.ToLower(w)), true
	case t.word != 0:
	case equalFold(w, "convert") && next.is(sLParen):
		return p.convert(), true
	case equalFold(w, "utc_date"), equalFold(w, "utc_time"), equalFold(w, "utc_timestamp"), equalFold(w, "current_role"):
		if p.i++; p.mark(sLParen) {
			if p.cur().kind == tInt {
				p.i++
			}
			p.wantMark(sRParen)
		}
		return &Literal{Kind: LitCurrent, Pos: Pos(t.pos)}, true
	case equalFold(w, "previous") && next.word == kValue && p.peek(2).word == kFor:
		p.i += 3
		return p.sequence("lastval"), true
	}
	return nil, false
}

// convert takes CONVERT(x, type) and CONVERT(x USING charset).
func (p *parser) convert() Expr {
	p.i++
	p.wantMark(sLParen)
	c := &Cast{X: p.expr()}
	switch {
	case p.word(kUsing):
		c.Type = "char charset " + p.label()
	default:
		p.wantMark(sComma)
		c.Type = p.typeName()
	}
	p.wantMark(sRParen)
	return c
}
