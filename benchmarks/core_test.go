package benchmarks

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/memstore"
)

const table = "main.articles"

// block is a cached value of a given size.
type block []byte

func (b block) Size() int                             { return cap(b) }
func (b block) AppendBinary(p []byte) ([]byte, error) { return append(p, b...), nil }

// bench is the core over the in-process store, driven as an adapter drives it.
type bench struct {
	tb    testing.TB
	cache *cacheops.Cache
	db    *cacheops.Database
	q     *cacheops.Query
	value block
}

func newBench(tb testing.TB, maxBytes int64, payload int) *bench {
	tb.Helper()
	cache, err := cacheops.New(memstore.New(maxBytes), &cacheops.Config{
		Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := cache.Close(); err != nil {
			tb.Error(err)
		}
	})
	db, err := cache.Attach(cacheops.Backend{Name: "bench"})
	if err != nil {
		tb.Fatal(err)
	}
	version, err := db.CatalogVersion(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	q := &cacheops.Query{
		Text: "SELECT id, title, body FROM articles WHERE category = ? AND id = ?",
		Op:   cacheops.Fetch, Main: "articles", Uses: []string{table}, Catalog: version,
	}
	db.Prepare(q)
	return &bench{tb: tb, cache: cache, db: db, q: q, value: make(block, payload)}
}

const session = "0123456789abcdef"

func args(buf []byte, n int) []byte {
	return binary.BigEndian.AppendUint64(append(buf[:0], 'i'), uint64(n))
}

// fill keeps an entry under the n-th key, with what use says it depends on.
func (b *bench) fill(n int, use dep.Use) {
	ctx := context.Background()
	p := cacheops.Probe{Args: args(nil, n)}
	if _, fill := b.db.Lookup(ctx, b.q, session, &p); !fill {
		b.tb.Fatalf("entry %d: the cache does not ask for it", n)
	}
	if _, err := b.db.Fill(ctx, &p, sourceOf(use, b.value)); err != nil {
		b.tb.Fatal(err)
	}
}

// sourceOf is a read that depends on what use says.
func sourceOf(use dep.Use, value block) cacheops.Source {
	return cacheops.Source{
		Uses: func() ([]dep.Use, error) { return []dep.Use{use}, nil },
		Load: func(context.Context) (cacheops.Loaded, error) { return cacheops.Loaded{Value: value, Rows: true}, nil },
	}
}

// lookup reads the n-th key, which must be a hit.
func (b *bench) lookup(ctx context.Context, p *cacheops.Probe) {
	if hit, _ := b.db.Lookup(ctx, b.q, session, p); hit == nil {
		b.tb.Fatal("a miss")
	}
}

// write commits the update of one row: its key, and the columns of shapes.
func (b *bench) write(ctx context.Context, n int) {
	img := append(make(dep.Image, 0, 1+len(columns)), dep.Field{Col: "id", Value: dep.IntValue(int64(n))})
	for i := range columns {
		img = append(img, dep.Field{Col: column(i), Value: dep.IntValue(int64(n + i))})
	}
	tx := b.db.Write()
	tx.Add(ctx, b.q.Catalog, dep.Change{
		Table: table, Op: dep.Update, Old: []dep.Image{img}, New: []dep.Image{img}, Set: dep.ColumnSet("c0"),
	})
	err := tx.Commit(ctx, "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil })
	if err != nil {
		b.tb.Fatal(err)
	}
}

func column(i int) string { return columns[i] }

// columns are named beforehand: a write of the benchmarks makes nothing but its
// images.
var columns = func() (names [24]string) {
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	return names
}()

// shapeUse is a read that restricts id and one of 20 other columns.
func shapeUse(shape, n int) dep.Use {
	return dep.Use{
		Table: table, Cols: dep.ColumnSet("c0", "id", column(shape)),
		Regions: []dep.Region{{Atoms: []dep.Atom{
			{Col: "id", Kind: dep.Eq, Value: dep.IntValue(int64(n))},
			{Col: column(shape), Kind: dep.Eq, Value: dep.IntValue(int64(n + shape))},
		}}},
	}
}

// comboUse is a read with the n-th of many combinations of filters.
func comboUse(n int) dep.Use {
	cols := []string{"c0"}
	var atoms []dep.Atom
	for i := range 14 {
		if (n+1)>>i&1 == 1 {
			cols = append(cols, column(i+1))
			atoms = append(atoms, dep.Atom{Col: column(i + 1), Kind: dep.Eq, Value: dep.IntValue(int64(n))})
		}
	}
	return dep.Use{Table: table, Cols: dep.ColumnSet(cols...), Regions: []dep.Region{{Atoms: atoms}}}
}

// BenchmarkCoreHit is a hit in the core, key and validation included, against
// a bare Get of the eviction policy under it.
func BenchmarkCoreHit(b *testing.B) {
	c := newBench(b, 1<<30, 200)
	bare := otter.Must(&otter.Options[uint64, *block]{MaximumSize: 1 << 20})
	defer bare.StopAllGoroutines()
	const n = 1000
	var p cacheops.Probe
	for i := range n {
		c.fill(i, shapeUse(i%20, i))
		bare.Set(uint64(i), &c.value)
	}
	ctx, i, j := context.Background(), 0, 0
	compare(b, func() {
		if _, ok := bare.GetIfPresent(uint64(i % n)); !ok {
			b.Fatal("a miss")
		}
		i++
	}, func() {
		p.Args = args(p.Args, j%n)
		c.lookup(ctx, &p)
		j++
	})
}

func TestCoreHitAllocatesNothing(t *testing.T) {
	c := newBench(t, 1<<20, 200)
	c.fill(1, shapeUse(1, 1))
	var p cacheops.Probe
	if n := testing.AllocsPerRun(1000, func() {
		p.Args = args(p.Args, 1)
		c.lookup(t.Context(), &p)
	}); n != 0 {
		t.Errorf("a hit allocates %v times", n)
	}
}

// BenchmarkWriteByEntries is the cost of a write, database left out, with many
// live entries against one with few, under 20 shapes in each case.
func BenchmarkWriteByEntries(b *testing.B) {
	few := newBench(b, 1<<32, 32)
	for i := range 100 {
		few.fill(i, shapeUse(i%20, i))
	}
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("%d-to-100", n), func(b *testing.B) {
			many := newBench(b, 1<<32, 32)
			for i := range n {
				many.fill(i, shapeUse(i%20, i))
			}
			runtime.GC()
			// Written keys lie outside of what is cached in both, so that the
			// entries stay what they are.
			ctx, i, j := context.Background(), n, n
			compare(b, func() { few.write(ctx, i); i++ }, func() { many.write(ctx, j); j++ })
		})
	}
}

// BenchmarkWriteByShapes is the cost of a write after 10,000 ad-hoc
// combinations of filters against that after 10.
func BenchmarkWriteByShapes(b *testing.B) {
	few, many := newBench(b, 1<<30, 32), newBench(b, 1<<30, 32)
	for i := range 10_000 {
		if i < 10 {
			few.fill(i, comboUse(i))
		}
		many.fill(i, comboUse(i))
	}
	ctx, i, j := context.Background(), 0, 0
	b.Run("10000-to-10", func(b *testing.B) {
		compare(b, func() { few.write(ctx, i); i++ }, func() { many.write(ctx, j); j++ })
	})
}

// TestBytesPerEntry fills stores and weighs them: beyond its payload, which is
// the value and the key, an entry may cost this much with its shapes, stamps and
// the half-empty tables of a map that has just grown. Every entry here has tags
// of its own, as rows by key have; lists share theirs.
func TestBytesPerEntry(t *testing.T) {
	const payload, limit = 512, 250
	for _, c := range []struct {
		name  string
		n     int
		use   func(n int) dep.Use
		limit int64 // zero: for the record only
	}{
		{"one column", 200_000, func(n int) dep.Use { return columnUse(n%20, n, false) }, limit},
		{"a pinned key", 50_000, func(n int) dep.Use { return columnUse(0, n, true) }, 0},
		{"two columns", 50_000, func(n int) dep.Use { return shapeUse(n%20, n) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			each := weigh(t, c.n, payload, c.use)
			t.Logf("%d bytes an entry beyond its payload of %d", each, payload)
			if c.limit > 0 && each > c.limit {
				t.Errorf("an entry costs %d bytes beyond its payload, more than %d", each, c.limit)
			}
		})
	}
}

// columnUse is a read that restricts one column.
func columnUse(shape, n int, pinned bool) dep.Use {
	return dep.Use{
		Table: table, Cols: dep.ColumnSet("c0", column(shape)),
		Regions: []dep.Region{{
			Atoms:  []dep.Atom{{Col: column(shape), Kind: dep.Eq, Value: dep.IntValue(int64(n))}},
			Pinned: pinned,
		}},
	}
}

func weigh(t *testing.T, n, payload int, use func(int) dep.Use) int64 {
	c := newBench(t, 1<<32, payload)
	before := heap()
	for i := range n {
		c.value = make(block, payload)
		c.fill(i, use(i))
	}
	// Payload too: the header of the slice that is the value, and the key's bytes
	// (database, session, arguments) in the size that Go allocates for them.
	const header, key = 24, 48
	each := int64(heap()-before)/int64(n) - int64(payload) - header - key
	c.lookup(t.Context(), &cacheops.Probe{Args: args(nil, n-1)}) // keeps the store alive until here
	return each
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestShapesAreBounded is what BenchmarkWriteByShapes rests on, without a
// clock: the tags that one write drops do not grow with the combinations.
func TestShapesAreBounded(t *testing.T) {
	drops := func(combos int) uint64 {
		c := newBench(t, 1<<30, 32)
		for i := range combos {
			c.fill(i, comboUse(i))
		}
		before := c.cache.Stats().Tags
		c.write(t.Context(), 1)
		return c.cache.Stats().Tags - before
	}
	few, many := drops(100), drops(10_000)
	t.Logf("tags dropped by a write: %d after 100 combinations, %d after 10,000", few, many)
	if many > 2*few {
		t.Errorf("a write drops %d tags after 10,000 combinations, %d after 100", many, few)
	}
}
