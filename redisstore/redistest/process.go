package redistest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is one run of the server's program.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func startProcess(path, dir string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the server's log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(path, args...) //nolint:noctx // it is ended by kill, at a moment that the test chooses
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = dir, log, log, EndWithParent()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how a server ended that was killed says nothing
	}()
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %v to the server: %w", sig, err)
	}
	return nil
}

// end sends a signal that ends the process and waits until it has ended.
func (p *process) end(sig syscall.Signal) error {
	if err := p.signal(sig); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the server did not end within %v of %v", patience, sig)
	}
}

// patience bounds each wait for a server.
const patience = 20 * time.Second

// eventually waits until f returns nil.
func eventually(what string, f func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := f()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %v: %w", what, patience, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// freePort returns a port that was free a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it waits for nothing
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// showLog prints the end of a server's log where the test failed.
func showLog(t testing.TB, name, dir string) {
	if !t.Failed() {
		return
	}
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Logf("%s: %v", name, err)
		return
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	const most = 15
	if len(lines) > most {
		lines = lines[len(lines)-most:]
	}
	t.Logf("the end of the log of %s:\n%s", name, strings.Join(lines, "\n"))
}
