package sqldep

import "database/sql/driver"

// Arg returns the argument that p stands for. ok is false where it cannot be
// said with certainty which one that is; the value is unknown then.
func (p *Param) Arg(args []driver.NamedValue) (v driver.Value, ok bool) {
	found := false
	for i := range args {
		a := &args[i]
		named := a.Name != ""
		if named && a.Name != p.Name || !named && a.Ordinal != p.Index {
			continue
		}
		if found {
			return nil, false
		}
		v, found = a.Value, true
	}
	return v, found
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
