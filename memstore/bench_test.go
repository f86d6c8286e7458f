package memstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/cacheops/cacheops"
)

// block is a value of a given size.
type block []byte

func (b block) Size() int                             { return cap(b) }
func (b block) AppendBinary(p []byte) ([]byte, error) { return append(p, b...), nil }

const (
	benchText  = "SELECT id, title, body FROM articles WHERE id = ?"
	benchTable = "main.articles"
	benchWhole = "main" // everything in the database, which every read depends on
)

// mix spreads n over 64 bits (the finaliser of splitmix64).
func mix(n uint64) uint64 {
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

func benchKey(i int) *cacheops.Key {
	rest := binary.BigEndian.AppendUint64(make([]byte, 0, 24), uint64(i))
	return &cacheops.Key{Hash: mix(uint64(i) + 1), Text: benchText, Rest: append(rest, "main/session/p.."...)}
}

// benchRead is a read by key under one of a table's shapes: it checks the
// shape's tag without values and the one with all.
func benchRead(shape, i int) []cacheops.TableRead {
	s := uint64(shape + 1)
	return []cacheops.TableRead{{Table: benchWhole, TTL: time.Hour}, {
		Table:  benchTable,
		TTL:    time.Hour,
		Shapes: []cacheops.ShapeTags{{Shape: fmt.Sprint("shape ", shape), Tags: []cacheops.Tag{cacheops.Tag(mix(s << 32)), cacheops.Tag(mix(s<<32 + uint64(i) + 1))}}},
	}}
}

func fill(tb testing.TB, s *Store, n, shapes int, value cacheops.Value) {
	tb.Helper()
	ctx := context.Background()
	for i := range n {
		g, err := s.Acquire(ctx, benchRead(i%shapes, i))
		if err != nil || g.Refused != cacheops.Granted {
			tb.Fatalf("acquire: %v, %v", g.Refused, err)
		}
		if err := s.Put(ctx, benchKey(i), &cacheops.Entry{Value: value, Deps: g.Deps, TTL: time.Hour}); err != nil {
			tb.Fatal(err)
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestBytesPerEntry holds the store to what entryBytes charges an entry.
func TestBytesPerEntry(t *testing.T) {
	const n = 1_000_000
	if testing.Short() {
		t.Skip("fills a million entries")
	}
	value := cacheops.Value(block(nil))
	before := heap()
	s := New(1 << 40)
	defer s.Close()
	fill(t, s, n, 1, value)
	s.entries.CleanUp()
	rest := len(benchKey(0).Rest)
	per := float64(heap()-before)/n - float64(rest)
	t.Logf("%d entries of %d kept, %.1f bytes per entry beyond its payload", s.Stats().Entries, n, per)
	if s.Stats().Entries != n {
		t.Errorf("%d entries kept, want %d", s.Stats().Entries, n)
	}
	if per > entryBytes {
		t.Errorf("%.1f bytes per entry, want at most %d", per, entryBytes)
	}
}

func BenchmarkGet(b *testing.B) {
	const n = 10_000
	b.Run("otter", func(b *testing.B) {
		c := otter.Must(&otter.Options[uint64, *entry]{MaximumSize: 1 << 20})
		for i := range n {
			c.Set(benchKey(i).Hash, &entry{})
		}
		keys := benchKeys(n)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, ok := c.GetIfPresent(keys[i%n].Hash); !ok {
				b.Fatal("miss")
			}
		}
	})
	b.Run("memstore", func(b *testing.B) {
		s := New(1 << 30)
		defer s.Close()
		fill(b, s, n, 20, block(nil))
		ctx, keys := context.Background(), benchKeys(n)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := s.Get(ctx, keys[i%n]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchKeys(n int) []*cacheops.Key {
	keys := make([]*cacheops.Key, n)
	for i := range keys {
		keys[i] = benchKey(i)
	}
	return keys
}

// BenchmarkWrite is what the store adds to a commit of one row under 20 shapes.
func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprint("entries=", n), func(b *testing.B) {
			const shapes = 20
			s := New(1 << 40)
			defer s.Close()
			fill(b, s, n, shapes, block(nil))
			ctx := context.Background()
			tags := make([]cacheops.Tag, shapes)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				for sh := range tags {
					tags[sh] = cacheops.Tag(mix(uint64(sh+1)<<32 + uint64(n+i) + 1))
				}
				reg, err := s.Registry(ctx, benchTable)
				if err != nil {
					b.Fatal(err)
				}
				w := cacheops.Writer{ID: uint64(i) + 1}
				moved, err := s.Begin(ctx, w, []cacheops.TableWrite{
					{Table: benchTable, Epoch: reg.Epoch, Version: reg.Version, Tags: tags},
					{Table: benchWhole, Unverified: true},
				})
				if err != nil || len(moved) > 0 {
					b.Fatal(moved, err)
				}
				if err := s.End(ctx, w, []string{benchTable, benchWhole}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
