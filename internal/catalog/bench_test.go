package catalog

import (
	"testing"
	"time"
)

func BenchmarkCompared(b *testing.B) {
	text := Form{Dialect: PostgreSQL, Kind: VarText, Text: TextForm{Fold: FoldNone}}
	for _, c := range []struct {
		name string
		col  Column
		arg  any
	}{
		{"sqlite integer", Column{Affinity: IntegerAffinity, Collation: "BINARY"}, int64(42)},
		{"postgres integer", Column{Form: Form{Dialect: PostgreSQL, Kind: Integer, Bits: 64}}, int64(42)},
		{"postgres text", Column{Form: text}, "forty-two"},
		{"postgres timestamptz", Column{Form: Form{Dialect: PostgreSQL, Kind: Instant, Scale: 6}}, time.Date(2024, 1, 2, 10, 0, 0, 0, time.UTC)},
		{"postgres numeric", Column{Form: Form{Dialect: PostgreSQL, Kind: Decimal, Precision: 10, Scale: 2}}, "42.50"},
		{"mysql integer", Column{Form: Form{Dialect: MySQL, Kind: Integer, Bits: 64}}, int64(42)},
		{"mysql folded text", Column{Form: Form{Dialect: MySQL, Kind: VarText, Text: TextForm{Fold: FoldASCII, Trim: true}}}, "Forty-Two"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := c.col.Compared(c.arg); !ok {
					b.Fatal("unknown")
				}
			}
		})
	}
}
