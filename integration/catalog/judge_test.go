package catalog_test

import (
	"database/sql"
	"database/sql/driver"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

var neighbours = flag.Int("judge.random", 40, "random values beside the fixed traps")

// formJudge asks a server which values of a column are equal and in which order
// they are, and wants nothing else of what the catalog knows. Whatever the
// database calls equal must have one canonical form, or one of the two must be
// unknown; that is so for every way of writing a value and of asking for it.
type formJudge struct {
	t    *testing.T
	conn *sql.Conn
	// asker is the session that compares, if it is not the one that writes.
	asker *sql.Conn
	mark  func(v any) string // the placeholder of a parameter of that value
	// figures by declared type
	equal, known, coarse, wrong, bounds map[string]int
}

// row is a row of a column's table.
type row struct {
	id    int64
	given string
	// images are what is said of the row's value: as it was written, as it is read.
	images []dep.Value
}

func newFormJudge(t *testing.T, db *sql.DB, mark func(any) string) *formJudge {
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &formJudge{t: t, conn: conn, asker: conn, mark: mark, equal: map[string]int{}, known: map[string]int{}, coarse: map[string]int{}, wrong: map[string]int{}, bounds: map[string]int{}}
}

// tables makes a table for each type, t0, t1, … with a column c.
func (j *formJudge) tables(db *sql.DB, types []string, create string, s catalog.Session) []*catalog.Table {
	for i, typ := range types {
		if _, err := db.ExecContext(j.t.Context(), fmt.Sprintf(create, i, typ)); err != nil {
			j.t.Fatalf("%s: %v", typ, err)
		}
	}
	return j.named(db, len(types), s)
}

// elsewhere lets another session, in which the statement has run, compare.
func (j *formJudge) elsewhere(db *sql.DB, setting string) {
	var err error
	if j.asker, err = db.Conn(j.t.Context()); err != nil {
		j.t.Fatal(err)
	}
	j.t.Cleanup(func() { j.asker.Close() })
	if _, err := j.asker.ExecContext(j.t.Context(), setting); err != nil {
		j.t.Fatal(err)
	}
}

// named returns the tables t0, t1, … as a new reading has them.
func (j *formJudge) named(db *sql.DB, n int, s catalog.Session) []*catalog.Table {
	cat := live.Catalog(j.t, db, s)
	var out []*catalog.Table
	for i := range n {
		out = append(out, cat.Named("t" + strconv.Itoa(i))[0])
	}
	return out
}

// judge runs all values against the column c of the table.
func (j *formJudge) judge(table *catalog.Table, typ string, values []any) {
	col, ok := table.Column("c")
	if !ok {
		j.t.Fatalf("%s: no column", typ)
	}
	if col.Form.Kind == catalog.Other {
		j.silent(col, values)
		return
	}
	rows := []row{}
	for _, v := range values {
		if r, ok := j.write(table.Bare, col, v, len(rows)); ok {
			rows = append(rows, r)
		}
	}
	for _, v := range values {
		j.compare(table.Bare, col, typ, rows, v)
	}
	j.among(table.Bare, col, rows)
}

// silent wants nothing said of a type that is not on the list.
func (j *formJudge) silent(col *catalog.Column, values []any) {
	for _, v := range values {
		if _, ok := col.Compared(v); ok || v != nil && (col.Written(v).Known() || col.Stored(v).Known()) {
			j.t.Errorf("%s: something is said of %#v", col.Type, v)
		}
	}
}

// errorf reports the first few errors of a column's.
func (j *formJudge) errorf(col *catalog.Column, format string, args ...any) {
	j.t.Helper()
	key := col.Type + col.Collation
	if j.wrong[key]++; j.wrong[key] <= 5 {
		j.t.Errorf("%s %s: "+format, append([]any{col.Type, col.Collation}, args...)...)
	}
}

// write inserts v. ok is false where the database refuses it.
func (j *formJudge) write(table string, col *catalog.Column, v any, n int) (r row, ok bool) {
	r.id = int64(n + 1)
	r.given = fmt.Sprintf("%#v", v)
	text, args := j.operand(v)
	if _, err := j.conn.ExecContext(j.t.Context(), fmt.Sprintf("INSERT INTO %s (id, c) VALUES (%d, %s)", table, r.id, text), args...); err != nil {
		return r, false
	}
	var back any
	if err := j.conn.QueryRowContext(j.t.Context(), fmt.Sprintf("SELECT c FROM %s WHERE id = %d", table, r.id)).Scan(&back); err != nil {
		j.t.Fatalf("%s %#v: %v", col.Type, v, err)
	}
	wrote, read := col.Written(v), col.Stored(driver.Value(back))
	if wrote.Known() && read.Known() && wrote != read {
		j.errorf(col, "wrote %#v, which is %v; the database keeps %#v, which is %v", v, wrote, back, read)
	}
	r.given += fmt.Sprintf(" → %#v", back)
	r.images = []dep.Value{wrote, read}
	return r, true
}

// operand is v in a statement: a parameter, or the literal.
func (j *formJudge) operand(v any) (string, []any) {
	l, ok := v.(catalog.Literal)
	switch {
	case !ok:
		return j.mark(v), []any{v}
	case l.Type == catalog.Numeral:
		return l.Text, nil
	}
	return l.Type + " '" + strings.ReplaceAll(l.Text, "'", "''") + "'", nil
}

func (j *formJudge) compare(table string, col *catalog.Column, typ string, rows []row, v any) {
	want, ok := col.Compared(v)
	equal, err := j.selected(table, "=", v)
	if err != nil {
		return
	}
	for _, r := range rows {
		for i, image := range r.images {
			how := [...]string{"written", "read"}[i]
			switch both := ok && image.Known(); {
			case equal[r.id] && i == 1:
				j.equal[typ]++
				if both {
					j.known[typ]++
				}
			case both && !equal[r.id] && image == want:
				j.coarse[typ]++
			}
			if equal[r.id] && ok && image.Known() && image != want {
				j.errorf(col, "holds %s (%s: %v); = %#v selects it, but that is %v", r.given, how, image, v, want)
			}
		}
	}
	j.bound(table, col, typ, rows, v)
}

func (j *formJudge) bound(table string, col *catalog.Column, typ string, rows []row, v any) {
	for _, op := range []string{"<=", ">="} {
		end, family, ok := col.LowerBound(v)
		lo, hi := end, dep.Value{}
		if op == "<=" {
			end, family, ok = col.UpperBound(v)
			lo, hi = dep.Value{}, end
		}
		if !ok {
			continue
		}
		j.bounds[typ]++
		cells, ok := dep.Cover(family, lo, hi, 16)
		if !ok {
			continue
		}
		in, err := j.selected(table, op, v)
		if err != nil {
			continue
		}
		for _, r := range rows {
			for _, image := range r.images {
				if in[r.id] && !covers(cells, image) {
					j.errorf(col, "holds %s (%v); %s %#v selects it, the cells %v do not", r.given, image, op, v, cells)
				}
			}
		}
	}
}

// among compares the column's values with one another.
func (j *formJudge) among(table string, col *catalog.Column, rows []row) {
	byID := make(map[int64]row)
	for _, r := range rows {
		byID[r.id] = r
	}
	found, err := j.conn.QueryContext(j.t.Context(), fmt.Sprintf("SELECT a.id, b.id FROM %[1]s a JOIN %[1]s b ON a.c = b.c", table))
	if err != nil {
		j.t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var a, b int64
		if err := found.Scan(&a, &b); err != nil {
			j.t.Fatal(err)
		}
		for _, x := range byID[a].images {
			for _, y := range byID[b].images {
				if x.Known() && y.Known() && x != y {
					j.errorf(col, "%s and %s are equal, we say %v and %v", byID[a].given, byID[b].given, x, y)
				}
			}
		}
	}
	if err := found.Err(); err != nil {
		j.t.Fatal(err)
	}
}

func (j *formJudge) selected(table, op string, v any) (map[int64]bool, error) {
	text, args := j.operand(v)
	rows, err := j.asker.QueryContext(j.t.Context(), fmt.Sprintf("SELECT id FROM %s WHERE c %s %s", table, op, text), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	ids := make(map[int64]bool)
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids[id] = true
	}
	return ids, rows.Err()
}

// report logs, for each type, how many equal pairs are known on both sides, and
// how many unequal ones share a form. Types in must have known ones.
func (j *formJudge) report(types, must []string) {
	for _, typ := range types {
		if j.equal[typ] == 0 {
			continue
		}
		j.t.Logf("%-40s equal %4d known %4d, unequal with one form %d, bounds %d", typ, j.equal[typ], j.known[typ], j.coarse[typ], j.bounds[typ])
	}
	// Most traps are meant to be unknown, so that a share would say little.
	for _, typ := range must {
		if j.known[typ] < 10 {
			j.t.Errorf("%s: of %d equal pairs %d are known: the list has become too shy to be of use", typ, j.equal[typ], j.known[typ])
		}
	}
}
