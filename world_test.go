package cacheops_test

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/memstore"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// number is a cached value.
type number int64

func (number) Size() int { return 8 }

func (n number) AppendBinary(b []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint64(b, uint64(n)), nil
}

// world is a database of counters by table and id behind a cache: the least
// that an adapter does.
type world struct {
	t     *testing.T
	cache *cacheops.Cache
	db    *cacheops.Database
	store cacheops.Store

	mu      sync.Mutex
	rows    map[string]map[int64]int64
	runs    int  // reads that reached the database
	over    bool // what Prove answers
	ask     int  // how often Prove was asked
	pin     bool // reads pin the row's key
	version uint64
	hold    func()    // called by a load after it has read
	uses    []dep.Use // overrides what reads depend on
}

var everything = []cacheops.Rule{{Tables: "*", Ops: cacheops.All}}

func newWorld(t *testing.T, cfg *cacheops.Config) *world {
	t.Helper()
	return newWorldOn(t, memstore.New(1<<20), cfg)
}

func newWorldOn(t *testing.T, store cacheops.Store, cfg *cacheops.Config) *world {
	t.Helper()
	if cfg == nil {
		cfg = &cacheops.Config{Rules: everything}
	}
	cache, err := cacheops.New(store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cache.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, cache: cache, store: store, rows: make(map[string]map[int64]int64)}
	w.db = w.attach("main")
	return w
}

func (w *world) attach(name string) *cacheops.Database {
	w.t.Helper()
	return w.attachAs(cacheops.Backend{Name: name, Version: func() uint64 { return w.catalog(name) }})
}

// catalog is the present version of a database's catalog.
func (w *world) catalog(name string) uint64 {
	r, err := w.store.Registry(context.Background(), name+"/")
	if err != nil {
		return 0
	}
	return r.Catalog
}

// attachKnowing attaches the database again, as one that plans with that version.
func (w *world) attachKnowing(version uint64) {
	w.t.Helper()
	w.attachAs(cacheops.Backend{Name: "main", Version: func() uint64 { return version }})
}

func (w *world) attachAs(b cacheops.Backend) *cacheops.Database {
	w.t.Helper()
	db, err := w.cache.Attach(cacheops.Backend{
		Name: b.Name, Version: b.Version, Session: b.Session, Gone: b.Gone,
		Prove: func(context.Context, cacheops.Writer) (bool, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ask++
			return w.over, nil
		},
		Row: func(_ context.Context, table string, row map[string]any) (string, dep.Image, bool, error) {
			var img dep.Image
			for col, v := range row {
				id, ok := v.(int)
				if !ok {
					return "", nil, false, errors.New("not a number")
				}
				img = append(img, dep.Field{Col: col, Value: dep.IntValue(int64(id))})
			}
			return table, img, table != "nowhere", nil
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return db
}

func id(n int64) dep.Atom { return dep.Atom{Col: "id", Kind: dep.Eq, Value: dep.IntValue(n)} }

func (w *world) query(db *cacheops.Database, table string, op cacheops.Ops) *cacheops.Query {
	version, err := db.CatalogVersion(w.t.Context())
	if err != nil {
		version = w.version // a plan made before the store went away
	}
	w.version = version
	q := &cacheops.Query{
		Text: "SELECT n FROM " + table + " WHERE id = ?", Op: op, Main: table, Uses: []string{table}, Catalog: version,
	}
	db.Prepare(q)
	return q
}

// read reads a counter through the cache.
func (w *world) read(ctx context.Context, table string, n int64) int64 {
	w.t.Helper()
	return w.readAs(ctx, w.db, w.query(w.db, table, cacheops.Get), "", n)
}

func (w *world) readAs(ctx context.Context, db *cacheops.Database, q *cacheops.Query, session string, n int64) int64 {
	w.t.Helper()
	v, err := w.tryReadAs(ctx, db, q, session, n)
	if err != nil {
		w.t.Errorf("read: %v", err)
		return -1
	}
	return v
}

func (w *world) tryRead(ctx context.Context, table string, n int64) (int64, error) {
	return w.tryReadAs(ctx, w.db, w.query(w.db, table, cacheops.Get), "", n)
}

func (w *world) tryReadAs(ctx context.Context, db *cacheops.Database, q *cacheops.Query, session string, n int64) (int64, error) {
	p := cacheops.Probe{Args: binary.BigEndian.AppendUint64(nil, uint64(n))}
	hit, fill := db.Lookup(ctx, q, session, &p)
	if hit != nil {
		return int64(hit.(number)), nil
	}
	if !fill {
		return w.load(q.Main, n), nil
	}
	v, err := db.Fill(ctx, &p, cacheops.Source{
		Uses: func() ([]dep.Use, error) {
			if w.uses != nil {
				return w.uses, nil
			}
			return []dep.Use{{
				Table: q.Main, Cols: dep.ColumnSet("id", "n"),
				Regions: []dep.Region{{Atoms: []dep.Atom{id(n)}, Pinned: w.pin}},
			}}, nil
		},
		Load: func(context.Context) (cacheops.Loaded, error) {
			v := w.load(q.Main, n)
			if w.hold != nil {
				w.hold()
			}
			return cacheops.Loaded{Value: number(v), Rows: v != 0}, nil
		},
	})
	if err != nil {
		return 0, err
	}
	return int64(v.(number)), nil
}

func (w *world) load(table string, n int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs++
	return w.rows[table][n]
}

func (w *world) set(table string, n, v int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rows[table] == nil {
		w.rows[table] = make(map[int64]int64)
	}
	w.rows[table][n] = v
}

func update(table string, n int64) dep.Change {
	img := []dep.Image{{{Col: "id", Value: dep.IntValue(n)}}}
	return dep.Change{Table: table, Op: dep.Update, Old: img, New: img, Set: dep.ColumnSet("n")}
}

// write sets a counter in a transaction of its own.
func (w *world) write(ctx context.Context, table string, n, v int64) error {
	tx := w.db.Write()
	tx.Add(ctx, 0, update(table, n))
	return tx.Commit(ctx, "proof", w.commits(table, n, v, cacheops.Committed, nil))
}

// commits returns a commit that sets a counter and then says what it is told.
func (w *world) commits(table string, n, v int64, o cacheops.Outcome, err error) func(context.Context) (cacheops.Outcome, error) {
	return func(context.Context) (cacheops.Outcome, error) {
		if o == cacheops.Committed || o == cacheops.OutcomeUnknown {
			w.set(table, n, v)
		}
		return o, err
	}
}

func (w *world) mustWrite(table string, n, v int64) {
	w.t.Helper()
	if err := w.write(w.t.Context(), table, n, v); err != nil {
		w.t.Fatal(err)
	}
}

// mustCommit commits changes that nothing comes of.
func (w *world) mustCommit(changes ...dep.Change) {
	w.t.Helper()
	tx := w.db.Write()
	tx.Add(w.t.Context(), 0, changes...)
	err := tx.Commit(w.t.Context(), "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil })
	if err != nil {
		w.t.Fatal(err)
	}
}

// expect reads a counter and checks its value and whether it was a hit.
func (w *world) expect(what string, table string, n, want int64, hit bool) {
	w.t.Helper()
	w.expectIn(w.t.Context(), what, table, n, want, hit)
}

func (w *world) expectIn(ctx context.Context, what string, table string, n, want int64, hit bool) {
	w.t.Helper()
	before := w.runs
	if got := w.read(ctx, table, n); got != want {
		w.t.Errorf("%s: read %d, want %d", what, got, want)
	}
	if was := w.runs == before; was != hit {
		w.t.Errorf("%s: hit = %v, want %v", what, was, hit)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within ten seconds", what)
		}
		time.Sleep(time.Millisecond)
	}
}
