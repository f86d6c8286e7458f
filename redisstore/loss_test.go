package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// lossy plays readers and writers of a few rows in two processes, one step at a
// time, while keys are deleted one by one from the server as an eviction policy
// would, and leases end. It does what the core does and what a database would.
type lossy struct {
	t      *testing.T
	b      *bench
	rnd    *rand.Rand
	stores []*Store
	rows   [lossyRows]int
	fills  []*lossyFill
	writes []*lossyWrite
	doubts map[cacheops.Doubt]bool
	hits   int
	kept   int
}

const (
	lossyRows   = 3
	lossyShapes = 2
	lossyTable  = "main/t"
	lossyWhole  = "main/"
)

type lossyFill struct {
	store      *Store
	row, shape int
	deps       []cacheops.Dep
	loaded     bool
	value      int
}

type lossyWrite struct {
	store     *Store
	row       int
	w         cacheops.Writer
	reg       cacheops.Registry
	known     bool // the registry
	begun     bool
	committed bool
	frozen    bool // tells the store nothing more
}

// over reports whether nothing of the writer can land any more.
func (w *lossyWrite) over() bool { return w.committed }

func lossyTag(shape, row int) cacheops.Tag { return cacheops.Tag(100*(shape+1) + row) }

func lossyKey(row, shape int) *cacheops.Key {
	return &cacheops.Key{Hash: uint64(10*row + shape), Text: "q" + strconv.Itoa(shape), Rest: []byte{byte(row)}, Decode: decodeBlock}
}

func (l *lossy) store() *Store { return l.stores[l.rnd.IntN(len(l.stores))] }

func (l *lossy) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// get reads a row through the cache.
func (l *lossy) get(ctx context.Context) {
	s, row, shape := l.store(), l.rnd.IntN(lossyRows), l.rnd.IntN(lossyShapes)
	if s.opts.Mode == Tracked {
		l.must(s.greet(ctx)) // what was pushed so far has arrived
	}
	v, err := s.Get(ctx, lossyKey(row, shape))
	if err == nil {
		l.hits++
		if got := string(v.(block)); got != strconv.Itoa(l.rows[row]) {
			l.t.Fatalf("row %d: %s is served, it is %d", row, got, l.rows[row])
		}
		return
	}
	if !errors.Is(err, cacheops.ErrMiss) {
		l.t.Fatal(err)
	}
	g, err := s.Acquire(ctx, []cacheops.TableRead{
		{Table: lossyTable, TTL: time.Hour, Shapes: []cacheops.ShapeTags{{Shape: fmt.Sprint("shape", shape), Tags: []cacheops.Tag{lossyTag(shape, row)}}}},
		{Table: lossyWhole, TTL: time.Hour},
	})
	l.must(err)
	for _, d := range g.Doubts {
		l.doubts[d] = true
	}
	if g.Refused == cacheops.Granted {
		l.fills = append(l.fills, &lossyFill{store: s, row: row, shape: shape, deps: g.Deps})
	}
}

// fill goes on with a fill.
func (l *lossy) fill(ctx context.Context) {
	if len(l.fills) == 0 {
		return
	}
	i := l.rnd.IntN(len(l.fills))
	f := l.fills[i]
	if !f.loaded {
		f.loaded, f.value = true, l.rows[f.row]
		return
	}
	l.must(f.store.Put(ctx, lossyKey(f.row, f.shape), &cacheops.Entry{Value: block(strconv.Itoa(f.value)), Deps: f.deps, TTL: time.Hour}))
	l.fills = append(l.fills[:i], l.fills[i+1:]...)
	l.kept++
}

// write goes on with a write, or begins one.
func (l *lossy) write(ctx context.Context) {
	if len(l.writes) < 2 {
		l.writes = append(l.writes, &lossyWrite{store: l.store(), row: l.rnd.IntN(lossyRows), w: cacheops.Writer{ID: nonzero(), Proof: "p"}})
		return
	}
	i := l.rnd.IntN(len(l.writes))
	switch w := l.writes[i]; {
	case !w.known:
		reg, err := w.store.Registry(ctx, lossyTable)
		l.must(err)
		w.reg, w.known = reg, true
	case !w.begun:
		l.begin(ctx, w)
	case !w.committed:
		l.rows[w.row]++
		w.committed = true
	default:
		if w.frozen { // in the end its lease is over
			l.must(l.b.expire(w.store, w.w, []string{lossyTable, lossyWhole}))
		} else {
			l.must(w.store.End(ctx, w.w, []string{lossyTable, lossyWhole}))
		}
		l.writes = append(l.writes[:i], l.writes[i+1:]...)
	}
}

func (l *lossy) begin(ctx context.Context, w *lossyWrite) {
	tw := cacheops.TableWrite{Table: lossyTable, Epoch: w.reg.Epoch, Version: w.reg.Version}
	for _, text := range w.reg.Shapes {
		shape, err := strconv.Atoi(text[len("shape"):])
		l.must(err)
		tw.Tags = append(tw.Tags, lossyTag(shape, w.row))
	}
	if l.rnd.IntN(8) == 0 {
		tw.Tags, tw.Unverified = []cacheops.Tag{cacheops.TableTag}, true
	}
	whole := cacheops.TableWrite{Table: lossyWhole, Unverified: true}
	if l.rnd.IntN(8) == 0 {
		whole.Tags = []cacheops.Tag{cacheops.TableTag}
	}
	moved, err := w.store.Begin(ctx, w.w, []cacheops.TableWrite{tw, whole})
	l.must(err)
	if len(moved) > 0 {
		w.reg = moved[0]
		return
	}
	w.begun = true
	w.frozen = l.rnd.IntN(4) == 0
}

// prove lifts the doubts about writers that are over.
func (l *lossy) prove(ctx context.Context) {
	inFlight := make(map[uint64]bool)
	for _, w := range l.writes {
		if !w.over() {
			inFlight[w.w.ID] = true // from before its Begin, as a lock is held
		}
	}
	for d := range l.doubts {
		if d.Writer.ID == 0 && len(inFlight) > 0 || inFlight[d.Writer.ID] {
			continue
		}
		l.must(l.store().Clear(ctx, d))
		delete(l.doubts, d)
	}
}

// lose deletes one key, or ends all leases of a writer.
func (l *lossy) lose(ctx context.Context) {
	if len(l.writes) > 0 && l.rnd.IntN(2) == 0 {
		w := l.writes[l.rnd.IntN(len(l.writes))]
		l.must(l.b.expire(w.store, w.w, []string{lossyTable, lossyWhole}))
		return
	}
	keys, err := l.b.server.Do("KEYS", l.stores[0].opts.Prefix+":*")
	l.must(err)
	if all := keys.([]any); len(all) > 0 {
		l.must(l.b.do("DEL", all[l.rnd.IntN(len(all))].(string)))
	}
}

// TestAnyKeyMayGo: whatever key is evicted at whatever moment, what is served is
// what the database has.
func TestAnyKeyMayGo(t *testing.T) {
	steps := 5 * *maxSteps
	for name, o := range map[string]Options{
		"validated": {}, "validated without a local tier": {LocalBytes: -1}, "tracked": {Mode: Tracked, Heartbeat: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			one, two := pair(t, b, o)
			seed := rand.Uint64()
			t.Log("seed ", seed)
			l := &lossy{t: t, b: b, rnd: rand.New(rand.NewPCG(seed, 0)), stores: []*Store{one, two}, doubts: make(map[cacheops.Doubt]bool)}
			ctx := t.Context()
			for range steps {
				switch n := l.rnd.IntN(100); {
				case n < 45:
					l.get(ctx)
				case n < 75:
					l.fill(ctx)
				case n < 90:
					l.write(ctx)
				case n < 97:
					l.prove(ctx)
				default:
					l.lose(ctx)
				}
			}
			t.Logf("%d fills kept, %d hits", l.kept, l.hits)
			if l.hits == 0 {
				t.Error("no hit at all shows nothing")
			}
		})
	}
}
