//go:build unix

package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asCommand in the environment makes the test's program the command itself: what
// becomes of its process cannot be seen from within.
const asCommand = "CACHEOPS_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is a run of the command as a process, whose temporary files go to dir.
func process(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1", "TMPDIR="+dir)
	return cmd
}

// ended checks that a process said why it could not do its work, and that no copy
// of a database is left.
func ended(t *testing.T, err error, dir, said, why string) {
	t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitError {
		t.Errorf("it ended with %v, not with status %d", err, exitError)
	}
	if !strings.Contains(said, why) {
		t.Errorf("it said %q, not %q", said, why)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// database makes one with a table, and a log that reads it.
func database(t *testing.T) (path, log string) {
	t.Helper()
	dir := t.TempDir()
	path, log = filepath.Join(dir, "a.sqlite"), filepath.Join(dir, "a.sql")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (id INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, []byte("SELECT * FROM t;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, log
}

// TestReaderOfTheReportIsGone: head and its like close the pipe.
func TestReaderOfTheReportIsGone(t *testing.T) {
	t.Parallel()
	path, log := database(t)
	tmp := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := process(t, tmp, "replay", "--db", path, "--log", log)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = w, &said
	ended(t, cmd.Run(), tmp, said.String(), "broken pipe")
}

// TestTerminalIsGone: closing a terminal ends what runs there.
func TestTerminalIsGone(t *testing.T) {
	t.Parallel()
	heard := make(chan os.Signal, 1) // or under nohup the process would ignore it, as it should
	signal.Notify(heard, syscall.SIGHUP)
	defer signal.Stop(heard)
	tmp := t.TempDir()
	cmd := process(t, tmp, "demo")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	talk := bufio.NewReader(said)
	if _, err := talk.ReadString('\n'); err != nil { // its files are there
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(talk)
	if err != nil {
		t.Fatal(err)
	}
	ended(t, cmd.Wait(), tmp, string(rest), "interrupted")
}

// TestInterruptedWhileItWaitsForInput: a log or an answer may never come.
func TestInterruptedWhileItWaitsForInput(t *testing.T) {
	path, _ := database(t)
	for name, args := range map[string][]string{
		"log":    {"replay", "--db", path, "--log", "-"},
		"answer": {"flush", "--redis", "redis://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			stdin, in := io.Pipe()
			defer in.Close()
			ctx, interrupt := context.WithCancel(t.Context())
			var out, said strings.Builder
			e := &env{stdin: stdin, stdout: &out, stderr: &said}
			status := make(chan int)
			go func() { status <- e.run(ctx, args) }()
			if _, err := in.Write([]byte(" ")); err != nil { // it is reading
				t.Fatal(err)
			}
			interrupt()
			if got := <-status; got != exitError || !strings.Contains(said.String(), "interrupted") {
				t.Errorf("status %d, and it said %q", got, said.String())
			}
			if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}
