package dep

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestBounds: what people are told of a cell holds for what is in it.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		cell   Cell
		lo, hi string
	}{
		{Cell{Family: Day, Level: 23, Code: 2026<<9 | 11<<5 | 23}, "2026-11-23", "2026-11-23"},
		{Cell{Family: Day, Level: 14, Code: 2026}, "2026-01-01", "2026-12-31"},
		{Cell{Family: Num, Level: 1, Code: 1}, "0", "+Inf"},
		{Cell{Family: Num, Level: 1, Code: 0}, "-Inf", "0"},
		{Cell{Family: Prefix, Level: 2, Text: "ab"}, "ab", "ab…"},
	} {
		if lo, hi := c.cell.Bounds(); lo != c.lo || hi != c.hi {
			t.Errorf("%+v: from %s to %s, want %s to %s", c.cell, lo, hi, c.lo, c.hi)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64Range(-1e15, 1e15).Draw(t, "f")
		level := uint8(firstLevel + levelStep*rapid.IntRange(0, 12).Draw(t, "level"))
		code, _ := FloatValue(f).In(Num, level)
		lo, hi := (Cell{Family: Num, Level: level, Code: code}).Bounds()
		l, err1 := strconv.ParseFloat(lo, 64)
		h, err2 := strconv.ParseFloat(hi, 64)
		slack := 1e-6*max(f, -f) + 1.0/256 // what lies closer to zero is clipped
		if err1 != nil || err2 != nil || f < l-slack || f > h+slack {
			t.Fatalf("%v is told to lie from %s to %s", f, lo, hi)
		}
	})
}
