package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
)

// readOp classifies a read as the rules name it. top is the scope of its only
// core.
func readOp(s *Select, top *scope) ReadOp {
	if len(s.Cores) != 1 || s.Cores[0].Sub != nil {
		return OpFetch
	}
	c := s.Cores[0]
	switch {
	case isCount(c):
		return OpCount
	case isExists(c) || len(c.Columns) == 1 && isConstant(c.Columns[0].Expr) && isOne(s.Limit):
		return OpExists
	case c.GroupBy != nil || c.Having != nil || aggregates(c):
		return OpAggregate
	case isOne(s.Limit) || keyedScope(top):
		return OpGet
	}
	return OpFetch
}

func isOne(e Expr) bool {
	l, ok := e.(*Literal)
	return ok && l.Value == int64(1)
}

func isConstant(e Expr) bool {
	switch e := e.(type) {
	case *Literal:
		return e.Kind != LitCurrent
	case *Lifted, *Param:
		return true
	}
	return false
}

func isCount(c *Core) bool {
	if len(c.Columns) != 1 || c.GroupBy != nil || c.Having != nil || c.From == nil {
		return false
	}
	f, ok := c.Columns[0].Expr.(*Func)
	return ok && f.Name == "count" && f.Over == nil
}

func isExists(c *Core) bool {
	if len(c.Columns) != 1 || c.From != nil {
		return false
	}
	e := c.Columns[0].Expr
	if not, ok := e.(*Unary); ok && not.Op == OpNot {
		e = not.X
	}
	_, ok := e.(*Exists)
	return ok
}

// aggregates reports whether the select list calls an aggregate.
func aggregates(c *Core) bool {
	return slices.ContainsFunc(c.Columns, func(r ResultColumn) bool {
		return r.Expr != nil && calls(r.Expr, isAggregate)
	})
}

// rowByRow reports whether the only core of a query makes its rows of single
// rows of its FROM, groups none, and so makes none of nothing. An aggregate in a
// query inside an expression may be this core's, if its arguments are.
func rowByRow(s *Select) bool {
	c := s.Cores[0]
	if len(s.Cores) != 1 || c.Sub != nil || c.GroupBy != nil || c.Having != nil {
		return false
	}
	for i := range c.Columns {
		if e := c.Columns[i].Expr; e != nil && (outerAggregate(e, c.From) || calls(e, mayAggregate)) {
			return false
		}
	}
	order := s.OrderBy
	for i := range c.Windows {
		order = slices.Concat(order, c.Windows[i].OrderBy)
		for _, e := range c.Windows[i].Partition {
			order = append(order, Order{Expr: e})
		}
	}
	for i := range order {
		if e := order[i].Expr; outerAggregate(e, c.From) || calls(e, mayAggregate) {
			return false
		}
	}
	return true
}

// outerAggregate reports whether a query inside e calls an aggregate that may
// be one of the query around e, of that FROM: what it is made of does not name inner
// tables alone.
func outerAggregate(e Expr, from From) (found bool) {
	inner := map[string]bool{}
	Walk(e, func(n Node) bool {
		if f, ok := n.(From); ok {
			inner[fromName(f)] = true
		}
		return true
	})
	own(from, inner)
	Walk(e, func(n Node) bool {
		if f, ok := n.(*Func); ok && mayAggregate(f) {
			Walk(f, func(n Node) bool {
				c, ok := n.(*Column)
				found = found || ok && (c.Table == "" || !inner[c.Table])
				return true
			})
		}
		return !found
	})
	return found
}

// own takes the names of a FROM's items from a set.
func own(f From, names map[string]bool) {
	if j, ok := f.(*Join); ok {
		own(j.Left, names)
		own(j.Right, names)
		return
	}
	delete(names, fromName(f))
}

// fromName is what columns of an item of FROM are qualified by.
func fromName(f From) string {
	switch f := f.(type) {
	case *Table:
		return aliasOr(f.Alias, f.Name)
	case *SubFrom:
		return f.Alias
	case *TableFunc:
		return aliasOr(f.Alias, f.Name)
	case *OddFrom:
		return f.Alias
	}
	return ""
}

// mayAggregate reports whether a call may be one of an aggregate: a function of
// the program's own that it took for a scalar one may be.
func mayAggregate(f *Func) bool {
	return isAggregate(f) || f.Over == nil && (f.Own || !catalog.PureFunction(catalog.SQLite, f.Name, max(len(f.Args), 2)))
}

// isAggregate reports whether a call is one of an aggregate.
func isAggregate(f *Func) bool {
	if f.Over == nil && (f.Distinct || f.Filter != nil || len(f.OrderBy) > 0) {
		return true // rank(1) WITHIN GROUP (ORDER BY a) too
	}
	switch f.Name {
	case "min", "max":
		return f.Over == nil && len(f.Args) == 1
	case "count", "sum", "total", "avg", "group_concat", "string_agg", "median", "percentile", "percentile_cont",
		"percentile_disc", "json_group_array", "json_group_object", "jsonb_group_array", "jsonb_group_object":
		return f.Over == nil
	}
	return f.Star && f.Over == nil
}

// calls reports whether a call for which is holds occurs in n, queries inside
// expressions apart.
func calls(n Node, is func(*Func) bool) bool {
	found := false
	Walk(n, func(m Node) bool {
		switch m := m.(type) {
		case *Func:
			found = found || is(m)
		case *Select:
			return false
		case *Core:
			return m == n
		}
		return !found
	})
	return found
}

// mainTable is the first table in FROM as written, through derived tables.
func mainTable(s *Select) string {
	if len(s.Cores) == 0 {
		return ""
	}
	c := s.Cores[0]
	switch {
	case c.Sub != nil:
		return mainTable(c.Sub)
	case c.From != nil:
		return mainFrom(c.From, s.With)
	}
	// SELECT EXISTS (…), SELECT (…)
	name := ""
	for _, r := range c.Columns {
		if r.Expr == nil || name != "" {
			continue
		}
		Walk(r.Expr, func(n Node) bool {
			if q, ok := n.(*Select); ok && name == "" {
				name = mainTable(q)
			}
			return name == ""
		})
	}
	return name
}

func mainFrom(f From, w *With) string {
	switch f := f.(type) {
	case *Table:
		if w != nil && f.Schema == "" {
			for _, c := range w.CTEs {
				if body, ok := c.Body.(*Select); ok && c.Name == f.Name {
					return mainTable(body)
				}
			}
		}
		return f.Name
	case *SubFrom:
		return mainTable(f.Query)
	case *TableFunc:
		return f.Name
	case *Join:
		return mainFrom(f.Left, w)
	}
	return ""
}

// rowOrderIsMoot reports whether a query's result is one number that no order
// of rows changes.
func rowOrderIsMoot(s *Select) bool {
	if len(s.Cores) != 1 || s.Limit != nil {
		return false
	}
	return isCount(s.Cores[0]) || isExists(s.Cores[0])
}

// keyedScope reports whether a core selects one row at most: of one table, by a
// whole unique key.
func keyedScope(sc *scope) bool {
	return sc != nil && len(sc.sources) == 1 && sc.sources[0].m != nil && sc.sources[0].m.keyed()
}

// keyed reports whether the mention's conditions compare every column of a
// unique key with one value.
func (m *mention) keyed() bool {
	if m.table.Root != "" && !m.table.Partitioned {
		return false
	}
	for _, k := range m.table.Keys {
		if len(k.Columns) > 0 && !slices.ContainsFunc(k.Columns, func(col string) bool { return !m.compares(col) }) {
			return true
		}
	}
	return false
}

// compares reports whether a condition of the mention equates col with one value.
func (m *mention) compares(col string) bool {
	return slices.ContainsFunc(m.restrictions, func(r restriction) bool {
		return slices.ContainsFunc(r.cond.conjuncts(), func(c *cond) bool {
			return c.kind == condEq && c.name == col && len(c.vals) == 1
		})
	})
}

// provenMention returns the mention of which a result with rows proves that
// there was a row in its region: one that no outer join fills with NULLs, in a
// core that makes rows of rows.
func provenMention(s *Select, top *scope) *mention {
	if top == nil || len(top.sources) == 0 || !rowByRow(s) {
		return nil
	}
	var proven *mention
	for _, src := range top.sources {
		if src.m == nil || src.m.nullable {
			continue
		}
		if proven == nil || !proven.keyed() {
			proven = src.m
		}
	}
	return proven
}
