package fuzz

import (
	"math/rand/v2"
	"strings"
)

// ref is a table in FROM under its alias.
type ref struct {
	alias string
	t     *table
}

// exprs makes conditions and expressions over a scope.
type exprs struct {
	s        *schema
	st       *statement
	scope    []ref
	literals bool // no bound arguments
	depth    int  // of subqueries
}

func (g *exprs) r() *rand.Rand { return g.s.r }

// defaultValues are one of each kind.
var defaultValues = [numKinds]any{
	int64(1), int64(2), "a", 1.5, true, "2024-01-02", []byte("a"), int64(1),
	"1.50", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "small", `{"a": 1}`, "1.2.3.4", int64(1), "10:00:00",
}

func literalValues(st *statement) []any {
	vs := make([]any, len(st.slots))
	for i, sl := range st.slots {
		vs[i] = defaultValues[sl.kind]
	}
	return vs
}

// hole is a slot for a value of kind k.
func (g *exprs) hole(k kind) string {
	return g.st.hole(k, g.literals || chance(g.r(), 20))
}

// col takes a column of the scope, as an expression.
func (g *exprs) col() (string, kind) {
	f := pick(g.r(), g.scope)
	c := pick(g.r(), f.t.cols)
	return g.name(f, c.name), c.kind
}

func (g *exprs) name(f ref, col string) string {
	q := g.s.quote(col)
	if f.alias == "" {
		return q
	}
	return f.alias + "." + q
}

// cond makes a condition of at most depth levels of AND, OR and NOT.
func (g *exprs) cond(depth int) string {
	if depth > 0 {
		switch n := g.r().IntN(10); {
		case n < 3:
			return g.cond(depth-1) + " AND " + g.cond(0)
		case n < 5:
			return "(" + g.cond(depth-1) + " OR " + g.cond(depth-1) + ")"
		case n < 6:
			return "NOT (" + g.cond(depth-1) + ")"
		}
	}
	switch n := g.r().IntN(100); {
	case n < 62:
		return g.s.d.simple(g)
	case n < 84:
		return g.s.d.tricky(g)
	case n < 93 && g.depth < 2 && !g.literals:
		return g.subquery()
	}
	return g.s.d.ranges(g)
}

func (g *exprs) list(k kind, n int) string {
	hs := make([]string, n)
	for i := range hs {
		hs[i] = g.hole(k)
	}
	return strings.Join(hs, ", ")
}

// like looks for a column of kind k, and takes any if there seems to be none.
func (g *exprs) like(k kind) (string, kind) {
	c, got := g.col()
	for i := 0; i < 4 && got != k; i++ {
		c, got = g.col()
	}
	return c, got
}

// colLike is a column to compare with one of kind k.
func (g *exprs) colLike(k kind) (string, kind) {
	if g.s.d.typed {
		return g.like(k)
	}
	return g.col()
}

// anyOne is a LIMIT on rows in no order, where that tells the same row to all.
func (g *exprs) anyOne() string {
	if g.s.d.strict || !chance(g.r(), 25) {
		return ""
	}
	return " LIMIT 1"
}

// subquery is a condition with a SELECT in it, correlated now and then.
func (g *exprs) subquery() string {
	in := g.inner()
	d, kindOf := in.last().col()
	c, _ := g.colLike(kindOf)
	where := in.last().cond(0)
	link := ""
	if chance(g.r(), 50) {
		o, _ := g.colLike(kindOf)
		link = " AND " + d + " = " + o
	}
	from := " FROM " + g.s.quote(in.scope[len(in.scope)-1].t.name) + " " + in.scope[len(in.scope)-1].alias + " WHERE " + where + link
	switch g.r().IntN(7) {
	case 0, 1:
		return pick(g.r(), []string{"", "NOT "}) + "EXISTS (SELECT 1" + from + ")"
	case 2, 3:
		return c + pick(g.r(), []string{" IN ", " NOT IN "}) + "(SELECT " + d + from + ")"
	case 4, 5: // what is known of the one column may be known of the other
		o, k := g.like(kindOf)
		return o + " = " + g.hole(k) + " AND " + o + pick(g.r(), []string{" IN ", " IN ", " NOT IN "}) +
			"(SELECT " + pick(g.r(), []string{"", "", "DISTINCT "}) + d + from + g.anyOne() + ")"
	case 6:
		return c + pick(g.r(), []string{" = ", " < "}) + "(SELECT max(" + d + ")" + from + ")"
	}
	return "(SELECT count(*)" + from + ")" + pick(g.r(), []string{" > 1", " = 0"})
}

// inner opens a scope inside g's, with one more table in it.
func (g *exprs) inner() *exprs {
	in := *g
	in.depth++
	t := g.s.any()
	in.scope = append(append([]ref{}, g.scope...), ref{g.s.fresh("q"), t})
	return &in
}

// last is g over its innermost table alone.
func (g *exprs) last() *exprs {
	in := *g
	in.scope = g.scope[len(g.scope)-1:]
	return &in
}

// joinOn joins the last table of the scope to one before it.
func (g *exprs) joinOn() string {
	a, b := pick(g.r(), g.scope[:len(g.scope)-1]), g.scope[len(g.scope)-1]
	c, d := pick(g.r(), a.t.cols), pick(g.r(), b.t.cols)
	for _, k := range b.t.cols {
		if k.kind == c.kind && chance(g.r(), 60) {
			d = k
		}
	}
	on := g.name(a, c.name) + " = " + g.name(b, d.name)
	if chance(g.r(), 25) && !g.literals {
		on += " AND " + g.cond(0)
	}
	return on
}
