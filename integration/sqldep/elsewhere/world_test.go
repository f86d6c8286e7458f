package elsewhere_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// world is a random schema on a server and what is known of it.
type world struct {
	t      *testing.T
	r      *rand.Rand
	d      catalog.Dialect
	conn   *sql.Conn
	cat    *catalog.Catalog
	schema string
	ddl    []string
	tables []*relation
	views  []*relation
	// parts are partitions of tables.
	parts []*relation
	state map[*relation][]row
	// upserts says that all writes are upserts, or replace rows.
	upserts bool
	// several says that all writes are ones of several tables, or merge.
	several bool
	// partitioned says that all tables have partitions.
	partitioned bool
}

// relation is a table or view as the generators see it.
type relation struct {
	name string
	cols []column
	// unique is a key beside the primary one, nil without.
	unique []string
}

type column struct {
	name, typ string
	family    family
}

// family is what values a column takes.
type family uint8

const (
	whole family = iota
	decimal
	words
	truth
	times
	ids
)

var pools = [...][]any{
	whole:   {nil, int64(0), int64(1), int64(1), int64(2), int64(2), int64(3), int64(20), int64(100)},
	decimal: {nil, int64(0), int64(1), int64(2), 1.5, 2.25, -0.5, 1000.0},
	words:   {nil, "", "a", "a", "A", "a ", "ab", "abc", "b", "1", "01", "é", "2024-01-02", "abd"},
	truth:   {nil, true, false, true},
	times:   {nil, "2024-01-02", "1970-01-01", "2024-01-02 10:00:00", "2024-03-01", "2025-01-01 00:00:00"},
	ids:     {nil, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "00000000-0000-0000-0000-000000000001"},
}

var columnTypes = map[catalog.Dialect][]column{
	catalog.PostgreSQL: {
		{typ: "int", family: whole},
		{typ: "int", family: whole},
		{typ: "bigint", family: whole},
		{typ: "smallint", family: whole},
		{typ: "int NOT NULL DEFAULT 2", family: whole},
		{typ: "numeric(10,2)", family: decimal},
		{typ: "numeric", family: decimal},
		{typ: "double precision", family: decimal},
		{typ: "boolean", family: truth},
		{typ: "boolean NOT NULL DEFAULT true", family: truth},
		{typ: "text", family: words},
		{typ: "text", family: words},
		{typ: "varchar(3)", family: words},
		{typ: `text COLLATE "C"`, family: words},
		{typ: "char(3)", family: words},
		{typ: "timestamp", family: times},
		{typ: "timestamptz", family: times},
		{typ: "date", family: times},
		{typ: "uuid", family: ids},
		{typ: "text DEFAULT 'a'", family: words},
		{typ: "int GENERATED ALWAYS AS (id * 2) STORED", family: whole},
	},
	catalog.MySQL: {
		{typ: "int", family: whole},
		{typ: "int", family: whole},
		{typ: "bigint", family: whole},
		{typ: "tinyint(1)", family: truth},
		{typ: "int unsigned NOT NULL DEFAULT 2", family: whole},
		{typ: "decimal(10,2)", family: decimal},
		{typ: "double", family: decimal},
		{typ: "varchar(20)", family: words},
		{typ: "varchar(3)", family: words},
		{typ: "varchar(20) COLLATE utf8mb4_bin", family: words},
		{typ: "varchar(20) COLLATE utf8mb4_unicode_ci", family: words},
		{typ: "varchar(20) COLLATE utf8mb4_nopad_bin", family: words},
		{typ: "char(3)", family: words},
		{typ: "text", family: words},
		{typ: "varchar(20) CHARACTER SET latin1", family: words},
		{typ: "datetime", family: times},
		{typ: "date", family: times},
		{typ: "enum('a','b','abc')", family: words},
		{typ: "varbinary(5)", family: words},
		{typ: "varchar(20) NOT NULL DEFAULT 'a'", family: words},
		{typ: "datetime DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP", family: times},
		{typ: "int GENERATED ALWAYS AS (b IS NULL) VIRTUAL", family: whole},
	},
}

func newWorld(t *testing.T, r *rand.Rand, d catalog.Dialect, db *sql.DB, partitioned bool) *world {
	w := &world{t: t, r: r, d: d, schema: fmt.Sprintf("w%d", r.Uint32()), partitioned: partitioned}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.conn = conn
	if d == catalog.PostgreSQL {
		w.must("CREATE SCHEMA " + w.schema)
		w.must("SET search_path = " + w.schema + ", public")
	}
	for i := range 3 {
		w.table(i)
	}
	for _, s := range w.ddl {
		w.must(s)
	}
	w.view()
	w.extra()
	w.reread()
	w.state = map[*relation][]row{}
	for _, rel := range w.tables {
		for range w.r.IntN(8) {
			w.fill(rel)
		}
	}
	for _, rel := range w.tables { // by now all triggers have fired
		w.state[rel] = w.snapshot(rel)
	}
	return w
}

func (w *world) close() {
	if w.d == catalog.PostgreSQL {
		w.must("DROP SCHEMA " + w.schema + " CASCADE")
	} else {
		w.must("DROP VIEW IF EXISTS v1, v0")
		w.must("DROP TABLE IF EXISTS t2, t1, t0")
	}
	if err := w.conn.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) must(text string) {
	w.t.Helper()
	if _, err := w.conn.ExecContext(context.Background(), text); err != nil {
		w.t.Fatalf("%v\nin %s", err, text)
	}
}

// query adapts the connection to the catalog's readers.
func (w *world) query() catalog.Query {
	return func(ctx context.Context, text string, args ...any) ([][]driver.Value, error) {
		return lite.Drain(w.conn.QueryContext(ctx, text, args...))
	}
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// one is never true in a world without chance.
func (w *world) one(n int) bool { return w.r != nil && w.r.IntN(n) == 0 }

func (w *world) table(n int) {
	rel := &relation{name: fmt.Sprintf("t%d", n)}
	types := columnTypes[w.d]
	id := pick(w.r, []string{"int", "int", "bigint"})
	parted := w.d == catalog.PostgreSQL && (w.partitioned || w.one(5))
	if parted {
		types = slices.DeleteFunc(slices.Clone(types), func(c column) bool { return strings.Contains(c.typ, "GENERATED") })
	} else if w.d == catalog.PostgreSQL && w.one(3) {
		id += " GENERATED BY DEFAULT AS IDENTITY"
	} else if w.d == catalog.MySQL && w.one(3) {
		id += " AUTO_INCREMENT"
	}
	rel.cols = []column{{"id", id, whole}}
	defs := []string{"id " + id + " PRIMARY KEY"}
	for i, name := range []string{"a", "b", "c", "d", rel.name + "x"} {
		if i > 1 && w.one(5) {
			continue
		}
		c := pick(w.r, types)
		for strings.Contains(c.typ, "GENERATED") && i < 2 {
			c = pick(w.r, types) // it is computed from b
		}
		c.name = name
		rel.cols = append(rel.cols, c)
		def := name + " " + c.typ
		if i == 0 && n > 0 && w.one(2) {
			parent := pick(w.r, w.tables)
			typ, _, _ := strings.Cut(parent.cols[0].typ, " ")
			rel.cols[1] = column{name, typ, whole}
			action := func() string {
				return pick(w.r, []string{"CASCADE", "CASCADE", "SET NULL", "NO ACTION"})
			}
			def = name + " " + typ
			defs = append(defs, fmt.Sprintf("FOREIGN KEY (%s) REFERENCES %s (id) ON DELETE %s ON UPDATE %s", name, parent.name, action(), action()))
		}
		defs = append(defs, def)
	}
	if parted {
		if w.one(3) {
			defs = append(defs, "UNIQUE (id, "+rel.cols[1].name+")")
			rel.unique = []string{"id", rel.cols[1].name}
		}
	} else if w.one(3) {
		if c := pick(w.r, rel.cols[1:]); w.d == catalog.PostgreSQL || c.family != words && !strings.Contains(c.typ, "GENERATED") {
			defs = append(defs, "UNIQUE ("+c.name+")")
			rel.unique = []string{c.name}
		}
	} else if d := rel.cols[len(rel.cols)-1]; w.one(3) && rel.cols[1].family == whole && (w.d == catalog.PostgreSQL || d.family != words && !strings.Contains(d.typ, "GENERATED")) {
		defs = append(defs, "UNIQUE (a, "+d.name+")")
		rel.unique = []string{"a", d.name}
	}
	tail := ""
	if w.d == catalog.MySQL {
		tail = " ENGINE=InnoDB"
	}
	if parted {
		tail = " PARTITION BY RANGE (id)"
	}
	w.ddl = append(w.ddl, "CREATE TABLE "+rel.name+" ("+strings.Join(defs, ", ")+")"+tail)
	if parted {
		w.partitions(rel)
	}
	if w.one(2) {
		if c := pick(w.r, rel.cols[1:]); w.d == catalog.PostgreSQL || c.typ != "text" && !strings.Contains(c.typ, "GENERATED") {
			w.ddl = append(w.ddl, "CREATE INDEX "+rel.name+"_i ON "+rel.name+" ("+c.name+")")
		}
	}
	w.tables = append(w.tables, rel)
}

// partitions makes a table's, the second with one of its own.
func (w *world) partitions(rel *relation) {
	low, high, last := rel.name+"low", rel.name+"high", rel.name+"last"
	w.ddl = append(w.ddl,
		"CREATE TABLE "+low+" PARTITION OF "+rel.name+" FOR VALUES FROM (MINVALUE) TO (3)",
		"CREATE TABLE "+high+" PARTITION OF "+rel.name+" FOR VALUES FROM (3) TO (MAXVALUE) PARTITION BY LIST (id)",
		"CREATE TABLE "+last+" PARTITION OF "+high+" DEFAULT")
	for _, name := range []string{low, high, last} {
		w.parts = append(w.parts, &relation{name: name, cols: rel.cols})
	}
}

// view makes views over the tables, the second perhaps over the first.
func (w *world) view() {
	for i, tries := 0, 0; i < 2 && tries < 20; tries++ {
		name := fmt.Sprintf("v%d", i)
		body, cols := w.viewBody()
		text := "CREATE VIEW " + name + " AS " + body
		if _, err := w.conn.ExecContext(context.Background(), text); err != nil {
			continue // the body was not to the server's liking
		}
		w.ddl = append(w.ddl, text)
		w.views = append(w.views, &relation{name: name, cols: cols})
		i++
	}
}

func (w *world) viewBody() (body string, cols []column) {
	t, u := pick(w.r, w.tables), pick(w.r, w.tables)
	g := &statements{w: w, plain: true, scope: []named{{"x", t}}}
	from := " FROM " + t.name + " x"
	switch w.r.IntN(8) {
	case 0:
		return "SELECT x.id, x.a" + from + " JOIN " + u.name + " y ON x.id = y.id WHERE y.id > 1", t.cols[:2]
	case 1:
		return "SELECT id, count(*) AS n FROM " + t.name + " GROUP BY id", []column{t.cols[0], {"n", "bigint", whole}}
	case 2:
		where := g.cond(1)
		g.scope = []named{{"y", u}}
		return "SELECT x.id, y." + u.cols[1].name + " AS a" + from + " LEFT JOIN " + u.name + " y ON y.id = x.id AND " + g.cond(0) + " WHERE " + where,
			[]column{t.cols[0], {"a", u.cols[1].typ, u.cols[1].family}}
	case 3:
		return "SELECT x.*" + from + " WHERE " + g.cond(1) + " ORDER BY x.id LIMIT 2", t.cols
	case 4:
		if len(w.views) > 0 {
			return "SELECT * FROM v0 WHERE id " + pick(w.r, []string{"= 2", "> 1", "IS NOT NULL"}), w.views[0].cols
		}
	case 5:
		return "SELECT * FROM " + t.name, t.cols
	}
	return "SELECT x.*" + from + " WHERE " + g.cond(w.r.IntN(2)), t.cols
}

// extra makes triggers: one that stamps rows, one that writes another table.
func (w *world) extra() {
	rel, other := pick(w.r, w.tables), pick(w.r, w.tables)
	c := pick(w.r, rel.cols[1:])
	if strings.Contains(c.typ, "GENERATED") {
		return
	}
	value := literal(w.d, pick(w.r, pools[c.family][1:3]))
	var s []string
	switch {
	case w.one(3) && w.d == catalog.PostgreSQL:
		s = []string{
			"CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW." + c.name + " := " + value + "; RETURN NEW; END $$",
			"CREATE TRIGGER stamped BEFORE " + pick(w.r, []string{"INSERT", "UPDATE", "INSERT OR UPDATE"}) + " ON " + rel.name + " FOR EACH ROW EXECUTE FUNCTION stamp()",
		}
	case w.one(3) && w.d == catalog.MySQL:
		s = []string{"CREATE TRIGGER stamped BEFORE " + pick(w.r, []string{"INSERT", "UPDATE"}) + " ON " + rel.name + " FOR EACH ROW SET NEW." + c.name + " = " + value}
	case len(w.parts) > 0 && w.one(3):
		part := pick(w.r, w.parts)
		if strings.HasPrefix(part.name, other.name) {
			return
		}
		s = []string{
			"CREATE FUNCTION side() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM " + other.name + " WHERE id = 2; RETURN NULL; END $$",
			"CREATE TRIGGER sided AFTER " + pick(w.r, []string{"INSERT", "UPDATE", "DELETE"}) + " ON " + part.name + " FOR EACH ROW EXECUTE FUNCTION side()",
		}
	case w.one(3) && rel != other && w.d == catalog.PostgreSQL:
		s = []string{
			"CREATE FUNCTION side() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM " + other.name + " WHERE id = 2; RETURN NULL; END $$",
			"CREATE TRIGGER sided AFTER " + pick(w.r, []string{"DELETE OR UPDATE", "INSERT", "UPDATE OF " + c.name}) + " ON " + rel.name +
				" FOR EACH " + pick(w.r, []string{"ROW", "STATEMENT"}) + " EXECUTE FUNCTION side()",
		}
	case w.one(3) && rel != other && w.d == catalog.MySQL:
		s = []string{"CREATE TRIGGER sided " + pick(w.r, []string{"AFTER DELETE", "AFTER UPDATE", "BEFORE INSERT", "AFTER INSERT"}) + " ON " + rel.name +
			" FOR EACH ROW DELETE FROM " + other.name + " WHERE id = 2"}
	}
	for _, text := range s {
		w.must(text)
		w.ddl = append(w.ddl, text)
	}
}

func (w *world) fill(rel *relation) {
	var names, vals []string
	for _, c := range rel.cols {
		if strings.Contains(c.typ, "GENERATED ALWAYS") {
			continue
		}
		names, vals = append(names, c.name), append(vals, literal(w.d, w.value(c)))
	}
	w.conn.ExecContext(w.t.Context(), "INSERT INTO "+rel.name+" ("+strings.Join(names, ", ")+") VALUES ("+strings.Join(vals, ", ")+")") //nolint:errcheck // it may well be refused
}

func (w *world) value(c column) any {
	if c.name == "id" && !w.one(8) {
		return int64(1 + w.r.IntN(6))
	}
	return pick(w.r, pools[c.family])
}

func literal(d catalog.Dialect, v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return "'" + v + "'"
	case time.Time:
		return "'" + v.Format("2006-01-02 15:04:05") + "'"
	}
	return fmt.Sprint(v)
}

// row is a row of a table as the driver reads it.
type row struct {
	vals []driver.Value
	key  string
	text string
}

func (w *world) snapshot(rel *relation) []row { return w.snapshotBy(rel, "id") }

func (w *world) snapshotBy(rel *relation, order string) []row {
	raw, err := lite.Drain(w.conn.QueryContext(w.t.Context(), "SELECT "+strings.Join(names(rel), ", ")+" FROM "+rel.name+" ORDER BY "+order))
	if err != nil {
		w.t.Fatal(err)
	}
	out := make([]row, len(raw))
	for i, r := range raw {
		out[i] = row{vals: r, key: fmt.Sprint(r[0]), text: answer(raw[i:i+1], false)}
	}
	return out
}

func names(rel *relation) []string {
	out := make([]string, len(rel.cols))
	for i, c := range rel.cols {
		out[i] = c.name
	}
	return out
}

// exact returns what a write did to a table, row by row.
func (w *world) exact(rel *relation, before, after []row) (out []dep.Change) {
	for _, o := range before {
		i := slices.IndexFunc(after, func(n row) bool { return n.key == o.key })
		c := dep.Change{Table: w.resolved(rel), Op: dep.Delete, Old: []dep.Image{w.exactImage(rel, o)}}
		switch {
		case i >= 0 && after[i].text == o.text:
			continue
		case i >= 0:
			c.Op, c.New = dep.Update, []dep.Image{w.exactImage(rel, after[i])}
			var set []string
			for j, col := range rel.cols {
				if fmt.Sprint(o.vals[j]) != fmt.Sprint(after[i].vals[j]) {
					set = append(set, col.name)
				}
			}
			c.Set = dep.ColumnSet(set...)
		}
		out = append(out, c)
	}
	for _, n := range after {
		if !slices.ContainsFunc(before, func(o row) bool { return n.key == o.key }) {
			out = append(out, dep.Change{Table: w.resolved(rel), Op: dep.Insert, New: []dep.Image{w.exactImage(rel, n)}})
		}
	}
	return out
}

func (w *world) resolved(rel *relation) string {
	t, ok := w.cat.Lookup("", rel.name)
	if !ok {
		w.t.Fatalf("no table %s", rel.name)
	}
	return t.Name
}

func (w *world) image(rel *relation, r row) (m dep.Image) {
	t, _ := w.cat.Lookup("", rel.name)
	for i, c := range rel.cols {
		col, ok := t.Column(c.name)
		if !ok {
			w.t.Fatalf("no column %s", c.name)
		}
		if v := col.Stored(r.vals[i]); v.Known() {
			m = append(m, dep.Field{Col: c.name, Value: v})
		}
	}
	return m
}

// exactImage is a row's image with what the driver read of it.
func (w *world) exactImage(rel *relation, r row) dep.Image {
	m := w.image(rel, r)
	for i, c := range rel.cols {
		m = append(m, dep.Field{Col: raw + c.name, Value: dep.TextValue(fmt.Sprintf("%T:%v", r.vals[i], r.vals[i]))})
	}
	return m
}

// answer is a result in a form that compares; sorted where its order is free.
func answer(rows [][]driver.Value, sorted bool) string {
	lines := make([]string, len(rows))
	for i, r := range rows {
		var b strings.Builder
		for _, v := range r {
			if raw, ok := v.([]byte); ok {
				v = string(raw)
			}
			fmt.Fprintf(&b, "%T:%v|", v, v)
		}
		lines[i] = b.String()
	}
	if sorted {
		slices.Sort(lines)
	}
	return strings.Join(lines, "\n")
}
