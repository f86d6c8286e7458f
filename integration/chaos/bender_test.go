package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cacheops/cacheops/redisstore/redistest"
)

// bender does things to a store's servers between the steps of a run, and
// undoes them some steps later.
type bender struct {
	testing.TB
	dice   *rand.Rand
	faults []fault
	// one fault in how many steps
	every int
	// lasts is how long a fault stays at least, so that the bound of a mode may
	// run out under it.
	lasts time.Duration
	// rest is how long the workers are left in peace after it, for those that
	// have given the store up ask again only a while later.
	rest time.Duration
	log  []string
	// unbent is how often a fault could not be brought about.
	unbent int

	heal  func() error // nil when nothing is bent
	since time.Time
	least time.Duration // how long the fault itself is to last
	steps int           // until it is healed
}

// fault bends something and returns what undoes it, nil if that is not needed.
type fault struct {
	name  string
	bend  func() (heal func() error, err error)
	lasts time.Duration // at least, where that is more than the bender's
}

// frozenTime is how long a server stays frozen: longer than any timeout and lease.
const frozenTime = 3 * time.Second

// once is a fault that needs no undoing.
func once(name string, f func() error) fault {
	return fault{name: name, bend: func() (func() error, error) { return nil, f() }}
}

// lasting is a fault with its undoing.
func lasting(name string, f, heal func() error) fault {
	return fault{name: name, bend: func() (func() error, error) { return heal, f() }}
}

// step bends or heals something, now and then.
func (b *bender) step() {
	if b.Failed() || len(b.faults) == 0 {
		return
	}
	if b.heal == nil {
		if b.dice.IntN(b.every) == 0 {
			b.bend()
		}
		return
	}
	if b.steps--; b.steps > 0 {
		return
	}
	if b.steps == 0 {
		// One more step under the fault, after the bound.
		time.Sleep(time.Until(b.since.Add(max(b.lasts, b.least))))
		return
	}
	b.well()
}

// mostUnbent is how often bending may fail before it has ever succeeded.
const mostUnbent = 2

func (b *bender) bend() {
	f := b.faults[b.dice.IntN(len(b.faults))]
	heal, err := f.bend()
	if err != nil {
		// The servers were not ready for it: a replica that does not catch up in
		// time cannot be made to lag. That is no answer of the store's.
		b.Logf("not bent: %s: %v", f.name, err)
		if b.unbent++; b.unbent > mostUnbent && len(b.log) == 0 {
			b.Errorf("%s: nothing can be bent: %v", f.name, err)
		}
		return
	}
	b.log = append(b.log, f.name)
	b.heal, b.since, b.least, b.steps = heal, time.Now(), f.lasts, 1+b.dice.IntN(6)
}

// well undoes what is bent.
func (b *bender) well() {
	if b.heal == nil {
		return
	}
	if err := b.heal(); err != nil {
		b.Errorf("undo %s: %v", b.log[len(b.log)-1], err)
	}
	b.heal = nil
	time.Sleep(b.rest)
}

// counts says how often each fault happened.
func (b *bender) counts() string {
	n := make(map[string]int)
	for _, name := range b.log {
		n[name]++
	}
	return fmt.Sprint(n)
}

// single is one server with a proxy before it for each worker.
type single struct {
	srv     *redistest.Server
	proxies [herdSize]*redistest.Proxy
	dump    []byte
}

func newSingle(t *testing.T) *single {
	s := &single{srv: redistest.Start(t, nil)}
	for i := range s.proxies {
		s.proxies[i] = redistest.NewProxy(t, s.srv.Addr())
	}
	return s
}

func (s *single) url(i int) string { return s.proxies[i].URL() }

// bender returns what can happen to a server.
func (s *single) bender(t testing.TB, dice *rand.Rand, prefix string) *bender {
	b := &bender{TB: t, dice: dice}
	s.dump = nil
	old := func() (err error) {
		if s.dump == nil {
			s.dump, err = s.srv.Dump()
			return err
		}
		err = s.srv.RestartFrom(s.dump)
		s.dump = nil
		return err
	}
	b.faults = []fault{
		once("save, or restart with what was saved", old),
		once("save, or restart with what was saved", old),
		once("restart empty", s.srv.RestartEmpty),
		once("flush", s.srv.Flush),
		once("lose a table", func() error { return lose(s.srv, dice, prefix+":t*") }),
		once("lose a stamp", func() error { return lose(s.srv, dice, prefix+":[es]*") }),
		lasting("down", s.srv.Kill, s.srv.Restart),
		{"frozen", func() (func() error, error) { return s.srv.Resume, s.srv.Pause() }, frozenTime},
		lasting("full", func() error { return s.srv.Fill("noeviction", 256<<10) }, s.srv.Relieve),
		// Hits need none, and go on where nothing can be dropped.
		lasting("without scripts", func() error { return permit(s.srv, "-eval", "-evalsha") }, func() error { return permit(s.srv, "+@all") }),
		lasting("crowded", func() error { return s.srv.Fill("allkeys-random", 256<<10) }, s.srv.Relieve),
	}
	for name, do := range map[string]func(*redistest.Proxy){
		"cut":           (*redistest.Proxy).Cut,
		"severed":       (*redistest.Proxy).Sever,
		"stalled":       func(p *redistest.Proxy) { p.Set(redistest.Hold, redistest.Hold) },
		"half open":     func(p *redistest.Proxy) { p.Set(redistest.Drop, redistest.Drop) },
		"without reply": func(p *redistest.Proxy) { p.Set(redistest.Pass, redistest.Drop) },
	} {
		b.faults = append(b.faults, s.partition(name, dice, do))
	}
	slicesByName(b.faults)
	return b
}

// permit changes what clients may do.
func permit(srv *redistest.Server, rules ...any) error {
	_, err := srv.Do(append([]any{"ACL", "SETUSER", "default"}, rules...)...)
	return err
}

// partition does something to one worker's connections, or to all.
func (s *single) partition(name string, dice *rand.Rand, do func(*redistest.Proxy)) fault {
	return fault{name: name, bend: func() (func() error, error) {
		who := s.proxies[:]
		if i := dice.IntN(herdSize + 1); i < herdSize {
			who = s.proxies[i : i+1]
		}
		for _, p := range who {
			do(p)
		}
		return func() error {
			for _, p := range who {
				p.Mend()
			}
			return nil
		}, nil
	}}
}

// lose takes one key away that a pattern matches.
func lose(srv *redistest.Server, dice *rand.Rand, pattern string) error {
	v, err := srv.Do("KEYS", pattern)
	if err != nil {
		return err
	}
	keys, _ := v.([]any)
	if len(keys) == 0 {
		return nil
	}
	_, err = srv.Do("DEL", keys[dice.IntN(len(keys))])
	return err
}

// cluster is a Cluster of three primaries.
type cluster struct{ *redistest.Cluster }

func newCluster(t *testing.T) *cluster { return &cluster{redistest.StartCluster(t, 3, 1)} }

func (c *cluster) url(int) string {
	a := c.Addrs()
	return "redis://" + a[0] + "?addr=" + strings.Join(a[1:], "&addr=")
}

func (c *cluster) bender(t testing.TB, dice *rand.Rand, prefix string) *bender {
	b := &bender{TB: t, dice: dice}
	b.faults = []fault{
		{name: "move a slot", bend: func() (func() error, error) { return c.move(dice, prefix+":t*") }},
		{name: "move a slot", bend: func() (func() error, error) { return c.move(dice, prefix+":t*") }},
		{name: "a replica that lags takes over", bend: func() (func() error, error) { return c.failover(dice) }},
		once("lose a table", func() error { return lose(c.holders()[dice.IntN(3)], dice, prefix+":t*") }),
		once("a primary restarts empty", func() error {
			if err := c.holders()[dice.IntN(3)].RestartEmpty(); err != nil {
				return err
			}
			return c.Settled()
		}),
	}
	return b
}

// holders are the nodes that are primaries now.
func (c *cluster) holders() []*redistest.Server {
	var out []*redistest.Server
	for _, n := range c.Nodes() {
		if is, err := n.IsPrimary(); err == nil && is {
			out = append(out, n)
		}
	}
	return out
}

// move begins to move a table's slot; some of its keys are moved at once and the
// others when it heals.
func (c *cluster) move(dice *rand.Rand, pattern string) (func() error, error) {
	nodes := c.holders()
	for _, i := range dice.Perm(len(nodes)) {
		from := nodes[i]
		v, err := from.Do("KEYS", pattern)
		if err != nil {
			return nil, err
		}
		keys, _ := v.([]any)
		if len(keys) == 0 {
			continue
		}
		slot, err := c.Slot(fmt.Sprint(keys[dice.IntN(len(keys))]))
		if err != nil {
			return nil, err
		}
		m, err := c.BeginMove(slot, nodes[(i+1)%len(nodes)])
		if err != nil {
			return nil, err
		}
		_, err = m.Keys(1 + dice.IntN(10))
		return m.Finish, err
	}
	return nil, nil
}

// failover has a replica miss what comes until it heals, and then take over.
func (c *cluster) failover(dice *rand.Rand) (func() error, error) {
	i := dice.IntN(len(c.Primaries))
	primary, replica := c.Primaries[i], c.Replicas[i][0]
	if is, err := primary.IsPrimary(); err != nil {
		return nil, err
	} else if !is {
		primary, replica = replica, primary
	}
	if err := replica.CaughtUp(primary); err != nil {
		return nil, err
	}
	return func() error {
		if err := primary.Kill(); err != nil {
			return err
		}
		if err := c.TakeOver(replica); err != nil {
			return err
		}
		if err := primary.Restart(); err != nil {
			return err
		}
		return errors.Join(c.Settled(), primary.CaughtUp(replica))
	}, replica.Lag(primary)
}

// sentinels is a primary with one replica under three sentinels.
type sentinels struct{ *redistest.Sentinels }

func newSentinels(t *testing.T) *sentinels {
	return &sentinels{redistest.StartSentinels(t, 1, nil)}
}

func (s *sentinels) url(int) string {
	a := s.Addrs()
	return "redis://" + a[0] + "/0?addr=" + strings.Join(a[1:], "&addr=") + "&master_set=" + s.Name
}

func (s *sentinels) bender(t testing.TB, dice *rand.Rand, prefix string) *bender {
	b := &bender{TB: t, dice: dice}
	b.faults = []fault{
		{name: "a replica that lags is promoted", bend: s.failover},
		once("lose a table", func() error {
			p, err := s.Primary()
			if err != nil {
				return err
			}
			return lose(p, dice, prefix+":t*")
		}),
	}
	return b
}

// failover has the replica miss what comes until it heals; then the primary is
// killed, and comes back as a replica of the one that the sentinels promoted.
func (s *sentinels) failover() (func() error, error) {
	primary, err := s.Primary()
	if err != nil {
		return nil, err
	}
	replica := s.Servers[0]
	if replica == primary {
		replica = s.Servers[1]
	}
	if err := replica.CaughtUp(primary); err != nil {
		return nil, err
	}
	return func() error {
		if err := primary.Kill(); err != nil {
			return err
		}
		now, err := s.Promoted(primary)
		if err != nil {
			return err
		}
		if _, err := now.Do("CONFIG", "SET", "masterauth", ""); err != nil {
			return err
		}
		if err := primary.Restart(); err != nil {
			return err
		}
		return primary.Follow(now)
	}, replica.Lag(primary)
}

// fate chooses one for a worker, or none.
func fate(dice *rand.Rand, kinds ...string) string {
	points := []string{beforeBegin, afterBegin, beforeEnd, afterEnd, afterAcquire, beforePut}
	return kinds[dice.IntN(len(kinds))] + points[dice.IntN(len(points))]
}

// committed says whether a worker that died by its fate had committed.
func committed(fate string) bool {
	return strings.HasSuffix(fate, beforeEnd) || strings.HasSuffix(fate, afterEnd)
}

// wake lets workers go on that froze themselves, now and then until stop. Between
// two times something else happens.
func (h *herd) wake(every time.Duration, between func()) (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n, last := 0, false; !last; n++ {
			select {
			case <-over:
				last = true
			case <-tick.C:
			}
			if n%2 == 0 && !last {
				between()
				continue
			}
			for i := range herdSize {
				_ = h.signal(i, syscall.SIGCONT) // it may be gone
			}
		}
	}()
	return func() { close(over); <-done }
}
