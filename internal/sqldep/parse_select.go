package sqldep

import (
	"github.com/cacheops/cacheops/internal/catalog"
)

// isQuery reports whether a query begins here.
func (p *parser) isQuery() bool {
	switch t := p.cur(); {
	case t.kind != tWord:
	case t.word == kSelect, t.word == kWith, t.word == kValues:
		return true
	case t.word == kTable:
		return p.d != catalog.SQLite
	}
	return false
}

// query takes a query with its WITH clause.
func (p *parser) query() *Select {
	p.enter()
	defer p.leave()
	var with *With
	if p.isWord(kWith) {
		with = p.with()
	}
	return p.queryAfter(with)
}

func (p *parser) queryAfter(with *With) *Select {
	s := &Select{With: with, Pos: p.pos()}
	s.Cores = []*Core{p.core(s)}
	for {
		op := p.compoundOp()
		if op == 0 {
			break
		}
		s.Ops = append(s.Ops, op)
		s.Cores = append(s.Cores, p.core(s))
	}
	s.OrderBy = p.orderBy()
	s.Limit, s.Offset = p.limit()
	if p.d != catalog.SQLite {
		p.tail(s)
	}
	return s
}

func (p *parser) compoundOp() CompoundOp {
	var plain, all CompoundOp
	switch p.oneOf(kUnion, kIntersect, kExcept) {
	case kUnion:
		plain, all = Union, UnionAll
	case kIntersect:
		plain, all = Intersect, IntersectAll
	case kExcept:
		plain, all = Except, ExceptAll
	default:
		return 0
	}
	if p.word(kAll) {
		return all
	}
	p.word(kDistinct)
	return plain
}

func (p *parser) core(s *Select) *Core {
	p.enter()
	defer p.leave()
	switch {
	case p.isMark(sLParen):
		return p.subCore()
	case p.word(kValues):
		return &Core{Values: p.valueRows()}
	case p.d != catalog.SQLite && p.word(kTable):
		return p.tableCore()
	}
	p.want(kSelect)
	c := &Core{}
	p.distinct(c)
	if p.d == catalog.PostgreSQL && (p.isWord(kFrom) || p.cur().kind == tEnd || p.isOneOf(kWhere)) {
		c.Columns = []ResultColumn{} // PostgreSQL lets rows have no columns
	} else {
		c.Columns = p.resultColumns()
	}
	if p.d != catalog.SQLite {
		p.into(s)
	}
	if p.word(kFrom) {
		if !(p.d == catalog.MySQL && p.word(kDual)) {
			c.From = p.from()
		}
	}
	if p.word(kWhere) {
		c.Where = p.expr()
	}
	if p.word(kGroup, kBy) {
		p.groupBy(c)
	}
	if p.word(kHaving) {
		c.Having = p.expr()
	}
	if p.word(kWindow) {
		c.Windows = p.namedWindows()
	}
	return c
}

// subCore takes a query in parentheses that is part of a compound.
func (p *parser) subCore() *Core {
	if p.d == catalog.SQLite {
		p.fail()
		return &Core{}
	}
	p.wantMark(sLParen)
	c := &Core{Sub: p.query()}
	p.wantMark(sRParen)
	return c
}

func (p *parser) distinct(c *Core) {
	if p.d == catalog.MySQL {
		p.options(c)
		return
	}
	if p.word(kAll) {
		return
	}
	if c.Distinct = p.word(kDistinct); c.Distinct && p.d == catalog.PostgreSQL && p.word(kOn) {
		p.wantMark(sLParen)
		c.DistinctOn = p.exprs()
		p.wantMark(sRParen)
	}
}

func (p *parser) valueRows() [][]Expr {
	var rows [][]Expr
	for {
		if p.d == catalog.MySQL {
			p.word(kRow)
		}
		p.wantMark(sLParen)
		row := []Expr{}
		if p.d != catalog.MySQL || !p.isMark(sRParen) {
			row = p.exprs()
		}
		p.wantMark(sRParen)
		rows = append(rows, row)
		if !p.mark(sComma) {
			return rows
		}
	}
}

func (p *parser) resultColumns() []ResultColumn {
	list := []ResultColumn{p.resultColumn()}
	for p.mark(sComma) {
		list = append(list, p.resultColumn())
	}
	if len(list) > maxLinks {
		p.fail()
	}
	return list
}

func (p *parser) resultColumn() ResultColumn {
	if p.mark(sStar) {
		return ResultColumn{Star: true}
	}
	if p.isName(0, true) && p.peek(1).is(sDot) {
		switch {
		case p.peek(2).is(sStar):
			t := p.name()
			p.i += 2
			return ResultColumn{Star: true, Table: t}
		case p.d != catalog.SQLite && p.isName(2, true) && p.peek(3).is(sDot) && p.peek(4).is(sStar):
			s, t := p.qualified()
			p.i += 2
			return ResultColumn{Star: true, Schema: s, Table: t}
		}
	}
	e := p.expr()
	return ResultColumn{Expr: e, Alias: p.columnAlias()}
}

func (p *parser) exprs() []Expr {
	list := []Expr{p.expr()}
	for p.mark(sComma) {
		list = append(list, p.expr())
	}
	return list
}

func (p *parser) orderBy() []Order {
	if !p.word(kOrder, kBy) {
		return nil
	}
	list := []Order{p.order()}
	for p.mark(sComma) {
		list = append(list, p.order())
	}
	return list
}

func (p *parser) order() Order {
	o := Order{Expr: p.expr()}
	if p.d == catalog.PostgreSQL && p.word(kUsing) {
		o.Using = p.sortOperator()
	} else {
		o.Desc = p.oneOf(kAsc, kDesc) == kDesc
	}
	if p.word(kNulls) && p.oneOf(kFirst, kLast) == 0 {
		p.fail()
	}
	return o
}

// limit takes LIMIT n [OFFSET m], LIMIT m, n, and PostgreSQL's spellings.
func (p *parser) limit() (limit, offset Expr) {
	for {
		switch {
		case limit == nil && p.word(kLimit):
			if p.d == catalog.PostgreSQL && p.word(kAll) {
				continue
			}
			if p.d == catalog.MySQL && p.isWord(kRows) { // MariaDB's LIMIT ROWS EXAMINED n
				limit = p.examined(nil)
				return limit, offset
			}
			limit = p.count()
			if p.d != catalog.PostgreSQL && p.mark(sComma) {
				offset, limit = limit, p.count()
			}
		case offset == nil && (limit != nil || p.d != catalog.SQLite) && p.word(kOffset):
			offset = p.count()
			p.oneOf(kRow, kRows)
		case limit == nil && p.d != catalog.SQLite && p.isWord(kFetch):
			limit = p.fetch()
		default:
			if p.d == catalog.MySQL && p.isWord(kRows) {
				limit = p.examined(limit)
			}
			return limit, offset
		}
	}
}

// count takes the number of a LIMIT, on MySQL no expression.
func (p *parser) count() Expr {
	if t := p.cur(); p.d == catalog.MySQL && t.kind != tInt && t.kind != tParam {
		p.fail()
	}
	if p.d == catalog.MySQL {
		return p.primary()
	}
	return p.expr()
}

func (p *parser) namedWindows() []NamedWindow {
	var list []NamedWindow
	for {
		n := NamedWindow{Name: p.name()}
		p.want(kAs)
		n.Window = *p.window()
		list = append(list, n)
		if !p.mark(sComma) {
			return list
		}
	}
}

// window takes a window definition in parentheses.
func (p *parser) window() *Window {
	w := &Window{}
	p.wantMark(sLParen)
	if p.isName(0, true) && !p.isWord(kPartition, kBy) && !p.isOneOf(kOrder, kRange, kRows, kGroups) {
		w.Base = p.name()
	}
	if p.word(kPartition, kBy) {
		w.Partition = p.exprs()
	}
	w.OrderBy = p.orderBy()
	if p.oneOf(kRange, kRows, kGroups) != 0 {
		p.frame(w)
	}
	p.wantMark(sRParen)
	return w
}

func (p *parser) frame(w *Window) {
	if p.word(kBetween) {
		p.bound(w)
		p.want(kAnd)
	}
	p.bound(w)
	if !p.word(kExclude) {
		return
	}
	switch {
	case p.word(kNo, kOthers), p.word(kCurrent, kRow), p.word(kGroup), p.word(kTies):
	default:
		p.fail()
	}
}

func (p *parser) bound(w *Window) {
	if p.word(kCurrent, kRow) {
		return
	}
	if !p.word(kUnbounded) {
		w.Frame = append(w.Frame, p.operand(p.tight()))
	}
	if p.oneOf(kPreceding, kFollowing) == 0 {
		p.fail()
	}
}
