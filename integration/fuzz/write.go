package fuzz

import "strings"

// write makes a statement that changes rows. What it returns through RETURNING
// is compared as well; class tells "returning" apart from the rest.
func (s *schema) write() *statement {
	st := &statement{style: style(s.r.IntN(int(numStyles))), class: "write"}
	g := &exprs{s: s, st: st, literals: chance(s.r, 35)}
	t := s.base()
	if chance(s.r, 6) {
		t = s.any()
	}
	switch n := s.r.IntN(100); {
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
		st.write(" RETURNING ", pick(s.r, []string{"*", quote(s.r, pick(s.r, t.cols).name), "1, rowid"}))
	}
	return st
}

func (g *exprs) orClause(percent int) string {
	if !chance(g.r(), percent) {
		return ""
	}
	return " OR " + pick(g.r(), conflicts)
}

func (g *exprs) insert(t *table) {
	r := g.r()
	verb := "INSERT" + g.orClause(35)
	if chance(r, 12) {
		verb = "REPLACE"
	}
	g.st.write(verb, " INTO ", quote(r, t.name))
	if chance(r, 4) {
		g.st.write(" DEFAULT VALUES")
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
			names[i] = quote(r, c.name)
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
		g.upsert(t)
	}
}

func (g *exprs) rowValues(cols []column) string {
	vals := make([]string, len(cols))
	for i, c := range cols {
		vals[i] = g.hole(c.kind)
		if chance(g.r(), 5) {
			vals[i] = pick(g.r(), []string{"1 + 1", "NULL", "lower('A')", "(SELECT max(" + quote(g.r(), pick(g.r(), g.s.base().cols).name) + ") FROM " + ident(g.s.base().name) + ")", "-1", "TRUE"})
		}
	}
	return strings.Join(vals, ", ")
}

func (g *exprs) upsert(t *table) {
	r := g.r()
	for i := 1 + r.IntN(5)/4; i > 0; i-- {
		g.st.write(" ON CONFLICT")
		if len(t.keys) > 0 && chance(r, 85) {
			k := pick(r, t.keys)
			names := make([]string, len(k))
			for i := range k {
				names[i] = quote(r, k[i])
			}
			g.st.write(" (", strings.Join(names, ", "), ")")
		}
		if chance(r, 30) {
			g.st.write(" DO NOTHING")
			continue
		}
		c := pick(r, t.writable())
		n := quote(r, c.name)
		g.st.write(" DO UPDATE SET ", n, " = ", pick(r, []string{"excluded." + n, g.hole(c.kind), n + " + 1", "coalesce(excluded." + n + ", " + n + ")"}))
		if chance(r, 25) {
			g.scope = []ref{{ident(t.name), t}}
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
		names[i], vals[i] = quote(r, c.name), "NULL"
		if d, _ := g.col(); chance(r, 75) {
			vals[i] = d
		}
		if c.name == "id" && chance(r, 60) {
			vals[i] = g.hole(kID)
		}
	}
	g.st.write("INSERT", g.orClause(70), " INTO ", quote(r, t.name), " (", strings.Join(names, ", "), ") SELECT ", strings.Join(vals, ", "), " FROM ", g.from(g.scope[0]), " WHERE ", g.cond(0), " LIMIT 3")
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
		return " WHERE " + g.simple()
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
	g.st.write("UPDATE", g.orClause(18), " ", quote(r, t.name))
	if alias != "" {
		g.st.write(" AS u")
	}
	g.st.write(" SET ", g.assignments(t))
	if chance(r, 6) {
		f := ref{"f", g.s.any()}
		g.st.write(" FROM ", g.from(f))
		if alias == "" {
			g.scope[0].alias = ident(t.name)
		}
		g.scope = append(g.scope, f)
		g.st.write(" WHERE ", g.joinOn(), " AND ", g.cond(0))
		return
	}
	g.st.write(g.whereFor(t))
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
		n := quote(r, c.name)
		v := g.hole(c.kind)
		if chance(r, 25) {
			d := quote(r, pick(r, cols).name)
			v = pick(r, []string{n + " + 1", "-" + n, d, "lower(" + n + ")", n, "NOT " + n, "coalesce(" + d + ", 1)", "CASE WHEN " + d + " = 1 THEN 2 ELSE " + n + " END", "(SELECT count(*) FROM " + ident(g.s.base().name) + ")"})
		}
		sets = append(sets, n+" = "+v)
	}
	if len(cols) > 1 && chance(r, 5) {
		return "(" + quote(r, cols[0].name) + ", " + quote(r, cols[1].name) + ") = (" + g.hole(cols[0].kind) + ", " + g.hole(cols[1].kind) + ")"
	}
	return strings.Join(sets, ", ")
}

func (g *exprs) remove(t *table) {
	g.scope = []ref{{"", t}}
	g.st.write("DELETE FROM ", quote(g.r(), t.name), g.whereFor(t))
}

// ddl makes a statement that changes the schema. done tells the model that it
// worked.
func (s *schema) alter() (text string, done func()) {
	r, t := s.r, s.base()
	nop := func() {}
	switch r.IntN(11) {
	case 0, 1:
		c := column{name: s.fresh("extra"), kind: pick(r, []kind{kInt, kText})}
		def := pick(r, []string{" TEXT", " INTEGER DEFAULT 3", " TEXT DEFAULT 'a'", " INT NOT NULL DEFAULT 1", " TEXT COLLATE NOCASE"})
		return "ALTER TABLE " + ident(t.name) + " ADD COLUMN " + c.name + def, func() { t.cols = append(t.cols, c) }
	case 2, 3:
		return s.index(), nop
	case 4:
		if len(s.indexes) > 0 {
			return "DROP INDEX IF EXISTS " + pick(r, s.indexes), nop
		}
		return "DROP INDEX IF EXISTS none", nop
	case 5, 6:
		return s.trigger(), nop
	case 7:
		if len(s.trigs) > 0 {
			return "DROP TRIGGER IF EXISTS " + pick(r, s.trigs), nop
		}
		return "DROP TRIGGER IF EXISTS none", nop
	case 8:
		v, text := s.view()
		return text, func() { s.tables = append(s.tables, v) }
	case 9:
		c := pick(r, t.cols)
		name := s.fresh("renamed")
		return "ALTER TABLE " + ident(t.name) + " RENAME COLUMN " + ident(c.name) + " TO " + name, func() { t.rename(c.name, name) }
	}
	if v := s.any(); v.view {
		return "DROP VIEW " + v.name + "; CREATE VIEW " + v.name + " AS SELECT * FROM " + ident(t.name), func() { v.cols = t.cols }
	}
	return "DROP INDEX IF EXISTS none", nop
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
