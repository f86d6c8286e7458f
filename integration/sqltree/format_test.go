package sqltree

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/cacheops/cacheops/internal/sqldep"
)

// format writes a tree as text. Operators are in parentheses, so that nothing
// is left to precedence.
func format(s sqldep.Statement) string {
	switch s := s.(type) {
	case *sqldep.Select:
		return query(s)
	case *sqldep.Update:
		return with(s.With) + "UPDATE " + resolution(s.Or) + target(&s.Table) + " SET " + join(s.Set, assignment) +
			clause(" FROM ", s.From != nil, func() string { return from(s.From) }) + optional(" WHERE ", s.Where) + returning(s.Returning)
	case *sqldep.Delete:
		return with(s.With) + "DELETE FROM " + target(&s.Table) + optional(" WHERE ", s.Where) + returning(s.Returning)
	case *sqldep.Insert:
		return insert(s)
	}
	panic(fmt.Sprintf("%T", s))
}

func join[T any](items []T, f func(T) string) string {
	parts := make([]string, len(items))
	for i, x := range items {
		parts[i] = f(x)
	}
	return strings.Join(parts, ", ")
}

func clause(word string, there bool, f func() string) string {
	if !there {
		return ""
	}
	return word + f()
}

func optional(word string, e sqldep.Expr) string {
	return clause(word, e != nil, func() string { return expr(e) })
}

func name(s string) string { return "[" + s + "]" }

func qualified(schema, table string) string {
	if schema == "" {
		return name(table)
	}
	return name(schema) + "." + name(table)
}

func as(alias string) string {
	if alias == "" {
		return ""
	}
	return " AS " + name(alias)
}

func names(list []string) string {
	if list == nil {
		return ""
	}
	return "(" + join(list, name) + ")"
}

func with(w *sqldep.With) string {
	if w == nil {
		return ""
	}
	word := "WITH "
	if w.Recursive {
		word += "RECURSIVE "
	}
	return word + join(w.CTEs, func(c *sqldep.CTE) string { return name(c.Name) + names(c.Columns) + " AS (" + format(c.Body) + ")" }) + " "
}

func query(s *sqldep.Select) string {
	out := with(s.With)
	for i, c := range s.Cores {
		if i > 0 {
			out += [...]string{"", " UNION ", " UNION ALL ", " INTERSECT ", "", " EXCEPT "}[s.Ops[i-1]]
		}
		out += core(c)
	}
	return out + orders(" ORDER BY ", s.OrderBy) + optional(" LIMIT ", s.Limit) + optional(" OFFSET ", s.Offset)
}

func orders(word string, list []sqldep.Order) string {
	return clause(word, len(list) > 0, func() string { return join(list, order) })
}

func order(o sqldep.Order) string {
	if o.Desc {
		return expr(o.Expr) + " DESC"
	}
	return expr(o.Expr)
}

func core(c *sqldep.Core) string {
	if c.Values != nil {
		return "VALUES " + join(c.Values, func(r []sqldep.Expr) string { return "(" + join(r, expr) + ")" })
	}
	out := "SELECT "
	if c.Distinct {
		out += "DISTINCT "
	}
	return out + join(c.Columns, column) + clause(" FROM ", c.From != nil, func() string { return from(c.From) }) +
		optional(" WHERE ", c.Where) + clause(" GROUP BY ", len(c.GroupBy) > 0, func() string { return join(c.GroupBy, expr) }) +
		optional(" HAVING ", c.Having) + clause(" WINDOW ", len(c.Windows) > 0, func() string {
		return join(c.Windows, func(w sqldep.NamedWindow) string { return w.Name + " AS " + window(&w.Window) })
	})
}

func column(c sqldep.ResultColumn) string {
	switch {
	case c.Star && c.Table != "":
		return qualified(c.Schema, c.Table) + ".*"
	case c.Star:
		return "*"
	}
	return expr(c.Expr) + as(c.Alias)
}

func from(f sqldep.From) string {
	switch f := f.(type) {
	case *sqldep.Table:
		out := qualified(f.Schema, f.Name) + as(f.Alias)
		if f.NotIndexed {
			out += " NOT INDEXED"
		}
		return out
	case *sqldep.SubFrom:
		return "(" + query(f.Query) + ")" + as(f.Alias)
	case *sqldep.TableFunc:
		return qualified(f.Schema, f.Name) + "(" + join(f.Args, expr) + ")" + as(f.Alias)
	case *sqldep.Join:
		return joined(f)
	}
	panic(fmt.Sprintf("%T", f))
}

func joined(j *sqldep.Join) string {
	out := from(j.Left)
	if j.Natural {
		out += " NATURAL"
	}
	if j.Kind == sqldep.CrossJoin && j.On == nil {
		return out + ", " + from(j.Right)
	}
	out += [...]string{" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ", " CROSS JOIN "}[j.Kind]
	if _, ok := j.Right.(*sqldep.Join); ok {
		out += "(" + from(j.Right) + ")"
	} else {
		out += from(j.Right)
	}
	return out + clause(" USING ", j.Using != nil, func() string { return names(j.Using) }) + optional(" ON ", j.On)
}

func target(t *sqldep.Target) string { return qualified(t.Schema, t.Name) + as(t.Alias) }

func resolution(r sqldep.Resolution) string {
	return [...]string{"", "OR ABORT ", "OR FAIL ", "OR IGNORE ", "OR REPLACE ", "OR ROLLBACK "}[r]
}

func returning(cs []sqldep.ResultColumn) string {
	return clause(" RETURNING ", len(cs) > 0, func() string { return join(cs, column) })
}

func assignment(a sqldep.Assignment) string {
	if len(a.Columns) == 1 {
		return name(a.Columns[0]) + " = " + expr(a.Value)
	}
	return names(a.Columns) + " = " + expr(a.Value)
}

func insert(s *sqldep.Insert) string {
	out := with(s.With) + "INSERT " + resolution(s.Or) + "INTO " + target(&s.Into) + names(s.Columns)
	switch {
	case s.Default:
		out += " DEFAULT VALUES"
	case s.Query != nil:
		out += " " + query(s.Query)
	default:
		out += " VALUES " + join(s.Rows, func(r []sqldep.Expr) string { return "(" + join(r, expr) + ")" })
	}
	for _, u := range s.Upserts {
		out += " ON CONFLICT" + clause(" ", u.Columns != nil, func() string { return "(" + join(u.Columns, expr) + ")" }) +
			optional(" WHERE ", u.Where) + " DO "
		if u.Nothing {
			out += "NOTHING"
		} else {
			out += "UPDATE SET " + join(u.Set, assignment) + optional(" WHERE ", u.SetWhere)
		}
	}
	return out + returning(s.Returning)
}

func window(w *sqldep.Window) string {
	return "(" + w.Base + clause(" PARTITION BY ", len(w.Partition) > 0, func() string { return join(w.Partition, expr) }) +
		orders(" ORDER BY ", w.OrderBy) + ")"
}

var operators = map[sqldep.Op]string{
	sqldep.OpEq: "=", sqldep.OpNe: "<>", sqldep.OpLt: "<", sqldep.OpLe: "<=", sqldep.OpGt: ">", sqldep.OpGe: ">=",
	sqldep.OpAnd: "AND", sqldep.OpOr: "OR", sqldep.OpNot: "NOT ", sqldep.OpNeg: "-", sqldep.OpPlus: "+",
	sqldep.OpBitNot: "~", sqldep.OpAdd: "+", sqldep.OpSub: "-", sqldep.OpMul: "*", sqldep.OpDiv: "/", sqldep.OpMod: "%",
	sqldep.OpConcat: "||", sqldep.OpBitAnd: "&", sqldep.OpBitOr: "|", sqldep.OpShiftL: "<<", sqldep.OpShiftR: ">>",
	sqldep.OpArrow: "->", sqldep.OpArrowText: "->>",
}

func not(n bool) string {
	if n {
		return " NOT"
	}
	return ""
}

// expr writes an expression, in parentheses where it is an operator.
func expr(e sqldep.Expr) string {
	switch e := e.(type) {
	case *sqldep.Literal:
		return literal(e)
	case *sqldep.Param:
		if e.Name != "" {
			return ":" + e.Name
		}
		return "?" + strconv.Itoa(e.Index)
	case *sqldep.Column:
		return columnName(e)
	case *sqldep.Unary:
		return "(" + operators[e.Op] + expr(e.X) + ")"
	case *sqldep.Binary:
		return "(" + expr(e.X) + " " + operators[e.Op] + " " + expr(e.Y) + ")"
	case *sqldep.Between:
		return "(" + expr(e.X) + not(e.Not) + " BETWEEN " + expr(e.Lo) + " AND " + expr(e.Hi) + ")"
	case *sqldep.In:
		return "(" + expr(e.X) + not(e.Not) + " IN " + inSet(e) + ")"
	case *sqldep.Like:
		word := [...]string{"", "LIKE", "", "GLOB", "REGEXP", "MATCH"}[e.Kind]
		return "(" + expr(e.X) + not(e.Not) + " " + word + " " + expr(e.Pattern) + optional(" ESCAPE ", e.Escape) + ")"
	case *sqldep.Is:
		return "(" + expr(e.X) + " IS" + not(e.Not) + " " + expr(e.Y) + ")"
	case *sqldep.Case:
		out := "CASE" + optional(" ", e.X)
		for _, w := range e.Whens {
			out += " WHEN " + expr(w.Cond) + " THEN " + expr(w.Then)
		}
		return out + optional(" ELSE ", e.Else) + " END"
	case *sqldep.Cast:
		return "CAST(" + expr(e.X) + " AS " + e.Type + ")"
	case *sqldep.Collate:
		return "(" + expr(e.X) + " COLLATE " + e.Name + ")"
	case *sqldep.Func:
		return call(e)
	case *sqldep.Exists:
		return "EXISTS (" + query(e.Query) + ")"
	case *sqldep.Subquery:
		return "(" + query(e.Query) + ")"
	case *sqldep.Row:
		return "(" + join(e.Items, expr) + ")"
	}
	panic(fmt.Sprintf("%T", e))
}

func literal(e *sqldep.Literal) string {
	switch v := e.Value.(type) {
	case nil:
		return "NULL"
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return "x'" + hex.EncodeToString(v) + "'"
	case float64:
		if s := strconv.FormatFloat(v, 'f', -1, 64); strings.Contains(s, ".") {
			return s
		}
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	if e.Kind == sqldep.LitBool {
		return map[any]string{int64(0): "FALSE", int64(1): "TRUE"}[e.Value]
	}
	return fmt.Sprint(e.Value)
}

func columnName(e *sqldep.Column) string {
	switch {
	case e.Quoted:
		return `"` + e.Raw + `"`
	case e.Table == "":
		return name(e.Name)
	}
	return qualified(e.Schema, e.Table) + "." + name(e.Name)
}

func inSet(e *sqldep.In) string {
	switch {
	case e.Query != nil:
		return "(" + query(e.Query) + ")"
	case e.Table != nil:
		return qualified(e.Table.Schema, e.Table.Name)
	}
	return "(" + join(e.List, expr) + ")"
}

func call(f *sqldep.Func) string {
	out := f.Name + "("
	switch {
	case f.Star:
		out += "*"
	case f.Distinct:
		out += "DISTINCT "
	}
	out += join(f.Args, expr) + orders(" ORDER BY ", f.OrderBy) + ")" + clause(" FILTER (WHERE ", f.Filter != nil, func() string {
		return expr(f.Filter) + ")"
	})
	return out + clause(" OVER ", f.Over != nil, func() string {
		if f.Over.Base != "" {
			return f.Over.Base
		}
		return window(f.Over)
	})
}
