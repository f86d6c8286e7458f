package sqldep

import (
	"database/sql/driver"

	"github.com/cacheops/cacheops/internal/catalog"
)

// params knows how a statement's parameters get their types.
type params struct {
	d catalog.Dialect
	// uses counts the places of each parameter of PostgreSQL's: one with several
	// has the type that the first of them gives it.
	uses map[int]int
	// types are the types that a cast gives to parameters with several places.
	types map[int]string
}

// paramsOf looks through a statement.
func paramsOf(stmt Statement, d catalog.Dialect) *params {
	p := &params{d: d, uses: map[int]int{}, types: map[int]string{}}
	if d != catalog.PostgreSQL {
		return p
	}
	first := map[int]Pos{}
	Walk(stmt, func(n Node) bool {
		if x, ok := n.(*Param); ok {
			p.uses[x.Index]++
			if at, ok := first[x.Index]; !ok || x.Pos < at {
				first[x.Index] = x.Pos
			}
		}
		return true
	})
	// Of a WHERE's parameters those that nothing before it names get their types
	// there, from left to right.
	if sel, ok := stmt.(*Select); ok && len(sel.Cores) == 1 && sel.With == nil && sel.Cores[0].Where != nil {
		Walk(sel.Cores[0].Where, func(n Node) bool {
			if c, ok := n.(*Cast); ok {
				if x, ok := c.X.(*Param); ok && p.uses[x.Index] > 1 && first[x.Index] == x.Pos {
					p.types[x.Index] = c.Type
				}
			}
			return true
		})
	}
	return p
}

func (p *params) repeated(x *Param) bool { return p.uses[x.Index] > 1 }

// valueFor returns the parameter or literal that an expression is, if it is
// compared with, or written to, a column of form f as one is whose type the
// column decides.
func (p *params) valueFor(f *catalog.Form, e Expr) (Expr, bool) {
	if c, ok := e.(*Cast); ok {
		if p.d != catalog.PostgreSQL || !castFits(f, c.Type) {
			return nil, false
		}
		if x, ok := c.X.(*Param); ok && p.repeated(x) && p.types[x.Index] != c.Type {
			return nil, false
		}
		return bare(c.X)
	}
	if x, ok := e.(*Param); ok && p.repeated(x) && !castFits(f, p.types[x.Index]) {
		return nil, false
	}
	return bare(e)
}

// bare returns a parameter, or a literal whose value is in the text.
func bare(e Expr) (Expr, bool) {
	switch x := e.(type) {
	case *Param, *Lifted:
		return e, true
	case *Literal:
		return e, x.Kind != LitCurrent
	}
	return nil, false
}

// castFits reports whether a value of a type of PostgreSQL's is compared with a
// column of form f as one without a type is. Types that may have a length,
// which the tree leaves out, would round or cut it.
func castFits(f *catalog.Form, typ string) bool {
	if f.Dialect != catalog.PostgreSQL {
		return false
	}
	switch typ {
	case "int", "integer", "int4", "bigint", "int8", "smallint", "int2":
		return f.Kind == catalog.Integer
	case "text":
		return f.Kind == catalog.VarText
	case "bool", "boolean":
		return f.Kind == catalog.Bool
	case "uuid":
		return f.Kind == catalog.UUID
	case "date":
		return f.Kind == catalog.Date
	case "float8", "double precision":
		return f.Kind == catalog.Float
	}
	return false
}

// elements returns the items of an array that a program passes. ok is false for
// a nil one, which may be NULL, and for types that drivers encode in their own
// ways.
func elements(v driver.Value) (out []driver.Value, ok bool) {
	switch v := v.(type) {
	case []int64:
		return items(v), v != nil
	case []int32:
		return items(v), v != nil
	case []int:
		return items(v), v != nil
	case []string:
		return items(v), v != nil
	case []bool:
		return items(v), v != nil
	}
	return nil, false
}

func items[T any](list []T) []driver.Value {
	out := make([]driver.Value, len(list))
	for i, x := range list {
		switch x := any(x).(type) {
		case int:
			out[i] = int64(x)
		case int32:
			out[i] = int64(x)
		default:
			out[i] = x
		}
	}
	return out
}
