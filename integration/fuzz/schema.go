package fuzz

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// table is a table or view as the generator knows it.
type table struct {
	name  string
	cols  []column
	keys  [][]string // unique keys over plain columns
	rowid bool       // it has a rowid
	id    string     // the type of what refers to its key id, where that may be
	view  bool
	parts bool // it has a partition p0 that a read may name
}

type column struct {
	name      string
	kind      kind
	generated bool
}

func (t *table) column(name string) (column, bool) {
	for _, c := range t.cols {
		if c.name == name {
			return c, true
		}
	}
	return column{}, false
}

// writable are the columns that an INSERT or UPDATE may name.
func (t *table) writable() []column {
	var cs []column
	for _, c := range t.cols {
		if !c.generated {
			cs = append(cs, c)
		}
	}
	return cs
}

// schema is the generator's model of a database. It is checked against a bare
// database as it grows, but need not be right: a statement that fails must fail
// with the cache as without.
type schema struct {
	d       *dialect
	r       *rand.Rand
	tables  []*table // and views
	accept  func(ddl string) bool
	ddl     []string
	serial  int
	indexes []string
	trigs   []string
	narrow  bool // few columns, so that statements meet in them more often
}

var (
	columnPool = []column{
		{name: "cat", kind: kInt},
		{name: "name", kind: kText},
		{name: "qty", kind: kInt},
		{name: "price", kind: kReal},
		{name: "flag", kind: kBool},
		{name: "at", kind: kDate},
		{name: "data", kind: kBlob},
		{name: "ref", kind: kID},
		{name: "note", kind: kText},
		{name: "group", kind: kInt},
		{name: "two words", kind: kAny},
		{name: "Mixed", kind: kText},
	}
	fkActions = []string{"CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"}
)

// makeSchema makes tables, rows, indexes, views and triggers. accept executes a
// statement on a scratch database and says whether that worked.
func makeSchema(d *dialect, r *rand.Rand, accept func(string) bool) *schema {
	s := &schema{d: d, r: r, accept: accept}
	n := 1 + r.IntN(4)
	if d.strict && chance(r, 50) {
		s.narrow, n = true, min(n, 2)
	}
	for _, i := range r.Perm(len(d.names))[:n] {
		for try := 0; try < 4; try++ {
			t, ddl := d.table(s, d.names[i])
			if s.do(ddl[0]) {
				s.tables = append(s.tables, t)
				for _, more := range ddl[1:] {
					s.do(more)
				}
				break
			}
		}
	}
	if d.props != nil {
		s.setStage()
	}
	for i := r.IntN(4); i > 0; i-- {
		s.do(s.index())
	}
	for i := r.IntN(3); i > 0; i-- {
		s.addView()
	}
	if chance(r, 50) {
		for i := 1 + r.IntN(3); i > 0; i-- {
			for _, part := range d.trigger(s) {
				s.do(part)
			}
		}
	}
	return s
}

func (s *schema) do(ddl string) bool {
	if ddl == "" || !s.accept(ddl) {
		return false
	}
	s.ddl = append(s.ddl, ddl)
	return true
}

func (s *schema) fresh(prefix string) string {
	s.serial++
	return fmt.Sprintf("%s%d", prefix, s.serial)
}

// base takes a table that is not a view; any takes either.
func (s *schema) base() *table {
	var ts []*table
	for _, t := range s.tables {
		if !t.view {
			ts = append(ts, t)
		}
	}
	if len(ts) == 0 {
		return &table{name: "nowhere", cols: columnPool[:3]}
	}
	return pick(s.r, ts)
}

func (s *schema) any() *table {
	if len(s.tables) == 0 {
		return s.base()
	}
	return pick(s.r, s.tables)
}

// foreignKeys refers to unique keys of earlier tables, or of the table itself.
func (s *schema) foreignKeys(t *table) []string {
	r := s.r
	c, ok := t.column("ref")
	if !ok || chance(r, 30) {
		return nil
	}
	parents := []*table{t}
	for _, p := range s.tables {
		if !p.view {
			parents = append(parents, p, p)
		}
	}
	p := pick(r, parents)
	for _, k := range p.keys {
		if len(k) != 1 {
			continue
		}
		fk := "FOREIGN KEY (" + c.name + ") REFERENCES " + s.ident(p.name) + "(" + s.ident(k[0]) + ")"
		if chance(r, 75) {
			fk += " ON DELETE " + pick(r, fkActions)
		}
		if chance(r, 60) {
			fk += " ON UPDATE " + pick(r, fkActions)
		}
		if chance(r, 20) {
			fk += " DEFERRABLE INITIALLY DEFERRED"
		}
		return []string{fk}
	}
	return nil
}

func (s *schema) index() string {
	r, t := s.r, s.base()
	name := s.fresh("ix")
	unique := ""
	if chance(r, 15) {
		unique = "UNIQUE "
	}
	var cols []string
	var key []string
	for _, i := range r.Perm(len(t.cols))[:1+r.IntN(min(2, len(t.cols)))] {
		if t.cols[i].generated && s.d == mysql {
			return "" // MariaDB 10.11 crashes on some, when it purges old rows
		}
		cols = append(cols, s.form(s.d.indexes, s.ident(t.cols[i].name)))
		key = append(key, t.cols[i].name)
	}
	ddl := "CREATE " + unique + "INDEX " + name + " ON " + s.ident(t.name) + "(" + strings.Join(cols, ", ") + ")"
	if len(s.d.partial) > 0 && chance(r, 15) {
		ddl += " WHERE " + s.ident(pick(r, t.cols).name) + pick(r, s.d.partial)
	}
	if unique != "" {
		t.keys = append(t.keys, key)
	}
	s.indexes = append(s.indexes, name)
	return ddl
}

// addView makes a view and keeps it in the model if the database takes it.
func (s *schema) addView() {
	v, ddl := s.view()
	if s.do(ddl) {
		s.tables = append(s.tables, v)
	}
}

func (s *schema) view() (*table, string) {
	r := s.r
	v := &table{name: s.fresh("v"), view: true}
	kind := pick(r, s.d.views)
	a := s.any()
	st := s.statement("", 0)
	switch r.IntN(5) {
	case 0: // a filter
		v.cols = append(v.cols, a.cols...)
		g := &exprs{s: s, st: st, scope: []ref{{"", a}}, literals: true}
		return v, bound(st.write("CREATE ", kind, " ", v.name, " AS SELECT * FROM ", s.ident(a.name), " WHERE ", g.cond(1)))
	case 1: // some columns, renamed
		c, d := pick(r, a.cols), pick(r, a.cols)
		v.cols = []column{{name: "x", kind: c.kind}, {name: "y", kind: d.kind}}
		return v, bound(st.write("CREATE ", kind, " ", v.name, "(x, y) AS SELECT ", s.ident(c.name), ", ", s.ident(d.name), " FROM ", s.ident(a.name)))
	case 2: // a join
		b := s.any()
		c, d := pick(r, a.cols), pick(r, b.cols)
		g := &exprs{s: s, st: st, scope: []ref{{"l", a}, {"r", b}}, literals: true}
		v.cols = []column{{name: "x", kind: c.kind}, {name: "y", kind: d.kind}}
		return v, bound(st.write("CREATE ", kind, " ", v.name, " AS SELECT l.", s.ident(c.name), " AS x, r.", s.ident(d.name), " AS y FROM ",
			s.ident(a.name), " l ", pick(r, []string{"JOIN", "LEFT JOIN"}), " ", s.ident(b.name), " r ON ", g.joinOn()))
	case 3: // an aggregate
		c, d := pick(r, a.cols), pick(r, a.cols)
		v.cols = []column{{name: "k", kind: c.kind}, {name: "n", kind: kInt}, {name: "m", kind: d.kind}}
		return v, bound(st.write("CREATE ", kind, " ", v.name, " AS SELECT ", s.ident(c.name), " AS k, count(*) AS n, max(", s.ident(d.name), ") AS m FROM ",
			s.ident(a.name), " GROUP BY ", s.ident(c.name)))
	}
	b := s.any()
	c, d := pick(r, a.cols), pick(r, b.cols)
	v.cols = []column{{name: "x", kind: c.kind}}
	return v, bound(st.write("CREATE ", kind, " ", v.name, " AS SELECT ", s.ident(c.name), " AS x FROM ", s.ident(a.name),
		pick(r, []string{" UNION ", " UNION ALL ", " EXCEPT "}), "SELECT ", s.ident(d.name), " FROM ", s.ident(b.name)))
}

// bound is the statement's text with a literal in every slot.
func bound(st *statement) string {
	for i := range st.slots {
		st.slots[i].lit = true
	}
	text, _ := st.bind(literalValues(st))
	return text
}

// rows fills a table.
func (s *schema) rows(t *table, n int) []string {
	var out []string
	cols := t.writable()
	for i := 0; i < n; i++ {
		var names, vals []string
		for _, c := range cols {
			v := s.d.value(s.r, c.kind)
			if c.name == "id" && c.kind == kID && !chance(s.r, 10) {
				v = int64(i + 1)
			}
			names = append(names, s.ident(c.name))
			vals = append(vals, s.d.literal(v))
		}
		out = append(out, s.d.rows(s.ident(t.name)+" ("+strings.Join(names, ", ")+")", "("+strings.Join(vals, ", ")+")"))
	}
	return out
}
