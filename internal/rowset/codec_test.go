package rowset

import (
	"bytes"
	"database/sql/driver"
	"math"
	"reflect"
	"testing"
	"time"
)

func berlin(t testing.TB) *time.Location {
	t.Helper()
	l, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skipf("no time zones here: %v", err)
	}
	return l
}

func TestCodecKeepsTypesAndValues(t *testing.T) {
	in := [][]driver.Value{
		{int64(math.MinInt64), 0.5, "text"},
		{math.Copysign(0, -1), math.Inf(1), ""},
		{true, false, nil},
		{[]byte{}, []byte(nil), []byte{0, 255}},
		{"1", int64(1), 1.0},
		{uint64(1), uint64(math.MaxUint64), float32(0.1)},
	}
	b, err := record(t, oneSet(in...)).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := drain(s.Replay())
	if err != nil || !reflect.DeepEqual(got, in) {
		t.Fatalf("decoded %#v, %v; want %#v", got, err, in)
	}
	if !math.Signbit(got[1][0].(float64)) {
		t.Error("-0.0 became 0.0")
	}
	if len(s.first.bytes()) == 0 {
		t.Error("a decoded set does not know its bytes columns, and would hand them out")
	}
}

func TestCodecKeepsTimesAsTheyPrint(t *testing.T) {
	at := time.Date(2024, 7, 1, 12, 30, 0, 123456789, time.UTC)
	for _, in := range []time.Time{
		at, at.In(time.FixedZone("", 7200)), at.In(time.FixedZone("CEST", 7200)),
		at.In(berlin(t)), at.Local(),
		{},
		time.Unix(1<<40, 0).UTC(),
	} {
		b, ok := AppendValue(nil, in)
		d := &decoder{rest: string(b)}
		out, isTime := d.value().(time.Time)
		if !ok || !isTime || d.err != nil {
			t.Errorf("%v: %v %v", in, ok, d.err)
			continue
		}
		later := func(t time.Time) string { return t.AddDate(0, 6, 0).Format(time.RFC3339Nano + " MST") }
		if !out.Equal(in) || out.String() != in.String() || later(out) != later(in) {
			t.Errorf("%v (%s) came back as %v (%s)", in, later(in), out, later(out))
		}
	}
}

func TestAppendValueTellsValuesApart(t *testing.T) {
	values := []driver.Value{
		nil, int64(1), int64(0), 1.0, 0.0, math.Copysign(0, -1), true, false, "", "1", []byte("1"),
		[]byte{},
		[]byte(nil),
		time.Unix(1, 0).UTC(), time.Unix(1, 0).In(time.FixedZone("X", 0)), time.Unix(1, 0).In(time.FixedZone("X", 60)),
	}
	seen := map[string]int{}
	for i, v := range values {
		b, ok := AppendValue(nil, v)
		if j, dup := seen[string(b)]; dup || !ok {
			t.Errorf("%#v is encoded like %#v", v, values[j])
		}
		seen[string(b)] = i
	}
	if _, ok := AppendValue(nil, 1); ok {
		t.Error("an int is no driver.Value")
	}
}

func FuzzDecode(f *testing.F) {
	seed := record(f, oneSet([]driver.Value{int64(1), "a", []byte("b")}, []driver.Value{nil, 1.5, true}))
	b, _ := seed.AppendBinary(nil)
	f.Add(b)
	f.Add([]byte{codecVersion, 1, 0, 0xff, 0xff, 0x03})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(b)
		if err != nil {
			return
		}
		again, err := s.AppendBinary(nil)
		if err != nil {
			t.Fatalf("decoded and not encoded: %v", err)
		}
		s2, err := Decode(again)
		if err != nil {
			t.Fatalf("encoded and not decoded: %v", err)
		}
		third, _ := s2.AppendBinary(nil)
		if !bytes.Equal(again, third) {
			t.Fatal("the encoding does not settle")
		}
	})
}

func FuzzValues(f *testing.F) {
	f.Add(int64(5), 1.5, "x", []byte("y"), int64(0), uint32(3), int32(3600))
	f.Fuzz(func(t *testing.T, n int64, x float64, s string, b []byte, sec int64, nsec uint32, zone int32) {
		at := time.Unix(sec%(1<<40), int64(nsec%1e9)).In(time.FixedZone(s, int(zone)%86400))
		in := []driver.Value{n, x, s, b, at}
		enc, err := record(t, oneSet(in)).AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		set, err := Decode(enc)
		if err != nil {
			t.Fatal(err)
		}
		rows, _ := drain(set.Replay())
		out := rows[0]
		if out[0] != n || math.Float64bits(out[1].(float64)) != math.Float64bits(x) || out[2] != s ||
			!reflect.DeepEqual(out[3], in[3]) || out[4].(time.Time).String() != at.String() {
			t.Fatalf("%#v came back as %#v", in, out)
		}
	})
}

func BenchmarkReplay20(b *testing.B) {
	rows := make([][]driver.Value, 20)
	for i := range rows {
		rows[i] = []driver.Value{int64(1000 + i), "title of the row", 1.5, "body"}
	}
	s := record(b, oneSet(rows...))
	dest := make([]driver.Value, 4)
	b.ReportAllocs()
	for b.Loop() {
		r := s.Replay()
		_ = r.Columns()
		for r.Next(dest) == nil {
		}
	}
}
