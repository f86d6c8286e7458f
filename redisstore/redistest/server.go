package redistest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Config of a server. A nil Config means all zero.
type Config struct {
	// AppendOnly keeps every write on disk before it is answered, so that
	// nothing acknowledged is lost by Kill. False: nothing is on disk but what
	// [Server.Dump] saved.
	AppendOnly bool
	// Lines are further lines of the configuration file ("maxmemory 10mb").
	Lines []string
}

// Server is one redis-server that keeps its address over its restarts.
type Server struct {
	program string
	modern  bool
	dir     string
	port    int
	bus     int // of a Cluster's node; 0 without one
	addr    string
	args    []string // after the configuration file

	mu   sync.Mutex
	proc *process // nil when it does not run
}

// Start starts a server that ends with the test.
func Start(t testing.TB, c *Config) *Server {
	t.Helper()
	return start(t, c.lines(t))
}

func (c *Config) lines(t testing.TB) []string {
	t.Helper()
	if c == nil {
		c = &Config{}
	}
	lines := []string{
		`save ""`,
		"repl-diskless-sync yes",
		"repl-diskless-sync-delay 0",
		"repl-ping-replica-period 1",
	}
	if modern(t, Need(t)) { // what comes before allows it to everybody
		lines = append(lines, "enable-debug-command local")
	}
	if c.AppendOnly {
		lines = append(lines, "appendonly yes", "appendfsync always")
	}
	return append(lines, c.Lines...)
}

// startTries is how often another port is tried: between its choice and its use
// somebody else may have taken it.
const startTries = 5

func start(t testing.TB, lines []string, args ...string) *Server {
	t.Helper()
	return (&Server{args: args}).start(t, lines)
}

func (s *Server) start(t testing.TB, lines []string) *Server {
	t.Helper()
	s.program, s.dir = Need(t), t.TempDir()
	s.modern = modern(t, s.program)
	t.Cleanup(func() {
		if err := s.Kill(); err != nil {
			t.Errorf("redistest: %v", err)
		}
		showLog(t, s.addr, s.dir)
	})
	var err error
	for range startTries {
		if err = s.listen(lines); err != nil {
			break
		}
		if err = s.Restart(); err == nil {
			return s
		}
	}
	t.Fatalf("redistest: %v", err)
	return nil
}

// busOffset is how far a node's bus is from its port where it cannot be told.
const busOffset = 10000

// listen chooses a port and writes the configuration file.
func (s *Server) listen(lines []string) error {
	port, err := freePort()
	for err == nil && s.bus != 0 && !s.modern && port > 65535-busOffset {
		port, err = freePort()
	}
	if err != nil {
		return err
	}
	s.port, s.addr = port, "127.0.0.1:"+strconv.Itoa(port)
	switch {
	case s.bus == 0:
	case s.modern:
		if s.bus, err = freePort(); err != nil {
			return err
		}
		lines = append([]string{"cluster-enabled yes", fmt.Sprint("cluster-port ", s.bus)}, lines...)
	default:
		s.bus = port + busOffset
		lines = append([]string{"cluster-enabled yes"}, lines...)
	}
	text := fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %q\n%s\n", port, s.dir, strings.Join(lines, "\n"))
	if err := os.WriteFile(filepath.Join(s.dir, "conf"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the server's configuration: %w", err)
	}
	return nil
}

// Addr is the server's host:port.
func (s *Server) Addr() string { return s.addr }

// URL is the server's address as clients take it.
func (s *Server) URL() string { return "redis://" + s.addr + "/0" }

// Dir is where the server keeps its files.
func (s *Server) Dir() string { return s.dir }

// Kill ends the server at once, as kill -9 does: what it has not written is
// lost. It does nothing where the server does not run.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

// Stop ends the server by SIGTERM, as a service manager does.
func (s *Server) Stop() error { return s.end(syscall.SIGTERM) }

func (s *Server) end(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return nil
	}
	if err := s.proc.end(sig); err != nil {
		return err
	}
	s.proc = nil
	return nil
}

// Pause freezes the server (SIGSTOP): its connections stay open and nothing
// answers.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on (SIGCONT).
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return errors.New("the server does not run")
	}
	return s.proc.signal(sig)
}

// Restart kills the server if it runs, and starts it on what is on its disk.
func (s *Server) Restart() error {
	if err := s.Kill(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := startProcess(s.program, s.dir, append([]string{filepath.Join(s.dir, "conf")}, s.args...)...)
	if err != nil {
		return err
	}
	s.proc = p
	return eventually("start "+s.addr, func() error {
		if p.ended() {
			return errors.New("it ended")
		}
		return s.ready(p)
	})
}

// ready asks for the process by its number: on a port that somebody else took
// first, another server would answer.
func (s *Server) ready(p *process) error {
	info, err := s.Info("server")
	switch {
	case err != nil:
		return err
	case info["process_id"] != strconv.Itoa(p.cmd.Process.Pid):
		return fmt.Errorf("process %s answers", info["process_id"])
	}
	_, err = s.Do("PING") // an error while it loads
	return err
}

// Info is a section of INFO.
func (s *Server) Info(section string) (map[string]string, error) {
	text, err := s.Text("INFO", section)
	if err != nil {
		return nil, err
	}
	return fields(text), nil
}

// fields reads lines of name:value.
func fields(text string) map[string]string {
	out := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	return out
}
