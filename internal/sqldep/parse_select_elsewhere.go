package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// This file has the clauses of a query that SQLite lacks.

// tableCore takes TABLE t, which is SELECT * FROM t.
func (p *parser) tableCore() *Core {
	t := &Table{Pos: p.pos(), Only: p.d == catalog.PostgreSQL && p.word(kOnly)}
	t.Schema, t.Name = p.tableName()
	if p.d == catalog.PostgreSQL {
		p.mark(sStar)
	}
	return &Core{Columns: []ResultColumn{{Star: true}}, From: t}
}

// options takes what MySQL allows after SELECT.
func (p *parser) options(c *Core) {
	for {
		switch {
		case p.word(kDistinct), p.said("distinctrow"):
			c.Distinct = true
		case p.said("sql_calc_found_rows"):
			c.FoundRows = true
		case p.word(kAll), p.word(kStraightJoin),
			p.saidOne("high_priority", "sql_small_result", "sql_big_result", "sql_buffer_result", "sql_cache", "sql_no_cache") != "":
		default:
			return
		}
	}
}

// into takes SELECT … INTO: on PostgreSQL a new table, on MySQL a file or
// variables.
func (p *parser) into(s *Select) {
	if !p.word(kInto) {
		return
	}
	if s.Into {
		p.fail()
	}
	s.Into = true
	if p.d == catalog.MySQL {
		p.intoFile()
		return
	}
	_ = p.oneOf(kTemp, kTemporary) != 0 || p.said("unlogged")
	p.word(kTable)
	t := p.target(false)
	s.IntoTable = &t
}

func (p *parser) intoFile() {
	if p.saidOne("outfile", "dumpfile") == "" {
		for p.cur().kind == tVar {
			p.i++
			if !p.mark(sComma) {
				return
			}
		}
		p.fail()
		return
	}
	if k := p.cur().kind; k != tString && k != tEscape {
		p.fail()
	}
	// FIELDS TERMINATED BY … LINES STARTING BY …
	for p.cur().kind != tEnd && !p.isOneOf(kFrom, kFor, kLock) && !p.isMark(sRParen) {
		p.i++
	}
}

// groupBy takes the items of GROUP BY, ROLLUP and its like among them.
func (p *parser) groupBy(c *Core) {
	if p.d == catalog.SQLite {
		c.GroupBy = p.exprs()
		return
	}
	if p.d == catalog.PostgreSQL && p.oneOf(kAll, kDistinct) == kAll && p.cur().kind == tEnd {
		p.fail()
	}
	c.GroupBy = []Expr{p.grouping()}
	for p.mark(sComma) {
		c.GroupBy = append(c.GroupBy, p.grouping())
	}
	if p.d == catalog.MySQL && p.isWord(kWith) && equalFold(p.text(p.peek(1)), "rollup") {
		p.i += 2
		c.Rollup = true
	}
}

// grouping takes one item of GROUP BY.
func (p *parser) grouping() Expr {
	p.enter()
	defer p.leave()
	var text string
	switch {
	case p.says("rollup") && p.peek(1).is(sLParen), p.says("cube") && p.peek(1).is(sLParen):
		text = strings.ToLower(p.text(p.cur()))
		p.i++
	case p.says("grouping", "sets") && p.peek(2).is(sLParen):
		text = "grouping sets"
		p.i += 2
	case p.isMark(sLParen) && p.peek(1).is(sRParen):
		p.i += 2
		return &Row{Items: []Expr{}}
	default:
		e := p.expr()
		if p.d == catalog.MySQL { // GROUP BY a DESC, which MariaDB still has
			p.oneOf(kAsc, kDesc)
		}
		return e
	}
	p.wantMark(sLParen)
	r := &Row{Items: []Expr{p.grouping()}}
	for p.mark(sComma) {
		r.Items = append(r.Items, p.grouping())
	}
	p.wantMark(sRParen)
	return &Unary{Op: OpOther, X: r, Text: text}
}

// sortOperator takes the operator after ORDER BY x USING.
func (p *parser) sortOperator() string {
	t := p.cur()
	if t.kind != tOp {
		p.fail()
		return ""
	}
	p.i++
	return p.text(t)
}

func (p *parser) fetch() Expr {
	p.want(kFetch)
	if p.oneOf(kFirst, kNext) == 0 {
		p.fail()
	}
	var n Expr = &Literal{Kind: LitInt, Value: int64(1)}
	if !p.isOneOf(kRow, kRows) {
		n = p.primary()
	}
	if p.oneOf(kRow, kRows) == 0 {
		p.fail()
	}
	if !p.word(kOnly) {
		p.want(kWith, kTies)
		n = &Unary{Op: OpOther, X: n, Text: "with ties"}
	}
	return n
}

// examined takes MariaDB's ROWS EXAMINED n, after which a result may be cut
// short anywhere.
func (p *parser) examined(limit Expr) Expr {
	p.want(kRows)
	if !p.said("examined") {
		p.fail()
	}
	o := &Opaque{Why: "rows examined", Exprs: []Expr{p.primary()}}
	if limit != nil {
		o.Exprs = append(o.Exprs, limit)
	}
	return o
}

// tail takes what may follow LIMIT: locking clauses, on PostgreSQL before it
// too, and MySQL's INTO and PROCEDURE.
func (p *parser) tail(s *Select) {
	for !p.failed {
		switch {
		case p.isWord(kFor), p.d == catalog.MySQL && p.isWord(kLock):
			p.lock(s)
		case p.d == catalog.MySQL && p.isWord(kInto):
			p.into(s)
		case p.d == catalog.MySQL && p.isWord(kProcedure):
			p.fail() // ANALYSE, which only MariaDB has
		case p.d == catalog.PostgreSQL && s.Limit == nil && s.Offset == nil && s.Lock != "" && p.isOneOf(kLimit, kOffset, kFetch):
			s.Limit, s.Offset = p.limit()
		default:
			return
		}
	}
}

// lock takes one locking clause.
func (p *parser) lock(s *Select) {
	start := p.pos()
	switch {
	case p.d == catalog.MySQL && p.word(kLock):
		p.want(kIn, kShare)
		if !p.said("mode") {
			p.fail()
		}
	case p.word(kFor, kUpdate), p.word(kFor, kShare):
	case p.d == catalog.PostgreSQL && (p.word(kFor, kKey, kShare) || p.word(kFor, kNo, kKey, kUpdate)):
	case p.d == catalog.PostgreSQL && p.isWord(kFor) && equalFold(p.text(p.peek(1)), "read"):
		p.i += 2
		p.want(kOnly)
		return
	default:
		p.fail()
		return
	}
	if p.word(kOf) {
		p.tableName()
		for p.mark(sComma) {
			p.tableName()
		}
	}
	switch {
	case p.word(kNoWait), p.word(kSkip) && p.said("locked"):
	case p.d == catalog.MySQL && p.said("wait"):
		p.primary()
	}
	s.Lock = strings.TrimSpace(s.Lock + " " + strings.ToLower(strings.TrimSpace(p.src[start:p.pos()])))
}
