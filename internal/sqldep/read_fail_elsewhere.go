package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
)

// On PostgreSQL almost anything may fail: a division, a cast, a sum. What cannot
// is listed here.

// certain reports whether nothing in n may fail for a row. Patterns of LIKE that
// the arguments tell are kept in a.patterns: with a backslash at its end one
// fails at the rows that match so far.
func (a *readAnalysis) certain(n Node) bool {
	sure := true
	Walk(n, func(n Node) bool {
		e, ok := n.(Expr)
		if ok {
			sure = sure && a.certainExpr(e)
		}
		switch n := n.(type) {
		case *TableFunc:
			sure = sure && !n.Odd && !slices.ContainsFunc(n.Args, func(e Expr) bool { _, ok := bare(e); return !ok })
		case *OddFrom:
			sure = false
		}
		return sure
	})
	return sure
}

func (a *readAnalysis) certainExpr(e Expr) bool {
	switch e := e.(type) {
	case *Column, *Literal, *Lifted, *Param, *Between, *In, *Is, *Row, *Case, *Exists, *Collate:
		return true
	case *Array:
		return bareItems(e)
	case *Opaque:
		return e.Why == "array" // whose items are looked at
	case *Subquery:
		return oneRow(e.Query)
	case *Unary:
		return e.Op == OpNot || e.Op == OpOther && len(e.Text) > 3 && e.Text[:3] == "is "
	case *Binary:
		return a.certainOperator(e.Op)
	case *Any:
		if e.Array != nil {
			x := e.Array
			if c, ok := x.(*Cast); ok {
				x = c.X
			}
			_, isBare := bare(x)
			return (isBare || bareItems(x)) && a.certainOperator(e.Op)
		}
		return a.certainOperator(e.Op)
	case *Like:
		return a.certainPattern(e)
	case *Cast:
		if p, ok := e.X.(*Param); ok && a.params.repeated(p) && a.params.types[p.Index] != e.Type {
			return false // converted from the type that another place gives it
		}
		_, ok := bare(e.X)
		return ok
	case *Func:
		return certainFunction[e.Name] && !e.Odd
	}
	return false
}

// bareItems reports whether e is an array of parameters and literals.
func bareItems(e Expr) bool {
	list, ok := e.(*Array)
	return ok && list.Query == nil && !slices.ContainsFunc(list.Items, func(x Expr) bool { _, ok := bare(x); return !ok })
}

func (a *readAnalysis) certainOperator(op Op) bool {
	switch op {
	case OpEq, OpNe, OpLt, OpLe, OpGt, OpGe, OpAnd, OpOr, OpNullEq:
		return true
	case OpArrow, OpArrowText:
		return a.cat.Dialect == catalog.PostgreSQL
	case OpConcat:
		return a.cat.Dialect == catalog.MySQL
	}
	return false
}

func (a *readAnalysis) certainPattern(e *Like) bool {
	if e.Escape != nil || e.Kind != LikeLike && e.Kind != LikeILike {
		return false
	}
	if a.cat.Dialect == catalog.MySQL {
		return true
	}
	p, ok := bare(e.Pattern)
	if ok {
		a.patterns = append(a.patterns, p)
	}
	return ok
}

// oneRow reports whether a query never has a second row.
func oneRow(q *Select) bool {
	if len(q.Cores) != 1 || q.Cores[0].Sub != nil {
		return false
	}
	c := q.Cores[0]
	return isOne(q.Limit) || c.Values == nil && c.GroupBy == nil && len(c.Columns) == 1 && c.Columns[0].Expr != nil && lone(c.Columns[0].Expr)
}

// lone reports whether e is a call of an aggregate that everyone has.
func lone(e Expr) bool {
	f, ok := e.(*Func)
	if !ok || f.Over != nil || f.Schema != "" {
		return false
	}
	switch f.Name {
	case "count", "min", "max", "sum", "avg":
		return f.Star || len(f.Args) == 1
	}
	return false
}

// certainFunction holds functions that no argument makes fail.
var certainFunction = nameSet(`
	count min max lower upper lcase ucase coalesce ifnull nullif length char_length character_length octet_length greatest least
	if isnull trim ltrim rtrim btrim bool_and bool_or every
`)
