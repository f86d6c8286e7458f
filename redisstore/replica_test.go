package redisstore

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/redisstore/redistest"
)

// connectionsTo is how many connections a server has accepted so far.
func connectionsTo(t *testing.T, s *redistest.Server) int {
	t.Helper()
	info, err := s.Info("stats")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(info["total_connections_received"])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestClusterWithReplicas: replicas push nothing that matters. A heartbeat asks
// them, too, hears so, and neither takes that for silence nor makes a new
// connection each time; one that is gone is no reason to stop serving either.
func TestClusterWithReplicas(t *testing.T) {
	c := redistest.StartCluster(t, 3, 1)
	b := &bench{url: "redis://" + c.Addrs()[0] + "?addr=" + strings.Join(c.Addrs()[1:], "&addr=")}
	var s *Store
	// Nodes take a moment to tell of the replicas.
	within(t, "all nodes are known", func() bool {
		s = b.store(t, Options{Mode: Tracked, Heartbeat: time.Minute})
		if len(s.client.Nodes()) == len(c.Nodes()) {
			return true
		}
		s.Close()
		return false
	})
	defer s.Close()
	greet(t, s)
	replica := c.Replicas[0][0]
	before := connectionsTo(t, replica)
	for range 3 {
		greet(t, s)
	}
	// Asking makes a connection of its own.
	if after := connectionsTo(t, replica); after != before+1 {
		t.Errorf("%d connections, then %d", before, after)
	}
	if err := replica.Kill(); err != nil {
		t.Fatal(err)
	}
	greet(t, s)
	if !s.pulse.good() {
		t.Error("the tier is not served")
	}
}

// TestStartWithoutAPrimary: a program starts while a Cluster's only primary is gone
// and its replica has not taken over.
func TestStartWithoutAPrimary(t *testing.T) {
	c := redistest.StartCluster(t, 1, 1)
	if err := c.Primaries[0].Kill(); err != nil {
		t.Fatal(err)
	}
	s, err := New("redis://"+c.Addrs()[0]+"?addr="+c.Addrs()[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.usable(); !errors.Is(err, errNotPrimary) {
		t.Errorf("%v, want %v", err, errNotPrimary)
	}
	if err := c.TakeOver(c.Replicas[0][0]); err != nil {
		t.Fatal(err)
	}
	within(t, "the new primary is found", func() bool { return s.usable() == nil })
	granted(t, s, 7)
}

// TestNodeTakenForAServer: the client cannot learn of the other nodes. It would
// go on with the one, which has some of the tables and refuses the rest.
func TestNodeTakenForAServer(t *testing.T) {
	c := redistest.StartCluster(t, 3, 0)
	node := c.Primaries[0]
	if _, err := node.Do("ACL", "SETUSER", "app", "on", ">s3cret", "~*", "&*", "+@all", "-cluster"); err != nil {
		t.Fatal(err)
	}
	s, err := New("redis://app:s3cret@"+node.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Registry(t.Context(), lifeTable); !errors.Is(err, errNode) {
		t.Errorf("%v, want %v", err, errNode)
	}
	if _, err := node.Do("ACL", "SETUSER", "app", "+cluster"); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Primaries[1:] {
		if _, err := n.Do("ACL", "SETUSER", "app", "on", ">s3cret", "~*", "&*", "+@all"); err != nil {
			t.Fatal(err)
		}
	}
	within(t, "the Cluster is found", func() bool { return s.usable() == nil })
	if !s.cluster {
		t.Error("it is taken for one server")
	}
}

// TestTakenOverFromAFrozenPrimary: a primary froze, and a replica has its slots.
// What is dropped there nobody pushes to those who hear of it from the frozen
// one, and the client asks that one for nothing any more, whether it answers or
// not, while the connection to it stays open.
func TestTakenOverFromAFrozenPrimary(t *testing.T) {
	c := redistest.StartCluster(t, 3, 1)
	b := &bench{url: "redis://" + c.Addrs()[0] + "?addr=" + strings.Join(c.Addrs()[1:], "&addr=")}
	prefix := newPrefix()
	// So long a timeout has the client believe in a connection that is silent.
	s := b.store(t, Options{Mode: Tracked, Prefix: prefix, Heartbeat: time.Second, WriteTimeout: time.Minute})
	defer s.Close()
	other := b.store(t, Options{Prefix: prefix, WriteTimeout: 2 * time.Second})
	defer other.Close()
	keep(t, s, lifeKey(1), 7)
	greet(t, s)
	if s.held(t.Context(), lifeKey(1)) == nil {
		t.Fatal("not held")
	}
	slot, err := c.Slot(s.table(lifeTable).state)
	if err != nil {
		t.Fatal(err)
	}
	frozen, err := c.Holder(slot)
	if err != nil {
		t.Fatal(err)
	}
	if err := frozen.Pause(); err != nil {
		t.Fatal(err)
	}
	within(t, "a replica takes over", func() bool {
		_, err := other.Registry(t.Context(), lifeTable)
		return err == nil
	})
	dropped(t, other, 7)
	within(t, "the tier is served", s.pulse.good)
	if s.held(t.Context(), lifeKey(1)) != nil {
		t.Error("what was dropped is held")
	}
}
