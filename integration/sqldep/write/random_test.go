package write_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// maker makes random schemas and random writes to them.
type maker struct {
	*rand.Rand
	tables []madeTable
	views  []string
}

type madeTable struct {
	name    string
	key     []string   // the primary key, or nothing
	uniques [][]string // targets for ON CONFLICT, the key among them
	cols    []string   // without generated ones
	rowid   bool
}

func (m *maker) pick(list ...string) string { return list[m.IntN(len(list))] }

func (m *maker) chance(percent int) bool { return m.IntN(100) < percent }

// schema returns the DDL of a random schema.
func (m *maker) schema() string {
	var ddl []string
	for i := range 3 {
		ddl = append(ddl, m.table(i)...)
	}
	if m.chance(30) {
		ddl = append(ddl, "CREATE VIEW v0 AS SELECT a, b FROM t0")
		m.views = []string{"v0"}
		for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
			ddl = append(ddl, m.trigger("v0", "INSTEAD OF", event, len(ddl)))
		}
	}
	for range m.IntN(4) {
		t := m.tables[m.IntN(len(m.tables))].name
		ddl = append(ddl, m.trigger(t, m.pick("BEFORE", "AFTER", "AFTER"), m.pick("INSERT", "UPDATE", "UPDATE", "DELETE"), len(ddl)))
	}
	if m.chance(70) {
		ddl = append(ddl, "PRAGMA foreign_keys = ON")
	}
	if m.chance(30) {
		ddl = append(ddl, "PRAGMA recursive_triggers = ON")
	}
	return strings.Join(ddl, ";\n")
}

func (m *maker) table(i int) (ddl []string) {
	t := madeTable{name: fmt.Sprintf("t%d", i), rowid: true}
	var defs []string
	suffix := ""
	switch m.IntN(6) {
	case 0, 1, 2:
		defs = append(defs, "id INTEGER PRIMARY KEY"+m.pick("", "", " AUTOINCREMENT"))
		t.key = []string{"id"}
	case 3:
		defs = append(defs, "id "+m.pick("INT NOT NULL", "TEXT COLLATE NOCASE NOT NULL", "TEXT")+" PRIMARY KEY"+m.pick("", "", " ON CONFLICT REPLACE"))
		t.key = []string{"id"}
	case 4:
		defs, suffix = append(defs, "id INT"), " WITHOUT ROWID"
		t.key, t.rowid = []string{"id", "a"}, false
	case 5:
		defs = append(defs, "id INT")
	}
	t.cols = append(t.cols, "id")
	if t.key != nil {
		t.uniques = append(t.uniques, t.key)
	}
	for _, c := range []string{"a", "b", "c"} {
		def := c + " " + m.pick("INT", "TEXT", "", "REAL", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM", "NUMERIC")
		def += m.pick("", "", "", " NOT NULL DEFAULT 1", " DEFAULT 'a'", " DEFAULT 2", " DEFAULT (1+1)", " NOT NULL")
		if m.chance(15) {
			def += " UNIQUE" + m.pick("", "", " ON CONFLICT REPLACE")
			t.uniques = append(t.uniques, []string{c})
		}
		defs = append(defs, def)
		t.cols = append(t.cols, c)
	}
	if i > 0 && m.chance(60) {
		parent := m.tables[m.IntN(i)]
		if len(parent.uniques) > 0 {
			u := parent.uniques[m.IntN(len(parent.uniques))]
			if len(u) == 1 {
				defs = append(defs, m.reference("p", parent.name, u[0]))
				t.cols = append(t.cols, "p")
			}
		}
	}
	if m.chance(25) && len(t.key) == 1 {
		defs = append(defs, m.reference("s", t.name, t.key[0]))
		t.cols = append(t.cols, "s")
	}
	if m.chance(25) {
		defs = append(defs, "g "+m.pick("INT", "TEXT", "")+" GENERATED ALWAYS AS ("+m.pick("a", "a || 'x'", "coalesce(b, c)")+")"+m.pick("", " STORED"))
	}
	if suffix != "" {
		defs = append(defs, "PRIMARY KEY (id, a)")
	}
	ddl = append(ddl, "CREATE TABLE "+t.name+" ("+strings.Join(defs, ", ")+")"+suffix)
	switch m.IntN(8) {
	case 0:
		ddl = append(ddl, "CREATE UNIQUE INDEX u"+t.name+" ON "+t.name+" (a, b)")
		t.uniques = append(t.uniques, []string{"a", "b"})
	case 1:
		ddl = append(ddl, "CREATE UNIQUE INDEX u"+t.name+" ON "+t.name+" (b) WHERE a > 1")
	case 2:
		ddl = append(ddl, "CREATE UNIQUE INDEX u"+t.name+" ON "+t.name+" (b COLLATE NOCASE)")
	case 3:
		ddl = append(ddl, "CREATE UNIQUE INDEX u"+t.name+" ON "+t.name+" (a + 1)")
	}
	m.tables = append(m.tables, t)
	return ddl
}

func (m *maker) reference(col, parent, key string) string {
	action := func() string {
		return m.pick("CASCADE", "CASCADE", "SET NULL", "SET DEFAULT", "NO ACTION", "RESTRICT")
	}
	return col + " " + m.pick("INT", "TEXT", "", "INT DEFAULT 1", "REAL") + " REFERENCES " + parent + "(" + key + ") ON DELETE " + action() + " ON UPDATE " + action()
}

func (m *maker) trigger(table, when, event string, n int) string {
	of := ""
	if event == "UPDATE" && when != "INSTEAD OF" && m.chance(40) {
		of = " OF " + m.pick("a", "b", "c")
	}
	cond := m.pick("", "", " WHEN 1")
	var rows []string
	if event != "DELETE" {
		rows = append(rows, "NEW.")
	}
	if event != "INSERT" {
		rows = append(rows, "OLD.")
	}
	env := env{rows: rows}
	env.cols = append(env.cols, "a", "b")
	var body []string
	for range 1 + m.IntN(2) {
		body = append(body, m.statement(env)+";")
	}
	if m.chance(5) {
		body = append(body, "SELECT RAISE("+m.pick("IGNORE", "ABORT, 'no'", "FAIL, 'no'")+") WHERE "+rows[0]+"a = 3;")
	}
	return fmt.Sprintf("CREATE TRIGGER r%d %s %s%s ON %s%s BEGIN %s END", n, when, event, of, table, cond, strings.Join(body, " "))
}

// env is where an expression stands: what beside constants it may use.
type env struct {
	rows []string // "NEW." and "OLD." in a trigger
	cols []string
	args *[]any // at the top: constants may become arguments
}

func (m *maker) constant(e env) string {
	lits := []string{"0", "1", "2", "3", "4", "'a'", "'A'", "'a '", "'b'", "'1'", "'2.0'", "1.0", "2.5", "NULL", "x'61'", "'3x'", "-1", "TRUE"}
	if e.args != nil && m.chance(50) {
		vals := []any{int64(0), int64(1), int64(2), int64(3), "a", "A", "a ", "b", "1", "2.0", 1.0, 2.5, nil, []byte("a"), true, 7}
		*e.args = append(*e.args, vals[m.IntN(len(vals))])
		return "?"
	}
	return lits[m.IntN(len(lits))]
}

func (m *maker) value(e env, own []string) string {
	switch {
	case e.rows != nil && m.chance(50):
		return e.rows[m.IntN(len(e.rows))] + e.cols[m.IntN(len(e.cols))]
	case len(own) > 0 && m.chance(25):
		return own[m.IntN(len(own))]
	case len(own) > 0 && m.chance(20):
		return own[m.IntN(len(own))] + " + 1"
	case m.chance(5):
		return "abs(1)"
	}
	return m.constant(e)
}

func (m *maker) where(e env, t *madeTable, prefix string) string {
	var conds []string
	for range m.IntN(4) {
		col := prefix + m.pick(t.cols...)
		if m.chance(40) {
			col = prefix + "id"
		}
		conds = append(conds, m.condition(e, col))
	}
	if t.rowid && m.chance(10) {
		conds = append(conds, prefix+"rowid = "+m.value(e, nil))
	}
	if len(conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conds, m.pick(" AND ", " AND ", " AND ", " OR "))
}

func (m *maker) condition(e env, col string) string {
	switch m.IntN(12) {
	case 0:
		return col + " IS NULL"
	case 1:
		return col + " IN (" + m.constant(e) + ", " + m.constant(e) + ")"
	case 2:
		return col + " > " + m.constant(e)
	case 3:
		return m.value(e, nil) + " = " + col
	case 4:
		return col + " IS " + m.value(e, nil)
	case 5:
		return col + " = " + m.value(e, nil) + " COLLATE NOCASE"
	case 6:
		return col + " IN (SELECT a FROM t0)"
	case 7:
		return col + " <> " + m.constant(e)
	case 8:
		return "+" + col + " = " + m.constant(e)
	}
	return col + " = " + m.value(e, nil)
}

func (m *maker) statement(e env) string {
	t := &m.tables[m.IntN(len(m.tables))]
	inTrigger := e.rows != nil
	name := t.name
	if len(m.views) > 0 && m.chance(15) {
		name, t = "v0", &madeTable{name: "v0", cols: []string{"a", "b"}}
	}
	or := m.pick("", "", "", " OR IGNORE", " OR REPLACE", " OR FAIL", " OR ABORT")
	switch m.IntN(7) {
	case 0, 1:
		return m.insert(e, t, name, or)
	case 2:
		if !inTrigger && t.name != "v0" {
			s := m.insert(e, t, name, m.pick("", "", " OR IGNORE", " OR REPLACE"))
			if !strings.HasSuffix(s, "DEFAULT VALUES") {
				return s + m.upsert(e, t)
			}
			return s
		}
		return m.insert(e, t, name, or)
	case 3:
		return "DELETE FROM " + name + m.where(e, t, "")
	case 4:
		if !inTrigger && t.name != "v0" && m.chance(40) {
			o := &m.tables[m.IntN(len(m.tables))]
			return "UPDATE" + or + " " + name + " AS x SET " + m.sets(e, t) + " FROM " + o.name + " AS o" + m.where(e, t, "x.")
		}
	}
	return "UPDATE" + or + " " + name + " SET " + m.sets(e, t) + m.where(e, t, "")
}

func (m *maker) sets(e env, t *madeTable) string {
	if m.chance(10) {
		return "(a, b) = (" + m.value(e, nil) + ", " + m.value(e, nil) + ")"
	}
	var list []string
	for range 1 + m.IntN(2) {
		list = append(list, m.pick(t.cols...)+" = "+m.value(e, nil))
	}
	return strings.Join(list, ", ")
}

func (m *maker) insert(e env, t *madeTable, name, or string) string {
	verb := "INSERT" + or
	if m.chance(10) {
		verb = "REPLACE"
	}
	into := verb + " INTO " + name
	if m.chance(5) && e.rows == nil && t.name != "v0" {
		return into + " DEFAULT VALUES"
	}
	cols := t.cols
	if m.chance(60) {
		cols = nil
		for _, c := range t.cols {
			if m.chance(70) {
				cols = append(cols, c)
			}
		}
		if len(cols) == 0 {
			cols = t.cols[:1]
		}
		if t.rowid && m.chance(8) {
			cols = append(append([]string{}, cols...), "rowid")
		}
	}
	into += " (" + strings.Join(cols, ", ") + ")"
	row := func() string {
		var vals []string
		for range cols {
			vals = append(vals, m.value(e, nil))
		}
		return strings.Join(vals, ", ")
	}
	if m.chance(15) {
		return into + " SELECT " + row() + " FROM " + m.tables[m.IntN(len(m.tables))].name + " WHERE " + m.pick("1", "a = 1", "id < 3")
	}
	rows := []string{"(" + row() + ")"}
	for m.chance(25) {
		rows = append(rows, "("+row()+")")
	}
	return into + " VALUES " + strings.Join(rows, ", ")
}

func (m *maker) upsert(e env, t *madeTable) string {
	target := ""
	if len(t.uniques) > 0 && m.chance(80) {
		target = " (" + strings.Join(t.uniques[m.IntN(len(t.uniques))], ", ") + ")"
	}
	if m.chance(25) {
		return " ON CONFLICT" + target + " DO NOTHING"
	}
	set := m.pick(t.cols...) + " = " + m.pick("excluded."+m.pick(t.cols...), m.value(e, nil), m.pick(t.cols...))
	return " ON CONFLICT" + target + " DO UPDATE SET " + set + m.pick("", "", " WHERE a > 1")
}
