// Package storetest holds the contract of [cacheops.Store] as a suite. A
// store's own tests are a constructor and one call:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) storetest.Harness {
//			return storetest.Harness{Store: memstore.New(0)}
//		})
//	}
//
// The suite has three parts: a test for every sentence of the contract, a walk
// that takes the store through every interleaving of two writers and two
// readers, and a stress test whose recorded history is judged afterwards.
package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// Harness is a store under test with what the suite needs to hurt it. The
// suite names its tables and keys freshly each time, so stores may share a
// server; it closes the Store.
type Harness struct {
	Store cacheops.Store

	// ExpireLease lets the lease of w on the tables run out. Nil for a store
	// without leases: the suite declares the doubt itself.
	ExpireLease func(w cacheops.Writer, tables []string) error

	// Lose makes the store forget what it knows of the tables, as an eviction
	// or an empty restart does. Nil if that cannot happen.
	Lose func(tables []string) error

	// Save notes the store's state and returns what brings it back, as a restart
	// from an old dump does. The store is expected to notice. Nil if that cannot
	// happen.
	Save func() (restore func() error, err error)

	// SaveUnnoticed is as Save, with the store kept from noticing; the suite
	// shows that it would then serve stale entries. Nil leaves that out.
	SaveUnnoticed func() (restore func() error, err error)

	// MaxSteps bounds the steps taken in each walk, for a store that is slow to
	// call. Zero: no bound.
	MaxSteps int
}

// Open makes a new harness; it registers its own clean-up, closing the Store
// excepted, with t.
type Open func(t testing.TB) Harness

// Run runs the whole suite.
func Run(t *testing.T, open Open) {
	for _, c := range contract {
		t.Run(c.name, func(t *testing.T) { c.run(newSuite(t, open)) })
	}
	t.Run("interleavings", func(t *testing.T) { interleavings(t, open) })
	t.Run("guards", func(t *testing.T) { guards(t, open) })
	t.Run("stress", func(t *testing.T) { stress(t, open) })
}

// unique numbers tables, keys and writers across all tests of the process.
var unique atomic.Uint64

// number is the suite's value.
type number uint64

func (number) Size() int { return 16 }

func (n number) AppendBinary(b []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint64(b, uint64(n)), nil
}

func decode(b []byte) (cacheops.Value, error) {
	if len(b) != 8 {
		return nil, fmt.Errorf("storetest: a number of %d bytes", len(b))
	}
	return number(binary.BigEndian.Uint64(b)), nil
}

// newKey returns a key that no other test has.
func newKey() *cacheops.Key {
	n := unique.Add(1)
	return &cacheops.Key{
		Hash:   n * 0x9e3779b97f4a7c15,
		Text:   "SELECT 1",
		Rest:   binary.BigEndian.AppendUint64(nil, n),
		Decode: decode,
	}
}

func newTable() string { return fmt.Sprintf("storetest.t%d", unique.Add(1)) }

func newWriter() cacheops.Writer {
	n := unique.Add(1)
	return cacheops.Writer{ID: n * 0xd1342543de82ef95, Proof: fmt.Sprintf("writer %d", n)}
}

// suite is one test's store with short ways to say things. A call that fails
// fails the test.
type suite struct {
	*testing.T
	Harness
	ctx context.Context
}

func newSuite(t *testing.T, open Open) *suite {
	s := &suite{T: t, Harness: open(t), ctx: t.Context()}
	t.Cleanup(func() {
		if err := s.Store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

const suiteTTL = time.Hour

// read is an acquire of one shape on one table.
func read(table, shape string, tags ...cacheops.Tag) cacheops.TableRead {
	return cacheops.TableRead{Table: table, TTL: suiteTTL, Shapes: []cacheops.ShapeTags{{Shape: shape, Tags: tags}}}
}

func (s *suite) acquire(reads ...cacheops.TableRead) cacheops.Grant {
	s.Helper()
	g, err := s.Store.Acquire(s.ctx, reads)
	s.ok(err)
	return g
}

// granted acquires and expects no refusal.
func (s *suite) granted(reads ...cacheops.TableRead) cacheops.Grant {
	s.Helper()
	g := s.acquire(reads...)
	if g.Refused != cacheops.Granted {
		s.Fatalf("refused: %d", g.Refused)
	}
	for _, d := range g.Deps {
		if d.Stamp == 0 {
			s.Fatalf("granted without a stamp: %+v", d)
		}
	}
	return g
}

// refused acquires and expects a refusal.
func (s *suite) refused(want cacheops.Refusal, reads ...cacheops.TableRead) cacheops.Grant {
	s.Helper()
	g := s.acquire(reads...)
	if g.Refused != want {
		s.Fatalf("refusal %d, want %d", g.Refused, want)
	}
	return g
}

// put keeps n under a new key.
func (s *suite) put(n number, g cacheops.Grant) *cacheops.Key {
	s.Helper()
	k := newKey()
	s.ok(s.Store.Put(s.ctx, k, &cacheops.Entry{Value: n, Deps: g.Deps, TTL: suiteTTL}))
	return k
}

// hit expects a value under k.
func (s *suite) hit(k *cacheops.Key, want number) {
	s.Helper()
	v, err := s.Store.Get(s.ctx, k)
	s.ok(err)
	if v != want {
		s.Fatalf("got %v, want %v", v, want)
	}
}

func (s *suite) miss(k *cacheops.Key) {
	s.Helper()
	if v, err := s.Store.Get(s.ctx, k); !errors.Is(err, cacheops.ErrMiss) {
		s.Fatalf("got %v, %v, want a miss", v, err)
	}
}

func (s *suite) registry(table string) cacheops.Registry {
	s.Helper()
	r, err := s.Store.Registry(s.ctx, table)
	s.ok(err)
	return r
}

// write is a write computed from the registry as it is.
func (s *suite) write(table string, tags ...cacheops.Tag) cacheops.TableWrite {
	s.Helper()
	r := s.registry(table)
	return cacheops.TableWrite{Table: table, Epoch: r.Epoch, Version: r.Version, Tags: tags}
}

// begin begins a new writer and expects nothing to have moved.
func (s *suite) begin(writes ...cacheops.TableWrite) cacheops.Writer {
	s.Helper()
	w := newWriter()
	s.beginAs(w, writes...)
	return w
}

func (s *suite) beginAs(w cacheops.Writer, writes ...cacheops.TableWrite) {
	s.Helper()
	if moved := s.moved(w, writes...); len(moved) > 0 {
		s.Fatalf("moved: %+v", moved)
	}
}

func (s *suite) moved(w cacheops.Writer, writes ...cacheops.TableWrite) []cacheops.Registry {
	s.Helper()
	moved, err := s.Store.Begin(s.ctx, w, writes)
	s.ok(err)
	return moved
}

func (s *suite) end(w cacheops.Writer, tables ...string) {
	s.Helper()
	s.ok(s.Store.End(s.ctx, w, tables))
}

// expire makes w doubtful by the store's own way.
func (h *Harness) expire(ctx context.Context, w cacheops.Writer, tables ...string) error {
	if h.ExpireLease != nil {
		return h.ExpireLease(w, tables)
	}
	return h.Store.Doubt(ctx, w, tables)
}
