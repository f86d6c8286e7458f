package fuzz

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// wordlist is what the dialects of PostgreSQL and MySQL have in common: most of
// their generator is words.
type wordlist struct {
	pool   []column
	ids    []column          // name is the definition
	types  map[kind][]string // of columns
	values map[kind][]any    // of their domains
	conds  map[kind][]string // conditions on a column of that kind, as fill takes them
	common []string          // on any
	tricky []string          // on any
	ranges []string          // on any
	gens   []string          // of generated columns
	checks []string          // of tables
	finish func(s *schema, t *table, ddl string) []string
}

// serverPool are the columns that tables have on either server.
func serverPool() []column {
	return []column{
		{name: "cat", kind: kInt},
		{name: "name", kind: kText},
		{name: "qty", kind: kInt},
		{name: "price", kind: kDecimal},
		{name: "ratio", kind: kReal},
		{name: "flag", kind: kBool},
		{name: "at", kind: kDate},
		{name: "data", kind: kBlob},
		{name: "ref", kind: kID},
		{name: "note", kind: kText},
		{name: "group", kind: kInt},
		{name: "two words", kind: kText},
		{name: "code", kind: kUUID},
		{name: "mood", kind: kEnum},
		{name: "doc", kind: kJSON},
		{name: "net", kind: kNet},
	}
}

func (v *wordlist) plain(r *rand.Rand, k kind) any {
	if vs := v.values[k]; len(vs) > 0 {
		return pick(r, vs)
	}
	return pick(r, v.values[kInt])
}

// fill writes a condition: {c} is a column, the same one throughout, {d} another
// one of its kind, {e} one of any kind, {h} a value for c, {i} a small number, {l} a list of values.
func (g *exprs) fill(form, c string, k kind) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(form, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		switch rest[0] {
		case 'c':
			b.WriteString(c)
		case 'd':
			d, _ := g.like(k)
			b.WriteString(d)
		case 'e':
			e, _ := g.col()
			b.WriteString(e)
		case 'h':
			b.WriteString(g.hole(k))
		case 'i':
			b.WriteString(g.hole(kInt))
		case 'l':
			b.WriteString(g.list(k, 1+g.r().IntN(4)))
		default: // a brace of the form's own
			b.WriteString("{" + rest[:1])
			form = rest[1:]
			continue
		}
		form = rest[2:]
	}
}

func (v *wordlist) simple(g *exprs) string {
	c, k := g.col()
	if own := v.conds[k]; len(own) > 0 && chance(g.r(), 30) {
		return g.fill(pick(g.r(), own), c, k)
	}
	return g.fill(pick(g.r(), v.common), c, k)
}

func (v *wordlist) trickyCond(g *exprs) string {
	c, k := g.col()
	if own := v.conds[k]; len(own) > 0 && chance(g.r(), 60) {
		return g.fill(pick(g.r(), own), c, k)
	}
	return g.fill(pick(g.r(), v.tricky), c, k)
}

func (v *wordlist) rangeCond(g *exprs) string {
	c, k := g.col()
	return g.fill(pick(g.r(), v.ranges), c, k)
}

// table makes a table: most have a key of one column.
func (v *wordlist) table(s *schema, name string) (*table, []string) {
	r := s.r
	t := &table{name: name}
	var defs []string
	if !chance(r, 6) {
		id := pick(r, v.ids)
		t.cols = append(t.cols, column{name: "id", kind: id.kind})
		if chance(r, 88) {
			t.keys = append(t.keys, []string{"id"})
			defs = append(defs, "id "+id.name+" PRIMARY KEY")
			t.id = v.bare(id.name)
		} else {
			defs = append(defs, "id "+id.name)
		}
	}
	pool, most := v.pool, 5
	if s.narrow {
		pool, most = v.pool[:4], 3
	}
	for _, i := range r.Perm(len(pool))[:2+r.IntN(most)] {
		c := pool[i]
		t.cols = append(t.cols, c)
		defs = append(defs, v.column(s, t, c))
	}
	if len(t.keys) == 0 && chance(r, 60) {
		a, b := t.cols[0].name, t.cols[1].name
		t.keys = append(t.keys, []string{a, b})
		defs = append(defs, "PRIMARY KEY ("+s.ident(a)+", "+s.ident(b)+")")
	}
	if chance(r, 20) {
		k := []string{pick(r, t.cols).name}
		if d := pick(r, t.cols); d.name != k[0] && chance(r, 60) {
			k = append(k, d.name)
		}
		t.keys = append(t.keys, k)
		defs = append(defs, "UNIQUE ("+s.idents(k)+")")
	}
	if chance(r, 15) {
		c := pick(r, t.cols)
		g := strings.ReplaceAll(pick(r, v.gens), "%s", s.ident(c.name))
		t.cols = append(t.cols, column{name: "gen", kind: pick(r, []kind{kInt, kText}), generated: true})
		defs = append(defs, "gen "+g)
	}
	if chance(r, 8) {
		defs = append(defs, "CHECK ("+strings.ReplaceAll(pick(r, v.checks), "%s", s.ident(pick(r, t.cols).name))+")")
	}
	defs = append(defs, v.references(s, t)...)
	return t, v.finish(s, t, "CREATE TABLE "+s.ident(name)+" ("+strings.Join(defs, ", ")+")")
}

// bare is the type of a column that refers to a key of that definition.
func (v *wordlist) bare(def string) string {
	for _, more := range []string{" AUTO_INCREMENT", " GENERATED"} {
		def, _, _ = strings.Cut(def, more)
	}
	return strings.Replace(def, "serial", "int", 1)
}

// references has many tables refer to the key of an earlier one, with actions
// mostly.
func (v *wordlist) references(s *schema, t *table) []string {
	r := s.r
	parents := []*table{}
	for _, p := range s.tables {
		if p.id != "" {
			parents = append(parents, p)
		}
	}
	_, has := t.column("ref")
	if len(parents) == 0 || has || !chance(r, 60) {
		return s.foreignKeys(t)
	}
	p := pick(r, parents)
	t.cols = append(t.cols, column{name: "ref", kind: p.cols[0].kind})
	actions := []string{"CASCADE", "CASCADE", "CASCADE", "SET NULL", "SET NULL", "NO ACTION"}
	return []string{"ref " + p.id, "FOREIGN KEY (ref) REFERENCES " + s.ident(p.name) + "(id) ON DELETE " + pick(r, actions) + " ON UPDATE " + pick(r, actions)}
}

func (s *schema) idents(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = s.ident(n)
	}
	return strings.Join(out, ", ")
}

func (v *wordlist) column(s *schema, t *table, c column) string {
	r := s.r
	def := s.ident(c.name) + " " + pick(r, v.types[c.kind])
	switch {
	case chance(r, 15):
		def += " DEFAULT " + s.d.literal(v.plain(r, c.kind)) + " NOT NULL"
	case chance(r, 25):
		def += " DEFAULT " + s.d.literal(v.plain(r, c.kind))
	}
	if chance(r, 6) {
		def += " UNIQUE"
		t.keys = append(t.keys, []string{c.name})
	}
	return def
}

// windowStrict is a window function whose result does not depend on which of
// two rows that are equal comes first.
func windowStrict(g *exprs, c, d string) string {
	f := g.scope[0]
	if len(f.t.keys) > 0 && len(f.t.keys[0]) == 1 && f.t.keys[0][0] == "id" && !f.t.view {
		id := g.name(f, "id")
		return pick(g.r(), []string{"row_number()", "lag(" + d + ")", "first_value(" + c + ")", "count(" + d + ")"}) +
			" OVER (" + pick(g.r(), []string{"PARTITION BY " + c + " ", ""}) + "ORDER BY " + id + ")"
	}
	return pick(g.r(), []string{"rank()", "count(*)", "dense_rank()"}) + " OVER (" + pick(g.r(), []string{"PARTITION BY " + c + " ", ""}) + "ORDER BY " + d + ")"
}

// serverLiteral writes v as both servers read it; the dialects write bytes.
func serverLiteral(v any, bytes func([]byte) string, text func(string) string) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return realLiteral(v)
	case string:
		return text(v)
	case []byte:
		return bytes(v)
	case bool:
		return strings.ToUpper(strconv.FormatBool(v))
	case time.Time:
		return "'" + v.UTC().Format("2006-01-02 15:04:05.999999") + "'"
	}
	panic(fmt.Sprintf("fuzz: no literal for %T", v))
}

func (s *schema) addColumn(t *table) (string, func()) {
	def := pick(s.r, s.d.columns)
	c := column{name: s.fresh("extra"), kind: def.kind}
	return "ALTER TABLE " + s.ident(t.name) + " ADD COLUMN " + c.name + " " + def.name, func() { t.cols = append(t.cols, c) }
}

func (s *schema) renameColumn(t *table) (string, func()) {
	c := pick(s.r, t.cols)
	name := s.fresh("renamed")
	return "ALTER TABLE " + s.ident(t.name) + " RENAME COLUMN " + s.ident(c.name) + " TO " + name, func() { t.rename(c.name, name) }
}
