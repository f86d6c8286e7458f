package dep

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func anyNumber() *rapid.Generator[Value] {
	return rapid.Custom(func(t *rapid.T) Value {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return IntValue(rapid.Int64Range(-1000, 1000).Draw(t, "small"))
		case 1:
			return IntValue(rapid.Int64().Draw(t, "int"))
		case 2:
			return FloatValue(rapid.Float64Range(-10, 10).Draw(t, "near zero"))
		}
		return FloatValue(rapid.Float64().Draw(t, "float"))
	})
}

func inCover(v Value, cells []Cell) bool {
	for _, c := range cells {
		if code, where := v.In(c.Family, c.Level); where == Anywhere || where == Inside && code == c.Code {
			return true
		}
	}
	return false
}

func TestCoverHoldsEveryNumberOfTheRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo, hi, v := anyNumber().Draw(t, "lo"), anyNumber().Draw(t, "hi"), anyNumber().Draw(t, "v")
		if rapid.Bool().Draw(t, "near") {
			v = FloatValue(lo.Float() + rapid.Float64Range(0, 3).Draw(t, "off"))
		}
		switch rapid.IntRange(0, 3).Draw(t, "open") {
		case 0:
			lo = Value{}
		case 1:
			hi = Value{}
		}
		cells, ok := Cover(Num, lo, hi, 16)
		if len(cells) > 16 {
			t.Fatalf("%d cells", len(cells))
		}
		inside := (!lo.Known() || v.Float() >= lo.Float()) && (!hi.Known() || v.Float() <= hi.Float())
		if ok && inside && !inCover(v, cells) {
			t.Fatalf("%v lies in [%v, %v] and in none of its cells %v", v, lo, hi, cells)
		}
	})
}

func TestCoverIsNotTheWholeColumn(t *testing.T) {
	tests := []struct {
		lo, hi, outside Value
	}{
		{IntValue(100), IntValue(200), IntValue(1000)},
		{IntValue(100), IntValue(200), IntValue(50)},
		{IntValue(500), Value{}, IntValue(400)},
		{Value{}, IntValue(500), IntValue(600)},
		{IntValue(9000), IntValue(9010), IntValue(9100)},
		{FloatValue(9.5), FloatValue(19.99), IntValue(25)},
		{IntValue(-20), IntValue(-10), IntValue(10)},
	}
	for _, tt := range tests {
		cells, ok := Cover(Num, tt.lo, tt.hi, 16)
		if !ok || inCover(tt.outside, cells) {
			t.Errorf("[%v, %v] covers %v (%d cells, ok=%v)", tt.lo, tt.hi, tt.outside, len(cells), ok)
		}
	}
	if _, ok := Cover(Num, Value{}, Value{}, 16); ok {
		t.Error("a range open on both sides has a cover")
	}
	if cells, ok := Cover(Num, IntValue(2), IntValue(1), 16); !ok || len(cells) != 0 {
		t.Error("an empty range has cells")
	}
	if _, ok := Cover(Num, TextValue("a"), Value{}, 16); ok {
		t.Error("a text bound has a cover of numbers")
	}
}

func TestCoverOfDays(t *testing.T) {
	cells, ok := Cover(Day, TextValue("2026-11-01"), TextValue("2026-11-30 23:59:59"), 16)
	if !ok {
		t.Fatal("no cover")
	}
	for v, want := range map[string]bool{
		"2026-11-01": true, "2026-11-15 10:00:00": true, "2026-11-30T23:59:59": true,
		"2026-10-31": false, "2027-01-01 00:00:00": false, "2025-11-15": false,
	} {
		if got := inCover(TextValue(v), cells); got != want {
			t.Errorf("%q in November: %v, want %v", v, got, want)
		}
	}
	for _, odd := range []Value{TextValue("yesterday"), TextValue("2026-1-1"), IntValue(20261101), BytesValue("2026-11-01")} {
		if !inCover(odd, cells) {
			t.Errorf("%v is not a day, and yet known to be outside", odd)
		}
	}
	if inCover(NullValue(), cells) {
		t.Error("NULL lies in a cell")
	}
}

func TestDayCodesKeepTheOrderOfTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.StringMatching(`[0-9]{4}-(0[0-9]|1[0-2])-([0-2][0-9]|3[01])( 1[0-9]:00)?`)
		a, b := day.Draw(t, "a"), day.Draw(t, "b")
		ca, _ := dayCode(a)
		cb, _ := dayCode(b)
		if a < b && ca > cb {
			t.Fatalf("%q < %q, and yet their codes are %d > %d", a, b, ca, cb)
		}
	})
}

func TestPrefixCells(t *testing.T) {
	c, ok := PrefixCell("article-")
	if !ok {
		t.Fatal("no cell")
	}
	for v, want := range map[string]bool{"article-": true, "article-1": true, "article": false, "Article-1": false, "": false} {
		if got := inCover(TextValue(v), []Cell{c}); got != want {
			t.Errorf("%q: %v, want %v", v, got, want)
		}
	}
	if !inCover(IntValue(5), []Cell{c}) || !inCover(BytesValue("x"), []Cell{c}) {
		t.Error("what is no text must be unknown: the database may compare it as text")
	}
	if _, ok := PrefixCell(""); ok {
		t.Error("the empty prefix has a cell")
	}
}

func TestNumCodeKeepsTheOrder(t *testing.T) {
	edges := []float64{
		math.Inf(-1), -math.MaxFloat64, -1 << 60, -1e10, -2, -1.5, -1, -0.5, -1e-3, -1e-300, math.Copysign(0, -1), 0,
		1e-300, 1e-3, 1.0 / 256, 0.5, 1, 1.5, 2, 3, 1e10, 1 << 53, 1 << 60, math.MaxFloat64, math.Inf(1),
	}
	for i := 1; i < len(edges); i++ {
		if numCode(edges[i-1]) > numCode(edges[i]) {
			t.Errorf("code(%g) > code(%g)", edges[i-1], edges[i])
		}
	}
	if numCode(1) == numCode(2) || numCode(100) == numCode(101) || numCode(-1) == numCode(1) {
		t.Error("ordinary numbers share a code")
	}
}

func TestFloatsAreCanonical(t *testing.T) {
	if FloatValue(5) != IntValue(5) || FloatValue(math.Copysign(0, -1)) != IntValue(0) {
		t.Error("an integral float is not its integer")
	}
	if FloatValue(math.NaN()).Known() {
		t.Error("NaN is known")
	}
	if FloatValue(1<<63).Class() != Float || FloatValue(-1<<63) != IntValue(-1<<63) {
		t.Error("the ends of the integers are wrong")
	}
}
