package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops"
)

// pulse says until when the pushes of all servers are known to have arrived.
//
// A heartbeat goes over the connection that the pushes come over, so that its
// answer comes after every push for what was dropped before the server saw it.
// When it arrives, the local tier is what the servers' stamps were when it was
// sent, or newer. A server that is frozen, or whose connection leads nowhere,
// does not answer, and the tier stops being served that long after the last
// heartbeat that was answered. It need not be emptied: what is pushed meanwhile
// comes before the next answer, or the connection ends, and then it is emptied.
//
// That it stops is a timer's doing, because reading the clock is a third of what
// a hit costs. So a process that was itself stopped may serve for the
// milliseconds that its timers take to wake.
type pulse struct {
	alive atomic.Bool

	mu    sync.Mutex
	until time.Time
	timer *time.Timer
}

// heard notes that a heartbeat sent at that time was answered.
func (p *pulse) heard(sent time.Time, bound time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = sent.Add(bound)
	left := time.Until(p.until)
	p.alive.Store(left > 0)
	if p.timer == nil {
		p.timer = time.AfterFunc(left, p.expire)
	} else {
		p.timer.Reset(left)
	}
}

// expire runs when the timer does, which may have been set anew meanwhile.
func (p *pulse) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !time.Now().Before(p.until) {
		p.alive.Store(false)
	}
}

// stop ends it until the next heartbeat is answered.
func (p *pulse) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Time{}
	p.alive.Store(false)
	if p.timer != nil {
		p.timer.Stop()
	}
}

// good reports whether the local tier may answer by itself.
func (p *pulse) good() bool { return p.alive.Load() }

// beatsPerBound is how many heartbeats go into the bound: one may be late.
const beatsPerBound = 3

// beat sends heartbeats until the store is closed.
func (s *Store) beat() {
	every := s.opts.Heartbeat / beatsPerBound
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(s.ctx, max(every, leastHeartbeat))
		// Who it is that does not answer, calls find out by themselves.
		_ = s.greet(ctx)
		cancel()
	}
}

// greet sends one heartbeat to every server, and verifies that each still is who
// its connection takes it for.
func (s *Store) greet(ctx context.Context) error {
	sent := time.Now()
	nodes := s.client.Nodes()
	errs := make([]error, 0, len(nodes))
	var mu sync.Mutex
	var g sync.WaitGroup
	for addr, node := range nodes {
		g.Go(func() {
			err := s.greetNode(ctx, addr, node)
			if err != nil && s.cluster && !errors.Is(err, errNotPrimary) && len(s.conns.believed(addr)) == 0 {
				// No value is held that was validated there: such a connection's
				// end has emptied the tier.
				err = errors.Join(errNotPrimary, err)
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", addr, err)
			}
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	g.Wait()
	primaries := 0
	for _, err := range errs {
		switch {
		case err == nil:
			primaries++
		case !errors.Is(err, errNotPrimary):
			return err
		}
	}
	if primaries == 0 {
		return errors.Join(errs...)
	}
	if s.conns.left(nodes) && s.opts.Mode == Tracked && s.local != nil {
		// Another answers for its slots, and drops there. The client leaves the
		// connection open for seconds, or for good, and nobody asks whether what
		// is pushed over it still arrives.
		s.missed()
	}
	if err := s.epochs.compare(ctx, s); err != nil {
		return err
	}
	s.pulse.heard(sent, s.opts.Heartbeat)
	return nil
}

// epochs are those that the tables had at the last heartbeat, on a Cluster.
//
// While a slot moves, a table's state may be on the new node already, where
// writers drop what they change by another epoch, and its stamps on the old one,
// where nobody touches them. Nothing is pushed then, so a heartbeat asks for the
// epochs as a hit does, and drops from the tier what is of a table whose epoch is
// not as it was: what was validated between two heartbeats that saw the same was
// validated under it.
type epochs struct {
	mu   sync.Mutex
	last map[*table]string
}

func (e *epochs) compare(ctx context.Context, s *Store) error {
	if !s.cluster || s.opts.Mode != Tracked || s.local == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var tables []*table
	var ask []rueidis.Completed
	s.tables.Range(func(_, v any) bool {
		t := v.(*table)
		tables = append(tables, t)
		ask = append(ask, s.client.B().Hget().Key(t.state).Field(epochField+placeholder).Build())
		return true
	})
	now := make(map[*table]string, len(tables))
	var changed []cacheops.TableWrite
	for i, r := range s.client.DoMulti(ctx, ask...) {
		if err := ctx.Err(); err != nil {
			return err
		}
		epoch, err := r.ToString()
		unknown := err != nil && !rueidis.IsRedisNil(err) // its node is gone
		if before, known := e.last[tables[i]]; unknown || !known || before != epoch {
			changed = append(changed, cacheops.TableWrite{Table: tables[i].short, Unverified: true, Tags: []cacheops.Tag{cacheops.TableTag}})
		}
		if !unknown {
			now[tables[i]] = epoch
		}
	}
	s.pushes.note(changed)
	s.drop(changed)
	e.last = now
	return nil
}

// greetNode fails with errNotPrimary for a replica, which pushes nothing that
// matters: no stamp is read there. The nodes of a Cluster are asked for their
// role first, because a connection to a replica ends over the placeholder, and
// there would be another for every heartbeat.
func (s *Store) greetNode(ctx context.Context, addr string, node rueidis.Client) error {
	if s.cluster {
		text, err := node.Do(ctx, node.B().Info().Section("replication").Build()).ToString()
		if err != nil {
			return err
		}
		if parseInfo(text)["role"] != "master" {
			s.conns.demoted(addr)
			return errNotPrimary
		}
	}
	r := node.DoMulti(ctx,
		node.B().Echo().Message(placeholder).Build(),
		node.B().Info().Section("replication").Build())
	echo, err := r[0].ToString()
	if err != nil {
		return err
	}
	text, err := r[1].ToString()
	if err != nil {
		return err
	}
	if len(echo) != incarnationBytes {
		return fmt.Errorf("echo of %d bytes", len(echo))
	}
	if !s.conns.verify(incarnation([]byte(echo)), parseInfo(text)) {
		return errNotPrimary
	}
	return nil
}
