package redis

import (
	"errors"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/redisstore/redistest"
)

// circuit is what the cache promises of a store that fails: after three failures
// in a row it is asked once a second.
const (
	circuitFailures = 3
	circuitWait     = time.Second
)

// TestOutagesCostAHandfulOfCalls: whatever way the server is gone, each process
// pays for a few calls that fail; then its reads go to the database without
// asking, and come back to the cache by themselves.
func TestOutagesCostAHandfulOfCalls(t *testing.T) {
	for _, mode := range []redisstore.Mode{redisstore.Validated, redisstore.Tracked} {
		for name, bend := range map[string]func(*redistest.Server, *redistest.Proxy) (heal func() error, err error){
			"down":    func(s *redistest.Server, _ *redistest.Proxy) (func() error, error) { return s.Restart, s.Kill() },
			"frozen":  func(s *redistest.Server, _ *redistest.Proxy) (func() error, error) { return s.Resume, s.Pause() },
			"cut off": func(_ *redistest.Server, p *redistest.Proxy) (func() error, error) { p.Cut(); return mend(p), nil },
			"half open": func(_ *redistest.Server, p *redistest.Proxy) (func() error, error) {
				p.Set(redistest.Drop, redistest.Drop)
				return mend(p), nil
			},
		} {
			t.Run([]string{"validated", "tracked"}[mode]+" "+name, func(t *testing.T) { outage(t, mode, bend) })
		}
	}
}

func mend(p *redistest.Proxy) func() error {
	return func() error { p.Mend(); return nil }
}

func outage(t *testing.T, mode redisstore.Mode, bend func(*redistest.Server, *redistest.Proxy) (func() error, error)) {
	srv := redistest.Start(t, nil)
	proxy := redistest.NewProxy(t, srv.Addr())
	w := newWorld(t, 10)
	options := redisstore.Options{Mode: mode, Timeout: 50 * time.Millisecond, WriteTimeout: 200 * time.Millisecond, Heartbeat: 200 * time.Millisecond}
	one, two := w.process(proxy.URL(), options, cacheops.Config{}), w.process(proxy.URL(), options, cacheops.Config{})
	for id := range 5 {
		one.warm(id + 1)
		two.warm(id + 1)
	}
	heal, err := bend(srv, proxy)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*process{one, two} {
		if mode == redisstore.Tracked {
			p.eventually("serve nothing", func() bool { _, hit := p.read(1); return !hit })
		}
		before, began := p.store.failed.Load(), time.Now()
		const reads = 500
		for i := range reads {
			if n, hit := p.read(1 + i%5); n != 0 || hit {
				t.Fatalf("read %d, hit %v", n, hit)
			}
		}
		// Two calls for a read that misses: the read's own and its fill's.
		most := 2 * (circuitFailures + int64(time.Since(began)/circuitWait) + 1)
		if failed := p.store.failed.Load() - before; failed > most {
			t.Errorf("%d calls of %d reads failed in %v, want at most %d", failed, reads, time.Since(began), most)
		}
	}
	if err := one.write(1, 1); !errors.Is(err, cacheops.ErrStore) || w.n(1) != 0 {
		t.Errorf("a write without the store: %v, the database has %d", err, w.n(1))
	}
	if err := heal(); err != nil {
		t.Fatal(err)
	}
	one.eventually("write", func() bool { return one.write(1, 7) == nil })
	for id := range 5 {
		one.warm(id + 1)
		two.warm(id + 1)
	}
	if n, _ := two.read(1); n != 7 {
		t.Errorf("read %d, want 7", n)
	}
}

// TestFullServer: with noeviction and no memory left a write either is dropped
// as ever or fails before its commit and says why; reads go on.
func TestFullServer(t *testing.T) {
	srv := redistest.Start(t, nil)
	w := newWorld(t, 1000)
	one, two := w.process(srv.URL(), redisstore.Options{}, cacheops.Config{}), w.process(srv.URL(), redisstore.Options{}, cacheops.Config{})
	one.warm(1)
	two.warm(1)
	if err := srv.Fill("noeviction", 1<<20); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 100; i++ {
		before := w.n(1)
		switch err := one.write(1, i); {
		case err == nil && w.n(1) != i, err != nil && w.n(1) != before:
			t.Fatalf("the write said %v, the database has %d, before it had %d", err, w.n(1), before)
		case err != nil && !errors.Is(err, cacheops.ErrStore):
			t.Fatalf("a write into a full server: %v", err)
		case i == 1:
			t.Logf("a write into a full server: %v", err)
		}
		for _, p := range []*process{one, two} {
			if n, _ := p.read(1); n != w.n(1) {
				t.Fatalf("read %d, the database has %d", n, w.n(1))
			}
			if n, _ := p.read(1 + i); n != 0 { // not written, and not cached before
				t.Fatalf("read %d", n)
			}
		}
	}
	if err := srv.Relieve(); err != nil {
		t.Fatal(err)
	}
	one.eventually("write", func() bool { return one.write(2, 5) == nil })
	one.warm(2)
	two.warm(2)
}

// TestDegradedWritesReachTheOthers: with DegradeOnFailure a write goes through
// without the store. Its own process does not cache the table until the drops are
// sent, and then the others see it, too.
func TestDegradedWritesReachTheOthers(t *testing.T) {
	srv := redistest.Start(t, nil)
	one, two := redistest.NewProxy(t, srv.Addr()), redistest.NewProxy(t, srv.Addr())
	w := newWorld(t, 10)
	options := redisstore.Options{Timeout: 50 * time.Millisecond, WriteTimeout: 200 * time.Millisecond}
	writer := w.process(one.URL(), options, cacheops.Config{DegradeOnFailure: true})
	other := w.process(two.URL(), options, cacheops.Config{})
	writer.warm(1)
	other.warm(1)
	one.Cut()
	for i := 1; i <= 3; i++ {
		if err := writer.write(1, i); err != nil {
			t.Fatal(err)
		}
		if n, hit := writer.read(1); n != i || hit {
			t.Errorf("read %d, hit %v after a write of %d whose drops are queued", n, hit, i)
		}
	}
	if n, hit := other.read(1); n != 0 || !hit {
		t.Errorf("read %d, hit %v: the writer's store is cut off, and yet it was told", n, hit)
	}
	one.Mend()
	other.eventually("hear of the writes", func() bool { n, _ := other.read(1); return n == 3 })
	writer.warm(1)
	other.warm(1)
}
