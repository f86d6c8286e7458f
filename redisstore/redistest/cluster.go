package redistest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Cluster is a Redis Cluster of local processes.
type Cluster struct {
	// Primaries hold the slots, in equal ranges, as the cluster starts.
	Primaries []*Server
	// Replicas[i] follow Primaries[i].
	Replicas [][]*Server
}

// slots is how many a Cluster has.
const slots = 16384

// clusterLines have nodes notice failures soon, and replicas take over however
// much they missed.
var clusterLines = []string{
	"cluster-node-timeout 1000",
	"cluster-replica-validity-factor 0",
	"cluster-migration-barrier 10",
	"cluster-allow-replica-migration no",
}

// StartCluster starts a Cluster with some replicas of each primary, and waits
// until all nodes agree on it.
func StartCluster(t testing.TB, primaries, replicas int) *Cluster {
	t.Helper()
	c := &Cluster{}
	node := func() *Server {
		return (&Server{bus: 1}).start(t, (&Config{Lines: clusterLines}).lines(t))
	}
	for range primaries {
		c.Primaries = append(c.Primaries, node())
		var of []*Server
		for range replicas {
			of = append(of, node())
		}
		c.Replicas = append(c.Replicas, of)
	}
	if err := c.form(); err != nil {
		t.Fatalf("redistest: form a cluster: %v", err)
	}
	return c
}

// Nodes are all servers, primaries first.
func (c *Cluster) Nodes() []*Server {
	nodes := append([]*Server(nil), c.Primaries...)
	for _, of := range c.Replicas {
		nodes = append(nodes, of...)
	}
	return nodes
}

// Addrs are the addresses of all nodes.
func (c *Cluster) Addrs() []string {
	var out []string
	for _, n := range c.Nodes() {
		out = append(out, n.addr)
	}
	return out
}

func (c *Cluster) form() error {
	nodes := c.Nodes()
	for i, n := range nodes {
		if err := n.run("CLUSTER", "SET-CONFIG-EPOCH", i+1); err != nil {
			return err
		}
	}
	for i, n := range c.Primaries {
		from, to := i*slots/len(c.Primaries), (i+1)*slots/len(c.Primaries)-1
		all := []any{"CLUSTER", "ADDSLOTS"} // by range only later servers take them
		for slot := from; slot <= to; slot++ {
			all = append(all, slot)
		}
		if err := n.run(all...); err != nil {
			return err
		}
	}
	if err := meet(nodes); err != nil {
		return err
	}
	if err := c.Settled(); err != nil {
		return err
	}
	for i, of := range c.Replicas {
		for _, r := range of {
			if err := r.replicate(c.Primaries[i]); err != nil {
				return err
			}
		}
	}
	return c.Settled()
}

// meetAgain is the pause after which a node that has not met all is told to once
// more: on a busy machine a handshake runs out of time, and nobody repeats it.
const meetAgain = 3 * time.Second

// meet makes the nodes known to each other.
func meet(nodes []*Server) error {
	var told time.Time
	return eventually("meet the nodes", func() (err error) {
		again := time.Since(told) > meetAgain
		if again {
			told = time.Now()
		}
		for _, n := range nodes {
			text, infoErr := n.Text("CLUSTER", "INFO")
			known := fields(text)["cluster_known_nodes"]
			if infoErr == nil && known == fmt.Sprint(len(nodes)) {
				continue
			}
			err = errors.Join(err, infoErr, fmt.Errorf("%s knows %s nodes", n.addr, known))
			if again && n != nodes[0] {
				err = errors.Join(err, n.run("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, nodes[0].bus))
			}
		}
		return err
	})
}

func (s *Server) replicate(primary *Server) error {
	id, err := primary.nodeID()
	if err != nil {
		return err
	}
	if err := s.run("CLUSTER", "REPLICATE", id); err != nil {
		return err
	}
	return s.CaughtUp(primary)
}

func (s *Server) nodeID() (string, error) { return s.Text("CLUSTER", "MYID") }

// Settled waits until every node that runs knows all the others, agrees on who
// holds which slot, and serves.
func (c *Cluster) Settled() error {
	return eventually("agree on the cluster", func() error {
		var first string
		for _, n := range c.Nodes() {
			if !n.running() {
				continue
			}
			view, err := n.view(len(c.Nodes()))
			if err != nil {
				return fmt.Errorf("%s: %w", n.addr, err)
			}
			if first == "" {
				first = view
			}
			if view != first {
				return fmt.Errorf("%s sees\n%s\nand another\n%s", n.addr, view, first)
			}
		}
		return nil
	})
}

// view is who holds which slots, as a node sees it.
func (s *Server) view(nodes int) (string, error) {
	text, err := s.Text("CLUSTER", "INFO")
	if err != nil {
		return "", err
	}
	info := fields(text)
	if info["cluster_state"] != "ok" || info["cluster_known_nodes"] != fmt.Sprint(nodes) {
		return "", fmt.Errorf("state %s, %s nodes", info["cluster_state"], info["cluster_known_nodes"])
	}
	v, err := s.Do("CLUSTER", "SLOTS")
	if err != nil {
		return "", err
	}
	return ranges(v), nil
}

// ranges writes the reply of CLUSTER SLOTS, its replicas and order left out.
func ranges(v any) string {
	var holder [slots]any
	rows, _ := v.([]any)
	for _, row := range rows {
		r := row.([]any)
		for i := r[0].(int64); i <= r[1].(int64); i++ {
			holder[i] = r[2].([]any)[1]
		}
	}
	var b strings.Builder
	for i, port := range holder {
		if i == 0 || port != holder[i-1] {
			fmt.Fprintf(&b, "%d: %v\n", i, port)
		}
	}
	return b.String()
}

func (s *Server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc != nil
}

// Slot is the slot of a key.
func (c *Cluster) Slot(key string) (int, error) {
	n, err := c.Primaries[0].Int("CLUSTER", "KEYSLOT", key)
	return int(n), err
}

// Holder is the node that holds a slot, as any node that runs sees it.
func (c *Cluster) Holder(slot int) (*Server, error) {
	for _, n := range c.Nodes() {
		if !n.running() {
			continue
		}
		v, err := n.Do("CLUSTER", "SLOTS")
		if err != nil {
			return nil, err
		}
		rows, _ := v.([]any)
		for _, row := range rows {
			r := row.([]any)
			if int64(slot) >= r[0].(int64) && int64(slot) <= r[1].(int64) {
				return c.byPort(r[2].([]any)[1].(int64))
			}
		}
	}
	return nil, fmt.Errorf("nobody holds slot %d", slot)
}

func (c *Cluster) byPort(port int64) (*Server, error) {
	for _, n := range c.Nodes() {
		if int64(n.port) == port {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no node has port %d", port)
}

// TakeOver makes a replica the primary of its slots without asking anybody,
// however much it missed, and waits until its old primary follows it or is
// known to be gone. See [Server.Lag] for how it comes to miss something.
func (c *Cluster) TakeOver(replica *Server) error {
	if err := replica.run("CLUSTER", "FAILOVER", "TAKEOVER"); err != nil {
		return err
	}
	if err := replica.run("CONFIG", "SET", "masterauth", ""); err != nil {
		return err
	}
	err := eventually("take over", func() error {
		primary, err := replica.IsPrimary()
		if err == nil && !primary {
			err = errors.New("it still follows")
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.Settled()
}
