package fuzz

import "strings"

// readers make one read each; the name is the class that the figures are kept by.
var readers = []struct {
	class  string
	weight int
	make   func(g *exprs)
}{
	{"point", 14, point},
	{"list", 16, list},
	{"range", 8, ranges},
	{"where", 10, where},
	{"join", 12, join},
	{"count", 7, count},
	{"aggregate", 8, aggregate},
	{"exists", 6, exists},
	{"subquery", 8, subquery},
	{"cte", 5, cte},
	{"compound", 4, compound},
	{"distinct", 3, distinct},
	{"window", 3, window},
	{"view", 4, view},
	{"strange", 2, func(g *exprs) { g.s.d.strange(g) }},
}

// read makes a statement that only reads.
func (s *schema) read() *statement {
	total := 0
	for _, f := range readers {
		total += f.weight
	}
	n := s.r.IntN(total)
	for _, f := range readers {
		if n -= f.weight; n < 0 {
			st := s.statement(f.class, 40)
			f.make(&exprs{s: s, st: st, literals: chance(s.r, 20)})
			return st
		}
	}
	panic("unreachable")
}

// over sets g's scope to one table and returns it as FROM names it.
func (g *exprs) over(t *table) string {
	alias := ""
	if chance(g.r(), 20) {
		alias = g.s.fresh("a")
	}
	g.scope = []ref{{alias, t}}
	return g.from(g.scope[0])
}

func (g *exprs) from(f ref) string {
	name := g.s.quote(f.t.name)
	if chance(g.r(), 5) {
		name = g.s.d.main + name
	}
	if f.t.parts && chance(g.r(), 30) {
		name += " PARTITION (p0)"
	}
	switch {
	case f.alias == "":
		return name
	case chance(g.r(), 50):
		return name + " AS " + f.alias
	}
	return name + " " + f.alias
}

// outputs is a select list.
func (g *exprs) outputs() string {
	if chance(g.r(), 35) {
		return "*"
	}
	n := 1 + g.r().IntN(3)
	outs := make([]string, n)
	for i := range outs {
		c, k := g.col()
		outs[i] = c
		switch g.r().IntN(12) {
		case 0:
			outs[i] = g.s.form(g.s.d.outputs, c)
		case 1:
			outs[i] = c + " AS " + g.s.fresh("o")
		case 2:
			outs[i] = c + " = " + g.hole(k)
		}
	}
	return strings.Join(outs, ", ")
}

// tail is ORDER BY and LIMIT.
func (g *exprs) tail() string {
	out := ""
	if chance(g.r(), 45) {
		c, _ := g.col()
		out = " ORDER BY " + c + pick(g.r(), g.s.d.orders)
		f := g.scope[0]
		switch {
		case len(g.scope) > 1 && g.s.d.strict:
		case len(g.scope) > 1:
			out += g.settled()
		case f.t.view:
		case len(f.t.keys) > 0 && len(f.t.keys[0]) == 1 && f.t.keys[0][0] == "id":
			out += ", " + g.name(f, "id")
			g.st.ordered = true
		case f.t.rowid && chance(g.r(), 40):
			out += ", " + g.name(f, "rowid")
			g.st.ordered = true
		}
	}
	if chance(g.r(), 22) && (g.st.ordered || !g.s.d.strict) {
		out += " LIMIT " + g.limit()
		if chance(g.r(), 30) {
			out += " OFFSET " + pick(g.r(), []string{"0", "1", "2"})
		}
	}
	return out
}

func (g *exprs) limit() string {
	limits := []string{"1", "2", "3", "5", "-1", g.st.hole(kInt, true)}
	if g.s.d.strict {
		limits = limits[:4]
	}
	return pick(g.r(), limits)
}

// settled is a key of one of several tables, as further terms of an ORDER BY:
// rows that are equal by it have that table's row in common, and come in the
// order of the others.
func (g *exprs) settled() (terms string) {
	f := pick(g.r(), g.scope)
	if len(f.t.keys) == 0 || chance(g.r(), 40) {
		return ""
	}
	for _, k := range pick(g.r(), f.t.keys) {
		terms += ", " + g.name(f, k)
	}
	g.st.ordered = true
	return terms
}

func point(g *exprs) {
	t := g.s.base()
	from := g.over(t)
	key := []string{"id"}
	switch {
	case len(t.keys) > 0:
		key = pick(g.r(), t.keys)
	case t.rowid:
		key = []string{"rowid"}
	}
	conds := make([]string, len(key))
	for i, k := range key {
		c, _ := t.column(k)
		conds[i] = g.name(g.scope[0], k) + " = " + g.hole(c.kind)
	}
	if chance(g.r(), 12) {
		conds = append(conds, g.cond(0))
	}
	g.st.write("SELECT ", g.outputs(), " FROM ", from, " WHERE ", strings.Join(conds, " AND "))
	if chance(g.r(), 20) && (len(t.keys) > 0 || !g.s.d.strict) {
		g.st.write(" LIMIT 1")
	}
}

func list(g *exprs) {
	from := g.over(g.s.base())
	c, k := g.col()
	g.st.write("SELECT ", g.outputs(), " FROM ", from, " WHERE ", c, " = ", g.hole(k))
	if chance(g.r(), 25) {
		g.st.write(" AND ", g.cond(0))
	}
	g.st.write(g.tail())
}

func ranges(g *exprs) {
	from := g.over(g.s.base())
	g.st.write("SELECT ", g.outputs(), " FROM ", from, " WHERE ", g.s.d.ranges(g))
	if chance(g.r(), 40) {
		g.st.write(" AND ", g.cond(0))
	}
	g.st.write(g.tail())
}

func where(g *exprs) {
	from := g.over(g.s.any())
	g.st.write("SELECT ", g.outputs(), " FROM ", from)
	if !chance(g.r(), 6) {
		g.st.write(" WHERE ", g.cond(2))
	}
	g.st.write(g.tail())
}

func join(g *exprs) {
	from := g.joined()
	g.st.write("SELECT ", g.outputs(), " FROM ", from)
	if chance(g.r(), 75) {
		g.st.write(" WHERE ", g.cond(1))
	}
	g.st.write(g.tail())
}

// joined opens a scope of two or three tables and returns the FROM list.
func (g *exprs) joined() string {
	g.scope = []ref{{"x", g.s.any()}}
	out := g.from(g.scope[0])
	for _, alias := range []string{"y", "z"}[:1+g.r().IntN(4)/3] {
		f := ref{alias, g.s.any()}
		g.scope = append(g.scope, f)
		switch n := g.r().IntN(20); {
		case n < 6:
			out += " JOIN " + g.from(f) + " ON " + g.joinOn()
		case n < 12:
			out += pick(g.r(), []string{" LEFT JOIN ", " LEFT OUTER JOIN "}) + g.from(f) + " ON " + g.joinOn()
		case n < 13:
			out += " RIGHT JOIN " + g.from(f) + " ON " + g.joinOn()
		case n < 14 && g.s.d.full:
			out += " FULL JOIN " + g.from(f) + " ON " + g.joinOn()
		case n < 15:
			out += " CROSS JOIN " + g.from(f)
		case n < 16:
			out += " NATURAL " + pick(g.r(), []string{"JOIN ", "LEFT JOIN "}) + g.from(f)
		case n < 18:
			out += pick(g.r(), []string{" JOIN ", " LEFT JOIN "}) + g.from(f) + " USING (" + g.s.quote(pick(g.r(), f.t.cols).name) + ")"
		case n < 19:
			out += " LEFT JOIN " + g.from(f) + " ON " + g.cond(0)
		default:
			out += ", " + g.from(f)
		}
	}
	return out
}

// source is one table or a join.
func (g *exprs) source() string {
	if chance(g.r(), 25) {
		return g.joined()
	}
	return g.over(g.s.any())
}

func count(g *exprs) {
	from := g.source()
	c, _ := g.col()
	g.st.write("SELECT count(", pick(g.r(), []string{"*", "*", "", c, "DISTINCT " + c}), ") FROM ", from)
	if chance(g.r(), 80) {
		g.st.write(" WHERE ", g.cond(1))
	}
}

func (g *exprs) agg() string {
	c, _ := g.col()
	f := pick(g.r(), g.s.d.aggregates)
	switch g.r().IntN(10) {
	case 0:
		return "count(*)"
	case 1:
		return f + "(DISTINCT " + c + ")"
	case 2:
		if !g.s.d.filter {
			break
		}
		return f + "(" + c + ") FILTER (WHERE " + g.cond(0) + ")"
	}
	return f + "(" + c + ")"
}

func aggregate(g *exprs) {
	from := g.source()
	c, _ := g.col()
	if chance(g.r(), 30) {
		g.st.write("SELECT ", g.agg(), ", ", g.agg(), " FROM ", from)
		if chance(g.r(), 60) {
			g.st.write(" WHERE ", g.cond(1))
		}
		return
	}
	g.st.write("SELECT ", c, ", ", g.agg(), " FROM ", from)
	if chance(g.r(), 60) {
		g.st.write(" WHERE ", g.cond(0))
	}
	g.st.write(" GROUP BY ", pick(g.r(), []string{c, "1"}))
	if chance(g.r(), 35) {
		g.st.write(" HAVING ", pick(g.r(), []string{"count(*) > 1", "min(" + c + ") IS NOT NULL", g.agg() + " > " + g.hole(kInt)}))
	}
	if chance(g.r(), 30) {
		g.st.write(" ORDER BY 1")
	}
}

func exists(g *exprs) {
	from := g.source()
	if chance(g.r(), 50) { // of columns that are shown
		c, _ := g.col()
		rows := pick(g.r(), []string{" GROUP BY 1 HAVING count(*) > 1", " GROUP BY 1" + pick(g.r(), g.s.d.cuts), pick(g.r(), g.s.d.cuts)})
		g.st.write("SELECT EXISTS (SELECT ", pick(g.r(), []string{"", "DISTINCT "}), c, " FROM ", from)
		if chance(g.r(), 40) {
			g.st.write(" WHERE ", g.cond(0))
		}
		g.st.write(rows, ")")
		return
	}
	if chance(g.r(), 70) {
		g.st.write("SELECT ", pick(g.r(), []string{"", "NOT "}), "EXISTS (SELECT ", pick(g.r(), []string{"1", "*"}), " FROM ", from, " WHERE ", g.cond(1), ")")
		return
	}
	g.st.write("SELECT 1 FROM ", from, " WHERE ", g.cond(1), " LIMIT 1")
}

func subquery(g *exprs) {
	t := g.s.any()
	switch g.r().IntN(4) {
	case 0: // in FROM
		in := &exprs{s: g.s, st: g.st, literals: g.literals}
		from := in.over(t)
		if chance(g.r(), 30) {
			c, _ := in.col()
			g.st.write("SELECT * FROM (SELECT ", c, " AS k, count(*) AS n FROM ", from, " WHERE ", in.cond(0), " GROUP BY 1) AS d WHERE ", pick(g.r(), []string{"n > 1", "k = " + g.hole(kInt), "k IS NULL"}))
			return
		}
		body, out := in.block(t)
		g.scope = []ref{{"d", out}}
		join := ""
		if chance(g.r(), 25) {
			f := ref{"y", g.s.any()}
			g.scope = append(g.scope, f)
			join = pick(g.r(), []string{" JOIN ", " LEFT JOIN ", " RIGHT JOIN "}) + g.from(f) + " ON " + g.joinOn()
		}
		g.st.write("SELECT ", g.outputs(), " FROM (", body, ") AS d", join, " WHERE ", g.cond(0))
	case 1: // in the select list
		from := g.over(t)
		if g.scope[0].alias == "" {
			g.scope[0].alias, from = "o", g.from(ref{"o", t})
		}
		in := g.inner()
		f := in.scope[len(in.scope)-1]
		c, _ := g.col()
		d, _ := in.last().col()
		g.st.write("SELECT ", c, ", (SELECT ", pick(g.r(), []string{"count(*)", "max(" + d + ")"}), " FROM ", g.from(f), " WHERE ", pick(g.r(), []string{d + " = " + c, in.last().cond(0)}), ") FROM ", from, " WHERE ", g.last().cond(0))
	default:
		from := g.over(t)
		if g.scope[0].alias == "" {
			g.scope[0].alias, from = "o", g.from(ref{"o", t})
		}
		g.st.write("SELECT ", g.outputs(), " FROM ", from, " WHERE ", g.subquery())
		if chance(g.r(), 40) {
			g.st.write(" AND ", g.cond(0))
		}
		g.st.write(g.tail())
	}
}

// block is a query over t for a FROM or a WITH, of which an outer condition may
// leave rows out or may not, and the table that it makes.
func (g *exprs) block(t *table) (text string, out *table) {
	from := g.over(t)
	c, d := pick(g.r(), t.cols), pick(g.r(), t.cols)
	cn, dn := g.name(g.scope[0], c.name), g.name(g.scope[0], d.name)
	k, l, n := column{name: "k", kind: c.kind}, column{name: "l", kind: d.kind}, column{name: "n", kind: kInt}
	where := ""
	if chance(g.r(), 60) {
		where = " WHERE " + g.cond(0)
	}
	list := "SELECT " + cn + " AS k, " + dn + " AS l"
	two, three := &table{cols: []column{k, l}}, &table{cols: []column{k, l, n}}
	switch g.r().IntN(18) {
	case 0, 16, 17:
		cut := pick(g.r(), append([]string{" LIMIT 3"}, g.s.d.cuts...))
		switch {
		case !g.s.d.strict:
			return list + " FROM " + from + where + " ORDER BY 1" + cut, two
		case len(t.keys) > 0 && len(t.keys[0]) == 1 && t.keys[0][0] == "id":
			return list + " FROM " + from + where + " ORDER BY " + g.name(g.scope[0], "id") + cut, two
		}
		return list + " FROM " + from + where, two
	case 1, 2:
		return "SELECT DISTINCT" + list[6:] + " FROM " + from + where, two
	case 3, 4, 5:
		by := cn + ", " + dn
		if !g.s.d.strict {
			by = pick(g.r(), []string{cn, "1", by, dn})
		}
		return list + ", " + g.s.form(g.s.d.groups, dn) + " AS n FROM " + from + where + " GROUP BY " + by +
			pick(g.r(), []string{"", " HAVING count(*) > 1"}), three
	case 6:
		return list + ", " + pick(g.r(), []string{"rank()", "count(*)"}) + " OVER (ORDER BY " + dn + ") AS n FROM " + from + where, three
	case 7:
		return list + ", " + g.s.form(g.s.d.blocks, dn) + " AS n FROM " + from + where, three
	case 8:
		return list + " FROM " + from + where + pick(g.r(), []string{" UNION ", " UNION ALL ", " EXCEPT "}) + "SELECT 1, 2", two
	case 9, 10:
		return list + " FROM " + from + where, two
	case 11:
		return "SELECT count(*) AS k, max(" + dn + ") AS l FROM " + from + where, two
	}
	return "SELECT * FROM " + from + where, t
}

func cte(g *exprs) {
	t := g.s.base()
	in := &exprs{s: g.s, st: g.st, literals: g.literals}
	from := in.over(t)
	switch g.r().IntN(5) {
	case 0: // recursive, over a table
		if len(t.keys) > 0 {
			k := g.s.quote(t.keys[0][0])
			c := g.s.quote(pick(g.r(), t.cols).name)
			g.st.write("WITH RECURSIVE w(n, d) AS (SELECT ", k, ", 0 FROM ", g.from(ref{"", t}), " WHERE ", k, " = ", g.hole(kID),
				" UNION SELECT j.", k, ", w.d + 1 FROM w JOIN ", g.from(ref{"j", t}), " ON j.", c, " = w.n WHERE w.d < 4) SELECT n, d FROM w")
			return
		}
		fallthrough
	case 1: // a series
		c, _ := in.col()
		g.st.write("WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 4) SELECT i, (SELECT count(*) FROM ", from, " WHERE ", c, " = i) FROM s")
	case 2: // named like a table that it hides
		hidden := g.s.base()
		g.scope = []ref{{"", t}}
		if chance(g.r(), 50) {
			g.st.write("WITH ", g.s.ident(hidden.name), " AS (SELECT 1 AS one) SELECT * FROM ", g.s.ident(hidden.name))
			return
		}
		g.st.write("WITH ", g.s.ident(t.name), " AS (SELECT * FROM ", g.s.d.main, g.s.ident(t.name), ") SELECT * FROM ", g.s.ident(t.name), " WHERE ", g.cond(0))
	default:
		body, out := in.block(t)
		g.scope = []ref{{"w", out}}
		g.st.write("WITH w AS ", pick(g.r(), g.s.d.materialized), "(", body, ") SELECT ")
		if chance(g.r(), 20) { // named twice
			g.scope = append(g.scope, ref{"v", out})
			g.st.write(g.outputs(), " FROM w", pick(g.r(), []string{" JOIN ", " LEFT JOIN "}), "w AS v ON ", g.joinOn(), " WHERE ", g.cond(0))
			return
		}
		if chance(g.r(), 40) {
			f := ref{"y", g.s.any()}
			g.scope = append(g.scope, f)
			g.st.write(g.outputs(), " FROM w ", pick(g.r(), []string{"JOIN ", "LEFT JOIN "}), g.from(f), " ON ", g.joinOn(), " WHERE ", g.cond(0))
			return
		}
		g.st.write(g.outputs(), " FROM w WHERE ", g.cond(0))
	}
}

func compound(g *exprs) {
	n := 2 + g.r().IntN(2)
	for i := 0; i < n; i++ {
		from := g.over(g.s.any())
		c, _ := g.col()
		if i > 0 {
			g.st.write(pick(g.r(), []string{" UNION ", " UNION ALL ", " INTERSECT ", " EXCEPT "}))
		}
		g.st.write("SELECT ", c, " FROM ", from, " WHERE ", g.cond(0))
	}
	if chance(g.r(), 40) {
		g.st.write(" ORDER BY 1")
		if chance(g.r(), 30) && !g.s.d.strict {
			g.st.write(" LIMIT 3")
		}
	}
}

func distinct(g *exprs) {
	from := g.source()
	c, _ := g.col()
	d, _ := g.col()
	g.st.write("SELECT DISTINCT ", pick(g.r(), []string{c, c + ", " + d}), " FROM ", from)
	if chance(g.r(), 60) {
		g.st.write(" WHERE ", g.cond(0))
	}
}

func window(g *exprs) {
	from := g.over(g.s.any())
	c, _ := g.col()
	d, _ := g.col()
	g.st.write("SELECT ", c, ", ", g.s.d.windows(g, c, d), " FROM ", from)
	if chance(g.r(), 60) {
		g.st.write(" WHERE ", g.cond(0))
	}
}

func view(g *exprs) {
	var vs []*table
	for _, t := range g.s.tables {
		if t.view {
			vs = append(vs, t)
		}
	}
	if len(vs) == 0 {
		list(g)
		return
	}
	from := g.over(pick(g.r(), vs))
	g.st.write("SELECT ", g.outputs(), " FROM ", from, " WHERE ", g.cond(1), g.tail())
}
