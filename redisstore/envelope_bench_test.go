package redisstore

import (
	"database/sql/driver"
	"io"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/rowset"
)

// twenty are rows as a driver gives them, of a list with a short text each.
type twenty struct{ n int }

func (*twenty) Columns() []string { return []string{"id", "title", "author", "price"} }
func (*twenty) Close() error      { return nil }
func (r *twenty) Next(dest []driver.Value) error {
	if r.n == 20 {
		return io.EOF
	}
	r.n++
	dest[0], dest[1], dest[2], dest[3] = int64(1000+r.n), "a title of some length, as they are", "an author", 19.5
	return nil
}

func twentyRows(b *testing.B) (*cacheops.Key, cacheops.Value) {
	b.Helper()
	set, err := rowset.Record(&twenty{}, 0, nil)
	if err != nil {
		b.Fatal(err)
	}
	k := keyOf("SELECT id, title, author, price FROM books WHERE author = ? ORDER BY id LIMIT 20", "\x02\x0fan author")
	k.Decode = func(b []byte) (cacheops.Value, error) { return rowset.Decode(b) }
	return k, set
}

func benchWays(b *testing.B, run func(*testing.B, *envelope)) {
	for _, way := range []struct {
		name string
		e    *envelope
	}{
		{"plain", envelopeOf(b, -1)},
		{"compressed", envelopeOf(b, 1)},
		{"encrypted", envelopeOf(b, -1, 1)},
		{"both", envelopeOf(b, 1, 1)},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			run(b, way.e)
		})
	}
}

// The rows' own encoding is part of both: see encode and decode for its share.
func BenchmarkSeal20(b *testing.B) {
	k, v := twentyRows(b)
	benchWays(b, func(b *testing.B, e *envelope) {
		var buf []byte
		for b.Loop() {
			buf, _ = e.seal(buf[:0], k, testDeps, v)
		}
		b.ReportMetric(float64(len(buf)), "bytes")
	})
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf, _ = v.AppendBinary(buf[:0])
		}
		b.ReportMetric(float64(len(buf)), "bytes")
	})
}

func BenchmarkOpen20(b *testing.B) {
	k, v := twentyRows(b)
	benchWays(b, func(b *testing.B, e *envelope) {
		sealed := e.mustSeal(b, k, testDeps, v)
		for b.Loop() {
			if _, _, err := e.open(sealed, k); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		enc, _ := v.AppendBinary(nil)
		for b.Loop() {
			_, _ = k.Decode(enc)
		}
	})
}

func BenchmarkKeyDigest(b *testing.B) {
	k, _ := twentyRows(b)
	benchWays(b, func(b *testing.B, e *envelope) {
		for b.Loop() {
			e.keyDigest(k)
		}
	})
}
