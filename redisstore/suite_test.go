package redisstore

import (
	"context"
	flags "flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore/redistest"
	"github.com/cacheops/cacheops/storetest"
)

// TestStore takes the store through the suite, in both modes.
func TestStore(t *testing.T) {
	for _, mode := range []struct {
		name string
		opts Options
	}{
		{"validated", Options{}},
		{"validated without a local tier", Options{LocalBytes: -1}},
		{"tracked", Options{Mode: Tracked}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			bench := newBench(t)
			storetest.Run(t, func(t testing.TB) storetest.Harness { return bench.open(t, mode.opts) })
		})
	}
}

// TestStoreOnACluster: each table lies on one node, and the tables of a read or
// a write on several.
func TestStoreOnACluster(t *testing.T) {
	for _, mode := range []Mode{Validated, Tracked} {
		t.Run(fmt.Sprint("mode ", mode), func(t *testing.T) {
			bench := newClusterBench(t)
			storetest.Run(t, func(t testing.TB) storetest.Harness {
				h := bench.open(t, Options{Mode: mode})
				h.Save, h.SaveUnnoticed = nil, nil // a node's state coming back is as on one server
				h.MaxSteps /= 4
				return h
			})
		})
	}
}

// bench is a server of its own, or a Cluster, with what the suite does to it.
type bench struct {
	server *redistest.Server // a Cluster's first
	url    string
	admin  rueidis.Client

	cluster *redistest.Cluster // nil on one server
}

func newClusterBench(t testing.TB) *bench {
	c := redistest.StartCluster(t, 3, 0)
	admin, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: c.Addrs(), DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	url := "redis://" + c.Addrs()[0] + "?addr=" + strings.Join(c.Addrs()[1:], "&addr=")
	return &bench{c.Primaries[0], url, admin, c}
}

func newBench(t testing.TB) *bench {
	server := redistest.Start(t, nil)
	admin, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, ForceSingleClient: true, DisableCache: true, PipelineMultiplex: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	return &bench{server, server.URL(), admin, nil}
}

var prefixes struct {
	sync.Mutex
	n int
}

func newPrefix() string {
	prefixes.Lock()
	defer prefixes.Unlock()
	prefixes.n++
	return fmt.Sprint("test", prefixes.n)
}

func (b *bench) store(t testing.TB, opts Options) *Store {
	t.Helper()
	if opts.Prefix == "" {
		opts.Prefix = newPrefix()
	}
	// The machine that tests run on is at times slower than any server.
	if opts.Timeout == 0 {
		opts.Timeout = 5 * time.Second
	}
	if opts.WriteTimeout == 0 {
		opts.WriteTimeout = 5 * time.Second
	}
	s, err := New(b.url, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every step is a round trip, so a walk of all of them takes minutes.
var maxSteps = flags.Int("steps", 4_000, "the most steps of a walk; 0: all of them")

func (b *bench) open(t testing.TB, opts Options) storetest.Harness {
	s := b.store(t, opts)
	p := &proved{Store: s, known: make(map[string]bool)}
	if opts.Mode == Tracked {
		p.settle = func() { b.settle(t, s) }
	}
	return storetest.Harness{
		Store:    p,
		MaxSteps: *maxSteps,
		ExpireLease: func(w cacheops.Writer, tables []string) error {
			return b.expire(s, w, tables)
		},
		Lose: func(tables []string) error {
			for _, name := range tables {
				if err := b.lose(s, name); err != nil {
					return err
				}
			}
			p.heed()
			return nil
		},
		Save:          func() (func() error, error) { return b.save(t, s, true) },
		SaveUnnoticed: func() (func() error, error) { return b.save(t, s, false) },
	}
}

func (b *bench) do(args ...string) error {
	command := b.admin.B().Arbitrary(args[0])
	switch args[0] {
	case "DEL", "RESTORE":
		command = command.Keys(args[1]).Args(args[2:]...)
	case "EVAL":
		command = command.Args(args[1], args[2]).Keys(args[3]).Args(args[4:]...)
	default:
		command = command.Args(args[1:]...)
	}
	err := b.admin.Do(context.Background(), command.Build()).Error()
	if rueidis.IsRedisNil(err) {
		return nil
	}
	return err
}

// lose deletes a table's state and its own stamp, through the store's client,
// which knows what the stamp is called.
func (b *bench) lose(s *Store, name string) error {
	const del = "return redis.call('DEL', KEYS[1], KEYS[2])"
	t := s.table(name)
	return s.client.Do(context.Background(), s.client.B().Eval().Script(del).Numkeys(2).Key(t.state, t.own).Build()).Error()
}

// expire ends a writer's lease in the past.
func (b *bench) expire(s *Store, w cacheops.Writer, tables []string) error {
	const age = `
		local W = redis.call('HGET', KEYS[1], 'W') or ''
		for at = 1, #W, 41 do
			if string.sub(W, at, at + 7) == ARGV[1] then
				redis.call('HSET', KEYS[1], 'W', string.sub(W, 1, at + 31) .. struct.pack('>d', 1) .. string.sub(W, at + 40))
			end
		end`
	for _, name := range tables {
		if err := b.do("EVAL", age, "1", s.table(name).state, eight(w.ID)); err != nil {
			return err
		}
	}
	return nil
}

// save notes the keys under the store's prefix and returns what brings them
// back, in the process that is there or, noticed, as a replica that is promoted.
func (b *bench) save(t testing.TB, s *Store, noticed bool) (func() error, error) {
	ctx := context.Background()
	pattern := s.opts.Prefix + ":*"
	keys, err := b.admin.Do(ctx, b.admin.B().Keys().Pattern(pattern).Build()).AsStrSlice()
	if err != nil {
		return nil, err
	}
	dumps := make(map[string]string)
	for _, k := range keys {
		d, err := b.admin.Do(ctx, b.admin.B().Dump().Key(k).Build()).ToString()
		if err != nil {
			return nil, err
		}
		dumps[k] = d
	}
	return func() error {
		now, err := b.admin.Do(ctx, b.admin.B().Keys().Pattern(pattern).Build()).AsStrSlice()
		if err != nil {
			return err
		}
		for _, k := range now {
			if err := b.do("DEL", k); err != nil {
				return err
			}
		}
		for k, d := range dumps {
			if err := b.do("RESTORE", k, "3600000", d); err != nil {
				return err
			}
		}
		if !noticed {
			return nil
		}
		return b.promote()
	}, nil
}

// promote makes the server another incarnation, and hangs up on its clients, as
// Sentinels do.
func (b *bench) promote() error {
	for _, args := range [][]string{
		{"REPLICAOF", "127.0.0.1", "1"},
		{"REPLICAOF", "NO", "ONE"},
		{"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"},
	} {
		if err := b.do(args...); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until what was pushed to s so far has arrived.
func (b *bench) settle(t testing.TB, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	if err := s.greet(ctx); err != nil {
		t.Fatal(err)
	}
}

// proved does for tables that nobody has named before what the core does by
// asking the database: it lifts the doubt about who may have been writing there.
type proved struct {
	*Store
	settle func()

	mu    sync.Mutex
	known map[string]bool
}

func (p *proved) heed() {
	if p.settle != nil {
		p.settle()
	}
}

func (p *proved) know(ctx context.Context, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[name] {
		return nil
	}
	r, err := p.Store.Registry(ctx, name)
	if err != nil {
		return err
	}
	p.known[name] = true
	return p.Store.Clear(ctx, cacheops.Doubt{Table: name, Epoch: r.Epoch})
}

func (p *proved) Registry(ctx context.Context, name string) (cacheops.Registry, error) {
	if err := p.know(ctx, name); err != nil {
		return cacheops.Registry{}, err
	}
	return p.Store.Registry(ctx, name)
}

func (p *proved) Acquire(ctx context.Context, reads []cacheops.TableRead) (cacheops.Grant, error) {
	for i := range reads {
		if err := p.know(ctx, reads[i].Table); err != nil {
			return cacheops.Grant{}, err
		}
	}
	g, err := p.Store.Acquire(ctx, reads)
	// What it made is pushed, too, and would be taken for a drop of what is put.
	p.heed()
	return g, err
}

func (p *proved) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) ([]cacheops.Registry, error) {
	for i := range writes {
		if err := p.know(ctx, writes[i].Table); err != nil {
			return nil, err
		}
	}
	return p.Store.Begin(ctx, w, writes)
}
