package redis

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/redisstore/redistest"
)

// theatre is a server with a proxy before it, and many plays on it.
type theatre struct {
	*testing.T
	server *redistest.Server
	proxy  *redistest.Proxy
	seed   uint64
	plays  []*play
	stale  error
}

const (
	playsAtOnce = 150
	// playLease is short, so that writers come to be in doubt while they play.
	playLease = 30 * time.Millisecond
)

func newTheatre(t *testing.T, c *redistest.Config, mode redisstore.Mode) *theatre {
	h := &theatre{T: t, server: redistest.Start(t, c), seed: rand.Uint64()}
	h.proxy = redistest.NewProxy(t, h.server.Addr())
	var stores [2]cacheops.Store
	for i := range stores {
		s, err := redisstore.New(h.proxy.URL(), &redisstore.Options{Mode: mode, Lease: playLease, Timeout: 2 * time.Second, WriteTimeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		stores[i] = s
	}
	t.Logf("seed %d", h.seed)
	for i := range uint64(playsAtOnce) {
		h.plays = append(h.plays, newPlay(h.seed+i, fmt.Sprint("play", i), stores[0], stores[1]))
	}
	return h
}

// act takes each play some steps further, up to most.
func (h *theatre) act(most int) {
	for _, p := range h.plays {
		for range p.dice.IntN(most + 1) {
			if err := p.step(h.Context()); err != nil && h.stale == nil {
				h.stale = fmt.Errorf("%s: %w\n%s", p.table, err, strings.Join(p.log, "\n"))
			}
		}
	}
}

// bend does something to the server while all plays stand still.
func (h *theatre) bend(name string, f func() error) {
	h.Helper()
	if err := f(); err != nil {
		h.Fatalf("%s: %v", name, err)
	}
	for _, p := range h.plays {
		p.note("---- %s", name)
	}
}

// end plays on, judges, and expects that all tables are cached again.
func (h *theatre) end() {
	h.Helper()
	// There are few hits in a play, and now and then none in all of them.
	h.act(40)
	for range 20 {
		if h.hits() > 0 {
			break
		}
		h.act(40)
	}
	for _, p := range h.plays {
		if err := p.finish(h.Context()); err != nil && h.stale == nil {
			h.stale = fmt.Errorf("%s: %w\n%s", p.table, err, strings.Join(p.log, "\n"))
		}
	}
	if h.stale != nil {
		h.Error(h.stale)
	}
	if h.hits() == 0 {
		h.Error("nothing was ever hit")
	}
}

func (h *theatre) hits() (n int) {
	for _, p := range h.plays {
		n += p.hits
	}
	return n
}

// scene is how many steps a play takes at most before the server is bent.
const scene = 12

// faults are what becomes of the server while the plays stand still.
var faults = []struct {
	name string
	aof  bool
	bend func(*theatre)
}{
	{"flushed", false, func(h *theatre) { h.bend("flush", h.server.Flush) }},
	{"tables evicted", false, func(h *theatre) { h.bend("evict", h.evict) }},
	{"restarted empty", false, func(h *theatre) { h.bend("restart", h.server.RestartEmpty) }},
	{"killed with an append-only file", true, func(h *theatre) { h.bend("restart", h.server.Restart) }},
	{"restarted from an old dump", false, func(h *theatre) {
		var dump []byte
		h.bend("dump", func() (err error) { dump, err = h.server.Dump(); return err })
		h.act(scene)
		h.bend("restart", func() error { return h.server.RestartFrom(dump) })
	}},
	{"replaced by a replica that lags", false, func(h *theatre) {
		replica := redistest.StartReplica(h.T, h.server, nil)
		h.bend("lag", func() error { return replica.Lag(h.server) })
		h.act(scene)
		h.bend("promote", func() error {
			h.proxy.Point(replica.Addr())
			return replica.Promote()
		})
		h.server = replica
	}},
	{"connections lost", false, func(h *theatre) { h.bend("sever", func() error { h.proxy.Sever(); return nil }) }},
}

// evict takes the state of every other table away.
func (h *theatre) evict() error {
	v, err := h.server.Do("KEYS", "cacheops:t{*")
	if err != nil {
		return err
	}
	keys, _ := v.([]any)
	for i, k := range keys {
		if i%2 == 0 {
			if _, err := h.server.Do("DEL", k); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestServerBentBetweenSteps bends the server while writers and readers stand at
// every step of the protocol, twice in a row. No hit is stale, and every table is
// cached again.
func TestServerBentBetweenSteps(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			h := newTheatre(t, &redistest.Config{AppendOnly: f.aof}, redisstore.Validated)
			for range 2 {
				h.act(scene)
				f.bend(h)
			}
			h.end()
		})
	}
}

// TestStateThatReturnsUnnoticed shows that the plays find staleness where there
// is some: the server's state goes back in time within one life of the server,
// which nobody can notice.
func TestStateThatReturnsUnnoticed(t *testing.T) {
	h := newTheatre(t, nil, redisstore.Validated)
	for range 5 {
		h.act(scene)
		var dump []byte
		h.bend("dump", func() (err error) { dump, err = h.server.Dump(); return err })
		h.act(scene)
		h.bend("reload", func() error { return h.server.ReloadFrom(dump) })
		h.act(scene)
	}
	if h.stale == nil {
		t.Error("nothing stale was served")
	}
}
