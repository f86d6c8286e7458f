package redistest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// StartReplica starts a server that replicates another, and waits until it has
// all of it.
func StartReplica(t testing.TB, primary *Server, c *Config) *Server {
	t.Helper()
	s := Start(t, c)
	if err := s.Follow(primary); err != nil {
		t.Fatalf("redistest: %v", err)
	}
	return s
}

// Follow makes the server a replica of another and waits until it has all of it.
func (s *Server) Follow(primary *Server) error {
	// Sentinels have a server write its configuration down, with what Lag set.
	if err := s.run("CONFIG", "SET", "masterauth", ""); err != nil {
		return err
	}
	if err := s.run("REPLICAOF", "127.0.0.1", primary.port); err != nil {
		return err
	}
	return s.CaughtUp(primary)
}

// CaughtUp waits until a replica has everything that its primary has.
func (s *Server) CaughtUp(primary *Server) error {
	return eventually("catch up with "+primary.addr, func() error {
		mine, err := s.Info("replication")
		if err != nil {
			return err
		}
		theirs, err := primary.Info("replication")
		switch {
		case err != nil:
			return err
		case mine["master_link_status"] != "up":
			return errors.New("the link is down")
		case mine["slave_repl_offset"] != theirs["master_repl_offset"]:
			return fmt.Errorf("at %s of %s", mine["slave_repl_offset"], theirs["master_repl_offset"])
		}
		return nil
	})
}

// Lag cuts a replica off from its primary, so that it misses what follows and
// keeps what it has, until CatchUp or Promote. The replica is left as it is for
// all who ask it: it only gives its primary a password that this does not know.
func (s *Server) Lag(primary *Server) error {
	if err := s.run("CONFIG", "SET", "masterauth", "no such password"); err != nil {
		return err
	}
	if err := primary.run("CLIENT", "KILL", "TYPE", "replica"); err != nil {
		return err
	}
	return eventually("lose the link", func() error {
		info, err := s.Info("replication")
		if err == nil && info["master_link_status"] != "down" {
			err = errors.New("it is up")
		}
		return err
	})
}

// CatchUp undoes Lag.
func (s *Server) CatchUp(primary *Server) error {
	if err := s.run("CONFIG", "SET", "masterauth", ""); err != nil {
		return err
	}
	return s.CaughtUp(primary)
}

// Promote makes a replica a primary. The old primary goes on as one, too: kill
// it, or make it follow.
func (s *Server) Promote() error {
	if err := s.run("REPLICAOF", "NO", "ONE"); err != nil {
		return err
	}
	return s.run("CONFIG", "SET", "masterauth", "")
}

// IsPrimary reports whether the server takes itself for a primary.
func (s *Server) IsPrimary() (bool, error) {
	info, err := s.Info("replication")
	return info["role"] == "master", err
}

// outOfMemory is nil where the server refused for want of memory.
func outOfMemory(err error) error {
	var answered Error
	if errors.As(err, &answered) && strings.HasPrefix(string(answered), "OOM") {
		return nil
	}
	return err
}
