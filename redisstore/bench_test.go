package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
)

// The benchmarks stand beside what they are measured by: the same number of
// keys or commands through a bare client, on the same server. The two take turns,
// a few calls each, and the medians of the turns are compared: the machines that
// this runs on are shared and noisy, and what disturbs one disturbs both.

// block is a value of a given size.
type block []byte

func (b block) Size() int                             { return cap(b) }
func (b block) AppendBinary(p []byte) ([]byte, error) { return append(p, b...), nil }

func decodeBlock(b []byte) (cacheops.Value, error) { return block(append([]byte(nil), b...)), nil }

const (
	benchTable = "main/articles"
	benchWhole = "main/" // everything in the database, which every read depends on
)

// mix spreads n over 64 bits (the finaliser of splitmix64).
func mix(n uint64) uint64 {
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

func benchKey(i int) *cacheops.Key {
	return &cacheops.Key{
		Hash: mix(uint64(i) + 1), Text: "SELECT id, title, body FROM articles WHERE id = ?",
		Rest: binary.BigEndian.AppendUint64(nil, uint64(i)), Decode: decodeBlock,
	}
}

// benchRead is a read by key under one of the table's shapes. It checks four
// stamps: the database's, the table's, the shape's without values and with all.
func benchRead(shape, i int) []cacheops.TableRead {
	s := uint64(shape + 1)
	return []cacheops.TableRead{{
		Table: benchTable, TTL: time.Hour,
		Shapes: []cacheops.ShapeTags{{
			Shape: fmt.Sprint("shape ", shape),
			Tags:  []cacheops.Tag{cacheops.Tag(mix(s << 32)), cacheops.Tag(mix(s<<32 + uint64(i) + 1))},
		}},
	}, {Table: benchWhole, TTL: time.Hour}}
}

func fill[S cacheops.Store](b *testing.B, s S, from, to, shapes int) {
	b.Helper()
	ctx := context.Background()
	value := block(make([]byte, 200))
	for i := from; i < to; i++ {
		g, err := s.Acquire(ctx, benchRead(i%shapes, i))
		for range g.Doubts {
			for _, d := range g.Doubts {
				if err := s.Clear(ctx, d); err != nil {
					b.Fatal(err)
				}
			}
			g, err = s.Acquire(ctx, benchRead(i%shapes, i))
		}
		if err != nil || g.Refused != cacheops.Granted {
			b.Fatalf("acquire: %v, %v", g.Refused, err)
		}
		if err := s.Put(ctx, benchKey(i), &cacheops.Entry{Value: value, Deps: g.Deps, TTL: time.Hour}); err != nil {
			b.Fatal(err)
		}
	}
}

func bare(b *testing.B, bench *bench) rueidis.Client {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{bench.server.Addr()}, DisableCache: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}

const benchKeys = 1000

// turn is how many calls are timed together.
const turn = 50

// compare reports what a call costs next to base, and each by itself.
func compare(b *testing.B, base, call func(i int) error) {
	b.Helper()
	run := func(f func(int) error, from int) time.Duration {
		began := time.Now()
		for i := from; i < from+turn; i++ {
			if err := f(i); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(began)
	}
	report(b, turn, func(i int) (time.Duration, time.Duration) { return run(base, i), run(call, i) })
}

// compareWide is compare with 64 goroutines at once.
func compareWide(b *testing.B, base, call func(i int) error) {
	b.Helper()
	const width = 64
	run := func(f func(int) error, from int) time.Duration {
		var g sync.WaitGroup
		began := time.Now()
		for n := range width {
			g.Go(func() {
				for i := range turn {
					if err := f(from + n*turn + i); err != nil {
						b.Error(err)
					}
				}
			})
		}
		g.Wait()
		return time.Since(began)
	}
	report(b, width*turn, func(i int) (time.Duration, time.Duration) { return run(base, i), run(call, i) })
}

func report(b *testing.B, calls int, take func(i int) (base, call time.Duration)) {
	b.Helper()
	take(0)
	var bases, all []time.Duration
	for i := 0; b.Loop(); i++ {
		base, call := take(i * calls)
		bases, all = append(bases, base), append(all, call)
	}
	base, call := median(bases), median(all)
	b.ReportMetric(0, "ns/op") // of both together, which says nothing
	b.ReportMetric(float64(base)/float64(calls), "base-ns")
	b.ReportMetric(float64(call)/float64(calls), "ours-ns")
	b.ReportMetric(float64(call)/float64(base), "ratio")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// warm has two goroutines use a client at once. From then on it pipelines, as in
// any program that is not a benchmark; before, one caller alone is served
// straight, in half the time.
func warm(b *testing.B, call func(int) error) {
	b.Helper()
	var g sync.WaitGroup
	for n := range 8 {
		g.Go(func() {
			for i := range 100 {
				if err := call(n*100 + i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	g.Wait()
}

// BenchmarkHit compares a validated hit with a MGET of as many keys, and a
// tracked one with a hit of memstore.
func BenchmarkHit(b *testing.B) {
	bench := newBench(b)
	ctx := context.Background()
	keys := make([]*cacheops.Key, benchKeys)
	for i := range keys {
		keys[i] = benchKey(i)
	}
	client := bare(b, bench)
	mget := func(i int) error {
		list, err := client.Do(ctx, client.B().Mget().Key(bareNames(i%benchKeys)...).Build()).ToArray()
		if err == nil && len(list) != 4 {
			err = errReply
		}
		return err
	}
	for i := range benchKeys {
		for _, k := range bareNames(i) {
			if err := bench.do("SET", k, "0123456789abcdef"); err != nil {
				b.Fatal(err)
			}
		}
	}
	store := func(o Options) *Store {
		s := bench.store(b, o)
		b.Cleanup(func() { s.Close() })
		fill(b, s, 0, benchKeys, 1)
		return s
	}
	get := func(s cacheops.Store) func(int) error {
		return func(i int) error {
			_, err := s.Get(ctx, keys[i%benchKeys])
			return err
		}
	}
	validated, tracked := get(store(Options{})), get(store(Options{Mode: Tracked, Heartbeat: time.Minute}))
	mem := memstore.New(0)
	defer mem.Close()
	fill(b, mem, 0, benchKeys, 1)
	b.Run("tracked/memstore", func(b *testing.B) {
		many := func(f func(int) error) func(int) error {
			return func(i int) error {
				for n := range 20 {
					if err := f(i*20 + n); err != nil {
						return err
					}
				}
				return nil
			}
		}
		warm(b, tracked) // and has what was pushed of the fills come in
		compare(b, many(get(mem)), many(tracked))
	})
	warm(b, mget)
	warm(b, validated)
	b.Run("validated/mget", func(b *testing.B) { compare(b, mget, validated) })
	b.Run("validated/mget-64", func(b *testing.B) { compareWide(b, mget, validated) })
}

// bareNames are four keys such as a hit asks for.
func bareNames(i int) []string {
	return []string{
		"bare:e{:main/articles}0123456789abcdef", fmt.Sprint("bare:s{:main/articles}", 1_000_000+i),
		fmt.Sprint("bare:s{:main/articles}", 2_000_000+i), "bare:e{:main/}0123456789abcdef",
	}
}

const benchShapes = 20

// writer returns what a commit of one row under 20 shapes tells a store: its
// Begin and its End, two round trips.
func writer(b *testing.B, s *Store) func(int) error {
	b.Helper()
	ctx := context.Background()
	reg, err := s.Registry(ctx, benchTable)
	if err != nil {
		b.Fatal(err)
	}
	whole, err := s.Registry(ctx, benchWhole)
	if err != nil {
		b.Fatal(err)
	}
	return func(i int) error {
		tags := make([]cacheops.Tag, benchShapes)
		for sh := range tags {
			tags[sh] = cacheops.Tag(mix(uint64(sh+1)<<32 + uint64(i) + 1<<40))
		}
		w := cacheops.Writer{ID: nonzero()}
		moved, err := s.Begin(ctx, w, []cacheops.TableWrite{
			{Table: benchTable, Epoch: reg.Epoch, Version: reg.Version, Tags: tags},
			{Table: benchWhole, Unverified: true, Catalog: whole.Catalog},
		})
		if err == nil && len(moved) > 0 {
			err = fmt.Errorf("moved: %+v", moved)
		}
		if err == nil {
			err = s.End(ctx, w, []string{benchTable, benchWhole})
		}
		return err
	}
}

// dels are the keys that a write under 20 shapes deletes.
func dels(i int) []string {
	names := make([]string, benchShapes, benchShapes+1)
	for sh := range names {
		names[sh] = fmt.Sprint("bare:s{:main/articles}", sh, "/", i)
	}
	return append(names, "bare:e{:main/}")
}

// BenchmarkWrite compares Begin and End, which are two round trips, with one that
// deletes as many keys: by one command, and by a pipeline of one each.
func BenchmarkWrite(b *testing.B) {
	bench := newBench(b)
	ctx := context.Background()
	client := bare(b, bench)
	s := bench.store(b, Options{LocalBytes: -1})
	b.Cleanup(func() { s.Close() })
	fill(b, s, 0, 100, benchShapes)
	send := func(commands ...rueidis.Completed) error {
		for _, r := range client.DoMulti(ctx, commands...) {
			if err := r.Error(); err != nil {
				return err
			}
		}
		return nil
	}
	one := func(i int) error { return send(client.B().Del().Key(dels(i)...).Build()) }
	each := func(i int) error {
		var commands []rueidis.Completed
		for _, k := range dels(i) {
			commands = append(commands, client.B().Del().Key(k).Build())
		}
		return send(commands...)
	}
	write := writer(b, s)
	warm(b, one)
	warm(b, write)
	b.Run("write/del", func(b *testing.B) { compare(b, one, write) })
	b.Run("write/pipeline", func(b *testing.B) { compare(b, each, write) })
}

// BenchmarkWriteAmong compares a write among many live entries with one among a
// hundred, each on a server of its own. Beside it stand the least commands that find
// out which of its stamps there are, and that delete them.
func BenchmarkWriteAmong(b *testing.B) {
	type side struct{ write, exists, del func(int) error }
	among := func(n int) side {
		bench := newBench(b)
		s := bench.store(b, Options{LocalBytes: -1})
		b.Cleanup(func() { s.Close() })
		fillMany(b, s, n, benchShapes)
		c := bare(b, bench)
		ctx := context.Background()
		one := side{
			writer(b, s),
			func(i int) error { return c.Do(ctx, c.B().Exists().Key(dels(i)...).Build()).Error() },
			func(i int) error { return c.Do(ctx, c.B().Del().Key(dels(i)...).Build()).Error() },
		}
		warm(b, one.write)
		warm(b, one.exists)
		warm(b, one.del)
		return one
	}
	many := 1_000_000
	if testing.Short() {
		many = 10_000
	}
	few, all := among(100), among(many)
	b.Run(fmt.Sprint(many, "/100"), func(b *testing.B) { compare(b, few.write, all.write) })
	// What the server itself takes longer for among so many.
	b.Run(fmt.Sprint("exists ", many, "/100"), func(b *testing.B) { compare(b, few.exists, all.exists) })
	b.Run(fmt.Sprint("del ", many, "/100"), func(b *testing.B) { compare(b, few.del, all.del) })
}

// fillMany fills as fill does; many goroutines do, and pipeline.
func fillMany(b *testing.B, s *Store, n, shapes int) {
	b.Helper()
	const at = 64
	var g sync.WaitGroup
	fill(b, s, 0, shapes, shapes)
	for w := range at {
		g.Go(func() {
			for i := shapes + w; i < n; i += at {
				fill(b, s, i, i+1, shapes)
			}
		})
	}
	g.Wait()
}
