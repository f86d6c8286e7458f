package sqldep

import "github.com/cacheops/cacheops/internal/catalog"

func (p *parser) resolution() Resolution {
	if !p.word(kOr) {
		return OrDefault
	}
	switch p.oneOf(kAbort, kFail, kIgnore, kReplace, kRollback) {
	case kAbort:
		return OrAbort
	case kFail:
		return OrFail
	case kIgnore:
		return OrIgnore
	case kReplace:
		return OrReplace
	case kRollback:
		return OrRollback
	}
	p.fail()
	return OrDefault
}

// target takes the table that a write names. An alias without AS is allowed
// where bare says so.
func (p *parser) target(bare bool) Target {
	t := Target{Pos: p.pos(), Only: p.d == catalog.PostgreSQL && p.word(kOnly)}
	paren := t.Only && p.mark(sLParen)
	t.Schema, t.Name = p.tableName()
	if paren {
		p.wantMark(sRParen)
	}
	if p.d == catalog.PostgreSQL {
		p.mark(sStar)
	}
	switch {
	case p.word(kAs):
		t.Alias = p.name()
	case bare && p.isName(0, false):
		t.Alias = p.name()
	}
	return t
}

func (p *parser) insert(with *With) Statement {
	s := &Insert{With: with}
	if p.oneOf(kInsert, kReplace) == kReplace {
		s.Or = OrReplace
	} else {
		s.Or = p.resolution()
	}
	if p.d == catalog.MySQL {
		p.insertOptions(s)
	}
	if !p.word(kInto) && p.d != catalog.MySQL {
		p.fail()
	}
	s.Into = p.target(false)
	if p.d == catalog.MySQL && p.word(kPartition) {
		p.names()
	}
	if p.isMark(sLParen) && !p.insertQuery() {
		s.Columns = p.insertColumns()
	}
	if p.d == catalog.PostgreSQL && p.said("overriding") {
		s.Overriding = p.overriding()
	}
	p.source(s)
	if p.d == catalog.MySQL && p.word(kAs) {
		s.RowAlias = p.name()
		if p.isMark(sLParen) {
			s.RowColumns = p.names()
		}
	}
	s.Upserts = p.upserts()
	s.Returning = p.returning()
	return s
}

// insertQuery reports whether the parenthesis after the table begins a query
// rather than a column list.
func (p *parser) insertQuery() bool {
	t := p.peek(1)
	if t.kind == tWord && (t.word == kTable || t.word == kValues) {
		return p.d != catalog.SQLite
	}
	return t.is(sLParen) || t.kind == tWord && (t.word == kSelect || t.word == kWith)
}

func (p *parser) source(s *Insert) {
	switch {
	case p.word(kDefault, kValues):
		s.Default = true
	case p.word(kValues), p.d == catalog.MySQL && p.word(kValue):
		s.Rows = p.valueRows()
	case p.d == catalog.MySQL && p.word(kSet):
		p.insertSet(s)
	default:
		s.Query = p.query()
	}
}

func (p *parser) upserts() []*Upsert {
	var list []*Upsert
	for {
		switch {
		case p.d != catalog.MySQL && p.word(kOn, kConflict):
			list = append(list, p.conflict())
		case p.d == catalog.MySQL && p.word(kOn, kDuplicate, kKey, kUpdate):
			list = append(list, &Upsert{Set: p.assignments()})
		default:
			return list
		}
	}
}

func (p *parser) conflict() *Upsert {
	u := &Upsert{}
	switch {
	case p.mark(sLParen):
		u.Columns = p.indexed()
		p.wantMark(sRParen)
		if p.word(kWhere) {
			u.Where = p.expr()
		}
	case p.d == catalog.PostgreSQL && p.word(kOn, kConstraint):
		u.Constraint = p.name()
	}
	p.want(kDo)
	if p.word(kNothing) {
		u.Nothing = true
		return u
	}
	p.want(kUpdate, kSet)
	u.Set = p.assignments()
	if p.word(kWhere) {
		u.SetWhere = p.expr()
	}
	return u
}

// indexed takes the items of a conflict target.
func (p *parser) indexed() []Expr {
	var list []Expr
	for {
		list = append(list, p.expr())
		if p.d == catalog.PostgreSQL && p.isName(0, true) {
			p.tableName() // an operator class
		} else {
			p.oneOf(kAsc, kDesc)
		}
		if !p.mark(sComma) {
			return list
		}
	}
}

func (p *parser) returning() []ResultColumn {
	if !p.word(kReturning) {
		return nil
	}
	return p.resultColumns()
}

func (p *parser) assignments() []Assignment {
	list := []Assignment{p.assignment()}
	for p.mark(sComma) {
		list = append(list, p.assignment())
	}
	return list
}

func (p *parser) assignment() Assignment {
	var a Assignment
	if p.isMark(sLParen) {
		a.Columns = p.names()
	} else {
		a.Columns = []string{p.name()}
	}
	switch p.d {
	case catalog.PostgreSQL:
		for p.isMark(sDot) || p.isMark(sLBracket) { // c.field, c[1]
			a.Odd = true
			if p.mark(sDot) {
				p.label()
				continue
			}
			a.Value = p.subscript(&Literal{Kind: LitNull})
		}
	case catalog.MySQL:
		for p.mark(sDot) {
			a.Schema, a.Table, a.Columns[0] = a.Table, a.Columns[0], p.label()
		}
	}
	if !(p.d == catalog.MySQL && p.mark(sAssign)) {
		p.wantMark(sEq)
	}
	if index := a.Value; index != nil {
		a.Value = &Row{Items: []Expr{p.expr(), index}}
		return a
	}
	a.Value = p.expr()
	return a
}

func (p *parser) update(with *With) Statement {
	p.want(kUpdate)
	s := &Update{With: with, Or: p.resolution()}
	if p.d == catalog.MySQL {
		p.updateTables(s)
	} else {
		s.Table = p.target(p.d != catalog.SQLite)
		s.IndexedBy = p.indexHint()
	}
	p.want(kSet)
	s.Set = p.assignments()
	if p.d != catalog.MySQL && p.word(kFrom) {
		s.From = p.from()
	}
	if p.word(kWhere) {
		s.Where = p.condition()
	}
	s.Returning = p.returning()
	if p.d != catalog.PostgreSQL {
		s.OrderBy = p.orderBy()
		s.Limit, s.Offset = p.limit()
	}
	p.returningLast(&s.Returning)
	return s
}

func (p *parser) indexHint() string {
	if p.d != catalog.SQLite {
		return ""
	}
	if p.word(kIndexed, kBy) {
		return p.name()
	}
	p.word(kNot, kIndexed)
	return ""
}

func (p *parser) delete(with *With) Statement {
	p.want(kDelete)
	s := &Delete{With: with}
	if p.d == catalog.MySQL {
		p.deleteTables(s)
	} else {
		p.want(kFrom)
		s.Table = p.target(p.d != catalog.SQLite)
		s.IndexedBy = p.indexHint()
		if p.d == catalog.PostgreSQL && p.word(kUsing) {
			s.Using = p.from()
		}
	}
	if p.word(kWhere) {
		s.Where = p.condition()
	}
	s.Returning = p.returning()
	if p.d != catalog.PostgreSQL {
		s.OrderBy = p.orderBy()
		s.Limit, s.Offset = p.limit()
	}
	p.returningLast(&s.Returning)
	return s
}
