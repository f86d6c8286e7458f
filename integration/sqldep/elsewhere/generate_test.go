package elsewhere_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cacheops/cacheops/internal/catalog"
)

// statements makes random statements over a world.
type statements struct {
	w     *world
	args  []any
	scope []named
	alias int
	depth int
	plain bool // without parameters
}

type named struct {
	alias string
	rel   *relation
}

func (g *statements) one(n int) bool { return g.w.r.IntN(n) == 0 }
func (g *statements) pg() bool       { return g.w.d == catalog.PostgreSQL }

// constant is a literal or a parameter for a column, now and then one that was
// meant for another type.
func (g *statements) constant(c column) string {
	v := g.w.value(c)
	switch {
	case g.one(12):
		v = pick(g.w.r, pools[g.w.r.IntN(len(pools))])
	case v == nil && !g.one(4):
		v = pick(g.w.r, pools[c.family][1:])
	}
	if g.plain || g.one(2) {
		return literal(g.w.d, v)
	}
	if s, ok := v.(string); ok && c.family == times && g.one(2) {
		for _, layout := range []string{"2006-01-02", "2006-01-02 15:04:05"} {
			if at, err := time.Parse(layout, s); err == nil {
				v = at
			}
		}
	}
	p := g.arg(v)
	if g.pg() && g.one(6) {
		p += "::" + castOf(c)
	}
	return p
}

func castOf(c column) string {
	return [...]string{whole: "bigint", decimal: "numeric", words: "text", truth: "boolean", times: "timestamp", ids: "uuid"}[c.family]
}

func (g *statements) arg(v any) string {
	if g.plain {
		return literal(g.w.d, v)
	}
	g.args = append(g.args, v)
	if g.pg() {
		return fmt.Sprintf("$%d", len(g.args))
	}
	return "?"
}

func (g *statements) source() string {
	rels := append(slices.Clone(g.w.tables), g.w.tables...)
	rel := pick(g.w.r, append(rels, g.w.views...))
	if len(g.w.parts) > 0 && g.one(8) {
		rel = pick(g.w.r, g.w.parts)
	}
	g.alias++
	alias := fmt.Sprintf("q%d", g.alias)
	text := rel.name
	if g.depth == 0 && g.one(8) {
		g.depth++
		inner := &relation{cols: rel.cols}
		outer := g.scope
		g.scope = []named{{rel.name, rel}}
		text = "(SELECT * FROM " + rel.name + " WHERE " + g.cond(1)
		if g.one(4) {
			text += " ORDER BY id LIMIT 3"
		}
		text += ")"
		g.scope = outer
		g.depth--
		rel = inner
	}
	g.scope = append(g.scope, named{alias, rel})
	return text + " " + alias
}

func (g *statements) from() string {
	s := g.source()
	for range []int{0, 0, 0, 1, 1, 2}[g.w.r.IntN(6)] {
		left := slices.Clone(g.scope)
		kinds := []string{" JOIN ", " JOIN ", " LEFT JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " CROSS JOIN "}
		if g.pg() {
			kinds = append(kinds, " FULL JOIN ")
		}
		kind := pick(g.w.r, kinds)
		s += kind + g.source()
		right := g.scope[len(g.scope)-1]
		l := pick(g.w.r, left)
		switch {
		case kind == " CROSS JOIN ":
		case g.one(8) && len(left) == 1:
			s += " USING (id)"
		default:
			s += " ON " + l.alias + ".id = " + right.alias + "." + pick(g.w.r, []string{"id", right.rel.cols[1].name})
			if g.one(3) {
				s += " AND " + g.cond(0)
			}
		}
	}
	return s
}

func (g *statements) column() (string, column) {
	n := pick(g.w.r, g.scope)
	c := pick(g.w.r, n.rel.cols)
	return n.alias + "." + c.name, c
}

func (g *statements) cond(depth int) string {
	if depth > 0 {
		switch g.w.r.IntN(7) {
		case 0, 1, 2:
			return "(" + g.cond(depth-1) + " AND " + g.cond(depth-1) + ")"
		case 3:
			return "(" + g.cond(depth-1) + " OR " + g.cond(depth-1) + ")"
		case 4:
			return "NOT (" + g.cond(depth-1) + ")"
		case 5:
			return g.risky()
		}
	}
	return g.atom()
}

func (g *statements) atom() string {
	x, c := g.column()
	if g.one(3) {
		n := pick(g.w.r, g.scope)
		x, c = n.alias+"."+n.rel.cols[0].name, n.rel.cols[0]
	}
	k := func() string { return g.constant(c) }
	switch g.w.r.IntN(22) {
	case 0, 1, 2, 3, 4, 5:
		return x + " = " + k()
	case 6:
		return k() + " = " + x
	case 7, 8:
		return x + pick(g.w.r, []string{" < ", " <= ", " > ", " >= ", " <> "}) + k()
	case 9:
		return x + " IN (" + k() + ", " + k() + ", " + k() + ")"
	case 10:
		return x + pick(g.w.r, []string{" IS NULL", " IS NOT NULL"})
	case 11:
		if g.pg() {
			return x + pick(g.w.r, []string{" IS DISTINCT FROM ", " IS NOT DISTINCT FROM "}) + k()
		}
		return x + " <=> " + k()
	case 12:
		return x + pick(g.w.r, []string{" BETWEEN ", " NOT BETWEEN "}) + k() + " AND " + k()
	case 13:
		if c.family == truth || g.w.d == catalog.MySQL && c.typ != "text" {
			return pick(g.w.r, []string{"", "NOT "}) + x + pick(g.w.r, []string{"", " IS TRUE", " IS FALSE", " IS NOT TRUE"})
		}
	case 14:
		if c.family == words {
			return x + pick(g.w.r, []string{" LIKE ", " NOT LIKE "}) + pick(g.w.r, []string{"'a%'", "'ab%'", "'%b'", "'A%'", g.arg("a%"), `'a_c'`})
		}
	case 15:
		y, _ := g.column()
		return x + " = " + y
	case 16:
		return g.fallible(x, c)
	case 17, 18:
		return g.subquery(x)
	case 19:
		y, o := g.column()
		return "(" + x + ", " + y + ") = (" + k() + ", " + g.constant(o) + ")"
	case 20:
		if g.pg() && c.family == whole {
			return x + " = ANY(" + g.arg([]int64{1, int64(g.w.r.IntN(5))}) + ")"
		}
		if g.pg() && c.family == words {
			return x + " = ANY(" + g.arg([]string{"a", "ab"}) + ")"
		}
	case 21:
		if g.pg() {
			p := g.arg(g.w.value(c))
			return "(" + p + "::" + castOf(c) + " IS NULL OR " + x + " = " + p + ")"
		}
		return "(" + g.arg(g.w.value(c)) + " IS NULL OR " + x + " = " + k() + ")"
	}
	return x + " = " + k()
}

// risky is a condition that may fail at rows which another one leaves out.
func (g *statements) risky() string {
	x, c := g.column()
	for range 5 {
		if c.family != whole {
			x, c = g.column()
		}
	}
	n := pick(g.w.r, g.scope)
	fails := "9223372036854775807 * (" + x + " + 1) > 1"
	if g.pg() && c.family == whole {
		fails = pick(g.w.r, []string{"10 / (" + x + " - 1) > 2", "(" + x + " * 700000000)::int > 5"})
	}
	return "(" + n.alias + ".id = " + g.constant(n.rel.cols[0]) + " AND " + fails + ")"
}

// fallible are conditions that compare something made of a column, or that may
// fail for some rows.
func (g *statements) fallible(x string, c column) string {
	if g.pg() {
		switch c.family {
		case whole, decimal:
			return pick(g.w.r, []string{"10 / " + x + " > 2", x + " + 1 = 3", x + "::text = '1'", "abs(" + x + ") = 1", "coalesce(" + x + ", 1) = 1"})
		case words:
			return pick(g.w.r, []string{"lower(" + x + ") = 'a'", x + `::text COLLATE "C" = 'a'`, "length(" + x + ") = 1", x + " ILIKE 'a%'"})
		}
		return x + "::text = 'true'"
	}
	return pick(g.w.r, []string{x + " + 1 = 3", "CAST(" + x + " AS CHAR) = '1'", "lower(" + x + ") = 'a'", "coalesce(" + x + ", 1) = 1", "10 / " + x + " > 2"})
}

func (g *statements) subquery(x string) string {
	rel := pick(g.w.r, g.w.tables)
	outer := g.scope
	g.alias++
	n := named{fmt.Sprintf("s%d", g.alias), rel}
	defer func() { g.scope = outer }()
	g.scope = []named{n}
	inner := pick(g.w.r, rel.cols)
	if g.one(2) {
		inner = rel.cols[0]
	}
	where := " WHERE " + g.cond(0)
	from := " FROM " + rel.name + " " + n.alias
	switch g.w.r.IntN(4) {
	case 0:
		return "EXISTS (SELECT 1" + from + where + " AND " + n.alias + "." + inner.name + " = " + x + ")"
	case 1:
		return "NOT EXISTS (SELECT 1" + from + where + " AND " + n.alias + "." + inner.name + " = " + x + ")"
	case 2:
		return x + " = (SELECT max(" + n.alias + "." + inner.name + ")" + from + where + ")"
	}
	return x + pick(g.w.r, []string{" IN ", " IN ", " NOT IN "}) + "(SELECT " + n.alias + "." + inner.name + from + where + ")"
}

// read is a random read. total says that its rows come in one order only.
func (g *statements) read() (text string, total bool) {
	from := g.from()
	where := ""
	if !g.one(8) {
		where = " WHERE " + g.cond(g.w.r.IntN(3))
	}
	tail := " FROM " + from + where
	x, _ := g.column()
	y, _ := g.column()
	switch g.w.r.IntN(14) {
	case 0:
		return "SELECT count(*)" + tail, true
	case 1:
		return "SELECT count(" + x + "), max(" + y + "), min(" + y + ")" + tail, true
	case 2:
		return "SELECT DISTINCT " + x + tail, false
	case 3:
		return "SELECT " + x + ", count(*)" + tail + " GROUP BY " + x, false
	case 4:
		return "SELECT EXISTS (SELECT 1" + tail + ")", true
	case 5:
		if g.pg() {
			return "SELECT " + g.scope[0].alias + tail, false
		}
	case 6:
		return "SELECT " + x + ", (SELECT max(s.id) FROM t0 s WHERE s.id = " + g.scope[0].alias + ".id)" + tail, false
	case 7:
		return "WITH c AS (SELECT " + x + " AS n" + tail + ") SELECT n FROM c WHERE n IS NOT NULL", false
	case 8:
		return "SELECT " + x + tail + " UNION ALL SELECT " + x + tail, false
	}
	list := "*"
	if !g.one(3) {
		list = x + ", " + y
	}
	if len(g.scope) == 1 && g.one(2) {
		tail += " ORDER BY " + g.scope[0].alias + ".id"
		if g.one(2) {
			tail += fmt.Sprintf(" LIMIT %d", 1+g.w.r.IntN(3))
		}
		return "SELECT " + list + tail, true
	}
	if list == "*" {
		list = g.scope[0].alias + ".*"
	}
	return "SELECT " + list + tail, false
}

// write is a random write.
func (g *statements) write() string {
	rel := pick(g.w.r, g.w.tables)
	if len(g.w.parts) > 0 && g.one(5) {
		rel = pick(g.w.r, g.w.parts)
	}
	g.scope = []named{{rel.name, rel}}
	switch {
	case g.w.upserts:
		return g.insert(rel) + g.returning(rel)
	case g.w.several || g.one(8):
		if g.pg() {
			return g.parts(rel)
		}
		return g.joined()
	}
	switch g.w.r.IntN(8) {
	case 0, 1, 2:
		return g.insert(rel) + g.returning(rel)
	case 3:
		return "DELETE FROM " + rel.name + g.where() + g.returning(rel)
	case 4:
		if g.pg() {
			other := pick(g.w.r, g.w.tables)
			return "UPDATE " + rel.name + " SET " + g.assignments(rel) + " FROM " + other.name + " o WHERE o.id = " + rel.name + "." + pick(g.w.r, rel.cols).name +
				pick(g.w.r, []string{"", " RETURNING " + rel.name + ".id", " RETURNING o.id, " + rel.name + ".a"})
		}
	}
	return "UPDATE " + rel.name + " SET " + g.assignments(rel) + g.where() + g.returning(rel)
}

// parts is a statement of PostgreSQL's that writes several tables, or merges.
func (g *statements) parts(rel *relation) string {
	if g.one(2) {
		return g.merge(rel)
	}
	part := func() string {
		rel := pick(g.w.r, g.w.tables)
		g.scope = []named{{rel.name, rel}}
		switch g.w.r.IntN(3) {
		case 0:
			return "DELETE FROM " + rel.name + g.where()
		case 1:
			return "UPDATE " + rel.name + " SET " + g.assignments(rel) + g.where()
		}
		return g.insert(rel)
	}
	text := "WITH c0 AS (" + part() + " RETURNING id)"
	if g.one(2) {
		text += ", c1 AS (" + part() + " RETURNING *)"
	}
	switch g.w.r.IntN(3) {
	case 0:
		return text + " SELECT id FROM c0"
	case 1:
		other := pick(g.w.r, g.w.tables)
		g.scope = []named{{other.name, other}}
		return text + " UPDATE " + other.name + " SET " + g.assignments(other) + " FROM c0 WHERE c0.id = " + other.name + ".id AND " + g.atom()
	}
	return text + " " + part()
}

// merge is a MERGE.
func (g *statements) merge(rel *relation) string {
	source := pick(g.w.r, g.w.tables)
	g.scope = []named{{"m", rel}, {"o", source}}
	on := "m.id = o." + source.cols[g.w.r.IntN(2)].name
	if source.cols[1].family != whole {
		on = "m.id = o.id"
	}
	if g.one(2) {
		x := named{"m", rel}
		g.scope = []named{x}
		on += " AND " + g.choice()
		g.scope = []named{x, {"o", source}}
	}
	text := "MERGE INTO " + rel.name + " m USING " + source.name + " o ON " + on
	for range 1 + g.w.r.IntN(2) {
		cond := ""
		if g.one(3) {
			cond = " AND " + g.atom()
		}
		switch g.w.r.IntN(3) {
		case 0:
			text += " WHEN MATCHED" + cond + " THEN DELETE"
		case 1:
			text += " WHEN MATCHED" + cond + " THEN UPDATE SET " + strings.ReplaceAll(g.assignments(rel), " + 1", " + o.id")
		case 2:
			cols := writable(rel)[:2]
			text += " WHEN NOT MATCHED THEN INSERT (id, " + cols[1].name + ") VALUES (" + pick(g.w.r, []string{"o.id + 3", "o.id", g.constant(cols[0])}) + ", " + g.constant(cols[1]) + ")"
		}
	}
	return text
}

// joined is an UPDATE or a DELETE of several tables of MySQL's.
func (g *statements) joined() string {
	t, u := pick(g.w.r, g.w.tables), pick(g.w.r, g.w.tables)
	x, y := named{"x", t}, named{"y", u}
	if t != u && g.one(2) {
		x.alias, y.alias = t.name, u.name
	}
	as := func(n named) string {
		if n.alias == n.rel.name {
			return n.alias
		}
		return n.rel.name + " " + n.alias
	}
	g.scope = []named{x, y}
	from := as(x) + pick(g.w.r, []string{" JOIN ", " JOIN ", " LEFT JOIN "}) + as(y) + " ON y.id = x." + pick(g.w.r, t.cols[:2]).name
	from = strings.ReplaceAll(strings.ReplaceAll(from, "y.id", y.alias+".id"), "x.", x.alias+".")
	where := ""
	for !g.one(3) {
		if where == "" {
			where = " WHERE " + g.choice()
			continue
		}
		where += " AND " + g.atom()
	}
	switch g.w.r.IntN(5) {
	case 0:
		return "DELETE " + x.alias + " FROM " + from + where
	case 1:
		return "DELETE FROM " + y.alias + ", " + x.alias + " USING " + from + where
	}
	var set []string
	for _, n := range []named{x, y} {
		if g.one(3) && set != nil {
			continue
		}
		for _, a := range strings.Split(g.assignments(n.rel), ", ") {
			if strings.HasPrefix(a, n.rel.name+"x =") && t != u && g.one(2) {
				set = append(set, a)
				continue
			}
			name, v, _ := strings.Cut(a, " = ")
			set = append(set, n.alias+"."+name+" = "+strings.ReplaceAll(v, name+" + 1", n.alias+"."+name+" + 1"))
		}
	}
	return "UPDATE " + pick(g.w.r, []string{"", "", "IGNORE "}) + from + " SET " + strings.Join(set, ", ") + where
}

// returning is now and then a RETURNING of PostgreSQL's.
func (g *statements) returning(rel *relation) string {
	switch {
	case !g.pg() || g.one(2):
		return ""
	case g.one(3):
		return " RETURNING *"
	}
	list := []string{pick(g.w.r, rel.cols).name}
	for g.one(2) {
		list = append(list, pick(g.w.r, []string{rel.name + "." + pick(g.w.r, rel.cols).name, "id + 1", "1 AS id"}))
	}
	return " RETURNING " + strings.Join(list, ", ")
}

func (g *statements) where() string {
	switch {
	case g.one(12):
		return ""
	case g.one(2):
		where := " WHERE id = " + g.constant(g.scope[0].rel.cols[0])
		if g.one(3) {
			where += " AND " + g.choice()
		}
		return where
	case g.one(3):
		return " WHERE " + g.choice()
	}
	return " WHERE " + g.cond(g.w.r.IntN(2))
}

// choice are conditions of which each row may fulfil another one.
func (g *statements) choice() string {
	x, c := g.column()
	y, o := g.column()
	equal := func(x string, c column) string { return x + " = " + g.constant(c) }
	switch g.w.r.IntN(4) {
	case 0:
		return x + " IN (" + g.constant(c) + ", " + g.constant(c) + ")"
	case 1:
		return "(" + equal(x, c) + " OR " + equal(y, o) + ")"
	case 2:
		return "(" + equal(x, c) + " OR " + equal(x, c) + " AND " + equal(y, o) + ")"
	}
	return "(" + equal(x, c) + " OR " + y + " IS NULL OR " + g.cond(0) + ")"
}

func writable(rel *relation) (out []column) {
	for _, c := range rel.cols {
		if !strings.Contains(c.typ, "GENERATED ALWAYS") {
			out = append(out, c)
		}
	}
	return out
}

func (g *statements) assignments(rel *relation) string {
	cols := writable(rel)
	if !g.one(6) {
		cols = cols[1:]
	}
	var out []string
	for _, i := range g.w.r.Perm(len(cols))[:min(len(cols), 1+g.w.r.IntN(2))] {
		c := cols[i]
		v := g.constant(c)
		switch {
		case c.family == whole && g.pg() && g.one(6):
			v = c.name + " + 1"
		case c.family == whole && !g.pg() && g.one(3):
			v = g.counted(c)
		case g.one(10):
			v = "DEFAULT"
		}
		out = append(out, c.name+" = "+v)
	}
	if len(out) == 0 {
		return "id = id"
	}
	return strings.Join(out, ", ")
}

// counted is a number that a column comes to from the one that it holds, or an
// expression that only looks like that.
func (g *statements) counted(c column) string {
	n := pick(g.w.r, []string{"1", "1", "2", "-1", "100", "200", "40000", "9223372036854775807", "1.5", "'1'", "NULL", "TRUE", "0", "1e0", "id", c.name})
	if g.one(3) {
		n = g.arg(pick(g.w.r, []any{int64(1), int64(-2), int64(300), 0.5, "1", nil, true}))
	}
	return pick(g.w.r, []string{c.name + " + " + n, c.name + " + " + n, c.name + " - " + n, n + " + " + c.name, n + " - " + c.name, "-" + c.name + " + " + n, c.name + " + " + n + " - 1", c.name + " * " + n})
}

func (g *statements) insert(rel *relation) string {
	var names []string
	var cols []column
	numbered := strings.Contains(rel.cols[0].typ, "AUTO_INCREMENT") && g.one(2)
	for _, c := range writable(rel) {
		if c.name == "id" && numbered {
			continue
		}
		if c.name == "id" || !g.one(4) {
			names, cols = append(names, c.name), append(cols, c)
		}
	}
	var rows []string
	for range []int{1, 1, 2, 3}[g.w.r.IntN(4)] {
		vals := make([]string, len(cols))
		for i, c := range cols {
			switch {
			case g.w.upserts && c.name == "id" && g.one(2): // perhaps of another row, too
				vals[i] = fmt.Sprint(1 + g.w.r.IntN(2))
			case g.one(12):
				vals[i] = "DEFAULT"
			default:
				vals[i] = g.constant(c)
			}
		}
		rows = append(rows, "("+strings.Join(vals, ", ")+")")
	}
	verb, tail := "INSERT", ""
	kind := g.w.r.IntN(6)
	if g.w.upserts {
		kind = g.w.r.IntN(4)
	}
	switch kind {
	case 0:
		if tail = " ON CONFLICT DO NOTHING"; !g.pg() {
			verb, tail = "INSERT IGNORE", ""
		}
	case 1, 2:
		key := "id"
		if rel.unique != nil && g.one(3) {
			key = strings.Join(rel.unique, ", ")
		}
		if tail = " ON CONFLICT (" + key + ") DO UPDATE SET " + g.qualified(rel); !g.pg() {
			tail = " ON DUPLICATE KEY UPDATE " + g.merged(rel)
		} else if g.one(3) {
			c := pick(g.w.r, rel.cols)
			tail += " WHERE " + rel.name + "." + c.name + " = " + g.constant(c)
		}
	case 3:
		if !g.pg() {
			verb = "REPLACE"
		}
	}
	return verb + " INTO " + rel.name + " (" + strings.Join(names, ", ") + ") VALUES " + strings.Join(rows, ", ") + tail
}

// qualified is assignments for an upsert of PostgreSQL's, where a bare name on
// the right would be ambiguous.
func (g *statements) qualified(rel *relation) string {
	var out []string
	cols := writable(rel)
	if g.w.upserts && g.one(3) { // it moves the row
		out, cols = append(out, "id = "+rel.name+".id + "+pick(g.w.r, []string{"1", "5", "50"})), cols[1:]
	} else if !g.one(6) {
		cols = cols[1:]
	}
	for _, i := range g.w.r.Perm(len(cols))[:1+g.w.r.IntN(min(len(cols), 4))] {
		c := cols[i]
		v := "excluded." + c.name
		switch {
		case g.one(4):
			v = g.constant(c)
		case g.one(6) && c.family == whole:
			v = rel.name + "." + c.name + " + 1"
		}
		out = append(out, c.name+" = "+v)
	}
	return strings.Join(out, ", ")
}

// merged is assignments for an upsert of MySQL's.
func (g *statements) merged(rel *relation) string {
	if g.one(2) {
		return g.assignments(rel)
	}
	var out []string
	cols := writable(rel)[1:]
	for _, i := range g.w.r.Perm(len(cols))[:1+g.w.r.IntN(min(len(cols), 4))] {
		out = append(out, cols[i].name+" = VALUES("+cols[i].name+")")
	}
	return strings.Join(out, ", ")
}
