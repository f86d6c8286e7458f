package dep

import (
	"fmt"
	"math"
)

// Bounds says for people which values a cell of numbers or days holds: from lo up
// to hi, both included. Text between two days sorts with the earlier one.
func (c Cell) Bounds() (lo, hi string) {
	if c.Family == Prefix {
		return c.Text, c.Text + "…"
	}
	first := c.Code << (64 - c.Level)
	last := first | (1<<(64-c.Level) - 1)
	if c.Family == Day {
		return dayOf(first), dayOf(last)
	}
	return numberOf(first), numberOf(last)
}

// numberOf undoes numCode, as far as that clips nothing.
func numberOf(code uint64) string {
	const magBits = 58
	const most = uint64(1)<<magBits - 1
	code >>= 64 - magBits - 1
	mag, sign := code&most, 1.0
	if code>>magBits == 0 {
		mag, sign = most-mag, -1
	}
	switch octave := mag >> 52; {
	case mag == most:
		return fmt.Sprint(sign * math.Inf(1))
	case octave == 0:
		return "0"
	default:
		return fmt.Sprintf("%.7g", sign*math.Float64frombits((octave-9+1023)<<52|mag&(1<<52-1)))
	}
}

// dayOf undoes dayCode.
func dayOf(code uint64) string {
	n := code >> (64 - 23)
	return fmt.Sprintf("%04d-%02d-%02d", n>>9, min(max(n>>5&15, 1), 12), max(n&31, 1))
}
