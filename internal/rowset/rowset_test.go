package rowset

import (
	"database/sql/driver"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func record(t testing.TB, rows driver.Rows) *Set {
	t.Helper()
	s, err := Record(rows, 0, nil)
	if err != nil {
		t.Fatalf("Record: %v", err)
	}
	return s
}

func TestReplayGivesTheRecordedRows(t *testing.T) {
	want := [][]driver.Value{
		{int64(1), "a", []byte("xy")},
		{nil, "", []byte{}},
		{3.5, true, []byte(nil)},
	}
	s := record(t, oneSet(want...))
	for range 2 { // a set is replayed any number of times
		got, err := drain(s.Replay())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("replayed %v, %v; recorded %v", got, err, want)
		}
	}
}

func TestWritingToAReplayLeavesTheSetAlone(t *testing.T) {
	s := record(t, oneSet([]driver.Value{[]byte("secret")}, []driver.Value{[]byte("second")}))
	r := s.Replay()
	dest := make([]driver.Value, 1)
	for r.Next(dest) == nil {
		b := dest[0].([]byte)
		for i := range b {
			b[i] = '#'
		}
	}
	r.Columns()[0] = "defaced"
	again := s.Replay()
	got, _ := drain(again)
	if string(got[0][0].([]byte)) != "secret" || string(got[1][0].([]byte)) != "second" {
		t.Errorf("a program's writes reached the set: %q", got)
	}
	if again.Columns()[0] != "c0" {
		t.Errorf("a program's writes reached the column names: %q", again.Columns())
	}
}

func TestReplaysOfOneConnectionShareNothing(t *testing.T) {
	wide := &fakeRows{sets: [][][]driver.Value{{make([]driver.Value, namesAtOnce+1)}}, cols: [][]string{make([]string, namesAtOnce+1)}}
	sets := []*Set{
		record(t, oneSet([]driver.Value{"a"})), record(t, oneSet([]driver.Value{"a", "b", "c"})), record(t, wide),
	}
	var p Replayer
	var kept [][]string
	for i := range 5 * namesAtOnce {
		r := p.Replay(sets[i%len(sets)])
		names := r.Columns()
		for j, name := range names {
			if name != sets[i%len(sets)].first.columns[j] {
				t.Fatalf("replay %d has the column %q", i, name)
			}
			names[j] = "kept"
		}
		kept = append(kept, names, append(names, "more")) //nolint:gocritic // a program may append to what it was given
		if err := r.Close(); err != nil || len(r.Columns()) != 0 || r.HasNextResultSet() {
			t.Fatal("a closed replay still has its set")
		}
	}
	for i, names := range kept {
		for j, name := range names[:len(names)-i%2] {
			if name != "kept" {
				t.Fatalf("slice %d was written to by a later replay: column %d is %q", i, j, name)
			}
		}
	}
}

func TestResultSetsAndErrors(t *testing.T) {
	boom := errors.New("boom")
	rows := &fakeRows{
		sets: [][][]driver.Value{{{int64(1)}}, {{"x", "y"}}},
		cols: [][]string{{"n"}, {"a", "b"}},
	}
	s := record(t, rows)
	r := s.Replay()
	first, _ := drain(r)
	if !r.HasNextResultSet() || r.NextResultSet() != nil {
		t.Fatal("the second result set is gone")
	}
	second, _ := drain(r)
	if len(first) != 1 || len(second) != 1 || second[0][1] != "y" || len(r.Columns()) != 2 || r.HasNextResultSet() {
		t.Errorf("replayed %v and %v", first, second)
	}

	broken := oneSet([]driver.Value{int64(1)}, []driver.Value{int64(2)})
	broken.err = boom
	s = record(t, broken)
	got, err := drain(s.Replay())
	if len(got) != 2 || !errors.Is(err, boom) || !errors.Is(s.Err(), boom) {
		t.Errorf("replayed %v with %v, want both rows and then the error", got, err)
	}
	if _, err := s.AppendBinary(nil); err == nil {
		t.Error("a set with an error was encoded")
	}
	other := errors.New("other")
	if h := s.Hiding(other); !errors.Is(h.Err(), other) || !errors.Is(s.Err(), boom) {
		t.Errorf("Hiding: %v, and the original %v", h.Err(), s.Err())
	}

	late := oneSet([]driver.Value{int64(1)})
	late.next = boom
	r = record(t, late).Replay()
	if _, err := drain(r); err != nil || !r.HasNextResultSet() || !errors.Is(r.NextResultSet(), boom) {
		t.Error("the error of NextResultSet is not replayed")
	}
}

func TestRecordStopsAtTheLimit(t *testing.T) {
	row := []driver.Value{"0123456789012345678901234567890123456789"}
	rows := oneSet(row, row, row, row, row, row, row, row, row, row)
	if _, err := Record(rows, 400, nil); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("Record: %v", err)
	}
	if rows.row >= 9 {
		t.Errorf("read %d rows past the limit", rows.row)
	}
	if s := record(t, oneSet(row)); s.Size() < len(row[0].(string)) {
		t.Errorf("Size %d is less than the text", s.Size())
	}
}

func TestOnlyDriverValuesArePlain(t *testing.T) {
	if !record(t, oneSet([]driver.Value{int64(1), nil, "x", time.Now()})).Plain() {
		t.Error("driver.Value's own types are not plain")
	}
	s := record(t, oneSet([]driver.Value{struct{}{}}))
	if s.Plain() {
		t.Error("a type of the driver's own is plain")
	}
	if _, err := s.AppendBinary(nil); err == nil {
		t.Error("a type of the driver's own was encoded")
	}
}

func TestColumnTypesAreTheDrivers(t *testing.T) {
	bare := oneSet([]driver.Value{int64(1), "a", nil})
	r := record(t, oneSet([]driver.Value{int64(1), "a", nil})).Replay()
	b, err := record(t, bare).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*Rows{r, decoded.Replay()} {
		for i := range 3 {
			compareColumn(t, i, bare, r)
		}
	}
}

func compareColumn(t *testing.T, i int, bare *fakeRows, r *Rows) {
	t.Helper()
	if a, b := bare.ColumnTypeScanType(i), r.ColumnTypeScanType(i); a != b {
		t.Errorf("column %d: scan type %v, bare %v", i, b, a)
	}
	if a, b := bare.ColumnTypeDatabaseTypeName(i), r.ColumnTypeDatabaseTypeName(i); a != b {
		t.Errorf("column %d: type name %q, bare %q", i, b, a)
	}
	al, aok := bare.ColumnTypeLength(i)
	bl, bok := r.ColumnTypeLength(i)
	if aok != bok || aok && al != bl {
		t.Errorf("column %d: length %d %v, bare %d %v", i, bl, bok, al, aok)
	}
	an, aok := bare.ColumnTypeNullable(i)
	bn, bok := r.ColumnTypeNullable(i)
	if an != bn || aok != bok {
		t.Errorf("column %d: nullable %v %v, bare %v %v", i, bn, bok, an, aok)
	}
	ap, as, aok := bare.ColumnTypePrecisionScale(i)
	bp, bs, bok := r.ColumnTypePrecisionScale(i)
	if aok != bok || aok && (ap != bp || as != bs) {
		t.Errorf("column %d: decimal %d,%d %v, bare %d,%d %v", i, bp, bs, bok, ap, as, aok)
	}
}

func TestReplayAllocates(t *testing.T) {
	s := record(t, oneSet(
		[]driver.Value{int64(1000), "a", []byte("0123456789abcdef")},
		[]driver.Value{int64(2000), "b", []byte("fedcba9876543210")},
		[]driver.Value{int64(3000), "c", []byte("0123456789abcdef")},
	))
	dest := make([]driver.Value, 3)
	text := record(t, oneSet([]driver.Value{int64(1000), "a", "b"}, []driver.Value{int64(2000), "c", "d"}))
	for name, c := range map[string]struct {
		set  *Set
		want float64
	}{
		"text":  {text, 0},
		"bytes": {s, 6}, // for each row its bytes and their interface
	} {
		var p Replayer // whose own allocations AllocsPerRun rounds down
		got := testing.AllocsPerRun(100, func() {
			r := p.Replay(c.set)
			_ = r.Columns()
			for r.Next(dest) == nil {
			}
		})
		if got > c.want {
			t.Errorf("%s: %v allocations, want at most %v", name, got, c.want)
		}
	}
}

// typed are rows whose columns are of one type, which differs from result to
// result, as on SQLite.
type typed struct {
	*fakeRows
	name string
}

func (r typed) ColumnTypeDatabaseTypeName(int) string { return r.name }

func TestHeadsAreSharedWhereTheyAreTheSame(t *testing.T) {
	var heads Heads
	name := func(r driver.Rows) string {
		s, err := Record(r, 0, &heads)
		if err != nil {
			t.Fatal(err)
		}
		again := s.Replay()
		return strings.Join(again.Columns(), ",") + " " + again.ColumnTypeDatabaseTypeName(0)
	}
	row := []driver.Value{"a"}
	renamed := oneSet(row)
	renamed.cols = [][]string{{"other"}}
	for _, r := range []struct {
		rows driver.Rows
		want string
	}{
		{typed{oneSet(row), "INT"}, "c0 INT"},
		{typed{oneSet(row), "INT"}, "c0 INT"},
		{typed{oneSet(row), "TEXT"}, "c0 TEXT"},
		{typed{renamed, "TEXT"}, "other TEXT"},
		{typed{oneSet([]driver.Value{"a", "b"}), "TEXT"}, "c0,c1 TEXT"},
	} {
		if got := name(r.rows); got != r.want {
			t.Errorf("recorded %s, want %s", got, r.want)
		}
	}
	last := heads.last.Load()
	if name(typed{oneSet([]driver.Value{"a", "b"}), "TEXT"}); heads.last.Load() != last {
		t.Error("what is the same is kept twice")
	}
}
