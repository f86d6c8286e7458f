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
		j.Left = left
		p.joined1(j)
		left = j
	}
}

// joined1 takes the right side of a join, and its condition. Where that must
// come and another join comes first, it is the right side: a JOIN b JOIN c ON x
// ON y.
func (p *parser) joined1(j *Join) {
	p.enter()
	defer p.leave()
	p.tally(&p.joined, maxJoins)
	j.Right = p.relation()
	needs := p.needsCondition(j)
	for needs && !p.isOneOf(kOn, kUsing) && !p.failed {
		inner := p.joinOperator()
		if inner == nil {
			break
		}
		inner.Left = j.Right
		p.joined1(inner)
		j.Right = inner
	}
	switch {
	case p.word(kOn):
		j.On = p.expr()
	case p.word(kUsing):
		j.Using = p.names()
		if p.d == catalog.PostgreSQL && p.word(kAs) {
			p.name() // a name for the merged columns, which no catalog has
		}
	case needs:
		p.fail()
	}
}

// needsCondition reports whether a join must have ON or USING.
func (p *parser) needsCondition(j *Join) bool {
	switch {
	case j.Natural || j.Kind == CrossJoin:
		return false
	case p.d == catalog.MySQL:
		return j.Kind != InnerJoin
	}
	return p.d == catalog.PostgreSQL
}

// joinOperator takes a join's operator, in whose words SQLite allows any order.
func (p *parser) joinOperator() *Join {
	if p.d == catalog.SQLite && p.mark(sComma) {
		return &Join{Kind: CrossJoin}
	}
	if p.d == catalog.MySQL && p.word(kStraightJoin) {
		return &Join{}
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
	if p.d == catalog.PostgreSQL && p.word(kRows, kFrom) {
		return p.rowsFrom()
	}
	t := &Table{Pos: p.pos(), Only: p.d == catalog.PostgreSQL && p.word(kOnly)}
	paren := t.Only && p.mark(sLParen)
	t.Schema, t.Name = p.tableName()
	if p.isMark(sLParen) && !t.Only {
		return p.tableFunc(t)
	}
	if paren {
		p.wantMark(sRParen)
	}
	if p.d != catalog.SQLite {
		return p.tableElsewhere(t)
	}
	t.Alias = p.alias()
	p.hints(t)
	return t
}

// tableName takes the name of a table: on PostgreSQL perhaps with the
// database's before it.
func (p *parser) tableName() (schema, name string) {
	schema, name = p.qualified()
	if p.d == catalog.PostgreSQL && schema != "" && p.mark(sDot) {
		schema, name = name, p.label()
	}
	return schema, name
}

func (p *parser) hints(t *Table) {
	switch {
	case p.word(kIndexed, kBy):
		t.IndexedBy = p.name()
	case p.word(kNot, kIndexed):
		t.NotIndexed = true
	}
}

// fromAlias takes [AS] alias [(columns)].
func (p *parser) fromAlias() (alias string, columns []string) {
	alias = p.alias()
	if alias != "" && p.d != catalog.SQLite && p.isMark(sLParen) {
		columns = p.names()
	}
	return alias, columns
}

func (p *parser) tableFunc(t *Table) *TableFunc {
	f := &TableFunc{Schema: t.Schema, Name: t.Name, Pos: t.Pos, Args: []Expr{}}
	p.wantMark(sLParen)
	if p.d != catalog.SQLite {
		p.tableFuncElsewhere(f)
		return f
	}
	if !p.isMark(sRParen) {
		f.Args = p.exprs()
	}
	p.wantMark(sRParen)
	f.Alias = p.alias()
	return f
}

// parenthesised takes a query or a join in parentheses.
func (p *parser) parenthesised(lateral bool) From {
	p.enter()
	defer p.leave()
	p.wantMark(sLParen)
	if p.isQuery() || p.queryInParens() {
		s := &SubFrom{Query: p.query(), Lateral: lateral}
		p.wantMark(sRParen)
		s.Alias, s.Columns = p.fromAlias()
		return s
	}
	f := p.from()
	p.wantMark(sRParen)
	if lateral {
		p.fail()
	}
	alias, columns := p.fromAlias()
	switch {
	case alias == "":
		return f
	case p.d == catalog.PostgreSQL:
		// Its columns cannot be told apart by their tables any more.
		return &OddFrom{Why: "a join with a name", Items: []From{f}, Alias: alias, Columns: columns}
	}
	p.fail()
	return f
}

// queryInParens reports whether parentheses open here that hold a query which
// is part of another: ((SELECT …) UNION …).
func (p *parser) queryInParens() bool {
	if p.d == catalog.SQLite || !p.isMark(sLParen) {
		return false
	}
	n := 0
	for p.peek(n).is(sLParen) {
		n++
	}
	switch p.peek(n).word {
	case kSelect, kWith, kValues, kTable:
	default:
		return false
	}
	// What follows the inner parenthesis tells a query from a join of one.
	end := p.closing(p.i + 1)
	if end < 0 || end+1 >= len(p.toks) {
		return false
	}
	switch t := &p.toks[end+1]; {
	case t.is(sRParen):
		return true
	case t.kind == tWord:
		switch t.word {
		case kUnion, kIntersect, kExcept, kOrder, kLimit, kOffset, kFetch:
			return true
		}
	}
	return false
}
