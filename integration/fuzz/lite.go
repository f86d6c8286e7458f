package fuzz

// simpleLite is what most programs write.
func (g *exprs) simpleLite() string {
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

func (g *exprs) rangeLite() string {
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

// trickyLite is what is not as it seems: other affinities and collations, rowids,
// row values, arithmetic, three-valued logic.
func (g *exprs) trickyLite() string {
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

func windowLite(g *exprs, c, d string) string {
	over := "(PARTITION BY " + c + " ORDER BY " + d + ")"
	if chance(g.r(), 40) {
		over = "(ORDER BY " + d + " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
	}
	return pick(g.r(), []string{"row_number()", "rank()", "sum(" + d + ")", "lag(" + d + ")", "first_value(" + c + ")"}) + " OVER " + over
}

// strangeLite are statements that are cached rarely or never, and must be right
// all the same.
func strangeLite(g *exprs) {
	t := g.s.any()
	c := pick(g.r(), t.cols)
	switch g.r().IntN(9) {
	case 0:
		g.st.write("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
	case 1:
		g.st.write("SELECT name, type FROM pragma_table_info('", t.name, "')")
	case 2:
		g.st.write("PRAGMA table_info('", t.name, "')")
	case 3:
		g.st.write("SELECT 1, ", g.hole(kAny))
	case 4:
		g.st.write("VALUES (1, 'a'), (", g.hole(kInt), ", 'b')")
	case 5:
		g.st.write("SELECT group_concat(", g.s.ident(c.name), ") FROM (SELECT * FROM ", g.s.ident(t.name), " ORDER BY 1)")
	case 6:
		g.st.write("/* every */ SELECT * -- row\nFROM ", g.s.ident(t.name), ";")
	case 7:
		g.st.write("SELECT count(*) FROM ", g.s.ident(t.name), " NOT INDEXED WHERE ", g.s.ident(c.name), " IN (SELECT ", g.s.ident(c.name), " FROM ", g.s.ident(t.name), ")")
	case 8:
		g.st.write("SELECT ", g.s.ident(c.name), " IN ", g.s.ident(g.s.base().name), " FROM ", g.s.ident(t.name))
	}
}

func (g *exprs) orClause(percent int) string {
	if !chance(g.r(), percent) {
		return ""
	}
	return " OR " + pick(g.r(), conflicts)
}

func (g *exprs) verbLite() string {
	if chance(g.r(), 12) {
		return "REPLACE"
	}
	return "INSERT" + g.orClause(40)
}

// alterLite makes a statement that changes the schema. done tells the model that it
// worked.
func (s *schema) alterLite() (text string, done func()) {
	r, t := s.r, s.base()
	nop := func() {}
	switch r.IntN(11) {
	case 0, 1:
		c := column{name: s.fresh("extra"), kind: pick(r, []kind{kInt, kText})}
		def := pick(r, []string{" TEXT", " INTEGER DEFAULT 3", " TEXT DEFAULT 'a'", " INT NOT NULL DEFAULT 1", " TEXT COLLATE NOCASE"})
		return "ALTER TABLE " + s.ident(t.name) + " ADD COLUMN " + c.name + def, func() { t.cols = append(t.cols, c) }
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
		return "ALTER TABLE " + s.ident(t.name) + " RENAME COLUMN " + s.ident(c.name) + " TO " + name, func() { t.rename(c.name, name) }
	}
	if v := s.any(); v.view {
		return "DROP VIEW " + v.name + "; CREATE VIEW " + v.name + " AS SELECT * FROM " + s.ident(t.name), func() { v.cols = t.cols }
	}
	return "DROP INDEX IF EXISTS none", nop
}
