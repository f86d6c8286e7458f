package sqldep

import (
	"github.com/cacheops/cacheops/internal/catalog"
)

// condKind is the kind of a cond.
type condKind uint8

const (
	condAll   condKind = iota + 1 // every one of kids
	condAny                       // one of kids at least
	condNever                     // nothing
	condEq                        // the column equals one of vals
	condIs                        // the column IS vals[0]
	condNull                      // the column is NULL
	condTrue                      // the column is a number other than zero
	condFalse                     // the column is zero
	condRange                     // the column lies between vals[0] and vals[1]; nil is open
	condEnds                      // condRange of two ends, of which neither says anything alone
	condArray                     // the column equals an item of the array vals[0]
	condLike                      // the column matches LIKE vals[0]
	condGlob                      // the column matches GLOB vals[0]
	condSame                      // the column equals the other's
	condGiven                     // the arguments decide it; name says how
)

// cond is a condition that follows from an expression's being true (or false):
// what it says of single columns, and of nothing else. nil says nothing, which
// is always right. Its values are filled in by the arguments.
type cond struct {
	kind condKind
	m    *mention
	// name is the column that the condition is on; col is the column under whose
	// affinity and collation the values are compared. The two differ where the
	// condition was carried over an equality between columns.
	name string
	col  *catalog.Column
	vals []Expr
	kids []*cond
	// other and otherCol are the right side of condSame.
	other    *mention
	otherCol *catalog.Column
}

// both is the conjunction of two conditions.
func both(a, b *cond) *cond {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.kind == condAll:
		return &cond{kind: condAll, kids: append(a.kids[:len(a.kids):len(a.kids)], b.conjuncts()...)}
	case b.kind == condAll:
		return &cond{kind: condAll, kids: append([]*cond{a}, b.kids...)}
	}
	return &cond{kind: condAll, kids: []*cond{a, b}}
}

// either is the disjunction of two conditions.
func either(a, b *cond) *cond {
	switch {
	case a == nil || b == nil:
		return nil
	case a.kind == condNever:
		return b
	case b.kind == condNever:
		return a
	case a.kind == condAny:
		return &cond{kind: condAny, kids: append(a.kids[:len(a.kids):len(a.kids)], b)}
	}
	return &cond{kind: condAny, kids: []*cond{a, b}}
}

// conjuncts returns the parts of which every one must hold.
func (c *cond) conjuncts() []*cond {
	switch {
	case c == nil:
		return nil
	case c.kind == condAll:
		return c.kids
	}
	return []*cond{c}
}

// leaf reports whether c is a condition on one column.
func (c *cond) leaf() bool { return c.kind >= condEq && c.kind <= condGlob }

// of returns what c says about rows of m.
func (c *cond) of(m *mention) *cond {
	switch {
	case c == nil || c.kind == condSame:
		return nil
	case c.kind == condNever || c.kind == condGiven:
		return c
	case c.leaf():
		if c.m != m {
			return nil
		}
		return c
	case c.kind == condAll:
		var out *cond
		for _, k := range c.kids {
			out = both(out, k.of(m))
		}
		return out
	}
	out := &cond{kind: condNever}
	for _, k := range c.kids {
		if out = either(out, k.of(m)); out == nil {
			return nil
		}
	}
	return out
}

// condition returns what follows about the columns of this scope from e's being
// true, or with want false from its being false. NULL is neither.
func (s *scope) condition(e Expr, want bool) *cond {
	switch e := e.(type) {
	case *Unary:
		if e.Op == OpNot {
			return s.condition(e.X, !want)
		}
	case *Column:
		return s.truth(e, want)
	case *Binary:
		return s.binary(e, want)
	case *Between:
		return s.between(e, want)
	case *In:
		if e.Not != want && e.List != nil {
			return s.inList(e)
		}
	case *Is:
		if e.Not != want {
			return s.is(e)
		}
		if l, ok := e.Y.(*Literal); ok && l.Kind == LitNull {
			return s.given(givenNotNull, e.X)
		}
	case *Any:
		if want {
			return s.anyOf(e)
		}
	case *Like:
		if e.Not != want && (e.Kind == LikeGlob || e.Kind == LikeLike) {
			return s.like(e)
		}
	}
	return nil
}

func (s *scope) binary(e *Binary, want bool) *cond {
	op := e.Op
	if !want {
		op = op.inverse()
	}
	switch op {
	case OpAnd:
		return both(s.condition(e.X, want), s.condition(e.Y, want))
	case OpOr:
		return either(s.condition(e.X, want), s.condition(e.Y, want))
	case OpEq:
		return s.equal(e.X, e.Y)
	case OpNe:
		return s.given(givenNe, e.X, e.Y)
	case OpLt, OpLe, OpGt, OpGe:
		return s.compare(op, e.X, e.Y)
	case OpNullEq:
		if want {
			return s.is(&Is{X: e.X, Y: e.Y})
		}
	}
	return nil
}

// inverse returns the operator that is true where op is false, both NULL for
// NULLs; OpOther where there is none. For AND and OR it is the one that
// combines the inverted operands.
func (op Op) inverse() Op {
	switch op {
	case OpAnd:
		return OpOr
	case OpOr:
		return OpAnd
	case OpEq:
		return OpNe
	case OpNe:
		return OpEq
	case OpLt:
		return OpGe
	case OpLe:
		return OpGt
	case OpGt:
		return OpLe
	case OpGe:
		return OpLt
	case OpNullEq:
		return OpNullEq
	}
	return OpOther
}

// equal is X = Y. Row values are compared item by item.
func (s *scope) equal(x, y Expr) *cond {
	rx, ok1 := x.(*Row)
	ry, ok2 := y.(*Row)
	if ok1 && ok2 && len(rx.Items) == len(ry.Items) {
		var out *cond
		for i := range rx.Items {
			out = both(out, s.equal(rx.Items[i], ry.Items[i]))
		}
		return out
	}
	m, col, isCol := s.operand(x)
	n, other, isCol2 := s.operand(y)
	switch {
	case isCol && isCol2:
		return s.same(m, col, n, other)
	case isCol:
		return s.equals(m, col, y)
	case isCol2:
		return s.equals(n, other, x)
	}
	return s.given(givenEq, x, y)
}

// equals is the equality of a column with anything but a column of this scope.
func (s *scope) equals(m *mention, col *catalog.Column, e Expr) *cond {
	if v, ok := s.valueFor(col, e); ok {
		return leaf(condEq, m, col, v)
	}
	return s.outerEqual(m, col, e)
}

// given is a condition that the arguments alone decide.
func (s *scope) given(name string, operands ...Expr) *cond {
	vals := make([]Expr, len(operands))
	for i, e := range operands {
		v, ok := s.constant(e)
		if c, isCast := e.(*Cast); isCast && (name == givenNull || name == givenNotNull) && s.a.cat.Dialect == catalog.PostgreSQL {
			v, ok = bare(c.X) // no text is converted to NULL
		}
		if !ok {
			return nil
		}
		vals[i] = v
	}
	return &cond{kind: condGiven, name: name, vals: vals}
}

// The names of the conditions that the arguments alone decide.
const (
	givenEq      = "=" // of integers; other values count as undecided
	givenNe      = "<>"
	givenNull    = "null"
	givenNotNull = "not null"
)

func leaf(k condKind, m *mention, col *catalog.Column, vals ...Expr) *cond {
	return &cond{kind: k, m: m, name: col.Name, col: col, vals: vals}
}

// same is an equality between columns. It says something only where a value
// known of one is a value known of the other.
func (s *scope) same(m *mention, a *catalog.Column, n *mention, b *catalog.Column) *cond {
	if m == n || !mutual(a, b) {
		return nil
	}
	return &cond{kind: condSame, m: m, name: a.Name, col: a, other: n, otherCol: b}
}

// compare is X op Y for an ordering. A strict bound is kept as a lax one.
func (s *scope) compare(op Op, x, y Expr) *cond {
	m, col, ok := s.operand(x)
	if !ok {
		if m, col, ok = s.operand(y); !ok {
			return nil
		}
		y = x
		op = map[Op]Op{OpLt: OpGt, OpLe: OpGe, OpGt: OpLt, OpGe: OpLe}[op]
	}
	v, ok := s.valueFor(col, y)
	switch {
	case !ok:
		return nil
	case op == OpLt || op == OpLe:
		return leaf(condRange, m, col, nil, v)
	}
	return leaf(condRange, m, col, v, nil)
}

func (s *scope) between(e *Between, want bool) *cond {
	if e.Symmetric {
		return nil
	}
	if e.Not != want {
		lo, hi := s.compare(OpGe, e.X, e.Lo), s.compare(OpLe, e.X, e.Hi)
		if s.a.cat.Dialect == catalog.MySQL {
			return ends(lo, hi)
		}
		return both(lo, hi)
	}
	return either(s.compare(OpLt, e.X, e.Lo), s.compare(OpGt, e.X, e.Hi))
}

// ends is a BETWEEN of MySQL's, which compares all three operands as what they have
// in common: beside a date, a number is one that stands for a date.
func ends(lo, hi *cond) *cond {
	if lo == nil || hi == nil || lo.m != hi.m || lo.name != hi.name {
		return nil // 5 BETWEEN a AND b is of two columns
	}
	out := lo.joined(hi)
	out.kind = condEnds
	return out
}

// inList is X IN (a, b, …) being true.
func (s *scope) inList(e *In) *cond {
	m, col, ok := s.operand(e.X)
	if !ok {
		return nil
	}
	vals := make([]Expr, len(e.List))
	for i, item := range e.List {
		if vals[i], ok = s.valueFor(col, item); !ok {
			return nil
		}
	}
	return leaf(condEq, m, col, vals...)
}

// is is X IS Y being true.
func (s *scope) is(e *Is) *cond {
	x, y := e.X, e.Y
	m, col, ok := s.operand(x)
	if !ok {
		if l, ok := y.(*Literal); ok && l.Kind == LitNull {
			return s.given(givenNull, x)
		}
		if m, col, ok = s.operand(y); !ok {
			return nil
		}
		y = x
	}
	if l, ok := y.(*Literal); ok {
		switch l.Kind {
		case LitNull:
			if !nullable(col) {
				return nil
			}
			return leaf(condNull, m, col)
		case LitBool: // a truth test: any number but zero
			return s.truth(x, l.Value == int64(1) || l.Value == true)
		}
	}
	if v, ok := s.valueFor(col, y); ok && nullable(col) {
		return leaf(condIs, m, col, v)
	}
	return nil
}

// truth is a column that stands as a condition by itself.
func (s *scope) truth(e Expr, want bool) *cond {
	m, col, ok := s.operand(e)
	switch {
	case !ok || !s.a.isSQLite() && !testable(col):
		return nil
	case want:
		return leaf(condTrue, m, col)
	}
	return leaf(condFalse, m, col)
}

// like is X GLOB or, elsewhere, X LIKE being true.
func (s *scope) like(e *Like) *cond {
	m, col, ok := s.operand(e.X)
	if !ok || e.Escape != nil || s.a.isSQLite() != (e.Kind == LikeGlob) {
		return nil
	}
	kind, bytes := condGlob, s.a.isSQLite() && col.ByteOrdered()
	if e.Kind == LikeLike {
		kind, bytes = condLike, col.PrefixIsBytes()
	}
	if v, ok := s.valueFor(col, e.Pattern); ok && bytes {
		return leaf(kind, m, col, v)
	}
	return nil
}

// operand returns the column of this scope that e is. A COLLATE that says no
// more than the column does is passed over.
func (s *scope) operand(e Expr) (*mention, *catalog.Column, bool) {
	explicit := ""
	if c, ok := e.(*Collate); ok {
		e, explicit = c.X, c.Name
	}
	c, ok := e.(*Column)
	if !ok {
		return nil, nil, false
	}
	m, col, ok := s.column(c)
	return m, col, ok && (explicit == "" || explicit == col.Collation && s.a.isSQLite())
}

// constant returns e as something whose value the arguments tell: an operand
// without affinity and without a collation of its own.
func (s *scope) constant(e Expr) (Expr, bool) {
	if v, ok := bare(e); ok || !s.a.isSQLite() {
		return v, ok
	}
	if e, ok := e.(*Column); ok {
		if text, ok := s.text(e); ok {
			return &Literal{Kind: LitString, Value: text, Pos: e.Pos}, true
		}
		if e.Table == "" && !e.Quoted && (e.Name == "true" || e.Name == "false") && !s.knows(e) {
			n := int64(0)
			if e.Name == "true" {
				n = 1
			}
			return &Literal{Kind: LitInt, Value: n, Pos: e.Pos}, true
		}
	}
	return nil, false
}
