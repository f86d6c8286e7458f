package fuzz

import "strings"

// write makes a statement that changes rows. What it returns through RETURNING
// is compared as well; class tells "returning" apart from the rest.
func (s *schema) write() *statement {
	st := s.statement("write", 80)
	g := &exprs{s: s, st: st, literals: chance(s.r, 35)}
	t := s.base()
	if chance(s.r, 6) {
		t = s.any()
	}
	switch n := s.r.IntN(100); {
	case s.d.others != nil && n < 8 && s.d.others(g, t):
		return st
	case n < 34:
		g.insert(t)
	case n < 74:
		g.update(t)
	case n < 96:
		g.remove(t)
	default:
		g.insertSelect(t)
	}
	if chance(s.r, 12) {
		st.class = "returning"
		st.write(" RETURNING ", pick(s.r, append([]string{s.quote(pick(s.r, t.cols).name)}, s.d.returning...)))
	}
	return st
}

func (g *exprs) insert(t *table) {
	r := g.r()
	g.st.write(g.s.d.verb(g), " INTO ", g.s.quote(t.name))
	if chance(r, 4) {
		g.st.write(g.s.d.defaults)
		return
	}
	cols := t.writable()
	if chance(r, 70) {
		var some []column
		for _, c := range cols {
			if chance(r, 80) || c.name == "id" && chance(r, 60) {
				some = append(some, c)
			}
		}
		if len(some) > 0 {
			cols = some
			r.Shuffle(len(cols), func(i, j int) { cols[i], cols[j] = cols[j], cols[i] })
		}
		names := make([]string, len(cols))
		for i, c := range cols {
			names[i] = g.s.quote(c.name)
		}
		if t.rowid && !t.view && chance(r, 4) {
			names[0] = "rowid"
		}
		g.st.write(" (", strings.Join(names, ", "), ")")
	}
	rows := make([]string, 1+r.IntN(6)/4)
	if chance(r, 3) {
		rows = make([]string, 20)
	}
	for i := range rows {
		rows[i] = "(" + g.rowValues(cols) + ")"
	}
	g.st.write(" VALUES ", strings.Join(rows, ", "))
	g.st.id = t.rowid && !t.view
	if chance(r, 22) {
		g.st.id = false
		g.s.d.upsert(g, t)
	}
}

func (g *exprs) rowValues(cols []column) string {
	vals := make([]string, len(cols))
	for i, c := range cols {
		vals[i] = g.hole(c.kind)
		if chance(g.r(), 5) {
			o := g.s.base()
			vals[i] = pick(g.r(), append([]string{"(SELECT max(" + g.s.quote(pick(g.r(), o.cols).name) + ") FROM " + g.s.ident(o.name) + ")"}, g.s.d.rowExprs...))
		}
	}
	return strings.Join(vals, ", ")
}

func (g *exprs) upsertConflict(t *table) {
	r := g.r()
	for i := 1 + r.IntN(5)/4; i > 0; i-- {
		g.st.write(" ON CONFLICT")
		if len(t.keys) > 0 && chance(r, 85) {
			k := pick(r, t.keys)
			names := make([]string, len(k))
			for i := range k {
				names[i] = g.s.quote(k[i])
			}
			g.st.write(" (", strings.Join(names, ", "), ")")
		}
		if chance(r, 30) {
			g.st.write(" DO NOTHING")
			continue
		}
		c := pick(r, t.writable())
		n := g.s.quote(c.name)
		g.st.write(" DO UPDATE SET ", n, " = ", pick(r, []string{"excluded." + n, g.hole(c.kind), n + " + 1", "coalesce(excluded." + n + ", " + n + ")"}))
		if chance(r, 25) {
			g.scope = []ref{{g.s.ident(t.name), t}}
			g.st.write(" WHERE ", g.cond(0))
		}
	}
}

func (g *exprs) insertSelect(t *table) {
	r, from := g.r(), g.s.any()
	cols := t.writable()
	g.scope = []ref{{"", from}}
	vals := make([]string, len(cols))
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i], vals[i] = g.s.quote(c.name), "NULL"
		if d, _ := g.col(); chance(r, 75) {
			vals[i] = d
		}
		if c.name == "id" && chance(r, 60) {
			vals[i] = g.hole(kID)
		}
	}
	g.st.write(g.s.d.verb(g), " INTO ", g.s.quote(t.name), " (", strings.Join(names, ", "), ") SELECT ", strings.Join(vals, ", "), " FROM ", g.from(g.scope[0]), " WHERE ", g.cond(0), " LIMIT 3")
}

// pinned is a condition that selects one row by a key, if the table has one.
func (g *exprs) pinned(t *table) string {
	if len(t.keys) == 0 {
		return g.cond(0)
	}
	var conds []string
	for _, k := range pick(g.r(), t.keys) {
		c, _ := t.column(k)
		conds = append(conds, g.name(g.scope[0], k)+" = "+g.hole(c.kind))
	}
	return strings.Join(conds, " AND ")
}

func (g *exprs) whereFor(t *table) string {
	switch n := g.r().IntN(100); {
	case n < 52:
		return " WHERE " + g.pinned(t)
	case n < 75:
		return " WHERE " + g.s.d.simple(g)
	case n < 98:
		return " WHERE " + g.cond(1)
	}
	return ""
}

func (g *exprs) update(t *table) {
	r := g.r()
	alias := ""
	if chance(r, 8) {
		alias = "u"
	}
	g.scope = []ref{{alias, t}}
	g.st.write("UPDATE")
	if g.s.d == lite {
		g.st.write(g.orClause(18))
	}
	g.st.write(" ", g.s.quote(t.name))
	if alias != "" {
		g.st.write(" AS u")
	}
	g.st.write(" SET ", g.assignments(t))
	if chance(r, 6) && g.s.d.update != nil && g.s.d.update(g, t) {
		return
	}
	g.st.write(g.whereFor(t))
}

// updateFrom goes on with FROM.
func (g *exprs) updateFrom(t *table) bool {
	f := ref{"f", g.s.any()}
	g.st.write(" FROM ", g.from(f))
	if g.scope[0].alias == "" {
		g.scope[0].alias = g.s.ident(t.name)
	}
	g.scope = append(g.scope, f)
	g.st.write(" WHERE ", g.joinOn(), " AND ", g.cond(0))
	return true
}

func (g *exprs) assignments(t *table) string {
	r := g.r()
	cols := t.writable()
	sets := make([]string, 0, 2)
	for _, i := range r.Perm(len(cols))[:1+r.IntN(min(2, len(cols)))] {
		c := cols[i]
		if c.name == "id" && chance(r, 60) {
			c = pick(r, cols)
		}
		n := g.s.quote(c.name)
		v := g.hole(c.kind)
		if chance(r, 25) {
			d := g.s.quote(pick(r, cols).name)
			v = pick(r, []string{n + " + 1", "-" + n, d, "lower(" + n + ")", n, "NOT " + n, "coalesce(" + d + ", 1)", "CASE WHEN " + d + " = 1 THEN 2 ELSE " + n + " END", "(SELECT count(*) FROM " + g.s.ident(g.s.base().name) + ")"})
		}
		if g.s.d.strict && c.kind == kInt && chance(r, 30) {
			v = n + " + 1"
		}
		sets = append(sets, n+" = "+v)
	}
	if len(cols) > 1 && chance(r, 5) {
		return "(" + g.s.quote(cols[0].name) + ", " + g.s.quote(cols[1].name) + ") = (" + g.hole(cols[0].kind) + ", " + g.hole(cols[1].kind) + ")"
	}
	return strings.Join(sets, ", ")
}

func (g *exprs) remove(t *table) {
	if chance(g.r(), 6) && g.s.d.remove != nil && g.s.d.remove(g, t) {
		return
	}
	g.scope = []ref{{"", t}}
	g.st.write("DELETE FROM ", g.s.quote(t.name), g.whereFor(t))
}

func (t *table) rename(from, to string) {
	for i := range t.cols {
		if t.cols[i].name == from {
			t.cols[i].name = to
		}
	}
	for _, k := range t.keys {
		for i := range k {
			if k[i] == from {
				k[i] = to
			}
		}
	}
}
