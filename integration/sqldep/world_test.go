package sqldep_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// world is a random database and what is known of it.
type world struct {
	t      *testing.T
	r      *rand.Rand
	conn   *sql.Conn
	cat    *catalog.Catalog
	ddl    []string
	tables []*relation
	views  []*relation
	state  map[*relation][]row
	values []any // few, so that they meet
}

// relation is a table or view as the generator of reads sees it.
type relation struct {
	name string
	cols []string
	// key locates a row: rowid, or the primary key where there is none.
	key string
	// settable are the columns that a write may name.
	settable []string
	hasRowID bool
	all      *sql.Stmt // see snapshot
}

var columnTypes = []string{
	"INTEGER", "INTEGER", "INT NOT NULL DEFAULT 0", "TEXT", "TEXT", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM", "REAL", "NUMERIC",
	"BLOB", "BOOLEAN", "DATETIME", "VARCHAR(20) COLLATE NOCASE", "",
}

var values = []any{
	nil, nil, int64(0), int64(1), int64(1), int64(2), int64(2), int64(3), int64(-1), int64(20), int64(1000), 1.0, 1.5, -0.5, 2.25,
	"", "a", "A", "a ", "ab", "abc", "b", "B", "1", "01", "1.0", "1.5", " 2", "abd", "é", "2024-01-02", "2024-01-02 10:00:00", "2024-03-01",
	[]byte("a"), []byte("1"), true, false,
}

// alike are values of which the columns' types hold some equal to others.
var alike = [][]any{
	{nil, int64(0), int64(1), int64(2), int64(3)},
	{nil, int64(1), "1", "01", "1.0", 1.0, true, []byte("1")},
	{nil, "a", "A", "a ", "ab", "b"},
	{nil, int64(1), int64(20), int64(1000), 1.5, -0.5, "b"},
	{nil, "2024-01-02", "2024-01-02 10:00:00", "2024-03-01", "2025-01-01", int64(2024)},
	{nil, int64(0), int64(1), true, false, 0.0001, "x"},
}

func newWorld(t *testing.T, r *rand.Rand) *world {
	w := &world{t: t, r: r}
	names := []string{"t0", "t1", "t2"}
	for _, name := range names {
		w.table(name)
	}
	w.view()
	w.conn = lite.Open(t, strings.Join(w.ddl, ";\n"))
	w.cat = lite.Catalog(t, w.conn)
	w.values = slices.Clone(pick(r, alike))
	for range w.r.IntN(3) {
		w.values = append(w.values, pick(r, values))
	}
	w.state = map[*relation][]row{}
	for _, rel := range w.tables {
		for range w.r.IntN(8) {
			w.try(w.insert(rel))
		}
		w.state[rel] = w.snapshot(rel)
	}
	return w
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func (w *world) one(n int) bool { return w.r.IntN(n) == 0 }

// table makes a table whose columns have names that other tables have, too.
func (w *world) table(name string) {
	rel := &relation{name: name, hasRowID: true}
	var defs []string
	add := func(col, def string) {
		rel.cols = append(rel.cols, col)
		rel.settable = append(rel.settable, col)
		defs = append(defs, col+" "+def)
	}
	suffix := ""
	switch w.r.IntN(6) {
	case 0, 1, 2:
		add("id", "INTEGER PRIMARY KEY")
	case 3:
		add("id", "INTEGER NOT NULL")
	case 4:
		add("id", pick(w.r, []string{"TEXT PRIMARY KEY", "TEXT NOT NULL PRIMARY KEY COLLATE NOCASE", "INT PRIMARY KEY NOT NULL"}))
	case 5:
		add("id", pick(w.r, []string{"INTEGER PRIMARY KEY", "TEXT PRIMARY KEY"}))
		suffix, rel.hasRowID = " WITHOUT ROWID", false
	}
	for i, col := range []string{"a", "b", "c", "d", name + "x"} {
		if i > 0 && w.one(5) {
			continue
		}
		add(col, pick(w.r, columnTypes))
	}
	if w.one(3) {
		rel.cols = append(rel.cols, "g")
		defs = append(defs, "g AS ("+pick(w.r, []string{"id || '!'", "coalesce(" + pick(w.r, rel.settable) + ", 1)", "lower(" + pick(w.r, rel.settable) + ")"})+") "+pick(w.r, []string{"", "STORED"}))
	}
	if w.one(4) {
		defs = append(defs, "UNIQUE ("+pick(w.r, rel.settable[1:])+", id)")
	}
	if w.one(4) {
		defs = append(defs, "UNIQUE ("+pick(w.r, rel.cols)+")")
	}
	w.ddl = append(w.ddl, "CREATE TABLE "+name+" ("+strings.Join(defs, ", ")+")"+suffix)
	for i := range w.r.IntN(3) {
		w.ddl = append(w.ddl, fmt.Sprintf("CREATE INDEX %s_i%d ON %s (%s)", name, i, name, w.indexed(rel)))
	}
	rel.key = "rowid"
	if !rel.hasRowID {
		rel.key = "id"
	}
	w.tables = append(w.tables, rel)
}

func (w *world) indexed(rel *relation) string {
	first, second := pick(w.r, rel.cols), pick(w.r, rel.cols)
	switch {
	case w.one(6):
		return "lower(" + first + ")"
	case first == second || w.one(2):
		return first + pick(w.r, []string{"", " DESC", " COLLATE NOCASE"})
	}
	return first + ", " + second + pick(w.r, []string{"", "", ", " + pick(w.r, rel.cols)})
}

func (w *world) view() {
	t, u := pick(w.r, w.tables), pick(w.r, w.tables)
	bodies := []string{
		"SELECT * FROM " + t.name,
		"SELECT id, a.id AS other FROM " + t.name + " a WHERE id > 1",
		"SELECT x.id, y.id AS b FROM " + t.name + " x LEFT JOIN " + u.name + " y ON x.id = y.id",
		"SELECT id, count(*) AS a FROM " + t.name + " GROUP BY id",
		"SELECT x.*, y.id AS other FROM " + t.name + " x, " + u.name + " y WHERE x.id = y.id",
	}
	i := w.r.IntN(len(bodies))
	cols := [][]string{t.cols, {"id", "other"}, {"id", "b"}, {"id", "a"}, append(slices.Clone(t.cols), "other")}[i]
	w.ddl = append(w.ddl, "CREATE VIEW v0 AS "+bodies[i])
	w.views = append(w.views, &relation{name: "v0", cols: cols})
}

// write is a modification of one row.
type write struct {
	sql  string
	args []any
	op   dep.Op
	rel  *relation
	// key locates the row before and after.
	key []any
}

func (w *world) insert(rel *relation) write {
	out := write{op: dep.Insert, rel: rel}
	var marks, cols []string
	for _, c := range rel.settable {
		if c == "id" && rel.hasRowID && w.one(3) {
			continue
		}
		cols, marks = append(cols, c), append(marks, "?")
		out.args = append(out.args, w.value(c))
	}
	if len(cols) == 0 {
		out.sql = "INSERT INTO " + rel.name + " DEFAULT VALUES"
		return out
	}
	out.sql = "INSERT INTO " + rel.name + " (" + strings.Join(cols, ", ") + ") VALUES (" + strings.Join(marks, ", ") + ")"
	return out
}

// value is a value for a column, such that ids mostly are small numbers.
func (w *world) value(col string) any {
	if col == "id" && !w.one(5) {
		return int64(w.r.IntN(6))
	}
	return pick(w.r, w.values)
}

// try runs a write and reports whether it took place.
func (w *world) try(m write) bool {
	_, err := w.conn.ExecContext(w.t.Context(), m.sql, m.args...)
	return err == nil
}

// modification makes a write of one row, mostly of a table in use.
func (w *world) modification(uses []dep.Use) write {
	rel := pick(w.r, w.tables)
	if len(uses) > 0 && !w.one(8) {
		i := slices.IndexFunc(w.tables, func(rel *relation) bool { return "main."+rel.name == uses[w.r.IntN(len(uses))].Table })
		rel = w.tables[max(i, 0)]
	}
	rows := w.state[rel]
	if w.r.IntN(8) >= len(rows) {
		return w.insert(rel)
	}
	m := write{rel: rel, key: anys(rows[w.r.IntN(len(rows))].key)}
	where := " WHERE " + rel.key + " = ?"
	if w.one(3) {
		m.op, m.sql, m.args = dep.Delete, "DELETE FROM "+rel.name+where, m.key
		return m
	}
	m.op = dep.Update
	var sets []string
	for i := range 1 + w.r.IntN(2) {
		c := pick(w.r, rel.settable)
		if i > 0 && strings.HasPrefix(sets[0], c+" ") {
			break
		}
		sets = append(sets, c+" = ?")
		m.args = append(m.args, w.value(c))
	}
	m.args = append(m.args, m.key...)
	m.sql = "UPDATE " + rel.name + " SET " + strings.Join(sets, ", ") + where
	return m
}

func anys(row []driver.Value) []any {
	out := make([]any, len(row))
	for i, v := range row {
		out[i] = v
	}
	return out
}

// row is a row of a table with its key, as the database holds it.
type row struct {
	key, vals []driver.Value
	text      string
}

// snapshot returns the rows of a table.
func (w *world) snapshot(rel *relation) []row {
	if rel.all == nil {
		exprs := []string{"+" + rel.key}
		for _, c := range rel.cols {
			exprs = append(exprs, "+"+c) // without a declared type the driver converts nothing
		}
		rel.all = w.prepare("SELECT " + strings.Join(exprs, ", ") + " FROM " + rel.name)
	}
	raw, err := fetch(w.t.Context(), rel.all)
	if err != nil {
		w.t.Fatal(err)
	}
	rows := make([]row, len(raw))
	for i, r := range raw {
		rows[i] = row{key: r[:1], vals: r[1:], text: answer(raw[i : i+1])}
	}
	return rows
}

func (w *world) prepare(text string) *sql.Stmt {
	s, err := w.conn.PrepareContext(w.t.Context(), text)
	if err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	w.t.Cleanup(func() { _ = s.Close() })
	return s
}

// fetch returns all rows of a query.
func fetch(ctx context.Context, s *sql.Stmt, args ...any) ([][]driver.Value, error) {
	return lite.Drain(s.QueryContext(ctx, args...))
}

// change runs m and returns what it did to its row, exactly. ok is false if it
// failed or did nothing.
func (w *world) change(m write) (c dep.Change, ok bool) {
	if !w.try(m) {
		return c, false
	}
	before, after := w.state[m.rel], w.snapshot(m.rel)
	w.state[m.rel] = after
	old, now := missing(before, after), missing(after, before)
	if len(old) > 1 || len(now) > 1 {
		w.t.Fatalf("%s changed %d and %d rows", m.sql, len(old), len(now))
	}
	c = dep.Change{Table: "main." + m.rel.name, Op: m.op}
	for _, r := range old {
		c.Old = append(c.Old, w.image(m.rel, r.vals))
	}
	for _, r := range now {
		c.New = append(c.New, w.image(m.rel, r.vals))
	}
	if len(old) == 1 && len(now) == 1 {
		var set []string
		for i, col := range m.rel.cols {
			if !reflect.DeepEqual(old[0].vals[i], now[0].vals[i]) {
				set = append(set, col)
			}
		}
		c.Set = dep.ColumnSet(set...)
	}
	return c, len(old)+len(now) > 0
}

// missing returns the rows that others lacks.
func missing(rows, others []row) (out []row) {
	for _, r := range rows {
		if !slices.ContainsFunc(others, func(o row) bool { return o.text == r.text }) {
			out = append(out, r)
		}
	}
	return out
}

func (w *world) image(rel *relation, row []driver.Value) dep.Image {
	t, ok := w.cat.Lookup("", rel.name)
	if !ok {
		w.t.Fatalf("no table %s in the catalog", rel.name)
	}
	var m dep.Image
	for i, name := range rel.cols {
		c, ok := t.Column(name)
		if !ok {
			w.t.Fatalf("no column %s in the catalog", name)
		}
		m = append(m, dep.Field{Col: name, Value: c.Stored(row[i])})
	}
	return m
}
