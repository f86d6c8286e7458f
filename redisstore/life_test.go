package redisstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore/redistest"
)

// What becomes of the state when the server loses it, brings it back, or is
// full.

// quarantined expects that a store says it does not know, and returns the doubt.
func quarantined(t testing.TB, s *Store) cacheops.Doubt {
	t.Helper()
	g, err := s.Acquire(t.Context(), lifeReads(7))
	if err != nil || g.Refused != cacheops.StateUnknown || len(g.Doubts) != 1 || g.Doubts[0].Writer.ID != 0 {
		t.Fatalf("%+v, %v", g, err)
	}
	return g.Doubts[0]
}

// pair is two processes over one server.
func pair(t *testing.T, b *bench, o Options) (one, two *Store) {
	t.Helper()
	o.Prefix = newPrefix()
	one, two = b.store(t, o), b.store(t, o)
	t.Cleanup(func() {
		one.Close()
		two.Close()
	})
	return one, two
}

// TestRestartFromAnOldDump: the entry, its stamps and the table's state all come
// back as they were before a write, and none of the two processes may believe
// them, whichever comes first.
func TestRestartFromAnOldDump(t *testing.T) {
	for _, mode := range []Mode{Validated, Tracked} {
		b := newBench(t)
		one, two := pair(t, b, Options{Mode: mode, Heartbeat: time.Minute})
		keep(t, one, lifeKey(1), 7)
		if !hits(t, one, lifeKey(1)) || !hits(t, two, lifeKey(1)) {
			t.Fatal("no hit")
		}
		dump, err := b.server.Dump()
		if err != nil {
			t.Fatal(err)
		}
		w := begun(t, two, 7)
		if err := b.server.RestartFrom(dump); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, s := range []*Store{one, two} {
				if hits(t, s, lifeKey(1)) {
					t.Error("what came back is served")
				}
			}
		}
		d := quarantined(t, one)
		if again := quarantined(t, two); again != d {
			t.Errorf("doubts %+v and %+v", d, again)
		}
		if err := two.End(t.Context(), w, []string{lifeTable}); err != nil {
			t.Error(err)
		}
		quarantined(t, two)
		if err := one.Clear(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if hits(t, one, lifeKey(1)) || hits(t, two, lifeKey(1)) {
			t.Error("what came back is served once nobody is writing")
		}
		keep(t, two, lifeKey(1), 7)
		if !hits(t, one, lifeKey(1)) {
			t.Error("no hit on what was filled since")
		}
	}
}

// TestPutAfterARestart: a fill that acquired its stamps before the server came
// back as it was then.
func TestPutAfterARestart(t *testing.T) {
	for _, mode := range []Mode{Validated, Tracked} {
		b := newBench(t)
		one, two := pair(t, b, Options{Mode: mode, Heartbeat: time.Minute})
		g := granted(t, one, 7)
		dump, err := b.server.Dump()
		if err != nil {
			t.Fatal(err)
		}
		dropped(t, two, 7)
		if err := b.server.RestartFrom(dump); err != nil {
			t.Fatal(err)
		}
		within(t, "the server answers", func() bool { return one.greet(t.Context()) == nil })
		if err := one.Put(t.Context(), lifeKey(1), &cacheops.Entry{Value: block("old"), Deps: g.Deps, TTL: time.Minute}); err != nil {
			t.Fatal(err)
		}
		if hits(t, one, lifeKey(1)) || hits(t, two, lifeKey(1)) {
			t.Errorf("mode %d: the fill from before the restart is served", mode)
		}
	}
}

// TestLateFillDisplacesNothing: it was overtaken by a write, and by a fill after
// that.
func TestLateFillDisplacesNothing(t *testing.T) {
	for name, b := range map[string]*bench{"one server": newBench(t), "a Cluster": newClusterBench(t)} {
		one, two := pair(t, b, Options{})
		old := granted(t, one, 7)
		dropped(t, two, 7)
		keep(t, two, lifeKey(1), 7)
		if err := one.Put(t.Context(), lifeKey(1), &cacheops.Entry{Value: block("old"), Deps: old.Deps, TTL: time.Minute}); err != nil {
			t.Fatal(err)
		}
		two.forget(t.Context(), lifeKey(1))
		if !hits(t, one, lifeKey(1)) || !hits(t, two, lifeKey(1)) {
			t.Errorf("%s: the late fill displaced the newer", name)
		}
	}
}

// TestRoleChangesUnderAConnection: the server is demoted and promoted again, and
// no connection ends.
func TestRoleChangesUnderAConnection(t *testing.T) {
	b := newBench(t)
	one, two := pair(t, b, Options{Heartbeat: time.Minute})
	keep(t, one, lifeKey(1), 7)
	if err := b.do("REPLICAOF", "127.0.0.1", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Get(t.Context(), lifeKey(1)); err == nil || errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("a replica was believed: %v", err)
	}
	if err := b.do("REPLICAOF", "NO", "ONE"); err != nil {
		t.Fatal(err)
	}
	greet := func(s *Store) {
		if err := s.greet(t.Context()); !errors.Is(err, errNotPrimary) {
			t.Errorf("the heartbeat: %v", err)
		}
	}
	// One process notices before the other: they must not take turns in silence.
	greet(one)
	d := quarantined(t, one)
	if hits(t, two, lifeKey(1)) {
		t.Error("the other serves what the one may have written over")
	}
	greet(two)
	if again := quarantined(t, two); again != d {
		t.Errorf("doubts %+v, then %+v", d, again)
	}
}

func TestFlushedServer(t *testing.T) {
	for _, mode := range []Mode{Validated, Tracked} {
		b := newBench(t)
		one, two := pair(t, b, Options{Mode: mode})
		keep(t, one, lifeKey(1), 7)
		if err := b.server.Flush(); err != nil {
			t.Fatal(err)
		}
		if hits(t, two, lifeKey(1)) {
			t.Error("a hit")
		}
		quarantined(t, two)
		greet(t, one)
		if hits(t, one, lifeKey(1)) {
			t.Error("a hit on what the process held")
		}
	}
}

// TestStateLostAlone: the table's state is evicted and its stamps are not. Until
// somebody looks, no tag has been dropped that was not known; then all are gone.
func TestStateLostAlone(t *testing.T) {
	looks := map[string]func(*Store){
		"acquire":  func(s *Store) { quarantined(t, s) },
		"registry": func(s *Store) { _, _ = s.Registry(t.Context(), lifeTable) },
		"begin": func(s *Store) {
			w := []cacheops.TableWrite{{Table: lifeTable, Epoch: 1, Tags: []cacheops.Tag{9}}}
			moved, err := s.Begin(t.Context(), cacheops.Writer{ID: 1}, w)
			if err != nil || len(moved) != 1 {
				t.Error(moved, err)
			}
		},
	}
	b := newBench(t)
	for name, look := range looks {
		one, two := pair(t, b, Options{})
		keep(t, one, lifeKey(1), 7)
		if err := b.do("DEL", one.table(lifeTable).state); err != nil {
			t.Fatal(err)
		}
		look(two)
		if hits(t, one, lifeKey(1)) || hits(t, two, lifeKey(1)) {
			t.Errorf("%s: the entry survived its table", name)
		}
		if err := two.Clear(t.Context(), quarantined(t, two)); err != nil {
			t.Fatal(err)
		}
		keep(t, two, lifeKey(2), 7)
		if hits(t, one, lifeKey(1)) || !hits(t, one, lifeKey(2)) {
			t.Errorf("%s: an old stamp came back, or a new one does not hold", name)
		}
	}
}

// TestStateLostBetweenIncarnations: a table's state is evicted, and when a replica
// joins, the server goes by another replication id. Who connects then has it for
// another incarnation, and finds nothing that says what the one before was; a
// process that has not noticed yet must not serve what is written over meanwhile.
func TestStateLostBetweenIncarnations(t *testing.T) {
	b := newBench(t)
	prefix := newPrefix()
	one := b.store(t, Options{Prefix: prefix, Heartbeat: time.Minute})
	defer one.Close()
	keep(t, one, lifeKey(1), 7)
	keep(t, one, lifeKey(2), cacheops.TableTag)
	if err := b.do("DEL", one.table(lifeTable).state); err != nil {
		t.Fatal(err)
	}
	redistest.StartReplica(t, b.server, nil)
	two := b.store(t, Options{Prefix: prefix, Heartbeat: time.Minute})
	defer two.Close()
	dropped(t, two) // no shape is registered, so that no tag is named
	if hits(t, one, lifeKey(1)) || hits(t, one, lifeKey(2)) {
		t.Error("what was written over is served")
	}
	if hits(t, two, lifeKey(1)) || hits(t, two, lifeKey(2)) {
		t.Error("the other serves what the one has left")
	}
	keep(t, two, lifeKey(1), 7)
	if !hits(t, two, lifeKey(1)) || hits(t, one, lifeKey(1)) {
		t.Error("a stamp does not hold, or holds under two incarnations")
	}
}

// TestFullServer: reads do without the cache, and a write drops all the same.
func TestFullServer(t *testing.T) {
	b := newBench(t)
	one, two := pair(t, b, Options{})
	keep(t, one, lifeKey(1), 7)
	g := granted(t, one, 7)
	if !hits(t, two, lifeKey(1)) {
		t.Fatal("no hit")
	}
	if err := b.server.Fill("noeviction", 1<<20); err != nil {
		t.Fatal(err)
	}
	e := &cacheops.Entry{Value: block(make([]byte, 1<<10)), Deps: g.Deps, TTL: time.Minute}
	if err := one.Put(t.Context(), lifeKey(2), e); err == nil {
		t.Error("put on a full server")
	}
	if _, err := one.Acquire(t.Context(), lifeReads(1234)); err == nil {
		t.Error("a new stamp on a full server")
	}
	w := begun(t, two, 7)
	if hits(t, one, lifeKey(1)) || hits(t, two, lifeKey(1)) {
		t.Error("what was written over is served")
	}
	if err := two.Doubt(t.Context(), w, []string{lifeTable}); err != nil {
		t.Errorf("doubt: %v", err)
	}
	if err := two.End(t.Context(), w, []string{lifeTable}); err != nil {
		t.Errorf("end: %v", err)
	}
	if err := b.server.Relieve(); err != nil {
		t.Fatal(err)
	}
	keep(t, one, lifeKey(1), 7)
}

// TestHungServer: nobody waits longer than told, and End not for ever.
func TestHungServer(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{Timeout: 100 * time.Millisecond, WriteTimeout: 300 * time.Millisecond})
	defer s.Close()
	keep(t, s, lifeKey(1), 7)
	w := begun(t, s, 7)
	if err := b.server.Pause(); err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		most time.Duration
		call func() error
	}{
		{"get", s.opts.Timeout, func() error { _, err := s.Get(t.Context(), lifeKey(1)); return err }},
		{"acquire", s.opts.Timeout, func() error { _, err := s.Acquire(t.Context(), lifeReads(7)); return err }},
		{"begin", s.opts.WriteTimeout, func() error {
			_, err := s.Begin(t.Context(), w, []cacheops.TableWrite{{Table: lifeTable, Unverified: true, Tags: []cacheops.Tag{0}}})
			return err
		}},
		{"end", s.opts.WriteTimeout, func() error { return s.End(done, w, []string{lifeTable}) }},
	} {
		from := time.Now()
		err := c.call()
		took := time.Since(from)
		t.Logf("%s: %v, %v", c.name, took.Round(time.Millisecond), err)
		if err == nil || errors.Is(err, cacheops.ErrMiss) {
			t.Errorf("%s: %v", c.name, err)
		}
		if took > c.most+time.Second {
			t.Errorf("%s took %v", c.name, took)
		}
	}
	if err := b.server.Resume(); err != nil {
		t.Fatal(err)
	}
	// What is asked now comes after what was sent before.
	if err := s.End(t.Context(), w, []string{lifeTable}); err != nil {
		t.Fatal(err)
	}
}

func TestShapesLeaveWithTheirStamps(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{})
	defer s.Close()
	granted(t, s, 7)
	reg, err := s.Registry(t.Context(), lifeTable)
	if err != nil || len(reg.Shapes) != 1 {
		t.Fatal(reg, err)
	}
	// A later read needs its stamps for longer.
	reads := lifeReads(8)
	reads[0].TTL = time.Hour
	for _, tag := range []cacheops.Tag{7, 8} {
		const left = `
			local v, leaves = struct.unpack('>dd', redis.call('HGET', KEYS[1], 'sa'))
			return {leaves - redis.call('TIME')[1] * 1000, redis.call('PTTL', KEYS[2])}`
		name := string(s.table(lifeTable).appendStamp(nil, tag))
		r, err := b.server.Do("EVAL", left, 2, s.table(lifeTable).state, name)
		if err != nil {
			t.Fatal(err)
		}
		if left := r.([]any); left[0].(int64) < left[1].(int64) || left[1].(int64) <= 0 {
			t.Errorf("tag %d: the shape leaves in %d ms, its stamp in %d ms", tag, left[0], left[1])
		}
		if _, err := s.Acquire(t.Context(), reads); err != nil {
			t.Fatal(err)
		}
	}
	const age = `
		local v = struct.unpack('>dd', redis.call('HGET', KEYS[1], 'sa'))
		redis.call('HSET', KEYS[1], 'sa', struct.pack('>dd', v, 1))`
	if _, err := b.server.Do("EVAL", age, 1, s.table(lifeTable).state); err != nil {
		t.Fatal(err)
	}
	again, err := s.Registry(t.Context(), lifeTable)
	if err != nil || len(again.Shapes) != 0 || again.Version != reg.Version {
		t.Errorf("%+v, then %+v, %v", reg, again, err)
	}
}

func TestEverythingHasATTL(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{})
	defer s.Close()
	keep(t, s, lifeKey(1), 7)
	begun(t, s, 7, 8)
	keys, err := b.server.Do("KEYS", s.opts.Prefix+":*")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(keys.([]any)); n != 3 {
		t.Errorf("%d keys: the table's state, its stamp and an entry are left", n)
	}
	for _, k := range keys.([]any) {
		if ttl, err := b.server.Do("PTTL", k); err != nil || ttl.(int64) <= 0 {
			t.Errorf("key %q: TTL %v, %v", k, ttl, err)
		}
	}
}

func TestReplicaIsRefused(t *testing.T) {
	primary := redistest.Start(t, nil)
	replica := redistest.StartReplica(t, primary, nil)
	s, err := New(replica.URL(), nil)
	if !errors.Is(err, errNotPrimary) {
		t.Errorf("%v, want that it is no primary", err)
	}
	if err == nil {
		s.Close()
	}
}

// TestOldProofLiftsNoNewDoubt: the table is lost again after the proof began.
func TestOldProofLiftsNoNewDoubt(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{})
	defer s.Close()
	old := quarantined(t, s)
	if err := b.lose(s, lifeTable); err != nil {
		t.Fatal(err)
	}
	quarantined(t, s)
	if err := s.Clear(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	quarantined(t, s)
}
