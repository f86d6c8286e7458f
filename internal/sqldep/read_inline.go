package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
)

// inline adds a query in FROM, a view, or a common table expression that nothing
// else names, as a source. Where conditions on its result are conditions on its
// rows, it is as if its FROM stood in its place: what the outer query demands of
// its columns, it demands of the tables below.
func (a *readAnalysis) inline(src *source, q *Select, inner, sc *scope) *fromTree {
	t := a.single(src, sc)
	if inner == nil || !transparent(q) {
		return t
	}
	exports, ok := resultExports(q.Cores[0], inner)
	if !ok || len(exports) != len(src.cols) {
		return t
	}
	src.exports = make(map[string]export, len(exports))
	for i, name := range src.cols {
		if _, twice := src.exports[name]; exports[i].m != nil && !twice {
			src.exports[name] = exports[i]
		}
	}
	t.mentions = append(t.mentions, inner.tree.mentions...)
	t.nullable = append(t.nullable, inner.tree.nullable...)
	return t
}

// transparent reports whether the rows of a query's only core that a condition
// on its result leaves out cannot show in those that it lets through: nothing
// counts them, nor fails at them.
func transparent(q *Select) bool {
	c := q.Cores[0]
	if len(q.Cores) != 1 || q.With != nil || cuts(q) || c.Sub != nil || c.DistinctOn != nil || c.Rollup {
		return false
	}
	if calls(c, func(f *Func) bool { return f.Over != nil }) || fails(q) {
		return false
	}
	return c.GroupBy != nil || rowByRow(q)
}

// fails reports whether anything in a query may fail for some rows.
func fails(q *Select) (found bool) {
	Walk(q, func(n Node) bool {
		e, ok := n.(Expr)
		found = found || ok && (fallible(e) || calls(e, func(f *Func) bool { return f.Name == "sum" })) // of too large a sum
		return !found
	})
	return found
}

// resultExports returns, for each result column of a core, the base table's
// column that it is, the zero export for another. ok is false where the columns
// cannot be counted.
func resultExports(c *Core, inner *scope) (out []export, ok bool) {
	if c.Values != nil {
		return nil, false
	}
	for i := range c.Columns {
		r := &c.Columns[i]
		switch {
		case r.Star:
			if c.GroupBy != nil || inner.muddled || len(inner.merged) > 0 {
				return nil, false
			}
			cols, ok := starExports(r, inner)
			if !ok {
				return nil, false
			}
			out = append(out, cols...)
		default:
			var x export
			if col, ok := r.Expr.(*Column); ok {
				if m, col, ok := inner.column(col); ok && (c.GroupBy == nil || groups(c, i, place{m, col.Name}, inner)) {
					x = export{m, col}
				}
			}
			out = append(out, x)
		}
	}
	return out, true
}

// groups reports whether a core makes its groups by the column that its n-th
// result is, so that a group holds the rows with one value of it.
func groups(c *Core, n int, p place, inner *scope) bool {
	return slices.ContainsFunc(c.GroupBy, func(e Expr) bool {
		if l, ok := e.(*Literal); ok {
			return l.Value == int64(n+1)
		}
		m, col, ok := inner.operand(e)
		return ok && p == place{m, col.Name}
	})
}

func starExports(r *ResultColumn, inner *scope) (out []export, ok bool) {
	for _, src := range inner.sources {
		switch {
		case !src.means(r.Schema, r.Table):
		case src.open:
			return nil, false
		case src.m != nil:
			for i := range src.m.table.Columns {
				out = append(out, export{src.m, &src.m.table.Columns[i]})
			}
		default:
			for _, name := range src.cols {
				out = append(out, src.exports[name])
			}
		}
	}
	return out, true
}

// bareExists returns the query under EXISTS without the columns of its select
// list that decide nothing. Those with a name may be meant elsewhere; DISTINCT and
// GROUP BY 1 mean those without one, and HAVING or OFFSET may count what they leave.
func bareExists(q *Select) *Select {
	if len(q.Cores) != 1 || q.Cores[0].Sub != nil || q.Cores[0].Columns == nil {
		return q
	}
	c, s := *q.Cores[0], *q
	if c.Distinct || c.DistinctOn != nil || c.GroupBy != nil {
		return q
	}
	c.Columns = slices.DeleteFunc(slices.Clone(c.Columns), func(r ResultColumn) bool {
		_, plain := r.Expr.(*Column)
		return r.Alias == "" && (r.Star || plain)
	})
	s.Cores = []*Core{&c}
	return &s
}

// outerEqual is the equality of a column of this scope with e, a column of an
// outer one: what is known there of the rows that matter holds here as well.
func (s *scope) outerEqual(m *mention, col *catalog.Column, e Expr) *cond {
	c, ok := e.(*Column)
	if !ok || s.cautious || s.a.isSQLite() && isRowID(c.Name) || c.Table == "" && slices.Contains(s.aliases, c.Name) {
		return nil
	}
	if hits, open := s.named(c); open || len(hits) > 0 {
		return nil
	}
	for p := s.parent; p != nil; p = p.parent {
		hits, open := p.named(c)
		if open || len(hits) > 0 {
			return p.carried(c, place{m, col.Name}, col)
		}
		if c.Table == "" && slices.Contains(p.aliases, c.Name) {
			return nil
		}
	}
	return nil
}

// carried returns what this scope's facts say of the column c, said of to.
func (s *scope) carried(c *Column, to place, col *catalog.Column) *cond {
	m, outer, ok := s.column(c)
	if !ok || s.facts == nil || m.nullable || !mutual(col, outer) {
		return nil
	}
	var out *cond
	for _, k := range s.facts.about(place{m, outer.Name}, true) {
		out = both(out, k.moved(to))
	}
	return out
}

// membership is x IN (query), where nothing matters but its being true.
type membership struct {
	x     Expr
	scope *scope
}

// member returns what x IN (query) says of the query's rows: only those matter
// whose result may equal x.
func (s *scope) member(of *membership, c *Core) *cond {
	if of == nil || s.cautious || len(c.Columns) != 1 {
		return nil
	}
	exports, ok := resultExports(c, s)
	if !ok || len(exports) != 1 || exports[0].m == nil {
		return nil
	}
	m, col := exports[0].m, exports[0].col
	if v, ok := of.scope.valueFor(col, of.x); ok {
		return leaf(condEq, m, col, v)
	}
	if x, ok := of.x.(*Column); ok {
		return of.scope.carried(x, place{m, col.Name}, col)
	}
	return nil
}
