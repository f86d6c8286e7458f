package sqldep

import "github.com/cacheops/cacheops/internal/catalog"

// This file has the items of FROM that SQLite lacks.

// tableElsewhere takes what follows a table's name.
func (p *parser) tableElsewhere(t *Table) From {
	if p.d == catalog.PostgreSQL {
		p.mark(sStar)
		t.Alias, t.Columns = p.fromAlias()
		if p.word(kTablesample) {
			return p.sample(t)
		}
		return t
	}
	if t.Parts = p.word(kPartition); t.Parts {
		p.names()
	}
	odd := p.systemTime(t)
	t.Alias = p.alias()
	p.indexHints()
	if odd != nil {
		return odd
	}
	return t
}

// sample takes TABLESAMPLE method (…) REPEATABLE (…).
func (p *parser) sample(t *Table) From {
	t.Sample = true
	odd := &OddFrom{Why: "TABLESAMPLE", Items: []From{t}, Alias: t.Alias, Columns: t.Columns}
	p.tableName()
	p.wantMark(sLParen)
	odd.Exprs = p.exprs()
	p.wantMark(sRParen)
	if p.said("repeatable") {
		p.wantMark(sLParen)
		odd.Exprs = append(odd.Exprs, p.expr())
		p.wantMark(sRParen)
	}
	return odd
}

// systemTime takes MariaDB's FOR SYSTEM_TIME …: the table as it was.
func (p *parser) systemTime(t *Table) From {
	if !p.isWord(kFor) || !equalFold(p.text(p.peek(1)), "system_time") {
		return nil
	}
	p.i += 2
	odd := &OddFrom{Why: "FOR SYSTEM_TIME", Items: []From{t}}
	point := func() {
		p.saidOne("timestamp")
		odd.Exprs = append(odd.Exprs, p.operand(p.tight()))
	}
	switch {
	case p.word(kAll):
	case p.word(kAs, kOf):
		if p.word(kTransaction) {
			odd.Exprs = append(odd.Exprs, p.operand(p.tight()))
			break
		}
		if t := p.peek(1); p.says("timestamp") && (t.kind == tString || t.kind == tEscape) {
			p.i++
		}
		odd.Exprs = append(odd.Exprs, p.operand(p.tight()))
	case p.word(kBetween):
		point()
		p.want(kAnd)
		point()
	case p.word(kFrom):
		point()
		p.want(kTo)
		point()
	default:
		p.fail()
	}
	return odd
}

// indexHints takes MySQL's USE INDEX and its like, which change no result but
// the order of rows.
func (p *parser) indexHints() {
	hint := func(n int) bool {
		use, index := p.peek(n).word, p.peek(n+1).word
		return (use == kUse || use == kForce || use == kIgnore) && (index == kIndex || index == kKey)
	}
	for hint(0) || p.isMark(sComma) && hint(1) {
		p.mark(sComma)
		p.i += 2
		if p.word(kFor) && !p.word(kJoin) && !p.word(kOrder, kBy) && !p.word(kGroup, kBy) {
			p.fail()
		}
		p.wantMark(sLParen)
		for !p.mark(sRParen) && !p.failed {
			if !p.mark(sComma) && !p.word(kPrimary) {
				p.name()
			}
		}
	}
}

// tableFuncElsewhere takes a function in FROM from its arguments on.
func (p *parser) tableFuncElsewhere(f *TableFunc) {
	call := &Func{Name: f.Name, Schema: f.Schema}
	p.argumentsElsewhere(call)
	p.wantMark(sRParen)
	f.Args, f.Odd = call.Args, call.Odd || call.Star || call.Distinct
	if f.Args == nil {
		f.Args = []Expr{}
	}
	if p.d == catalog.PostgreSQL && p.isWord(kWith) && equalFold(p.text(p.peek(1)), "ordinality") {
		p.i += 2
		f.Ordinality = true
	}
	if p.isWord(kAs) && p.peek(1).is(sLParen) {
		p.i++
		f.Columns = p.columnDefinitions()
		return
	}
	if f.Alias = p.alias(); f.Alias != "" && p.isMark(sLParen) {
		f.Columns = p.columnDefinitions()
	}
}

// columnDefinitions takes (a, b) or (a int, b text).
func (p *parser) columnDefinitions() []string {
	var list []string
	p.wantMark(sLParen)
	for {
		list = append(list, p.name())
		if !p.isMark(sComma) && !p.isMark(sRParen) {
			p.typeName()
			if p.word(kCollate) {
				p.collation()
			}
		}
		if !p.mark(sComma) {
			p.wantMark(sRParen)
			return list
		}
	}
}

// rowsFrom takes PostgreSQL's ROWS FROM (f(…), g(…)).
func (p *parser) rowsFrom() From {
	odd := &OddFrom{Why: "ROWS FROM"}
	p.wantMark(sLParen)
	for {
		t := &Table{Pos: p.pos()}
		t.Schema, t.Name = p.tableName()
		f := &TableFunc{Schema: t.Schema, Name: t.Name, Pos: t.Pos, Args: []Expr{}}
		p.wantMark(sLParen)
		if !p.isMark(sRParen) {
			f.Args = p.exprs()
		}
		p.wantMark(sRParen)
		if p.word(kAs) {
			f.Columns = p.columnDefinitions()
		}
		odd.Items = append(odd.Items, f)
		if !p.mark(sComma) {
			break
		}
	}
	p.wantMark(sRParen)
	if p.isWord(kWith) && equalFold(p.text(p.peek(1)), "ordinality") {
		p.i += 2
	}
	odd.Alias, odd.Columns = p.fromAlias()
	return odd
}

// search takes SEARCH and CYCLE after a common table expression. The columns
// that they add are computed, and in no catalog.
func (p *parser) search(c *CTE) {
	if p.d == catalog.PostgreSQL && p.said("search") {
		if p.saidOne("depth", "breadth") == "" {
			p.fail()
		}
		p.want(kFirst, kBy)
		p.nameList()
		p.want(kSet)
		c.Search = append(c.Search, p.name())
	}
	if !p.said("cycle") {
		return
	}
	p.nameList()
	if p.d == catalog.MySQL { // MariaDB's CYCLE … RESTRICT
		p.want(kRestrict)
		c.Search = append(c.Search, "")
		return
	}
	p.want(kSet)
	c.Search = append(c.Search, p.name())
	if p.word(kTo) {
		p.primary()
		p.want(kDefault)
		p.primary()
	}
	p.want(kUsing)
	c.Search = append(c.Search, p.name())
}

// nameList takes names without parentheses.
func (p *parser) nameList() []string {
	list := []string{p.name()}
	for p.mark(sComma) {
		list = append(list, p.name())
	}
	return list
}
