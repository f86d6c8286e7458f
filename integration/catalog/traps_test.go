package catalog_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cacheops/cacheops/internal/catalog"
)

// traps are values that some database holds equal to another of them, or that
// look as if it should, in every form in which a program may pass them.
func traps() []any {
	texts := []string{
		"", " ", "a", "A", "á", "Á", "a\u0301", "ä", "ae", "æ", "Æ", "ss", "ß", "ẞ", "SS", "a ", "a  ", " a", "A ", "a\t", "a\n", "a\x01", "\x01a", "a\u00ad", "a\u200b", "a\u200d",
		"ab", "AB", "aB", "abc", "i", "I", "ı", "İ", "ﬁ", "fi", "FI", "K", "k", "\u212a", "\u00a0", "a\u00a0", "😀", "😁", "y", "Y", "u", "v", "w", "W", "_", "%", "\\", "'", "-", "co-op", "coop",
		"a\x00", "a\x00b", "\xff", "１", "٣", "º", "o", "ñ", "n", "ø", "`", "^", "~", "{", "|",
		"0", "1", "01", "+1", "-1", " 1", "1 ", "1.0", "1.00", "1.", "1e0", "1E0", "10e-1", "0x1", "1abc", "1_0", "10", "0.0", "-0", "-0.0", "2", "3", "1.5", "1.50", "1.005", "1.004999", "-1.005", "0.1", ".1",
		"0.10000000000000001", "0.1000000000000000055511151231257827", "9007199254740992", "9007199254740993", "9007199254740993.0", "100000000000000000", "100000000000000001", "9223372036854775807", "9223372036854775808", "18446744073709551615", "-9223372036854775808",
		"99999999999", "255", "256", "127", "128", "32767", "2147483647", "4294967295", "NaN", "nan", "Infinity", "-Infinity", "inf", "1e400", "1e-400", "1e20", "99999999.995", "12345678.125", "true", "TRUE", "t", "T", "yes", "on", "false", "f", "off",
		"2024-01-02", "2024-1-2", "20240102", "2024-01-02 00:00:00", "2024-01-02T00:00:00", "2024-01-02 10:00:00", "2024-01-02 10:00:00.5", "2024-01-02 10:00:00.500000", "2024-01-02 10:00:00.123456", "2024-01-02 10:00:00.1234567",
		"2024-01-02 10:00:00+00", "2024-01-02 12:00:00+02", "2024-01-02 10:00:00Z", "2024-01-02T10:00:00Z", "2024-01-02 05:00:00-05", "2024-01-02 10:00:00.5+00:00", "2024-02-30", "2024-02-29", "0000-00-00", "0000-00-00 00:00:00", "0000-01-01", "0001-01-01", "9999-12-31",
		"infinity", "-infinity", "epoch", "today", "now", "44-03-15 BC", "1969-12-31", "1970-01-01", "1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2024-01-02 23:59:60", "2024-01-02 24:00:00", "2024-03-10 02:30:00", "2024-11-03 01:30:00", "1582-10-10", "24", "2024", "70", "1970", "1901", "2155",
		"10:00:00", "10:00", "10:00:00.5", "10:00:00.50", "24:00:00", "00:00:00", "-01:00:00", "838:59:59", "1 10:00:00", "101112", "10:11:12", "00:10:11",
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", "00000000-0000-0000-0000-000000000000",
		`{"a":1,"b":2}`, `{"b":2, "a":1}`, `{"a":1.0,"b":2}`, "[1]", "{1}", "{1,2}", "1 day", "24 hours", "1.2.3.4", "1.2.3.4/32", "::1", "[1,3)", "[1,2]", `\x61`, `\x`, `\x6`, `\141`, "$1.00", "b'1'", "x", "X", "big", "small", "b,a", "a,b",
	}
	var out []any
	for _, s := range texts {
		out = append(out, s)
	}
	for _, s := range []string{"a", "A", "a ", "1", "", "\x00", "\x01", "\x00\x01", "a\x00", "a\x00\x00", "\xff", "2024-01-02", "ß", "1.5"} {
		out = append(out, []byte(s))
	}
	for _, n := range []int64{0, 1, -1, 2, 3, 5, 10, 24, 70, 127, 128, -128, 255, 256, 1970, 2024, 2155, 32767, 65535, 65536, 8388607, 16777215, 20240102, 101112, 20240102100000, math.MaxInt32, math.MaxUint32, 1 << 52, 1<<53 - 1, 1 << 53, 1<<53 + 1, -(1<<53 + 1), 123456789012345678, 100000000000000001, math.MaxInt64, math.MinInt64} {
		out = append(out, n)
	}
	out = append(out, uint64(1), uint64(1<<63), uint64(math.MaxUint64))
	for _, f := range []float64{0, math.Copysign(0, -1), 1, 1.5, -1.5, 0.5, 0.1, 0.1 + 0.2, 0.3, 1.005, 1e17, 1e20, 1e22, 1e-7, 1e300, 5e-324, 1 << 53, 1<<53 + 2, 1 << 63, 123456789.125, 12345678.995, 2.5, 3.5, math.NaN(), math.Inf(1), math.Inf(-1)} {
		out = append(out, f)
	}
	out = append(out, true, false)
	east, west := time.FixedZone("", 2*3600), time.FixedZone("EST", -5*3600)
	for _, t := range []time.Time{
		time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2024, 1, 2, 10, 0, 0, 0, time.UTC), time.Date(2024, 1, 2, 12, 0, 0, 0, east),
		time.Date(2024, 1, 2, 0, 0, 0, 0, east), time.Date(2024, 1, 2, 0, 0, 0, 0, west), time.Date(2024, 1, 1, 19, 0, 0, 0, west), time.Date(2024, 1, 2, 10, 0, 0, 5e8, time.UTC),
		time.Date(2024, 1, 2, 10, 0, 0, 123456000, time.UTC), time.Date(2024, 1, 2, 10, 0, 0, 123456789, time.UTC), time.Date(2024, 1, 2, 23, 59, 59, 999999500, time.UTC), time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),
		{},
		time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 3, 10, 2, 30, 0, 0, time.UTC), time.Date(2024, 11, 3, 1, 30, 0, 0, time.UTC), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
	} {
		out = append(out, t)
	}
	for _, s := range []string{"1", "1.0", "1.50", "1e0", "15e-1", "1.005", "0.1", "-0.0", "9007199254740993", "9223372036854775808", "0", "20240102", "2", "1e20", "0.30000000000000004", "0.3"} {
		out = append(out, catalog.Literal{Type: catalog.Numeral, Text: s})
	}
	for _, s := range []string{"", "date", "timestamp", "time"} {
		for _, text := range []string{"2024-01-02", "2024-01-02 10:00:00", "10:00:00", "a", "1"} {
			out = append(out, catalog.Literal{Type: s, Text: text})
		}
	}
	return append(out, nil)
}

// times are the traps that look like a time.
func times() (out []any) {
	for _, v := range traps() {
		switch v := v.(type) {
		case time.Time:
			out = append(out, v)
		case string:
			if strings.ContainsAny(v, ":-") {
				out = append(out, v)
			}
		}
	}
	return out
}

// randomTraps are neighbours of the traps: few kinds, so that equal ones meet.
func randomTraps(r *rand.Rand, n int) []any {
	letters := []rune("aAbB1 0.-é\u0301ßsS\t\x01zZ9:😀")
	day := func() time.Time {
		return time.Date(2023+r.IntN(2), time.Month(1+r.IntN(12)), 1+r.IntN(3), 0, 0, 0, 0, time.UTC)
	}
	moment := func() time.Time {
		t := day().Add(time.Duration(r.IntN(3)) * time.Hour)
		return t.Add([]time.Duration{0, time.Millisecond, time.Microsecond, 500 * time.Millisecond, 100 * time.Nanosecond}[r.IntN(5)])
	}
	zones := []*time.Location{time.UTC, time.FixedZone("", 3600), time.FixedZone("", -2*3600)}
	out := make([]any, n)
	for i := range out {
		switch r.IntN(11) {
		case 0, 1:
			s := []rune{}
			for range r.IntN(4) {
				s = append(s, letters[r.IntN(len(letters))])
			}
			out[i] = string(s)
		case 2:
			out[i] = fmt.Sprintf("%d.%0*d", r.IntN(4)-1, 1+r.IntN(4), r.IntN(10))
		case 3:
			out[i] = int64(r.IntN(8) - 3)
		case 4:
			out[i] = float64(r.IntN(32)-8) / 8
		case 5:
			out[i] = fmt.Sprint(r.Int64N(1<<54) - 1<<53)
		case 6:
			out[i] = day().Format("2006-01-02")
		case 7:
			out[i] = moment().Format("2006-01-02 15:04:05.999999")
		case 8:
			out[i] = moment().In(zones[r.IntN(3)])
		case 9:
			out[i] = moment().In(zones[r.IntN(3)]).Format("2006-01-02 15:04:05.999999Z07:00")
		default:
			out[i] = catalog.Literal{Type: catalog.Numeral, Text: fmt.Sprintf("%d.%0*d", r.IntN(4)-1, 1+r.IntN(4), r.IntN(10))}
		}
	}
	return out
}
