package fuzz

import (
	"fmt"
	"strings"
)

var (
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
	conflicts = []string{"ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"}
)

func liteTable(s *schema, name string) (*table, []string) {
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
			tail = append(tail, "PRIMARY KEY (cat, "+s.ident(t.cols[0].name)+")")
			t.keys = append(t.keys, []string{"cat", t.cols[0].name})
		}
	}
	if chance(r, 25) {
		c := pick(r, t.cols)
		def := "UNIQUE (" + s.ident(c.name) + ")"
		k := []string{c.name}
		if d := pick(r, t.cols); d.name != c.name && chance(r, 60) {
			def = "UNIQUE (" + s.ident(c.name) + ", " + s.ident(d.name) + ")"
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
		tail = append(tail, "CHECK ("+s.ident(pick(r, t.cols).name)+" <> 5)")
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
	return t, []string{"CREATE TABLE " + s.ident(name) + " (" + strings.Join(append(defs, tail...), ", ") + ")" + opts}
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
	def := strings.TrimSpace(s.ident(c.name) + " " + typ)
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
	return "(" + s.d.literal(s.d.plain(s.r, c.kind)) + ")"
}

func (s *schema) generated(t *table) string {
	c := pick(s.r, t.cols)
	g := column{name: "gen", kind: c.kind, generated: true}
	expr := pick(s.r, []string{"coalesce(%s, 0) + 1", "lower(%s)", "%s", "%s = 1", "ifnull(%s, 'none')"})
	t.cols = append(t.cols, g)
	typ := pick(s.r, []string{" INTEGER", " TEXT", " INT"})
	return "gen" + typ + " GENERATED ALWAYS AS (" + fmt.Sprintf(expr, s.ident(c.name)) + ")" + pick(s.r, []string{" STORED", " VIRTUAL", ""})
}
