package catalog

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/cacheops/cacheops/internal/dep"
)

func TestNumerals(t *testing.T) {
	for text, want := range map[string]string{
		"1": "1", "1.0": "1", "1.00": "1", "1e0": "1", "10e-1": "1", "0.1e1": "1", "+1": "1", "001": "1", "1.": "1", "-0": "0", "-0.0": "0", ".5": "0.5", "5e-1": "0.5",
		"9223372036854775807": "9223372036854775807", "9223372036854775807.0": "9223372036854775807", "9223372036854775808": "9.223372036854775808e18", "-9223372036854775808": "-9223372036854775808",
		"1e19": "1e19", "1e18": "1000000000000000000",
		"": "?", "e": "?", ".": "?", "1x": "?", " 1": "?", "1_0": "?", "NaN": "?", "Infinity": "?", "0x1": "?", "1e400": "?", "1e401": "?",
	} {
		got := dep.Value{}
		if n, ok := parseNumeral(text); ok {
			got = n.value()
		}
		if f, err := strconv.ParseFloat(want, 64); err == nil && got.Class() == dep.Float {
			if got.Float() != f {
				t.Errorf("%q: %v, want %v", text, got, want)
			}
			continue
		}
		if got.String() != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestRounding(t *testing.T) {
	for _, c := range []struct {
		text  string
		scale int
		want  string
	}{
		{"1.005", 2, "1.01"},
		{"-1.005", 2, "-1.01"},
		{"1.004999", 2, "1"},
		{"0.5", 0, "1"},
		{"0.4", 0, "0"},
		{"0.05", 0, "0"},
		{"0.005", 2, "0.01"},
		{"0.0049", 2, "0"},
		{"999.995", 2, "1000"},
		{"9.99", 1, "10"},
		{"1.5", 3, "1.5"},
		{"15", -1, "20"},
		{"5", -1, "10"},
		{"4", -1, "0"},
		{"0", 2, "0"},
	} {
		n, ok := parseNumeral(c.text)
		if got := n.rounded(c.scale).value(); !ok || got.String() != c.want {
			t.Errorf("%s to %d digits: %v, want %s", c.text, c.scale, got, c.want)
		}
	}
}

// Equal numbers have one form, and the order of forms is that of the numbers:
// math/big judges.
func TestNumeralsAreNumbers(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	random := func() string {
		s := []string{"", "-", "+"}[r.IntN(3)] + strconv.Itoa(r.IntN(30))
		if r.IntN(2) == 0 {
			s += "." + strconv.Itoa(r.IntN(30)) + []string{"", "0", "00"}[r.IntN(3)]
		}
		if r.IntN(3) == 0 {
			s += "e" + strconv.Itoa(r.IntN(5)-2)
		}
		return s
	}
	for range 20000 {
		a, b := random(), random()
		x, ok1 := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		m, ok3 := parseNumeral(a)
		n, ok4 := parseNumeral(b)
		if !ok1 || !ok2 || !ok3 || !ok4 {
			t.Fatalf("%s, %s: not read", a, b)
		}
		if (x.Cmp(y) == 0) != (m.value() == n.value()) || (m == n) != (x.Cmp(y) == 0) {
			t.Fatalf("%s and %s: %v and %v", a, b, m.value(), n.value())
		}
		if x.Cmp(y) < 0 && m.value().Float() > n.value().Float() {
			t.Fatalf("%s < %s: %v and %v", a, b, m.value(), n.value())
		}
	}
}

// A date is never the number zero, by which a condition would be false.
func TestNoDateIsZero(t *testing.T) {
	f := Form{Dialect: MySQL, Kind: Timestamp}
	for _, s := range []string{"1970-01-01 00:00:00", "1969-12-31 23:59:59.999999"} {
		if v := f.wall(s, asStored); !v.Known() || v == dep.IntValue(0) {
			t.Errorf("%s: %v", s, v)
		}
	}
	before, after := f.wall("1969-12-31 23:59:59.999999", asStored), f.wall("1970-01-01 00:00:00", asStored)
	if before.Int() >= after.Int() {
		t.Errorf("%v is not before %v", before, after)
	}
}

func TestTimesOfOneForm(t *testing.T) {
	for s, ok := range map[string]bool{
		"2024-01-02 10:00:00": true, "2024-01-02T10:00:00": true, "2024-01-02 10:00:00.5": true, "2024-01-02 10:00:00.123456": true, "2024-01-02 10:00:00.1234567": false,
		"2024-01-02": false, "2024-1-2 10:00:00": false, "2024-02-30 10:00:00": false, "2024-01-02 24:00:00": false, "2024-01-02 23:59:60": false, "2024-01-02 10:00": false,
		"2024-01-02 10:00:00Z": false, "2024-01-02 10:00:00.": false, "2024-01-02x10:00:00": false, "": false,
	} {
		if _, got := parseWall(s); got != ok {
			t.Errorf("%q: read %v", s, got)
		}
	}
	for s, want := range map[string]string{
		"2024-01-02 10:00:00Z": "2024-01-02T10:00:00Z", "2024-01-02 10:00:00+02": "2024-01-02T08:00:00Z", "2024-01-02 10:00:00.5-05:30": "2024-01-02T15:30:00.5Z",
		"2024-01-02 10:00:00+2": "", "2024-01-02 10:00:00+02:": "", "2024-01-02 10:00:00+99": "", "2024-01-02Z": "",
	} {
		got := ""
		if at, zoned, ok := parseInstant(s); ok && zoned {
			got = at.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

// A form is carried to another column only where that keeps it as it is.
func TestSameForm(t *testing.T) {
	text := func(length int) Form {
		return Form{Dialect: MySQL, Kind: VarText, Length: length, Text: TextForm{Fold: FoldNone}}
	}
	for _, c := range []struct {
		from, to Form
		same     bool
	}{
		{Form{}, Form{Dialect: PostgreSQL}, false},
		{Form{Dialect: PostgreSQL}, Form{Dialect: PostgreSQL}, false},
		{Form{Dialect: PostgreSQL, Kind: Integer, Bits: 64}, Form{Dialect: PostgreSQL, Kind: Integer, Bits: 32}, true},
		{Form{Dialect: MySQL, Kind: Integer, Bits: 64}, Form{Dialect: MySQL, Kind: Integer, Bits: 32}, false},
		{Form{Dialect: MySQL, Kind: Integer, Bits: 64}, Form{Dialect: MySQL, Kind: Integer, Bits: 64, Unsigned: true}, false},
		{Form{Dialect: PostgreSQL, Kind: Decimal, Precision: 10, Scale: 2}, Form{Dialect: PostgreSQL, Kind: Decimal}, true},
		{Form{Dialect: PostgreSQL, Kind: Decimal}, Form{Dialect: PostgreSQL, Kind: Decimal, Precision: 10, Scale: 2}, false},
		{text(10), text(0), true},
		{text(0), text(10), false},
		{text(10), text(10), true},
		{Form{Dialect: PostgreSQL, Kind: VarText}, Form{Dialect: PostgreSQL, Kind: VarText}, false},
		{Form{Dialect: PostgreSQL, Kind: Date}, Form{Dialect: PostgreSQL, Kind: Timestamp}, false},
	} {
		a, b := Column{Form: c.from}, Column{Form: c.to}
		if SameEquality(&a, &b) != c.same {
			t.Errorf("%+v to %+v: same %v", c.from, c.to, !c.same)
		}
	}
}

// A program passes what it likes.
func TestNothingIsSaidOfOddValues(t *testing.T) {
	for k := Other; k <= Instant; k++ {
		for _, d := range []Dialect{PostgreSQL, MySQL} {
			c := Column{Form: Form{Dialect: d, Kind: k, Bits: 64, Length: 5, Precision: 10, Text: TextForm{Fold: FoldNone}}}
			for _, v := range []any{[]byte(nil), struct{}{}, []string{"a"}, math.NaN(), map[string]int{}, Literal{Type: "nonsense", Text: "1"}, Literal{Type: Numeral, Text: "x"}, &c} {
				if w, s := c.Written(v), c.Stored(v); w.Known() || s.Known() {
					t.Errorf("%d %v: %#v is %v and %v", d, k, v, w, s)
				}
				c.LowerBound(v)
				c.UpperBound(v)
			}
		}
	}
}

func TestDefaultsOfPostgres(t *testing.T) {
	c := Column{Type: "text", Form: Form{Dialect: PostgreSQL, Kind: VarText, Text: TextForm{Fold: FoldNone}}}
	for expr, want := range map[string]string{
		"'a'::text": `"a"`, "'it''s'::text": `"it's"`, "''::text": `""`, "'a'": `"a"`, "NULL::text": "NULL",
		"'a'::character varying": "?", "('a'::text || 'b'::text)": "?", "now()": "?", "'a": "?", "lower('A'::text)": "?", "'a'::text || 'b'": "?", "CURRENT_USER": "?",
	} {
		if got := pgDefault(&c, expr); got.String() != want {
			t.Errorf("%s: %v, want %s", expr, got, want)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("INSERT INTO \"Odd Log\" VALUES (1)", "odd log")
	f.Fuzz(func(t *testing.T, text, name string) {
		m := newMentions(text)
		for _, w := range words(text) {
			if !m.has(w) {
				t.Errorf("%q does not have %q", text, w)
			}
		}
		m.has(name)
	})
}

func TestMentions(t *testing.T) {
	m := newMentions(`INSERT INTO "Odd Log" VALUES (1); UPDATE public.Users SET x = 'orders'; DELETE FROM "we""ird"`)
	for name, has := range map[string]bool{"odd log": true, "users": true, "orders": true, "user": false, "log": true, `we"ird`: true, "x": true, "absent": false} {
		if m.has(name) != has {
			t.Errorf("%s: %v", name, !has)
		}
	}
}
