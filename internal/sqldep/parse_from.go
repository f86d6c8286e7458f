package sqldep

import "github.com/cacheops/cacheops/internal/catalog"

// from takes a FROM clause's tree. SQLite's comma binds like JOIN; elsewhere it
// binds looser.
func (p *parser) from() From {
	f := p.joins()
	for p.mark(sComma) {
		p.tally(&p.joined, maxJoins)
		f = &Join{Kind: CrossJoin, Left: f, Right: p.joins()}
	}
	return f
}

// joins takes a chain of joins.
func (p *parser) joins() From {
	p.enter()
	defer p.leave()
	left := p.relation()
	for {
		j := p.joinOperator()
		if j == nil {
			if p.d == catalog.SQLite && p.isWord(kOn) {
				// SQLite takes the ON of ON CONFLICT for a join's, too.
				p.fail()
			}
			return left
		}
		p.tally(&p.joined, maxJoins)
		j.Left, j.Right = left, p.relation()
		switch {
		case p.word(kOn):
			j.On = p.expr()
		case p.word(kUsing):
			j.Using = p.names()
		case p.d == catalog.PostgreSQL && j.Kind != CrossJoin && !j.Natural:
			p.fail()
		}
		left = j
	}
}

// joinOperator takes a join's operator, in whose words SQLite allows any order.
func (p *parser) joinOperator() *Join {
	if p.d == catalog.SQLite && p.mark(sComma) {
		return &Join{Kind: CrossJoin}
	}
	if !p.isOneOf(kJoin, kNatural, kLeft, kRight, kFull, kInner, kCross, kOuter) {
		return nil
	}
	j := &Join{}
	left, right := false, false
	for !p.word(kJoin) {
		switch p.oneOf(kNatural, kLeft, kRight, kFull, kInner, kCross, kOuter) {
		case kNatural:
			j.Natural = true
		case kLeft:
			left = true
		case kRight:
			right = true
		case kFull:
			left, right = true, true
		case kCross:
			j.Kind = CrossJoin
		case kInner, kOuter:
		default:
			p.fail()
			return nil
		}
	}
	switch {
	case left && right:
		j.Kind = FullJoin
	case left:
		j.Kind = LeftJoin
	case right:
		j.Kind = RightJoin
	}
	return j
}

// relation takes one item of a FROM clause.
func (p *parser) relation() From {
	lateral := p.d != catalog.SQLite && p.word(kLateral)
	if p.isMark(sLParen) {
		return p.parenthesised(lateral)
	}
	only := p.d == catalog.PostgreSQL && p.word(kOnly)
	t := &Table{Pos: p.pos()}
	t.Schema, t.Name = p.qualified()
	if p.isMark(sLParen) && !only {
		return p.tableFunc(t)
	}
	if p.d == catalog.PostgreSQL {
		p.mark(sStar)
	}
	t.Alias = p.alias()
	if t.Alias != "" && p.d != catalog.SQLite && p.isMark(sLParen) {
		t.Columns = p.names()
	}
	p.hints(t)
	return t
}

func (p *parser) hints(t *Table) {
	switch {
	case p.word(kIndexed, kBy):
		t.IndexedBy = p.name()
	case p.word(kNot, kIndexed):
		t.NotIndexed = true
	case p.d != catalog.SQLite && p.word(kTablesample):
		t.Sample = true
		p.fail()
	}
}

func (p *parser) tableFunc(t *Table) *TableFunc {
	f := &TableFunc{Schema: t.Schema, Name: t.Name, Pos: t.Pos, Args: []Expr{}}
	p.wantMark(sLParen)
	if !p.isMark(sRParen) {
		f.Args = p.exprs()
	}
	p.wantMark(sRParen)
	f.Alias = p.alias()
	if p.d != catalog.SQLite && p.isMark(sLParen) {
		f.Columns = p.names()
	}
	return f
}

// parenthesised takes a query or a join in parentheses.
func (p *parser) parenthesised(lateral bool) From {
	p.enter()
	defer p.leave()
	p.wantMark(sLParen)
	if p.isQuery() {
		s := &SubFrom{Query: p.query(), Lateral: lateral}
		p.wantMark(sRParen)
		s.Alias = p.alias()
		if p.d != catalog.SQLite && p.isMark(sLParen) {
			s.Columns = p.names()
		}
		return s
	}
	f := p.from()
	p.wantMark(sRParen)
	if alias := p.alias(); alias != "" {
		// A join that has a name of its own: its columns cannot be told apart
		// by their tables any more.
		p.fail()
	}
	return f
}
