package fuzz

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// kind is the domain that a column's values are mostly taken from. Domains are
// small, so that statements meet the same rows often.
type kind int

const (
	kID kind = iota
	kInt
	kText
	kReal
	kBool
	kDate
	kBlob
	kAny
	// The servers' own.
	kDecimal
	kUUID
	kEnum
	kJSON
	kNet
	kBits
	kTime
	numKinds
)

var (
	texts = []string{"a", "A", "b", "B", "ab", "Ab", "a ", "b  ", "abc", "", "é", "É", "1", "01", "1.0", "x%", "zz"}
	dates = []string{
		"2024-01-01", "2024-01-02", "2024-02-01 10:00:00", "2024-02-01T10:00:00Z",
		"2024-02-01 10:00:00+02:00", "2025-12-31 23:59:59.5",
	}
	reals = []float64{0, 0.5, 1, 1.5, 2, 2.25, -1, 0.1, 10}
	odd   = []any{
		nil, int64(1), 1.0, "1", "01", " 1", "1.0", "1e0", int64(-1), int64(0), "", "a", []byte("a"), []byte("1"),
		[]byte{},
		// Not the largest integer: as a rowid it makes SQLite choose later ones at
		// random, and the twins part.
		int64(9007199254740993), 9007199254740992.0, int64(9223372036854770000), 9.223372036854775807e18,
		1e300, -0.25, "NULL", true, false, "true", "A", "a ", "2024-01-01", int64(-9223372036854775808), 0.1, "0.1", "0x1", "9007199254740993",
	}
	moments = []time.Time{
		time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 2, 1, 10, 0, 0, 0, time.UTC),
	}
)

func pick[T any](r *rand.Rand, s []T) T { return s[r.IntN(len(s))] }

func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

// value takes one value for a column or a comparison of kind k: mostly of its
// domain, sometimes anything.
func (d *dialect) value(r *rand.Rand, k kind) any {
	switch n := r.IntN(100); {
	case n < 5:
		return nil
	case n < 5+d.oddity:
		return pick(r, d.odd)
	}
	return d.plain(r, k)
}

func litePlain(r *rand.Rand, k kind) any {
	switch k {
	case kID:
		return int64(1 + r.IntN(14))
	case kInt:
		return int64(r.IntN(7))
	case kText:
		return pick(r, texts)
	case kReal:
		return pick(r, reals)
	case kBool:
		return pick(r, []any{true, false, int64(1), int64(0)})
	case kDate:
		if chance(r, 8) {
			return pick(r, moments)
		}
		return pick(r, dates)
	case kBlob:
		return []byte(pick(r, texts[:6]))
	}
	return litePlain(r, kind(r.IntN(int(kAny))))
}

// realLiteral writes v so that no database takes it for a whole number.
func realLiteral(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// liteLiteral writes v as SQLite reads it.
func liteLiteral(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case int64:
		if v == -9223372036854775808 {
			return "(-9223372036854775807-1)"
		}
		return strconv.FormatInt(v, 10)
	case float64:
		return realLiteral(v)
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	case bool:
		if v {
			return "TRUE"
		}
		return "FALSE"
	case time.Time:
		return liteLiteral(v.String())
	}
	panic(fmt.Sprintf("fuzz: no literal for %T", v))
}

// quote writes an identifier, in one of the dialect's ways of quoting where it
// has to be or the dice say so.
func (s *schema) quote(name string) string {
	if plainName(name) && !chance(s.r, 8) {
		if chance(s.r, 5) {
			return s.d.upper(name)
		}
		return name
	}
	return pick(s.r, s.d.quoted(name))
}

// ident writes an identifier, quoted if it has to be.
func (s *schema) ident(name string) string {
	if plainName(name) {
		return name
	}
	return s.d.quoted(name)[0]
}

func plainName(name string) bool {
	for _, c := range name {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != "order" && name != "group"
}
