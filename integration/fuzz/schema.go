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
	view  bool
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
	r       *rand.Rand
	tables  []*table // and views
	accept  func(ddl string) bool
	ddl     []string
	serial  int
	indexes []string
	trigs   []string
}

var (
	tableNames = []string{"items", "people", "tags", "Log Book", "order"}
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
	naturalTypes = map[kind][]string{
		kID: {"INTEGER", "INT", "BIGINT"}, kInt: {"INTEGER", "INT", "SMALLINT", "NUMERIC"},
		kText: {"TEXT", "VARCHAR(20)", "TEXT"}, kReal: {"REAL", "DOUBLE", "NUMERIC", "DECIMAL(10,2)"},
		kBool: {"BOOLEAN", "INTEGER", "BOOL"}, kDate: {"DATETIME", "TIMESTAMP", "DATE", "TEXT"},
		kBlob: {"BLOB", ""}, kAny: {"", "BLOB", "NUMERIC", "TEXT"},
	}
	anyTypes    = []string{"INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "", "BOOLEAN", "DATETIME", "FLOATING POINT", "STRING"}
	strictTypes = map[kind]string{
		kID: "INTEGER", kInt: "INTEGER", kText: "TEXT", kReal: "REAL", kBool: "INTEGER", kDate: "TEXT", kBlob: "BLOB", kAny: "ANY",
	}
	fkActions = []string{"CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"}
	conflicts = []string{"ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"}
)

// makeSchema makes tables, rows, indexes, views and triggers. accept executes a
// statement on a scratch database and says whether that worked.
func makeSchema(r *rand.Rand, accept func(string) bool) *schema {
	s := &schema{r: r, accept: accept}
	n := 1 + r.IntN(4)
	for _, i := range r.Perm(len(tableNames))[:n] {
		for try := 0; try < 4; try++ {
			t, ddl := s.table(tableNames[i])
			if s.do(ddl) {
				s.tables = append(s.tables, t)
				break
			}
		}
	}
	for i := r.IntN(4); i > 0; i-- {
		s.do(s.index())
	}
	for i := r.IntN(3); i > 0; i-- {
		s.addView()
	}
	if chance(r, 50) {
		for i := 1 + r.IntN(3); i > 0; i-- {
			s.do(s.trigger())
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

func (s *schema) table(name string) (*table, string) {
	r := s.r
	t := &table{name: name, rowid: true}
	strict := chance(r, 7)
	var defs, tail []string
	key := s.primary(t, strict)
	defs = append(defs, key...)
	for _, i := range r.Perm(len(columnPool))[:2+r.IntN(5)] {
		c := columnPool[i]
		t.cols = append(t.cols, c)
		defs = append(defs, s.columnDef(t, c, strict))
	}
	if len(key) == 0 || chance(r, 6) {
		if _, has := t.column("cat"); has && len(t.keys) == 0 && chance(r, 60) {
			tail = append(tail, "PRIMARY KEY (cat, "+ident(t.cols[0].name)+")")
			t.keys = append(t.keys, []string{"cat", t.cols[0].name})
		}
	}
	if chance(r, 25) {
		c := pick(r, t.cols)
		def := "UNIQUE (" + ident(c.name) + ")"
		k := []string{c.name}
		if d := pick(r, t.cols); d.name != c.name && chance(r, 60) {
			def = "UNIQUE (" + ident(c.name) + ", " + ident(d.name) + ")"
			k = append(k, d.name)
		}
		tail = append(tail, def+s.conflictClause(30))
		t.keys = append(t.keys, k)
	}
	if chance(r, 15) {
		gen := s.generated(t)
		if gen != "" {
			defs = append(defs, gen)
		}
	}
	if chance(r, 8) {
		tail = append(tail, "CHECK ("+ident(pick(r, t.cols).name)+" <> 5)")
	}
	tail = append(tail, s.foreignKeys(t)...)
	opts := ""
	if len(t.keys) > 0 && chance(r, 18) {
		opts, t.rowid = " WITHOUT ROWID", false
	}
	if strict {
		if opts != "" {
			opts += ","
		}
		opts += " STRICT"
	}
	return t, "CREATE TABLE " + ident(name) + " (" + strings.Join(append(defs, tail...), ", ") + ")" + opts
}

// primary adds the id column, in one of its forms, or none.
func (s *schema) primary(t *table, strict bool) []string {
	forms := []string{
		"id INTEGER PRIMARY KEY", "id INTEGER PRIMARY KEY", "id INTEGER PRIMARY KEY", "id INTEGER PRIMARY KEY AUTOINCREMENT",
		"id INT PRIMARY KEY", "id INTEGER PRIMARY KEY DESC", "id TEXT PRIMARY KEY", "id TEXT PRIMARY KEY COLLATE NOCASE",
		"id INT NOT NULL PRIMARY KEY", "id INTEGER", "id PRIMARY KEY", "id REAL PRIMARY KEY",
	}
	if strict {
		forms = []string{"id INTEGER PRIMARY KEY", "id INT PRIMARY KEY", "id TEXT PRIMARY KEY", "id ANY PRIMARY KEY"}
	}
	if chance(s.r, 12) {
		return nil
	}
	form := pick(s.r, forms)
	t.cols = append(t.cols, column{name: "id", kind: kID})
	if !strings.Contains(form, "PRIMARY") {
		return []string{form}
	}
	t.keys = append(t.keys, []string{"id"})
	if !strings.Contains(form, "AUTOINCREMENT") {
		form += s.conflictClause(8)
	}
	return []string{form}
}

func (s *schema) conflictClause(percent int) string {
	if !chance(s.r, percent) {
		return ""
	}
	return " ON CONFLICT " + pick(s.r, append([]string{"REPLACE", "REPLACE"}, conflicts...))
}

func (s *schema) columnDef(t *table, c column, strict bool) string {
	r := s.r
	typ := pick(r, naturalTypes[c.kind])
	switch {
	case strict:
		typ = strictTypes[c.kind]
	case chance(r, 15):
		typ = pick(r, anyTypes)
	}
	def := strings.TrimSpace(ident(c.name) + " " + typ)
	if (c.kind == kText || c.kind == kAny) && chance(r, 35) {
		def += " COLLATE " + pick(r, []string{"NOCASE", "RTRIM", "nocase", "BINARY"})
	}
	if chance(r, 15) {
		def += " NOT NULL" + s.conflictClause(35)
		if chance(r, 70) {
			def += " DEFAULT " + s.defaultFor(c)
		}
	} else if chance(r, 25) {
		def += " DEFAULT " + s.defaultFor(c)
	}
	if chance(r, 6) {
		def += " UNIQUE" + s.conflictClause(35)
		t.keys = append(t.keys, []string{c.name})
	}
	return def
}

func (s *schema) defaultFor(c column) string {
	switch s.r.IntN(6) {
	case 0:
		return "(1 + 1)"
	case 1:
		return "(lower('A'))"
	case 2:
		return "'1'"
	case 3:
		return "-1"
	}
	return "(" + literal(plain(s.r, c.kind)) + ")"
}

func (s *schema) generated(t *table) string {
	c := pick(s.r, t.cols)
	g := column{name: "gen", kind: c.kind, generated: true}
	expr := pick(s.r, []string{"coalesce(%s, 0) + 1", "lower(%s)", "%s", "%s = 1", "ifnull(%s, 'none')"})
	t.cols = append(t.cols, g)
	typ := pick(s.r, []string{" INTEGER", " TEXT", " INT"})
	return "gen" + typ + " GENERATED ALWAYS AS (" + fmt.Sprintf(expr, ident(c.name)) + ")" + pick(s.r, []string{" STORED", " VIRTUAL", ""})
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
		fk := "FOREIGN KEY (" + c.name + ") REFERENCES " + ident(p.name) + "(" + ident(k[0]) + ")"
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
		c := ident(t.cols[i].name)
		switch r.IntN(8) {
		case 0:
			c = "lower(" + c + ")"
		case 1:
			c += " COLLATE NOCASE"
		case 2:
			c += " DESC"
		}
		cols = append(cols, c)
		key = append(key, t.cols[i].name)
	}
	ddl := "CREATE " + unique + "INDEX " + name + " ON " + ident(t.name) + "(" + strings.Join(cols, ", ") + ")"
	if chance(r, 15) {
		ddl += " WHERE " + ident(pick(r, t.cols).name) + pick(r, []string{" IS NOT NULL", " = 1", " > 2"})
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
	a := s.any()
	st := &statement{}
	switch r.IntN(5) {
	case 0: // a filter
		v.cols = append(v.cols, a.cols...)
		g := &exprs{s: s, st: st, scope: []ref{{"", a}}, literals: true}
		return v, bound(st.write("CREATE VIEW ", v.name, " AS SELECT * FROM ", ident(a.name), " WHERE ", g.cond(1)))
	case 1: // some columns, renamed
		c, d := pick(r, a.cols), pick(r, a.cols)
		v.cols = []column{{name: "x", kind: c.kind}, {name: "y", kind: d.kind}}
		return v, bound(st.write("CREATE VIEW ", v.name, "(x, y) AS SELECT ", ident(c.name), ", ", ident(d.name), " FROM ", ident(a.name)))
	case 2: // a join
		b := s.any()
		c, d := pick(r, a.cols), pick(r, b.cols)
		g := &exprs{s: s, st: st, scope: []ref{{"l", a}, {"r", b}}, literals: true}
		v.cols = []column{{name: "x", kind: c.kind}, {name: "y", kind: d.kind}}
		return v, bound(st.write("CREATE VIEW ", v.name, " AS SELECT l.", ident(c.name), " AS x, r.", ident(d.name), " AS y FROM ",
			ident(a.name), " l ", pick(r, []string{"JOIN", "LEFT JOIN"}), " ", ident(b.name), " r ON ", g.joinOn()))
	case 3: // an aggregate
		c, d := pick(r, a.cols), pick(r, a.cols)
		v.cols = []column{{name: "k", kind: c.kind}, {name: "n", kind: kInt}, {name: "m", kind: d.kind}}
		return v, bound(st.write("CREATE VIEW ", v.name, " AS SELECT ", ident(c.name), " AS k, count(*) AS n, max(", ident(d.name), ") AS m FROM ",
			ident(a.name), " GROUP BY ", ident(c.name)))
	}
	b := s.any()
	c, d := pick(r, a.cols), pick(r, b.cols)
	v.cols = []column{{name: "x", kind: c.kind}}
	return v, bound(st.write("CREATE VIEW ", v.name, " AS SELECT ", ident(c.name), " AS x FROM ", ident(a.name),
		pick(r, []string{" UNION ", " UNION ALL ", " EXCEPT "}), "SELECT ", ident(d.name), " FROM ", ident(b.name)))
}

// bound is the statement's text with a literal in every slot.
func bound(st *statement) string {
	for i := range st.slots {
		st.slots[i].lit = true
	}
	text, _ := st.bind(literalValues(st))
	return text
}

func ident(name string) string {
	switch name {
	case "order", "group", "two words", "Log Book":
		return `"` + name + `"`
	}
	return name
}

// rows fills a table.
func (s *schema) rows(t *table, n int) []string {
	var out []string
	cols := t.writable()
	for i := 0; i < n; i++ {
		var names, vals []string
		for _, c := range cols {
			v := value(s.r, c.kind)
			if c.name == "id" && !chance(s.r, 10) {
				v = int64(i + 1)
			}
			names = append(names, ident(c.name))
			vals = append(vals, literal(v))
		}
		out = append(out, "INSERT OR IGNORE INTO "+ident(t.name)+" ("+strings.Join(names, ", ")+") VALUES ("+strings.Join(vals, ", ")+")")
	}
	return out
}
