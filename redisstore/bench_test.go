package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
)

// The benchmarks stand beside what they are measured by: the same number of
// keys or commands through a bare client, on the same server, in the same run.

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

// BenchmarkHit compares a validated hit with a MGET of as many keys, and a
// tracked one with a hit of memstore.
func BenchmarkHit(b *testing.B) {
	bench := newBench(b)
	ctx := context.Background()
	keys := make([]*cacheops.Key, benchKeys)
	for i := range keys {
		keys[i] = benchKey(i)
	}
	mget := func(c rueidis.Client, i int) error {
		names := []string{
			"bare:e{:main/articles}0123456789abcdef", fmt.Sprint("bare:s{:main/articles}", 1_000_000+i),
			fmt.Sprint("bare:s{:main/articles}", 2_000_000+i), "bare:e{:main/}0123456789abcdef",
		}
		list, err := c.Do(ctx, c.B().Mget().Key(names...).Build()).ToArray()
		if err == nil && len(list) != 4 {
			err = errReply
		}
		return err
	}
	client := bare(b, bench)
	// A client that two goroutines have used at once pipelines from then on, as
	// any program's does; before, it is half as slow for one caller alone.
	var warm sync.WaitGroup
	for range 8 {
		warm.Go(func() {
			for i := range 100 {
				if err := mget(client, i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	warm.Wait()
	for i := range benchKeys {
		for _, k := range []string{
			"bare:e{:main/articles}0123456789abcdef", fmt.Sprint("bare:s{:main/articles}", 1_000_000+i),
			fmt.Sprint("bare:s{:main/articles}", 2_000_000+i), "bare:e{:main/}0123456789abcdef",
		} {
			if err := bench.do("SET", k, "0123456789abcdef"); err != nil {
				b.Fatal(err)
			}
		}
	}
	store := func(b *testing.B, o Options) *Store {
		s := bench.store(b, o)
		b.Cleanup(func() { s.Close() })
		fill(b, s, 0, benchKeys, 1)
		return s
	}
	validated, tracked := store(b, Options{}), store(b, Options{Mode: Tracked, Heartbeat: time.Minute})
	if err := tracked.greet(ctx); err != nil {
		b.Fatal(err)
	}
	mem := memstore.New(0)
	defer mem.Close()
	fill(b, mem, 0, benchKeys, 1)
	get := func(s cacheops.Store) func(int) error {
		return func(i int) error {
			_, err := s.Get(ctx, keys[i])
			return err
		}
	}
	for _, c := range []struct {
		name string
		call func(int) error
		wide bool
	}{
		{"mget", func(i int) error { return mget(client, i) }, true},
		{"validated", get(validated), true},
		{"memstore", get(mem), false},
		{"tracked", get(tracked), false},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := c.call(i % benchKeys); err != nil {
					b.Fatal(err)
				}
			}
		})
		if !c.wide {
			continue
		}
		b.Run(c.name+"-64", func(b *testing.B) {
			b.SetParallelism(32) // times two processors
			var n atomic.Int64
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := int(n.Add(7)); pb.Next(); i++ {
					if err := c.call(i % benchKeys); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkWrite compares a Begin and an End of a row under 20 shapes with one
// round trip that deletes as many keys, while more and more entries live.
func BenchmarkWrite(b *testing.B) {
	const shapes = 20
	bench := newBench(b)
	ctx := context.Background()
	client := bare(b, bench)
	s := bench.store(b, Options{LocalBytes: -1})
	b.Cleanup(func() { s.Close() })
	// What a write has to say at least: delete the stamps, once per table.
	trip := func(i int) error {
		names := make([]string, shapes)
		for sh := range names {
			names[sh] = fmt.Sprint("bare:s{:main/articles}", sh, "/", i)
		}
		for _, r := range client.DoMulti(ctx, client.B().Del().Key(names...).Build(), client.B().Del().Key("bare:e{:main/}").Build()) {
			if err := r.Error(); err != nil {
				return err
			}
		}
		return nil
	}
	var reg, whole cacheops.Registry
	tags := make([]cacheops.Tag, shapes)
	write := func(i int) error {
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
	live := 0
	for _, n := range benchLive() {
		fillMany(b, s, live, n, shapes)
		live = n
		var err error
		if reg, err = s.Registry(ctx, benchTable); err != nil {
			b.Fatal(err)
		}
		if whole, err = s.Registry(ctx, benchWhole); err != nil {
			b.Fatal(err)
		}
		for _, c := range []struct {
			name string
			call func(int) error
		}{{"trip", trip}, {"write", write}} {
			b.Run(fmt.Sprintf("entries=%d/%s", n, c.name), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if err := c.call(i); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// benchLive is how many entries live, in steps.
func benchLive() []int {
	if testing.Short() {
		return []int{100, 10_000}
	}
	return []int{100, 10_000, 1_000_000}
}

// fillMany fills as fill does; many goroutines do, and pipeline.
func fillMany(b *testing.B, s *Store, from, to, shapes int) {
	b.Helper()
	const at = 64
	var g sync.WaitGroup
	fill(b, s, from, min(from+shapes, to), shapes)
	for w := range at {
		g.Go(func() {
			for i := from + shapes + w; i < to; i += at {
				fill(b, s, i, i+1, shapes)
			}
		})
	}
	g.Wait()
}
