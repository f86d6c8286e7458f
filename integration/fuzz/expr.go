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

func literalValues(st *statement) []any {
	vs := make([]any, len(st.slots))
	for i, sl := range st.slots {
		vs[i] = []any{int64(1), int64(2), "a", 1.5, true, "2024-01-02", []byte("a"), int64(1)}[min(int(sl.kind), 7)]
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
	q := quote(g.r(), col)
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
		return g.simple()
	case n < 84:
		return g.tricky()
	case n < 93 && g.depth < 2 && !g.literals:
		return g.subquery()
	}
	return g.rangeCond()
}

// simple is what most programs write.
func (g *exprs) simple() string {
	c, k := g.col()
	h := func() string { return g.hole(k) }
	switch g.r().IntN(14) {
	case 0, 1, 2, 3, 4:
		return c + " = " + h()
	case 5, 6:
		return c + " IN (" + g.list(k, 1+g.r().IntN(4)) + ")"
	case 7:
		return c + pick(g.r(), []string{" IS NULL", " IS NOT NULL", " ISNULL", " NOTNULL", " NOT NULL"})
	case 8:
		return c + " <> " + h()
	case 9:
		return pick(g.r(), []string{"", "NOT "}) + c
	case 10:
		return h() + " = " + c
	case 11:
		return c + " NOT IN (" + g.list(k, 1+g.r().IntN(3)) + ")"
	case 12:
		return c + pick(g.r(), []string{" IS ", " IS NOT ", " == ", " IS NOT DISTINCT FROM ", " IS DISTINCT FROM "}) + h()
	}
	return c + pick(g.r(), []string{" IS TRUE", " IS FALSE", " IS NOT TRUE", " IS NOT FALSE", " = TRUE", " = FALSE"})
}

func (g *exprs) list(k kind, n int) string {
	hs := make([]string, n)
	for i := range hs {
		hs[i] = g.hole(k)
	}
	return strings.Join(hs, ", ")
}

func (g *exprs) rangeCond() string {
	c, k := g.col()
	switch g.r().IntN(9) {
	case 0, 1, 2:
		return c + pick(g.r(), []string{" < ", " <= ", " > ", " >= "}) + g.hole(k)
	case 3, 4:
		return c + pick(g.r(), []string{" BETWEEN ", " NOT BETWEEN "}) + g.hole(k) + " AND " + g.hole(k)
	case 5:
		return g.hole(k) + pick(g.r(), []string{" < ", " >= "}) + c
	case 6:
		return c + pick(g.r(), []string{" LIKE ", " NOT LIKE "}) + pick(g.r(), []string{"'a%'", "'A%'", "'%b'", "'a_'", "'1%'", "'2024-01%'", "'x!%%' ESCAPE '!'"})
	case 7:
		return c + pick(g.r(), []string{" GLOB ", " GLOB ", " NOT GLOB "}) + pick(g.r(), []string{"'a*'", "'A*'", "'2024-0*'", "'[ab]*'", "'1*'", "'*'"})
	}
	return c + " >= " + g.hole(k) + " AND " + c + " < " + g.hole(k)
}

// tricky is what is not as it seems: other affinities and collations, rowids,
// row values, arithmetic, three-valued logic.
func (g *exprs) tricky() string {
	c, k := g.col()
	d, _ := g.col()
	h := g.hole(k)
	r := g.r()
	switch r.IntN(24) {
	case 0:
		return "+" + c + " = " + h
	case 1:
		return c + " COLLATE " + pick(r, []string{"NOCASE", "RTRIM", "BINARY"}) + " = " + h
	case 2:
		return c + " = " + h + " COLLATE " + pick(r, []string{"NOCASE", "BINARY"})
	case 3:
		return "CAST(" + c + " AS " + pick(r, []string{"TEXT", "INTEGER", "REAL"}) + ") = " + h
	case 4:
		return "(" + c + ", " + d + ") = (" + h + ", " + g.hole(k) + ")"
	case 5:
		return "(" + c + ", " + d + ") IN (VALUES (" + h + ", " + g.hole(kInt) + "), (1, 1))"
	case 6:
		return "lower(" + c + ") = " + h
	case 7:
		return "coalesce(" + c + ", " + d + ") = " + h
	case 8:
		return c + " = " + d
	case 9:
		return "CASE WHEN " + c + " = " + h + " THEN " + d + " ELSE 1 END"
	case 10:
		return "CASE " + c + " WHEN " + h + " THEN 1 WHEN 'a' THEN 0 END"
	case 11:
		return "(" + c + " = " + h + ") IS NOT TRUE"
	case 12:
		return "(" + c + " = " + h + ") = " + pick(r, []string{"1", "0", "FALSE"})
	case 13:
		return "typeof(" + c + ") = " + pick(r, []string{"'integer'", "'text'", "'null'", "'real'"})
	case 14:
		return g.rowid() + pick(r, []string{" = ", " < ", " IN (1, 2) OR 1 = "}) + g.hole(kID)
	case 15:
		return "(" + c + ", " + d + ") > (" + h + ", 1)"
	case 16:
		return c + " = " + pick(r, []string{"1 + 1", "-1", "0x1", "1e0", "'1'", `"a"`, "- -1", "'a' || ''", "1.0", "NULL", "X'61'", "'A'"})
	case 17:
		return c + " & 1"
	case 18:
		return "abs(" + c + ") < " + h
	case 19:
		return c + " || '' = " + h
	case 20:
		return c + " - 1 = " + h
	case 21:
		return "ifnull(" + c + " = " + h + ", 1)"
	case 22:
		return c + " IN ()"
	}
	return "NOT " + c + " = " + h
}

func (g *exprs) rowid() string {
	f := pick(g.r(), g.scope)
	name := pick(g.r(), []string{"rowid", "_rowid_", "oid", "ROWID"})
	if f.alias == "" {
		return name
	}
	return f.alias + "." + name
}

// subquery is a condition with a SELECT in it, correlated now and then.
func (g *exprs) subquery() string {
	in := g.inner()
	c, _ := g.col()
	d, kindOf := in.last().col()
	where := in.last().cond(0)
	link := ""
	if chance(g.r(), 50) {
		o, _ := g.col()
		link = " AND " + d + " = " + o
	}
	from := " FROM " + quote(g.r(), in.scope[len(in.scope)-1].t.name) + " " + in.scope[len(in.scope)-1].alias + " WHERE " + where + link
	switch g.r().IntN(7) {
	case 0, 1:
		return pick(g.r(), []string{"", "NOT "}) + "EXISTS (SELECT 1" + from + ")"
	case 2, 3:
		return c + pick(g.r(), []string{" IN ", " NOT IN "}) + "(SELECT " + d + from + ")"
	case 4, 5: // what is known of the one column may be known of the other
		o, k := g.col()
		for i := 0; i < 4 && k != kindOf; i++ {
			o, k = g.col()
		}
		return o + " = " + g.hole(k) + " AND " + o + pick(g.r(), []string{" IN ", " IN ", " NOT IN "}) +
			"(SELECT " + pick(g.r(), []string{"", "", "DISTINCT "}) + d + from + pick(g.r(), []string{"", "", "", " LIMIT 1"}) + ")"
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
