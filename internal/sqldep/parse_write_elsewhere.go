package sqldep

import "github.com/cacheops/cacheops/internal/catalog"

// This file has the clauses of DML that SQLite lacks.

// insertOptions takes LOW_PRIORITY and its like, and IGNORE.
func (p *parser) insertOptions(s *Insert) {
	p.saidOne("low_priority", "delayed", "high_priority")
	if p.word(kIgnore) {
		s.Or = OrIgnore
	}
}

// insertColumns takes a column list. MySQL's may be empty, and may name the
// table before a column.
func (p *parser) insertColumns() []string {
	if p.d != catalog.MySQL {
		return p.names()
	}
	p.wantMark(sLParen)
	list := []string{}
	for !p.mark(sRParen) && !p.failed {
		name := p.name()
		for p.mark(sDot) {
			name = p.label()
		}
		list = append(list, name)
		if !p.isMark(sRParen) {
			p.wantMark(sComma)
		}
	}
	return list
}

// overriding takes what follows OVERRIDING.
func (p *parser) overriding() string {
	what := "system"
	if p.word(kUser) {
		what = "user"
	} else if !p.said("system") {
		p.fail()
	}
	p.want(kValue)
	return what
}

// insertSet takes INSERT … SET a = 1, which is one row of VALUES.
func (p *parser) insertSet(s *Insert) {
	if s.Columns != nil {
		p.fail()
		return
	}
	row := []Expr{}
	for _, a := range p.assignments() {
		s.Columns = append(s.Columns, a.Columns...)
		row = append(row, a.Value)
	}
	s.Rows = [][]Expr{row}
}

// condition takes a WHERE's condition, or CURRENT OF.
func (p *parser) condition() Expr {
	if p.d == catalog.PostgreSQL && p.word(kCurrent, kOf) {
		return &CurrentOf{Cursor: p.name()}
	}
	return p.expr()
}

// returningLast takes MariaDB's RETURNING after LIMIT.
func (p *parser) returningLast(list *[]ResultColumn) {
	if p.d == catalog.MySQL && *list == nil {
		*list = p.returning()
	}
}

// updateTables takes the tables of MySQL's UPDATE.
func (p *parser) updateTables(s *Update) {
	p.said("low_priority")
	if p.word(kIgnore) {
		s.Or = OrIgnore
	}
	from := p.from()
	if t, ok := from.(*Table); ok {
		s.Table = Target{Schema: t.Schema, Name: t.Name, Alias: t.Alias, Pos: t.Pos}
		return
	}
	s.Tables = from
}

// deleteTables takes the tables of MySQL's DELETE in its three forms.
func (p *parser) deleteTables(s *Delete) {
	for p.said("low_priority") || p.said("quick") || p.word(kIgnore) {
	}
	if !p.word(kFrom) {
		s.Targets = p.deleteTargets()
		p.want(kFrom)
		s.Using = p.from()
		return
	}
	start := p.i
	targets := p.deleteTargets()
	if p.word(kUsing) {
		s.Targets, s.Using = targets, p.from()
		return
	}
	if len(targets) > 1 || p.failed {
		p.fail()
		return
	}
	p.i = start
	s.Table = p.target(true)
	if p.word(kPartition) {
		p.names()
		if s.Table.Alias == "" {
			s.Table.Alias = p.alias()
		}
	}
}

// deleteTargets takes t1.*, t2 and so on.
func (p *parser) deleteTargets() []Target {
	var list []Target
	for {
		t := Target{Pos: p.pos(), Name: p.name()}
		for p.mark(sDot) && !p.mark(sStar) {
			t.Schema, t.Name = t.Name, p.label()
		}
		list = append(list, t)
		if !p.mark(sComma) {
			return list
		}
	}
}

// statementElsewhere takes the statements that SQLite lacks.
func (p *parser) statementElsewhere(with *With) Statement {
	switch {
	case p.isWord(kTable):
		return p.queryAfter(with)
	case p.d == catalog.PostgreSQL && p.isWord(kMerge):
		return p.merge(with)
	case with != nil:
	case p.word(kTruncate):
		return p.truncate()
	case p.d == catalog.PostgreSQL && p.word(kCopy):
		return p.copy()
	case p.d == catalog.MySQL && p.says("load") && (equalFold(p.text(p.peek(1)), "data") || equalFold(p.text(p.peek(1)), "xml")):
		return p.loadData()
	case p.isOneOf(kExplain, kDesc) || p.says("describe"),
		p.d == catalog.MySQL && p.isWord(kAnalyze):
		return p.explain()
	}
	p.fail()
	return nil
}

// merge takes PostgreSQL's MERGE.
func (p *parser) merge(with *With) Statement {
	p.want(kMerge, kInto)
	s := &Merge{With: with, Into: p.target(true)}
	p.want(kUsing)
	s.Using = p.relation()
	p.want(kOn)
	s.On = p.expr()
	for p.word(kWhen) {
		s.Whens = append(s.Whens, p.mergeWhen())
	}
	if len(s.Whens) == 0 {
		p.fail()
	}
	s.Returning = p.returning()
	return s
}

func (p *parser) mergeWhen() MergeWhen {
	w := MergeWhen{Matched: !p.word(kNot)}
	if !p.said("matched") {
		p.fail()
	}
	if !w.Matched && p.word(kBy) {
		if w.BySource = p.said("source"); !w.BySource && !p.said("target") {
			p.fail()
		}
	}
	if p.word(kAnd) {
		w.Cond = p.expr()
	}
	p.want(kThen)
	switch {
	case p.word(kDo, kNothing):
	case p.word(kDelete):
		w.Action = MergeDelete
	case p.word(kUpdate, kSet):
		w.Action, w.Set = MergeUpdate, p.assignments()
	case p.word(kInsert):
		w.Action = MergeInsert
		p.mergeInsert(&w)
	default:
		p.fail()
	}
	return w
}

func (p *parser) mergeInsert(w *MergeWhen) {
	if p.isMark(sLParen) {
		w.Columns = p.names()
	}
	if p.said("overriding") {
		p.overriding()
	}
	if p.word(kDefault, kValues) {
		return
	}
	p.want(kValues)
	p.wantMark(sLParen)
	w.Values = p.exprs()
	p.wantMark(sRParen)
}

func (p *parser) truncate() Statement {
	s := &Truncate{}
	p.word(kTable)
	for {
		s.Tables = append(s.Tables, p.target(false))
		if !p.mark(sComma) {
			break
		}
	}
	if p.d == catalog.MySQL {
		if p.said("wait") {
			p.primary()
		} else {
			p.word(kNoWait)
		}
		return s
	}
	if p.saidOne("restart", "continue") != "" && !p.said("identity") {
		p.fail()
	}
	s.Cascade = p.oneOf(kCascade, kRestrict) == kCascade
	return s
}

// copy takes PostgreSQL's COPY. How the rows are written does not matter.
func (p *parser) copy() Statement {
	s := &Copy{}
	p.enter()
	defer p.leave()
	if p.mark(sLParen) {
		s.Query = p.statement()
		p.wantMark(sRParen)
		p.want(kTo)
		s.Out = true
	} else {
		s.Table = p.target(false)
		if p.isMark(sLParen) {
			s.Columns = p.names()
		}
		if s.Out = p.word(kTo); !s.Out {
			p.want(kFrom)
		}
	}
	p.said("program")
	if t := p.cur(); t.kind != tString && t.kind != tEscape && !p.says("stdin") && !p.says("stdout") {
		p.fail()
	}
	p.i++
	for p.cur().kind != tEnd && !p.isWord(kWhere) {
		p.i++
	}
	if p.word(kWhere) {
		s.Where = p.expr()
	}
	return s
}

// loadData takes MySQL's LOAD DATA and LOAD XML.
func (p *parser) loadData() Statement {
	s := &Copy{}
	for p.cur().kind != tEnd && !p.isWord(kInto) {
		p.i++
	}
	p.want(kInto, kTable)
	s.Table = p.target(false)
	for p.cur().kind != tEnd && !p.isWord(kSet) {
		p.said("character") // SET is not the clause then
		p.i++
	}
	if p.word(kSet) {
		s.Set = p.assignments()
	}
	return s
}

// explain takes EXPLAIN, MariaDB's ANALYZE, and their options.
func (p *parser) explain() Statement {
	s := &Explain{Analyze: p.isWord(kAnalyze)}
	p.enter()
	defer p.leave()
	p.i++
	if p.d == catalog.PostgreSQL && p.isMark(sLParen) {
		end := p.closing(p.i + 1)
		if end < 0 {
			p.fail()
			return s
		}
		for ; p.i < end; p.i++ {
			s.Analyze = s.Analyze || p.isOneOf(kAnalyze, kAnalyse)
		}
		p.i = end + 1
	}
	for {
		switch {
		case p.oneOf(kAnalyze, kAnalyse) != 0:
			s.Analyze = true
		case p.saidOne("verbose", "extended", "partitions") != "":
		case p.d == catalog.MySQL && p.said("format"):
			p.wantMark(sEq)
			p.i++
		default:
			s.Body = p.statement()
			return s
		}
	}
}
