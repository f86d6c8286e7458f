package redistest

import (
	"errors"
	"fmt"
	"testing"
)

// Sentinels is a primary with replicas, and three sentinels that watch them.
type Sentinels struct {
	// Name is what the sentinels call the primary.
	Name string
	// Servers are the primary, as it starts, and its replicas.
	Servers []*Server
	// Sentinels know who is the primary now.
	Sentinels []*Server
}

// StartSentinels starts a primary with replicas under three sentinels.
func StartSentinels(t testing.TB, replicas int, c *Config) *Sentinels {
	t.Helper()
	s := &Sentinels{Name: "redistest", Servers: []*Server{Start(t, c)}}
	for range replicas {
		s.Servers = append(s.Servers, StartReplica(t, s.Servers[0], c))
	}
	lines := []string{
		fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 2", s.Name, s.Servers[0].port),
		fmt.Sprintf("sentinel down-after-milliseconds %s 1000", s.Name),
		fmt.Sprintf("sentinel failover-timeout %s 5000", s.Name),
	}
	for range 3 {
		s.Sentinels = append(s.Sentinels, start(t, lines, "--sentinel"))
	}
	if err := s.settled(replicas); err != nil {
		t.Fatalf("redistest: %v", err)
	}
	return s
}

// settled waits until every sentinel knows all replicas and the other two.
func (s *Sentinels) settled(replicas int) error {
	return eventually("meet the sentinels", func() error {
		for _, n := range s.Sentinels {
			v, err := n.Do("SENTINEL", "MASTER", s.Name)
			if err != nil {
				return err
			}
			m := pairs(v)
			if m["num-slaves"] != fmt.Sprint(replicas) || m["num-other-sentinels"] != "2" {
				return fmt.Errorf("%s replicas, %s others", m["num-slaves"], m["num-other-sentinels"])
			}
		}
		return nil
	})
}

func pairs(v any) map[string]string {
	list, _ := v.([]any)
	out := make(map[string]string)
	for i := 0; i+1 < len(list); i += 2 {
		out[fmt.Sprint(list[i])] = fmt.Sprint(list[i+1])
	}
	return out
}

// Addrs are the addresses of the sentinels.
func (s *Sentinels) Addrs() []string {
	var out []string
	for _, n := range s.Sentinels {
		out = append(out, n.addr)
	}
	return out
}

// Primary is the server that most of the sentinels take for the primary.
func (s *Sentinels) Primary() (*Server, error) {
	votes := make(map[string]int)
	for _, n := range s.Sentinels {
		v, err := n.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.Name)
		if err != nil {
			return nil, err
		}
		if addr, ok := v.([]any); ok && len(addr) == 2 {
			votes[fmt.Sprintf("%v:%v", addr[0], addr[1])]++
		}
	}
	for _, n := range s.Servers {
		if votes[n.addr] > len(s.Sentinels)/2 {
			return n, nil
		}
	}
	return nil, errors.New("the sentinels do not agree")
}

// Promoted waits until the sentinels have made another server the primary than
// this one.
func (s *Sentinels) Promoted(old *Server) (*Server, error) {
	var now *Server
	return now, eventually("promote another", func() (err error) {
		if now, err = s.Primary(); err != nil {
			return err
		}
		if now == old {
			return errors.New("it is the old one")
		}
		primary, err := now.IsPrimary()
		if err == nil && !primary {
			err = errors.New("it does not know yet")
		}
		return err
	})
}
