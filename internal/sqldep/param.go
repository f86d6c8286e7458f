package sqldep

import (
	"database/sql/driver"
	"strconv"
)

// Arg returns the argument that p stands for. ok is false where drivers differ
// about it, or there is none: the value is not known then.
func (p *Param) Arg(args []driver.NamedValue) (v driver.Value, ok bool) {
	if p.Name == "" {
		return ordinal(args, p.Index)
	}
	found := 0
	for i := range args {
		if args[i].Name == p.Name {
			v = args[i].Value
			found++
		}
	}
	// SQLite counts $2 like any name; some drivers take it for the second
	// argument, others for the next.
	n, err := strconv.Atoi(p.Name)
	switch {
	case found == 1 && err != nil:
		return v, true
	case found > 0 || err == nil && n != p.Index:
		return nil, false
	}
	return ordinal(args, p.Index)
}

// ordinal returns the argument of that number. One with a name is taken by its
// number by some drivers only.
func ordinal(args []driver.NamedValue, n int) (v driver.Value, ok bool) {
	for i := range args {
		if args[i].Ordinal != n {
			continue
		}
		if ok || args[i].Name != "" {
			return nil, false
		}
		v, ok = args[i].Value, true
	}
	return v, ok
}

// constant returns the value of a literal, a lifted literal or a parameter.
// ok is false for any other expression, and where the value is not certain.
func (b Bound) constant(e Expr, args []driver.NamedValue) (v driver.Value, ok bool) {
	switch e := e.(type) {
	case *Literal:
		return e.Value, e.Kind != LitCurrent
	case *Lifted:
		if e.Slot < len(b.Literals) {
			return b.Literals[e.Slot], true
		}
	case *Param:
		return e.Arg(args)
	}
	return nil, false
}
