package trial

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/redisstore/redistest"
	"github.com/cacheops/cacheops/sqlcache"
)

// Lease is how long a writer of these tests may take before it is in doubt.
const Lease = 200 * time.Millisecond

var flagClient = flag.String("trial.client", "", "be a client: Frozen or Killed, the address of Redis and that of the database; for the tests' own use")

// What becomes of a client.
const (
	Frozen = "frozen" // between telling the store and its COMMIT
	Killed = "killed" // wherever the test likes
)

// Main runs the tests, or a client that one of them has started: it reaches the
// database that connect is given the address of, and has work write through a
// cache over Redis.
func Main(m *testing.M, connect func(address string) (driver.Connector, error), work func(db *sql.DB, fate string) error) {
	flag.Parse()
	if *flagClient == "" {
		os.Exit(m.Run())
	}
	if err := client(strings.Fields(*flagClient), connect, work); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func client(orders []string, connect func(string) (driver.Connector, error), work func(*sql.DB, string) error) (err error) {
	fate, redis, address := orders[0], orders[1], orders[2]
	store, err := redisstore.New(redis, &redisstore.Options{Lease: Lease})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	cache, err := cacheops.New(freezing{store, fate == Frozen}, &cacheops.Config{
		Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close()) }()
	c, err := connect(address)
	if err != nil {
		return err
	}
	db := sqlcache.OpenDB(cache, c, nil)
	defer func() { err = errors.Join(err, db.Close()) }()
	return work(db, fate)
}

// freezing is a store that goes on only when it is told to, once it has been told
// of a write: meanwhile its process is stopped.
type freezing struct {
	cacheops.Store
	on bool
}

func (s freezing) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) ([]cacheops.Registry, error) {
	moved, err := s.Store.Begin(ctx, w, writes)
	if s.on && err == nil && len(moved) == 0 {
		fmt.Println(begun)
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			return nil, err
		}
	}
	return moved, err
}

const begun = "begun"

// Redis starts one, and returns a store on it and how to make clients that share
// it.
func Redis(t testing.TB, database string) (store cacheops.Store, start func(fate string) *exec.Cmd) {
	t.Helper()
	server := redistest.Start(t, nil)
	s, err := redisstore.New(server.URL(), &redisstore.Options{Lease: Lease})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, func(fate string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-trial.client", strings.Join([]string{fate, server.URL(), database}, " "))
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = redistest.EndWithParent()
		t.Cleanup(func() {
			if cmd.Process != nil {
				_ = cmd.Process.Kill() // it has ended, mostly
			}
		})
		return cmd
	}
}

// NeverStale reads for some leases, within which nothing may be kept.
func (w *World) NeverStale(q string) {
	w.Helper()
	reads := 0
	for till := time.Now().Add(5 * Lease); time.Now().Before(till); reads++ {
		if w.Same(q) {
			w.Fatalf("a hit after %d reads, although the writer may yet commit", reads)
		}
	}
}

// FreezeBeforeCommit has a client stop between telling the store and its COMMIT,
// beyond its lease, and checks what q reads all the while. wrote tells by the rows
// whether the client has written at last.
func (w *World) FreezeBeforeCommit(cmd *exec.Cmd, q string, wrote func(rows string) bool) {
	w.Helper()
	w.Warm(q)
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != begun+"\n" {
		w.Fatalf("the client says %q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		w.Fatal(err)
	}
	// One of its threads may run on for a while, and commit, before all have stopped.
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		w.Fatalf("the client does not stop: %v, %v", status, err)
	}
	if _, err := in.Write([]byte("go on\n")); err != nil {
		w.Fatal(err)
	}
	w.NeverStale(q)
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		w.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		w.Fatal(err)
	}
	if got, _ := Read(w, w.DB, q); !wrote(got) {
		w.Errorf("after the commit the cache says %s", got)
	}
	w.Warm(q)
}
