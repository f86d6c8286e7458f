package sqldep_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// reads generates random reads over a world.
type reads struct {
	w     *world
	r     *rand.Rand
	args  []any
	depth int
	alias int
	ctes  []*relation
	scope []named // innermost last
	// here is where the sources of the enclosing queries end.
	here int
}

// named is a source in FROM.
type named struct {
	alias string
	rel   *relation
}

func (g *reads) one(n int) bool { return g.r.IntN(n) == 0 }

func (g *reads) statement() string {
	switch g.r.IntN(12) {
	case 0, 1, 2:
		return g.joined()
	case 3:
		return g.keyed()
	case 4:
		return g.ordered()
	case 5:
		return g.blocked()
	}
	with := ""
	if g.one(8) {
		with = g.with()
	}
	switch {
	case g.one(10):
		return with + g.compound()
	case g.one(25):
		return with + "SELECT EXISTS (" + g.query(0) + ")"
	}
	return with + g.query(0)
}

// keyed makes a small query by a key, of a form that proves the row's presence,
// or seems to.
func (g *reads) keyed() string {
	l, r := named{"l", pick(g.r, g.w.tables)}, named{"r", pick(g.r, g.w.tables)}
	g.scope = append(g.scope, l)
	t := l.rel.name
	where := " WHERE l.id = " + g.value()
	if g.one(3) {
		where = " WHERE l." + pick(g.r, l.rel.cols) + " = " + g.value()
	}
	if g.one(4) {
		where += pick(g.r, []string{" AND ", " OR "}) + g.simple(l)
	}
	c := "l." + pick(g.r, l.rel.cols)
	switch g.r.IntN(12) {
	case 0:
		return "SELECT count(*), max(" + c + ") FROM " + t + " l" + where
	case 1:
		return "SELECT " + c + ", (SELECT count(*) FROM " + t + ") FROM " + t + " l" + where
	case 2:
		return "SELECT l.id FROM " + t + " l" + where + " UNION ALL SELECT id FROM " + r.rel.name
	case 3:
		return "SELECT l.id FROM " + t + " l WHERE l.id IN (" + g.value() + ", " + g.value() + ")"
	case 4:
		return "SELECT l.id, r.id FROM " + t + " l" + g.joinWord() + r.rel.name + " r ON " + g.pair(l, r) + where
	case 5:
		return "SELECT x.id FROM (SELECT l.id FROM " + t + " l" + where + ") x, " + r.rel.name + " r"
	case 7:
		return "SELECT l.id, r.id, id FROM " + t + " l" + g.joinWord() + r.rel.name + " r USING (id) WHERE id = " + g.value()
	case 8:
		return "SELECT l.id FROM " + t + " l WHERE EXISTS (SELECT 1 FROM " + r.rel.name + ` r WHERE r.id = "` + pick(g.r, l.rel.cols) + `")`
	case 6:
		return "SELECT x.id, x.k FROM (SELECT l.id, (SELECT count(l.id)) AS k FROM " + t + " l) x WHERE x.id = " + g.value()
	}
	order := ""
	if g.one(4) {
		order = pick(g.r, []string{" ORDER BY count(*)", " ORDER BY (SELECT max(l.id))", " ORDER BY l.id"})
	}
	return "SELECT " + c + " FROM " + t + " l" + where + order
}

// ordered makes a join of few columns, whose rows come in an order that indexes
// have a say in, and a whole key perhaps.
func (g *reads) ordered() string {
	l, r := named{"l", pick(g.r, g.w.tables)}, named{"r", pick(g.r, g.w.tables)}
	g.scope = append(g.scope, l, r)
	few := func(n named) string { return n.alias + "." + pick(g.r, []string{"id", n.rel.cols[1], n.rel.cols[1]}) }
	first := l.rel.name + " l"
	if g.one(8) {
		first += " INDEXED BY " + l.rel.name + "_i0"
	}
	s := "SELECT " + few(l) + ", " + few(r) + " FROM " + first +
		pick(g.r, []string{" JOIN ", " JOIN ", " LEFT JOIN ", " RIGHT JOIN "}) + r.rel.name + " r ON " + few(l) + " = " + few(r)
	if g.one(3) {
		s += " WHERE " + g.simple(pick(g.r, g.scope))
	}
	var terms []string
	for range g.r.IntN(3) {
		terms = append(terms, few(pick(g.r, g.scope)))
	}
	if n := pick(g.r, g.scope); !g.one(4) {
		terms = append(terms, n.alias+".id"+pick(g.r, []string{"", "", " DESC", " COLLATE NOCASE"}))
	}
	if len(terms) > 0 {
		s += " ORDER BY " + strings.Join(terms, ", ")
	}
	return s + pick(g.r, []string{"", "", " LIMIT 1", " LIMIT 2", " LIMIT 2 OFFSET 1"})
}

// block makes a query over one table for a FROM or a WITH, of which an outer
// condition may leave rows out or may not, and the relation that it is.
func (g *reads) block() (text string, out *relation) {
	rel := pick(g.r, g.w.tables)
	outside, here := g.scope, g.here
	defer func() { g.scope, g.here = outside, here }()
	t := named{"t", rel}
	g.scope, g.here = []named{t}, 0
	k, l := g.mostlyID(t), g.mostlyID(t)
	from := " FROM " + rel.name + " t"
	if g.one(4) {
		u := named{"u", pick(g.r, g.w.tables)}
		from += pick(g.r, []string{" JOIN ", " LEFT JOIN ", " LEFT JOIN "}) + u.rel.name + " u ON " + g.pair(t, u)
		l = g.mostlyID(u)
	}
	if g.one(2) {
		from += " WHERE " + g.simple(t)
	}
	two, three := &relation{cols: []string{"k", "l"}}, &relation{cols: []string{"k", "l", "n"}}
	list := k + " AS k, " + l + " AS l"
	switch g.r.IntN(12) {
	case 0:
		return "SELECT " + list + from + " ORDER BY 1 LIMIT 2", two
	case 1, 2:
		return "SELECT DISTINCT " + list + from, two
	case 3, 4, 5:
		n := pick(g.r, []string{"count(*)", "count(" + l + ")", "max(" + l + ")", "min(t.id)", "sum(" + l + ")", "group_concat(" + l + ")"})
		return "SELECT " + list + ", " + n + " AS n" + from + " GROUP BY " + pick(g.r, []string{k, "1", k + ", " + l, l, "k", k + " COLLATE NOCASE"}) +
			pick(g.r, []string{"", "", " HAVING count(*) > 1"}), three
	case 6:
		return "SELECT " + list + ", " + pick(g.r, []string{"row_number()", "count(*)"}) + " OVER (ORDER BY " + l + ") AS n" + from, three
	case 7:
		return "SELECT " + list + ", " + pick(g.r, []string{"abs(" + l + ")", l + " ->> '$.a'", "coalesce(" + l + ", 1)"}) + " AS n" + from, three
	case 8:
		return "SELECT " + list + from + pick(g.r, []string{" UNION ", " UNION ALL ", " EXCEPT ", " INTERSECT "}) + "SELECT 1, 2", two
	case 9:
		return "SELECT count(*) AS k, max(" + l + ") AS l" + from, two
	}
	return "SELECT " + list + from, two
}

// blocked makes a query with a block under it, and conditions on its columns.
func (g *reads) blocked() string {
	body, rel := g.block()
	b, t := named{"w", rel}, named{"o", pick(g.r, g.w.tables)}
	on := func() string { return " ON w." + pick(g.r, rel.cols) + " = " + g.mostlyID(t) }
	cond := func(n named) string {
		return n.alias + "." + pick(g.r, append(n.rel.cols[:1:1], n.rel.cols...)) + pick(g.r, []string{" = ", " = ", " = ", " IS ", " > ", " COLLATE NOCASE = "}) + g.value()
	}
	g.scope = append(g.scope, b)
	with, w := "WITH w AS "+pick(g.r, []string{"", "", "MATERIALIZED ", "NOT MATERIALIZED "})+"("+body+") ", "w"
	if g.one(3) {
		with, w = "", "("+body+") w"
	}
	where := " WHERE " + cond(b)
	switch g.r.IntN(12) {
	case 0:
		return with + "SELECT w.k, o.id FROM " + w + pick(g.r, []string{" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN "}) + t.rel.name + " o" + on() + where
	case 1:
		return with + "SELECT w.k, o.id FROM " + t.rel.name + " o" + pick(g.r, []string{" JOIN ", " LEFT JOIN ", " LEFT JOIN "}) + w + on() + " AND " + cond(b)
	case 2:
		return with + "SELECT w.k, o.id FROM " + t.rel.name + " o JOIN " + w + on() + " WHERE " + cond(t)
	case 3:
		return "WITH w AS (" + body + ") SELECT w.k, v.l FROM w, w AS v" + where
	case 4:
		return "WITH w AS (" + body + ") SELECT w.k, w.l FROM w" + where + " AND w.l IN (SELECT k FROM w)"
	case 5:
		return "WITH w AS (" + body + "), v AS (SELECT * FROM w" + where + ") SELECT * FROM v" + pick(g.r, []string{"", ", v AS u", " WHERE k = " + g.value()})
	case 6:
		return "SELECT o.id FROM " + t.rel.name + " o WHERE EXISTS (" + with + "SELECT 1 FROM " + w + where + " AND w.k = " + g.mostlyID(t) + ")"
	case 7:
		return with + "SELECT count(*) FROM " + w + where
	}
	return with + "SELECT w.k, w.l FROM " + w + where
}

// joined makes a small query over an outer join, where what restricts which side
// is easily got wrong.
func (g *reads) joined() string {
	l, r := named{"l", pick(g.r, g.w.tables)}, named{"r", pick(g.r, g.w.tables)}
	g.scope = append(g.scope, l, r)
	from := l.rel.name + " l" + g.joinWord() + r.rel.name + " r ON " + g.pair(l, r)
	if g.one(2) {
		m := named{"m", pick(g.r, g.w.tables)}
		g.scope = append(g.scope, m)
		if g.one(3) {
			inner := "(" + r.rel.name + " r" + g.joinWord() + m.rel.name + " m ON " + g.pair(r, m) + ")"
			from = l.rel.name + " l" + g.joinWord() + inner + " ON " + g.pair(l, pick(g.r, []named{r, m}))
		} else {
			from += g.joinWord() + m.rel.name + " m ON " + g.pair(pick(g.r, []named{l, r}), m)
		}
	}
	s := "SELECT l.id, r.id FROM " + from
	if !g.one(8) {
		s += " WHERE " + g.simple(pick(g.r, g.scope))
	}
	for range g.r.IntN(3) {
		s += pick(g.r, []string{" AND ", " AND ", " OR "}) + g.simple(pick(g.r, g.scope))
	}
	if !strings.Contains(s, "WHERE") {
		s = strings.ReplaceAll(s, " OR ", " AND ")
	}
	return s
}

func (g *reads) joinWord() string {
	return pick(g.r, []string{" LEFT", " LEFT", " RIGHT", " FULL", ""}) + " JOIN "
}

// mostlyID is a column of n, often the one that all tables have.
func (g *reads) mostlyID(n named) string {
	if g.one(2) {
		return n.alias + ".id"
	}
	return n.alias + "." + pick(g.r, n.rel.cols)
}

func (g *reads) pair(l, r named) string {
	s := g.mostlyID(l) + " = " + g.mostlyID(r)
	if g.one(12) {
		return g.simple(pick(g.r, []named{l, r}))
	}
	if g.one(3) {
		s += " AND " + g.simple(pick(g.r, []named{l, r}))
	}
	return s
}

// simple is a condition on one column of n.
func (g *reads) simple(n named) string {
	c := g.mostlyID(n)
	switch g.r.IntN(6) {
	case 0:
		return c + " IS NULL"
	case 1:
		return c + " IN (" + g.value() + ", " + g.value() + ")"
	case 2:
		return "(" + c + " IS NULL OR " + c + " = " + g.value() + ")"
	}
	return c + pick(g.r, []string{" = ", " = ", " = ", " IS ", " > "}) + g.value()
}

func (g *reads) with() string {
	rel := g.table()
	name := pick(g.r, []string{"w0", "w0", "t0", "t1"}) // a name that shadows a table
	if name == rel.name {
		name = "w0"
	}
	if g.one(3) {
		base := pick(g.r, g.w.tables)
		s := fmt.Sprintf("WITH RECURSIVE w0(id, a) AS (SELECT id, 1 FROM %s WHERE id = %s UNION SELECT %s.id, w0.a + 1 FROM %s JOIN w0 ON %s.id = w0.id + 1 WHERE w0.a < 5) ",
			rel.name, g.value(), base.name, base.name, base.name)
		g.ctes = append(g.ctes, &relation{name: "w0", cols: []string{"id", "a"}})
		return s
	}
	body := "SELECT * FROM " + rel.name
	g.push(func() {
		g.scope = append(g.scope, named{rel.name, rel})
		if g.one(2) {
			body += " WHERE " + g.cond(1)
		}
	})
	g.ctes = append(g.ctes, &relation{name: name, cols: rel.cols})
	return "WITH " + name + " AS (" + body + ") "
}

// push runs f in a scope inside the present one.
func (g *reads) push(f func()) {
	n, here := len(g.scope), g.here
	g.here = n
	g.depth++
	f()
	g.depth--
	g.scope, g.here = g.scope[:n], here
}

func (g *reads) compound() string {
	var parts []string
	for i := range 2 + g.r.IntN(2) {
		if i > 0 {
			parts = append(parts, pick(g.r, []string{"UNION", "UNION ALL", "EXCEPT", "INTERSECT"}))
		}
		g.push(func() {
			from := g.from()
			parts = append(parts, "SELECT "+g.column()+" AS k FROM "+from+g.where())
		})
	}
	s := strings.Join(parts, " ")
	if g.one(2) {
		s += " ORDER BY k"
	}
	if g.one(4) {
		s += " LIMIT 2"
	}
	return s
}

// query makes a SELECT of n columns; 0 is any number.
func (g *reads) query(n int) string {
	var s string
	g.push(func() {
		from := g.from()
		where := g.where()
		list, grouped := g.list(n)
		s = "SELECT " + list + " FROM " + from + where + grouped
		if g.one(3) {
			s += " ORDER BY " + g.column() + pick(g.r, []string{"", " DESC"})
		}
		if g.one(5) {
			s += pick(g.r, []string{" LIMIT 1", " LIMIT 2", " LIMIT 2 OFFSET 1", " LIMIT " + g.arg(int64(2))})
		}
	})
	return s
}

// list makes a select list, and a GROUP BY to go with it.
func (g *reads) list(n int) (list, rest string) {
	if n == 1 {
		return pick(g.r, []string{g.column(), g.column(), "count(*)", "max(" + g.column() + ")", g.value()}), ""
	}
	switch g.r.IntN(16) {
	case 14:
		return g.column() + ", (SELECT " + pick(g.r, []string{"max", "count", "sum"}) + "(" + g.column() + "))", ""
	case 0:
		return "*", ""
	case 1:
		return pick(g.r, g.scope[g.here:]).alias + ".*", ""
	case 2:
		return "count(*)", ""
	case 3:
		return "count(" + g.column() + "), max(" + g.column() + "), min(" + g.column() + ")", ""
	case 4:
		c := g.column()
		having := ""
		if g.one(2) {
			having = " HAVING " + g.cond(1)
		}
		return c + ", count(*)", " GROUP BY " + pick(g.r, []string{c, g.column()}) + having
	case 5:
		return "DISTINCT " + g.column(), ""
	case 6:
		return g.column() + ", row_number() OVER (ORDER BY " + g.column() + ")", ""
	case 7:
		if g.depth < 3 {
			return g.column() + ", (" + g.query(1) + ")", ""
		}
	case 8:
		return "sum(" + g.column() + "), group_concat(" + g.column() + ")", ""
	case 9:
		return g.column() + ", " + g.value() + ", " + g.column() + " = " + g.value(), ""
	}
	return g.column() + ", " + g.column(), ""
}

func (g *reads) where() string {
	if g.one(6) {
		return ""
	}
	return " WHERE " + g.cond(g.r.IntN(3))
}

func (g *reads) table() *relation {
	all := append(append([]*relation{}, g.w.tables...), g.w.views...)
	rel := pick(g.r, all)
	for _, c := range g.ctes {
		if c.name == rel.name || g.one(4) {
			return c
		}
	}
	return rel
}

func (g *reads) source() string {
	rel := g.table()
	alias := rel.name
	text := rel.name
	if g.depth < 3 && g.one(6) {
		inner := ""
		g.push(func() {
			outside := g.scope
			g.scope, g.here = nil, 0
			g.scope = append(g.scope, named{rel.name, rel})
			list := "*"
			if g.one(3) {
				list = "id, " + pick(g.r, rel.cols) + " AS a, " + pick(g.r, rel.cols) + ", 1 AS one"
			}
			inner = "SELECT " + list + " FROM " + rel.name + g.where()
			if list != "*" {
				rel = &relation{cols: []string{"id", "a", "one"}}
			}
			if g.one(6) {
				inner += " ORDER BY id LIMIT 2"
			}
			g.scope = outside
		})
		text = "(" + inner + ")"
		g.alias++
		alias = fmt.Sprintf("s%d", g.alias)
		text += " AS " + alias
	} else if g.one(2) || g.taken(alias) {
		g.alias++
		alias = fmt.Sprintf("q%d", g.alias)
		text += pick(g.r, []string{" AS ", " "}) + alias
	}
	g.scope = append(g.scope, named{alias, rel})
	return text
}

func (g *reads) taken(alias string) bool {
	for _, n := range g.scope[g.here:] {
		if n.alias == alias {
			return true
		}
	}
	return false
}

func (g *reads) from() string {
	s := g.source()
	for range []int{0, 0, 0, 1, 1, 2}[g.r.IntN(6)] {
		if g.one(8) {
			s = g.nested(s)
			continue
		}
		kind := pick(g.r, []string{", ", " JOIN ", " JOIN ", " LEFT JOIN ", " LEFT JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ", " CROSS JOIN "})
		left := g.scope[g.here:]
		natural := g.one(12) && kind != ", " && kind != " CROSS JOIN "
		if natural {
			kind = " NATURAL" + kind
		}
		s += kind + g.source()
		right := g.scope[len(g.scope)-1]
		switch {
		case natural || kind == ", " || kind == " CROSS JOIN ":
		case g.one(6):
			s += " USING (id)"
		default:
			s += " ON " + g.on(pick(g.r, left), right)
		}
	}
	return s
}

// nested joins a parenthesised join to s.
func (g *reads) nested(s string) string {
	from := len(g.scope)
	l := g.scope[g.here+g.r.IntN(from-g.here)]
	in := g.source() + pick(g.r, []string{" JOIN ", " LEFT JOIN "}) + g.source()
	in += " ON " + g.on(g.scope[from], g.scope[from+1])
	return s + pick(g.r, []string{" JOIN ", " LEFT JOIN "}) + "(" + in + ") ON " + g.on(l, g.scope[from+g.r.IntN(2)])
}

func (g *reads) on(l, r named) string {
	s := l.alias + "." + pick(g.r, l.rel.cols) + " = " + r.alias + "." + pick(g.r, r.rel.cols)
	if g.one(2) && slices.Contains(l.rel.cols, "id") {
		s = l.alias + ".id = " + r.alias + "." + pick(g.r, []string{"id", pick(g.r, r.rel.cols)})
	}
	switch g.r.IntN(6) {
	case 0:
		return s + " AND " + g.cond(1)
	case 1:
		return s + " OR " + g.cond(0)
	case 2:
		return g.cond(1)
	}
	return s
}

// column names a column of this scope, sometimes of an outer one, sometimes
// without its table.
func (g *reads) column() string {
	from := g.scope[g.here:]
	if g.here > 0 && g.one(4) {
		from = g.scope
	}
	n := pick(g.r, from)
	col := pick(g.r, n.rel.cols)
	switch {
	case g.one(40):
		col = "rowid"
	case g.one(2) && (g.unambiguous(col) || g.one(15)):
		return col
	case g.one(20):
		return `"` + col + `"`
	}
	return n.alias + "." + col
}

// outerColumn names a column of an enclosing query.
func (g *reads) outerColumn() string {
	n := pick(g.r, g.scope[:g.here])
	return n.alias + "." + pick(g.r, n.rel.cols)
}

// unambiguous reports whether one source of this scope alone has the column.
func (g *reads) unambiguous(col string) bool {
	n := 0
	for _, s := range g.scope[g.here:] {
		if slices.Contains(s.rel.cols, col) {
			n++
		}
	}
	return n == 1
}

// value is a constant: a literal or a parameter.
func (g *reads) value() string {
	v := pick(g.r, g.w.values)
	if g.one(4) {
		v = int64(g.r.IntN(5)) // an id, perhaps
	}
	if g.one(2) {
		return g.arg(v)
	}
	return literal(v)
}

func (g *reads) arg(v any) string {
	g.args = append(g.args, v)
	return fmt.Sprintf("?%d", len(g.args))
}

func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return "'" + v + "'"
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	case bool:
		return strings.ToUpper(fmt.Sprint(v))
	case float64:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprint(v)
}

func (g *reads) valueList() string {
	var vs []string
	for range g.r.IntN(4) {
		vs = append(vs, g.value())
	}
	return "(" + strings.Join(vs, ", ") + ")"
}

func (g *reads) cond(depth int) string {
	if depth > 0 {
		switch g.r.IntN(7) {
		case 0, 1:
			return "(" + g.cond(depth-1) + " AND " + g.cond(depth-1) + ")"
		case 2:
			return "(" + g.cond(depth-1) + " OR " + g.cond(depth-1) + ")"
		case 3:
			return "NOT (" + g.cond(depth-1) + ")"
		}
	}
	return g.atom()
}

func (g *reads) atom() string {
	c := g.column()
	switch g.r.IntN(26) {
	case 0, 1, 2, 3, 4, 5:
		return c + " = " + g.value()
	case 6:
		return g.value() + pick(g.r, []string{" = ", " < ", " >= ", " == ", " IS "}) + c
	case 7, 8:
		return c + pick(g.r, []string{" < ", " <= ", " > ", " >= ", " <> ", " != "}) + g.value()
	case 9:
		return c + pick(g.r, []string{" IS ", " IS NOT ", " IS NOT DISTINCT FROM ", " IS DISTINCT FROM "}) + g.value()
	case 10, 11:
		return c + pick(g.r, []string{" IN ", " IN ", " NOT IN "}) + g.valueList()
	case 12:
		return c + pick(g.r, []string{" IS NULL", " ISNULL", " IS NOT NULL", " NOTNULL", " NOT NULL"})
	case 13:
		return c + pick(g.r, []string{" BETWEEN ", " NOT BETWEEN "}) + g.value() + " AND " + g.value()
	case 14:
		return c + pick(g.r, []string{" GLOB ", " NOT GLOB ", " LIKE "}) + literal(pick(g.r, []string{"a*", "ab*", "a?*", "1*", "[ab]*", "A*", "abc", "2024-01*", "%b%", "é*"}))
	case 15:
		return c
	case 16:
		return "NOT " + c
	case 17:
		return c + pick(g.r, []string{" IS TRUE", " IS NOT TRUE", " = TRUE", " IS FALSE", " = FALSE"})
	case 18:
		if g.here > 0 {
			return c + " = " + g.outerColumn()
		}
		return c + " IS " + g.column()
	case 19:
		return c + pick(g.r, []string{" = ", " = ", " < ", " IS "}) + g.column()
	case 20, 21, 22:
		return g.subcond(c)
	case 23:
		return "(" + c + ", " + g.column() + ") = (" + g.value() + ", " + g.value() + ")"
	case 24:
		return pick(g.r, []string{
			c + " + 0 = " + g.value(), "coalesce(" + c + ", " + g.value() + ") = " + g.value(), "lower(" + c + ") = 'a'", "+" + c + " = " + g.value(),
			c + " COLLATE " + pick(g.r, []string{"NOCASE", "BINARY", "RTRIM"}) + " = " + g.value(), "CAST(" + c + " AS TEXT) = " + g.value(),
			"CASE WHEN " + c + " IS NULL THEN " + g.value() + " ELSE " + g.column() + " END = " + g.value(),
			c + " = " + g.value() + " COLLATE NOCASE", "typeof(" + c + ") = 'text'", c + ` = "` + pick(g.r, []string{"a", "zz", "1"}) + `"`,
		})
	}
	return pick(g.r, []string{"1", "1 = 1", "1 = 0", "2 <> 2", "NULL", "0", "(" + g.value() + " IS NULL OR " + g.atom() + ")", "(" + g.value() + " IS NOT NULL AND " + g.atom() + ")", g.value(), c + " = NULL", g.value() + " BETWEEN " + c + " AND " + g.column()})
}

func (g *reads) subcond(c string) string {
	if g.depth >= 3 {
		return c + " IS NULL"
	}
	switch g.r.IntN(6) {
	case 4, 5:
		return g.listed(c)
	case 0, 1:
		return pick(g.r, []string{"", "NOT "}) + "EXISTS (" + g.query(1) + ")"
	case 2:
		return c + pick(g.r, []string{" IN (", " NOT IN ("}) + g.query(1) + ")"
	}
	return c + " = (" + g.query(1) + ")"
}

// listed is IN with a query of which only the rows matter that are equal to
// what is known of c, or seem to.
func (g *reads) listed(c string) string {
	rel := pick(g.r, g.w.tables)
	col := pick(g.r, append([]string{"id", "id", "id"}, rel.cols...))
	q := "SELECT " + pick(g.r, []string{"", "DISTINCT "}) + col + " FROM " + rel.name
	switch g.r.IntN(8) {
	case 0:
		q += " LIMIT 1"
	case 1:
		q += " GROUP BY " + pick(g.r, rel.cols)
	case 2:
		q += " UNION SELECT " + pick(g.r, rel.cols) + " FROM " + rel.name
	case 3:
		q = "SELECT max(" + col + ") FROM " + rel.name
	case 4:
		q = "SELECT u." + col + " FROM " + rel.name + " t LEFT JOIN " + rel.name + " u ON t.id = u." + pick(g.r, rel.cols)
	}
	x := c
	if g.one(4) {
		x = g.value()
	}
	s := x + pick(g.r, []string{" IN (", " IN (", " IN (", " NOT IN ("}) + q + ")"
	switch g.r.IntN(8) {
	case 0:
		return "(" + c + " = " + g.value() + " OR " + s + ")"
	case 1:
		return s
	}
	return "(" + c + pick(g.r, []string{" = ", " = ", " IS "}) + g.value() + " AND " + s + ")"
}
