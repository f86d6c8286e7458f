package catalog_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// The judge of canonical values: what we say of equality and order must be what
// SQLite answers, for every declared type and collation.

var (
	declared   = []string{"", "INTEGER", "INT", "VARCHAR(20)", "TEXT", "BLOB", "REAL", "DOUBLE", "NUMERIC", "DATETIME", "BOOLEAN", "ANY"}
	collations = []string{"BINARY", "NOCASE", "RTRIM"}
)

// wide is a table with a column of every declared type and collation, each
// twice so that a column can be compared with another of its kind.
func wide(strict bool) (ddl string, columns int) {
	var cols []string
	for range 2 {
		for _, d := range declared {
			if strict && !strings.Contains(" INTEGER INT TEXT BLOB REAL ANY ", " "+d+" ") {
				continue
			}
			for _, coll := range collations {
				cols = append(cols, fmt.Sprintf("c%d %s COLLATE %s", len(cols), d, coll))
			}
		}
	}
	suffix := ""
	if strict {
		suffix = " STRICT"
	}
	return "CREATE TABLE t (" + strings.Join(cols, ", ") + ")" + suffix, len(cols)
}

// randomValue returns a value as a program may bind it, of few enough kinds
// that equal ones meet.
func randomValue(r *rand.Rand) any {
	texts := []string{
		"", " ", "5", " 5", "5 ", "\t5\n", "05", "+5", "-5", "5.0", "5.", ".5", "0.5", "5e0", "5E0", "50e-1", "5e", "e5", ".", "-", "+",
		"5x", "0x5", "1e2", "100", "1e400", "-0", "0", "-0.0", "a", "A", "a ", "A  ", "é", "É", "aé", "AÉ", "ab", "aB", "straße", "STRASSE", "K", "\u212a", "k",
		"2024-01-02", "2024-01-02 10:00:00", "2024-01-03", "1234567890123456", "123456789012345678", "1234567890123456789",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "0.1", "0.10", "1.5", "1.50", "3.14159265358979", "2.5e-7", "1e22", "1e23",
		"true", "null", "nan", "inf", "Infinity", "1_000", "５", "٣", "5\u00a0", "1 2", "- 5", "--5", "1,5", "9007199254740993", "9007199254740992", "9007199254740993.0",
	}
	floats := []float64{0, math.Copysign(0, -1), 5, -5, 0.5, 0.1, 1.5, 1e2, 1e22, 1e23, 1e300, math.Inf(1), math.Inf(-1), math.NaN(), 1 << 53, 1<<53 + 2, 1 << 63, -(1 << 63), 3.14159265358979, 2.5e-7, 123456789012345678}
	ints := []int64{0, 1, 5, -5, 100, 1<<53 - 1, 1 << 53, 1<<53 + 1, -(1<<53 + 1), math.MaxInt64, math.MinInt64, 123456789012345678}
	switch r.IntN(9) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2, 3:
		return ints[r.IntN(len(ints))]
	case 4:
		return floats[r.IntN(len(floats))]
	case 5:
		return []byte(texts[r.IntN(len(texts))])
	case 6:
		return fmt.Sprintf("%d.%de%d", r.IntN(1000), r.IntN(100000), r.IntN(20)-10)
	}
	return texts[r.IntN(len(texts))]
}

// sample is a row of one column that is not NULL.
type sample struct {
	id     int64
	stored driver.Value // what the database gave back
	image  dep.Value    // what we say it holds
}

func TestValuesAreTheDatabases(t *testing.T) {
	for _, strict := range []bool{false, true} {
		for _, indexed := range []bool{false, true} {
			t.Run(fmt.Sprintf("strict=%v,indexed=%v", strict, indexed), func(t *testing.T) {
				t.Parallel()
				judgeValues(t, strict, indexed)
			})
		}
	}
}

func judgeValues(t *testing.T, strict, indexed bool) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	ddl, n := wide(strict)
	for i := range n {
		if indexed {
			ddl += fmt.Sprintf("; CREATE INDEX i%d ON t (c%d)", i, i)
		}
	}
	conn := lite.Open(t, ddl)
	table := lite.Catalog(t, conn).Tables["main.t"]
	if _, err := conn.ExecContext(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	pairs, known := 0, 0
	for i := range n {
		col := &table.Columns[i]
		var samples []sample
		for range 60 {
			if s, ok := store(t, conn, col, randomValue(r)); ok {
				samples = append(samples, s)
			}
		}
		p, k := judgeComparisons(t, conn, col, samples, r)
		pairs, known = pairs+p, known+k
		judgeEquality(t, conn, col, samples)
	}
	t.Logf("%d pairs, %d of them known on both sides", pairs, known)
	if known*4 < pairs {
		t.Errorf("only %d of %d pairs are known: the rules have become too shy to be of use", known, pairs)
	}
}

// store writes v and checks that what we say of it agrees with what we say of
// the value that comes back. ok is false where the database refuses v.
func store(t *testing.T, conn *sql.Conn, col *catalog.Column, v any) (s sample, ok bool) {
	t.Helper()
	res, err := conn.ExecContext(t.Context(), "INSERT INTO t ("+col.Name+") VALUES (?)", v)
	if err != nil {
		return s, false // STRICT
	}
	if s.id, err = res.LastInsertId(); err != nil {
		t.Fatal(err)
	}
	s.stored = readBack(t, conn, col.Name, s.id)
	s.image = col.Written(v)
	if back := col.Stored(s.stored); s.image.Known() && back.Known() && back != s.image {
		t.Errorf("%s %s %s: wrote %#v: Written says %v, the database keeps %#v, which is %v",
			col.Name, col.Type, col.Collation, v, s.image, s.stored, back)
	}
	if !s.image.Known() {
		s.image = col.Stored(s.stored)
	}
	return s, true
}

// readBack reads past the driver's own ideas of declared types.
func readBack(t *testing.T, conn *sql.Conn, col string, id int64) driver.Value {
	t.Helper()
	var v any
	q := "SELECT coalesce(" + col + ", NULL) FROM t WHERE rowid = ?"
	if err := conn.QueryRowContext(context.Background(), q, id).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// judgeComparisons asks the database which rows a comparison with a parameter
// selects, and wants the same of Compared and of Bound's cells.
func judgeComparisons(t *testing.T, conn *sql.Conn, col *catalog.Column, samples []sample, r *rand.Rand) (pairs, known int) {
	for range 40 {
		arg := randomValue(r)
		want, comparable := col.Compared(arg)
		equal := selected(t, conn, col.Name+" = ?", arg)
		for _, s := range samples {
			pairs++
			if !comparable || !s.image.Known() {
				continue
			}
			known++
			if got := s.image == want; got != equal[s.id] {
				t.Errorf("%s COLLATE %s holds %#v (%v): = %#v is %v, we say %v (%v)",
					col.Type, col.Collation, s.stored, s.image, arg, equal[s.id], got, want)
			}
		}
		judgeBound(t, conn, col, samples, arg)
	}
	return pairs, known
}

func judgeBound(t *testing.T, conn *sql.Conn, col *catalog.Column, samples []sample, arg any) {
	end, family, ok := col.Bound(arg)
	if !ok {
		return
	}
	for _, dir := range []string{"<", ">"} {
		lo, hi := end, dep.Value{}
		if dir == "<" {
			lo, hi = hi, lo
		}
		cells, ok := dep.Cover(family, lo, hi, 16)
		if !ok {
			continue
		}
		in := selected(t, conn, col.Name+" "+dir+"= ?", arg)
		for _, s := range samples {
			if in[s.id] && !covers(cells, s.image) {
				t.Errorf("%s COLLATE %s holds %#v (%v): %s= %#v selects it, the cells %v do not", col.Type, col.Collation, s.stored, s.image, dir, arg, cells)
			}
		}
	}
}

func covers(cells []dep.Cell, v dep.Value) bool {
	for _, c := range cells {
		switch code, where := v.In(c.Family, c.Level); {
		case where == dep.Anywhere, where == dep.Inside && code == c.Code:
			return true
		}
	}
	return false
}

// judgeEquality compares the rows of a column with one another.
func judgeEquality(t *testing.T, conn *sql.Conn, col *catalog.Column, samples []sample) {
	rows, err := conn.QueryContext(t.Context(), fmt.Sprintf("SELECT a.rowid, b.rowid FROM t a JOIN t b ON a.%[1]s = b.%[1]s", col.Name))
	if err != nil {
		t.Fatal(err)
	}
	equal := make(map[[2]int64]bool)
	for rows.Next() {
		var p [2]int64
		if err := rows.Scan(&p[0], &p[1]); err != nil {
			t.Fatal(err)
		}
		equal[p] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, a := range samples {
		for _, b := range samples {
			if !a.image.Known() || !b.image.Known() || a.image.Class() == dep.Null {
				continue
			}
			if got, want := a.image == b.image, equal[[2]int64{a.id, b.id}]; got != want {
				t.Errorf("%s COLLATE %s: %#v = %#v is %v, we say %v", col.Type, col.Collation, a.stored, b.stored, want, got)
			}
		}
	}
}

func selected(t *testing.T, conn *sql.Conn, where string, arg any) map[int64]bool {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), "SELECT rowid FROM t WHERE "+where, arg)
	if err != nil {
		t.Fatal(err)
	}
	ids := make(map[int64]bool)
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids[id] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestSameEquality joins columns of different kinds: where SameEquality holds,
// a value known for one side must be the other's.
func TestSameEquality(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	ddl, n := wide(false)
	conn := lite.Open(t, ddl)
	table := lite.Catalog(t, conn).Tables["main.t"]
	if _, err := conn.ExecContext(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	images := make([]map[int64]dep.Value, n)
	for i := range n {
		images[i] = make(map[int64]dep.Value)
		for range 25 {
			if s, ok := store(t, conn, &table.Columns[i], randomValue(r)); ok {
				images[i][s.id] = s.image
			}
		}
	}
	same := 0
	for i := range n {
		for j := range n {
			a, b := &table.Columns[i], &table.Columns[j]
			if !catalog.SameEquality(a, b) {
				continue
			}
			same++
			judgeJoin(t, conn, a, b, images[i], images[j])
		}
	}
	if same < 2*n {
		t.Errorf("only %d pairs of columns have the same equality", same)
	}
}

func judgeJoin(t *testing.T, conn *sql.Conn, a, b *catalog.Column, left, right map[int64]dep.Value) {
	rows, err := conn.QueryContext(t.Context(), fmt.Sprintf("SELECT a.rowid, b.rowid FROM t a JOIN t b ON a.%s = b.%s", a.Name, b.Name))
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var x, y int64
		if err := rows.Scan(&x, &y); err != nil {
			t.Fatal(err)
		}
		if u, v := left[x], right[y]; u.Known() && v.Known() && u != v {
			t.Errorf("%s and %s: the database joins %v and %v", a.Type, b.Type, u, v)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
