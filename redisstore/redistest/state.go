package redistest

import (
	"fmt"
	"os"
	"path/filepath"
)

// What a server knows, taken away, brought back and crowded out.

const dumpFile = "dump.rdb"

// Dump saves the server's state and returns the RDB file.
func (s *Server) Dump() ([]byte, error) {
	if err := s.run("SAVE"); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(s.dir, dumpFile))
	if err != nil {
		return nil, fmt.Errorf("read the dump: %w", err)
	}
	return b, nil
}

// RestartFrom kills the server and starts it with the state of a dump: it is
// another incarnation that knows less than the last one did. The server must
// not be AppendOnly, for it would prefer that file.
func (s *Server) RestartFrom(dump []byte) error {
	if err := s.Kill(); err != nil {
		return err
	}
	if err := s.place(dump); err != nil {
		return err
	}
	return s.Restart()
}

// ReloadFrom puts the state of a dump in the place of the present one, in the
// same process: nothing in the server tells that time went back.
func (s *Server) ReloadFrom(dump []byte) error {
	if err := s.place(dump); err != nil {
		return err
	}
	return s.run("DEBUG", "RELOAD", "NOSAVE")
}

func (s *Server) place(dump []byte) error {
	if err := os.WriteFile(filepath.Join(s.dir, dumpFile), dump, 0o600); err != nil {
		return fmt.Errorf("place the dump: %w", err)
	}
	return nil
}

// RestartEmpty kills the server and starts it without any state.
func (s *Server) RestartEmpty() error {
	if err := s.Kill(); err != nil {
		return err
	}
	for _, name := range []string{dumpFile, "appendonlydir", "appendonly.aof"} {
		if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
			return fmt.Errorf("forget the state: %w", err)
		}
	}
	return s.Restart()
}

// Flush empties the database that is selected first.
func (s *Server) Flush() error { return s.run("FLUSHDB", "SYNC") }

// SetMemory bounds the server's memory to what it uses now and room bytes more,
// under a policy of eviction ("noeviction", "allkeys-random").
func (s *Server) SetMemory(policy string, room int64) error {
	if err := s.run("CONFIG", "SET", "maxmemory-policy", policy); err != nil {
		return err
	}
	used, err := s.UsedMemory()
	if err != nil {
		return err
	}
	return s.run("CONFIG", "SET", "maxmemory", max(used+room, 1))
}

// UsedMemory is what the server has allocated, in bytes.
func (s *Server) UsedMemory() (int64, error) {
	info, err := s.Info("memory")
	if err != nil {
		return 0, err
	}
	var n int64
	if _, err := fmt.Sscan(info["used_memory"], &n); err != nil {
		return 0, fmt.Errorf("read used_memory: %w", err)
	}
	return n, nil
}

// filler begins the names of the keys that Fill writes.
const filler = "redistest:filler:"

// Fill bounds the memory as SetMemory does and writes keys, which live for ever,
// until the server refuses every further write or, under a policy that evicts,
// has evicted for most of what it was given.
func (s *Server) Fill(policy string, room int64) error {
	if err := s.SetMemory(policy, room); err != nil {
		return err
	}
	c, err := dial(s.addr)
	if err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	defer c.Close()
	const size = 8 << 10
	value := make([]byte, size)
	for i := range 2*room/size + 16 {
		if _, err := c.do("SET", fmt.Sprint(filler, i), value); err != nil {
			if err := outOfMemory(err); err != nil {
				return err
			}
			// A smaller key would fit into what this one left, or into what the
			// next connection to close gives back.
			return s.SetMemory(policy, -room/2)
		}
	}
	return nil
}

// Relieve undoes SetMemory and Fill.
func (s *Server) Relieve() error {
	if err := s.run("CONFIG", "SET", "maxmemory", 0); err != nil {
		return err
	}
	const drop = `for _, k in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('UNLINK', k) end`
	return s.run("EVAL", drop, 0, filler+"*")
}
