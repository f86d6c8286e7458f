package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
)

// lockWait is longer than a test may take: whoever waits for its end hangs.
const lockWait = time.Hour

// within fails the test unless ok comes true. It may be called by any goroutine.
func within(t testing.TB, what string, ok func() bool) {
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%s: not within 20 seconds", what)
			return
		}
	}
}

// lockKeys returns the locks under a store's prefix, each with its waiters.
func (b *bench) lockKeys(t testing.TB, s *Store) map[string]int64 {
	t.Helper()
	out := make(map[string]int64)
	for _, node := range b.admin.Nodes() {
		keys, err := node.Do(context.Background(), node.B().Keys().Pattern(s.opts.Prefix+":l:*").Build()).AsStrSlice()
		if err != nil {
			t.Error(err)
		}
		for _, k := range keys {
			n, err := b.admin.Do(context.Background(), b.admin.B().Hlen().Key(k).Build()).AsInt64()
			if err != nil {
				t.Error(err)
			}
			out[k] = n - 1
		}
	}
	return out
}

func (b *bench) waiting(t testing.TB, s *Store, n int64) {
	t.Helper()
	within(t, fmt.Sprintf("%d processes wait", n), func() bool {
		for _, waiters := range b.lockKeys(t, s) {
			if waiters == n {
				return true
			}
		}
		return n == 0
	})
}

func lockDeps(stamp cacheops.Stamp) []cacheops.Dep {
	return []cacheops.Dep{{Table: "t", Tag: 1, Stamp: stamp}, {Table: "u", Tag: 2, Stamp: 3}}
}

// mustLock takes a lock that must be free.
func (s *Store) mustLock(t testing.TB, k *cacheops.Key, deps []cacheops.Dep) (unlock func(bool)) {
	t.Helper()
	unlock, _, err := s.Lock(t.Context(), k, deps)
	if err != nil {
		t.Fatal(err)
	}
	if unlock == nil {
		t.Fatal("the lock was not free")
	}
	return unlock
}

func TestLock(t *testing.T) {
	for name, b := range map[string]*bench{"one server": newBench(t), "a Cluster": newClusterBench(t)} {
		t.Run(name, func(t *testing.T) {
			opts := Options{Prefix: newPrefix()}
			one, two := b.store(t, opts), b.store(t, opts)
			defer one.Close()
			defer two.Close()
			one.locks.lease = lockWait // its end must not stand in for the push
			k := keyOf("q", "1")
			for _, unkeepable := range []bool{true, false} {
				unlock := one.mustLock(t, k, lockDeps(1))
				var wg sync.WaitGroup
				for _, s := range []*Store{two, two, one} {
					wg.Go(func() {
						again, told, err := s.Lock(t.Context(), k, lockDeps(1))
						if again != nil || told != unkeepable || err != nil {
							t.Errorf("waited for %v, told %v, %v", unkeepable, told, err)
						}
					})
				}
				b.waiting(t, one, 2)
				within(t, "all wait", func() bool { return two.locks.count() == 2 && one.locks.count() == 1 })
				unlock(unkeepable)
				wg.Wait()
				if left := b.lockKeys(t, one); len(left) != 0 {
					t.Errorf("left: %v", left)
				}
				if n := one.locks.count() + two.locks.count(); n != 0 {
					t.Errorf("%d waiters left", n)
				}
			}
		})
	}
}

func (l *locks) count() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, all := range l.waiters {
		n += len(all)
	}
	return n
}

// TestLocksAreApart: neither another key nor another stamp is the same lock, nor
// deps that only look the same written one after the other.
func TestLocksAreApart(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{})
	defer s.Close()
	a := []cacheops.Dep{{Table: "ab", Tag: 1, Stamp: 1}}
	for _, l := range []struct {
		k    *cacheops.Key
		deps []cacheops.Dep
	}{
		{keyOf("q", "1"), lockDeps(1)},
		{keyOf("q", "2"), lockDeps(1)},
		{keyOf("q1", ""), lockDeps(1)},
		{keyOf("q", "1"), lockDeps(2)},
		{keyOf("q", "1"), lockDeps(1)[:1]},
		{keyOf("q", "1"), nil},
		{keyOf("q", "1"), a},
		{keyOf("q", "1"), append(a, a...)},
	} {
		defer s.mustLock(t, l.k, l.deps)(false)
	}
	if n := len(b.lockKeys(t, s)); n != 8 {
		t.Errorf("%d locks", n)
	}
}

// TestLockOfADeadProcess: what held a lock is gone without a word, and the
// waiters are let go at the end of its lease.
func TestLockOfADeadProcess(t *testing.T) {
	b, opts := newBench(t), Options{Prefix: newPrefix()}
	dead, alive := b.store(t, opts), b.store(t, opts)
	defer alive.Close()
	dead.locks.lease = 200 * time.Millisecond
	k := keyOf("q", "1")
	unlock := dead.mustLock(t, k, lockDeps(1))
	dead.Close() // which says nothing to Redis
	again, unkeepable, err := alive.Lock(t.Context(), k, lockDeps(1))
	if unkeepable || err != nil {
		t.Errorf("waited: %v, %v", unkeepable, err)
	}
	unlock(true)      // wakes, to find itself closed
	if again == nil { // and not: the lease was over before anybody came
		again = alive.mustLock(t, k, lockDeps(1))
	}
	again(false)
}

// TestLockIsRenewed: a load may take longer than a lease.
func TestLockIsRenewed(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{})
	defer s.Close()
	k := keyOf("q", "1")
	unlock := s.mustLock(t, k, lockDeps(1))
	defer unlock(false)
	left := func() (ms int64) {
		ms, err := b.admin.Do(t.Context(), b.admin.B().Pttl().Key(s.lockName(k, lockDeps(1))).Build()).AsInt64()
		if err != nil {
			t.Error(err)
		}
		return ms
	}
	for range 2 {
		before := left()
		within(t, "the lease is renewed", func() bool {
			now := left()
			renewed := now > before
			before = now
			return renewed
		})
	}
}

// TestLockTakenTwice: a call whose answer was lost is sent again.
func TestLockTakenTwice(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{})
	defer s.Close()
	l := &lock{store: s, name: s.lockName(keyOf("q", "1"), nil), holder: "me", lease: lockWait}
	for range 2 {
		if left, err := l.take(t.Context(), "", true); left != lockMine || err != nil {
			t.Errorf("took %d, %v", left, err)
		}
	}
}

// TestFrozenHolder: one that wakes after its lease does not end another's lock.
func TestFrozenHolder(t *testing.T) {
	b, opts := newBench(t), Options{Prefix: newPrefix()}
	frozen, other := b.store(t, opts), b.store(t, opts)
	defer frozen.Close()
	defer other.Close()
	k := keyOf("q", "1")
	late := frozen.mustLock(t, k, lockDeps(1))
	for name := range b.lockKeys(t, frozen) { // its lease ends
		if err := b.admin.Do(t.Context(), b.admin.B().Del().Key(name).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	unlock := other.mustLock(t, k, lockDeps(1))
	late(false)
	if len(b.lockKeys(t, other)) != 1 {
		t.Error("the frozen holder ended another's lock")
	}
	unlock(false)
}

// TestLostPush: the subscription breaks, and the end is told while it is down.
func TestLostPush(t *testing.T) {
	b, opts := newBench(t), Options{Prefix: newPrefix()}
	one, two := b.store(t, opts), b.store(t, opts)
	defer one.Close()
	defer two.Close()
	one.locks.lease = lockWait
	k := keyOf("q", "1")
	unlock := one.mustLock(t, k, lockDeps(1))
	done := make(chan error, 1)
	go func() {
		_, _, err := two.Lock(t.Context(), k, lockDeps(1))
		done <- err
	}()
	b.waiting(t, one, 1)
	// What is told goes nowhere: the waiter is taken off the lock.
	for name := range b.lockKeys(t, one) {
		if err := b.admin.Do(t.Context(), b.admin.B().Hdel().Key(name).Field(two.locks.channel).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	unlock(false)
	kill := b.admin.B().ClientKill().TypePubsub().Build()
	if err := b.admin.Do(t.Context(), kill).Error(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestLostServer: waiters of a server that goes away do not wait for it.
func TestLostServer(t *testing.T) {
	b, opts := newBench(t), Options{Prefix: newPrefix()}
	one, two := b.store(t, opts), b.store(t, opts)
	defer one.Close()
	defer two.Close()
	k := keyOf("q", "1")
	unlock := one.mustLock(t, k, lockDeps(1))
	defer unlock(false)
	done := make(chan error, 1)
	go func() {
		_, _, err := two.Lock(t.Context(), k, lockDeps(1))
		done <- err
	}()
	b.waiting(t, one, 1)
	if err := b.server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Error("waited for a dead server and found the lock free")
	}
}

func TestCloseWhileWaiting(t *testing.T) {
	b, opts := newBench(t), Options{Prefix: newPrefix()}
	one, two := b.store(t, opts), b.store(t, opts)
	defer one.Close()
	k := keyOf("q", "1")
	unlock := one.mustLock(t, k, lockDeps(1))
	done := make(chan error, 1)
	go func() {
		_, _, err := two.Lock(context.Background(), k, lockDeps(1))
		done <- err
	}()
	b.waiting(t, one, 1)
	if err := two.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("a closed store found the lock free")
	}
	if _, _, err := two.Lock(t.Context(), k, lockDeps(1)); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
	unlock(false)
}

// reader is a process: a cache over a store of its own, on a database that is
// one number.
type reader struct {
	t     testing.TB
	cache *cacheops.Cache
	db    *cacheops.Database
}

func newReader(t testing.TB, s *Store) *reader {
	t.Helper()
	return newReaderLocking(t, s, lockWait)
}

func newReaderLocking(t testing.TB, s *Store, lock time.Duration) *reader {
	t.Helper()
	rules := []cacheops.Rule{{Tables: "*", Ops: cacheops.All, Lock: lock}}
	cache, err := cacheops.New(s, &cacheops.Config{Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	db, err := cache.Attach(cacheops.Backend{
		Name:  "main",
		Prove: func(context.Context, cacheops.Writer) (bool, error) { return true, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(cache.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return &reader{t, cache, db}
}

func rowID(n int64) dep.Atom { return dep.Atom{Col: "id", Kind: dep.Eq, Value: dep.IntValue(n)} }

// read reads row n by load.
func (r *reader) read(ctx context.Context, n int64, load func(context.Context) (int64, error)) (int64, error) {
	version, err := r.db.CatalogVersion(ctx)
	if err != nil {
		return 0, err
	}
	q := &cacheops.Query{
		Text: "SELECT n FROM t WHERE id = ?", Op: cacheops.Get, Main: "t", Uses: []string{"t"}, Catalog: version,
		Decode: decodeText,
	}
	r.db.Prepare(q)
	p := cacheops.Probe{Args: binary.BigEndian.AppendUint64(nil, uint64(n))}
	v, fill := r.db.Lookup(ctx, q, "", &p)
	switch {
	case v != nil:
	case !fill:
		return 0, errors.New("not cached")
	default:
		v, err = r.db.Fill(ctx, &p, cacheops.Source{
			Uses: func() ([]dep.Use, error) {
				return []dep.Use{{Table: "t", Cols: dep.ColumnSet("id", "n"), Regions: []dep.Region{{Atoms: []dep.Atom{rowID(n)}}}}}, nil
			},
			Load: func(ctx context.Context) (cacheops.Loaded, error) {
				v, err := load(ctx)
				return cacheops.Loaded{Value: text(fmt.Sprint(v)), Rows: true}, err
			},
		})
		if err != nil {
			return 0, err
		}
	}
	return strconv.ParseInt(string(v.(text)), 10, 64)
}

func (r *reader) write(n int64, commit func()) {
	r.t.Helper()
	img := []dep.Image{{{Col: "id", Value: dep.IntValue(n)}}}
	tx := r.db.Write()
	tx.Add(r.t.Context(), 0, dep.Change{Table: "t", Op: dep.Update, Old: img, New: img, Set: dep.ColumnSet("n")})
	err := tx.Commit(r.t.Context(), "", func(context.Context) (cacheops.Outcome, error) {
		commit()
		return cacheops.Committed, nil
	})
	if err != nil {
		r.t.Error(err)
	}
}

// settled reads a row once, so that nothing quarantines the tables any more.
func (r *reader) settled() {
	r.t.Helper()
	within(r.t, "reads are kept", func() bool {
		loads := 0
		load := func(context.Context) (int64, error) { loads++; return 0, nil }
		for range 2 {
			if _, err := r.read(r.t.Context(), -1, load); err != nil {
				r.t.Fatal(err)
			}
		}
		return loads < 2
	})
}

// TestOneLoadForAllProcesses: N callers in several caches make one load, and
// those who waited got what the store vouched for.
func TestOneLoadForAllProcesses(t *testing.T) {
	const callers = 20
	for _, mode := range []Mode{Validated, Tracked} {
		for name, b := range map[string]*bench{"one server": newBench(t), "a Cluster": newClusterBench(t)} {
			t.Run(fmt.Sprint(name, ", mode ", mode), func(t *testing.T) {
				opts := Options{Prefix: newPrefix(), Mode: mode, Timeout: 5 * time.Second}
				var stores []*Store
				var readers []*reader
				for range 3 {
					s := b.store(t, opts)
					s.locks.lease = lockWait
					stores, readers = append(stores, s), append(readers, newReader(t, s))
				}
				for _, r := range readers {
					r.settled()
				}
				for n := range int64(5) {
					var loads atomic.Int32
					load := func(context.Context) (int64, error) {
						loads.Add(1)
						b.waiting(t, stores[0], 2)
						return 100 + n, nil
					}
					var wg sync.WaitGroup
					for i := range callers * len(readers) {
						wg.Go(func() {
							if v, err := readers[i%len(readers)].read(t.Context(), n, load); err != nil || v != 100+n {
								t.Errorf("read %d, %v", v, err)
							}
						})
					}
					wg.Wait()
					if loads.Load() != 1 {
						t.Errorf("%d loads for %d callers in %d caches", loads.Load(), callers*len(readers), len(readers))
					}
				}
				if left := b.lockKeys(t, stores[0]); len(left) > 0 {
					t.Errorf("locks left: %v", left)
				}
			})
		}
	}
}

// TestKilledFiller: the process that fills dies; another fills as soon as the
// lease is over, and one alone.
func TestKilledFiller(t *testing.T) {
	b, opts := newBench(t), Options{Prefix: newPrefix(), Timeout: 5 * time.Second}
	dying := b.store(t, opts)
	dying.locks.lease = time.Second
	first := newReader(t, dying)
	readers := []*reader{newReader(t, b.store(t, opts)), newReader(t, b.store(t, opts))}
	for _, r := range append(readers, first) {
		r.settled()
	}
	var wg sync.WaitGroup
	var loads atomic.Int32
	gone := make(chan struct{})
	wg.Go(func() {
		_, err := first.read(t.Context(), 1, func(context.Context) (int64, error) {
			for _, r := range readers {
				for range 5 {
					wg.Go(func() {
						v, err := r.read(t.Context(), 1, func(context.Context) (int64, error) {
							loads.Add(1)
							b.waiting(t, dying, 1)
							return 2, nil
						})
						if err != nil || v != 2 {
							t.Errorf("a waiter read %d, %v", v, err)
						}
					})
				}
			}
			b.waiting(t, dying, 2)
			dying.cancel() // as if the process were gone: no renewal, no word to anybody
			dying.client.Close()
			<-gone
			return 1, nil
		})
		if err != nil {
			t.Errorf("the dead process's own caller: %v", err)
		}
	})
	within(t, "another fills", func() bool { return loads.Load() == 1 })
	close(gone)
	wg.Wait()
	if loads.Load() != 1 {
		t.Errorf("%d loads after the filler's death", loads.Load())
	}
}

// TestReaderAfterAWriteLoadsAtOnce: the load of another process began before the
// write, and its result would not do.
func TestReaderAfterAWriteLoadsAtOnce(t *testing.T) {
	b, opts := newBench(t), Options{Prefix: newPrefix(), Timeout: 5 * time.Second}
	one, two := newReader(t, b.store(t, opts)), newReader(t, b.store(t, opts))
	one.settled()
	two.settled()
	var row atomic.Int64
	load := func(context.Context) (int64, error) { return row.Load(), nil }
	v, err := one.read(t.Context(), 1, func(context.Context) (int64, error) {
		old := row.Load()
		two.write(1, func() { row.Store(1) })
		if v, err := two.read(t.Context(), 1, load); err != nil || v != 1 {
			t.Errorf("after the write: %d, %v", v, err)
		}
		return old, nil
	})
	if err != nil || v != 0 {
		t.Errorf("before the write: %d, %v", v, err)
	}
	for _, r := range []*reader{one, two} {
		if v, err := r.read(t.Context(), 1, load); err != nil || v != 1 {
			t.Errorf("at last: %d, %v", v, err)
		}
	}
}

// BenchmarkMissWithLock is what a lock costs a miss that nobody else has.
func BenchmarkMissWithLock(b *testing.B) {
	server := newBench(b)
	for _, lock := range []time.Duration{0, lockWait} {
		b.Run(fmt.Sprintf("locked=%v", lock > 0), func(b *testing.B) {
			r := newReaderLocking(b, server.store(b, Options{}), lock)
			r.settled()
			load := func(context.Context) (int64, error) { return 1, nil }
			n := int64(0)
			for b.Loop() {
				n++
				if _, err := r.read(b.Context(), n, load); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
