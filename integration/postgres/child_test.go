package postgres

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/redisstore/redistest"
	"github.com/cacheops/cacheops/sqlcache"
)

var flagChild = flag.String("postgres.child", "", "be a client: where to stop, the address of Redis and that of PostgreSQL; for the tests' own use")

// lease is how long a writer may take before it is in doubt.
const lease = 200 * time.Millisecond

func TestMain(m *testing.M) {
	flag.Parse()
	if *flagChild != "" {
		if err := client(strings.Fields(*flagChild)); err != nil {
			fmt.Fprintln(os.Stderr, "client:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// client updates a row through a cache over Redis, and freezes where it is told to.
func client(orders []string) (err error) {
	store, err := redisstore.New(orders[1], &redisstore.Options{Lease: lease})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	cache, err := cacheops.New(freezing{store, orders[0] == "frozen"}, &cacheops.Config{
		Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close()) }()
	cfg, err := pgx.ParseConfig(orders[2])
	if err != nil {
		return err
	}
	db := sqlcache.OpenDB(cache, stdlib.GetConnector(*cfg), nil)
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.Exec("UPDATE item SET name = 'late' WHERE id = 1")
	return err
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
		fmt.Println("begun")
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			return nil, err
		}
	}
	return moved, err
}

// overRedis is a world whose store other processes share.
func overRedis(t *testing.T) (w *world, start func(where string) *osexec.Cmd) {
	t.Helper()
	server := redistest.Start(t, nil)
	dsn := newDatabase(t)
	w = newWorld(t, dsn, pgxConnector(t, dsn), nil)
	store, err := redisstore.New(server.URL(), &redisstore.Options{Lease: lease})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.store = store
	w.cache = newCache(t, store)
	w.db = closing(t, sqlcache.OpenDB(w.cache, pgxConnector(t, dsn), nil))
	w.fill()
	return w, func(where string) *osexec.Cmd {
		cmd := osexec.Command(os.Args[0], "-postgres.child", strings.Join([]string{where, server.URL(), dsn}, " "))
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

// neverStale reads for some leases, within which nothing may be kept.
func (w *world) neverStale() {
	w.Helper()
	reads := 0
	for till := time.Now().Add(5 * lease); time.Now().Before(till); reads++ {
		if w.same(one) {
			w.Fatalf("a hit after %d reads, although the writer may yet commit", reads)
		}
	}
}

// A client is killed while the server commits for it, and its lease ends.
func TestClientKilledDuringCommit(t *testing.T) {
	w, start := overRedis(t)
	open := w.gate()
	w.warm(one)
	cmd := start("killed")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the commit waits", func() bool { return w.waiting() == "[1]" })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the client was not killed")
	}
	w.neverStale()
	open()
	eventually(t, "the server commits", func() bool {
		got, _ := read(t, w.bare, one)
		return strings.Contains(got, "late")
	})
	w.same(one)
	w.warm(one)
}

// A client is frozen between telling the store and its COMMIT, beyond its lease.
func TestClientFrozenBeforeCommit(t *testing.T) {
	w, start := overRedis(t)
	w.warm(one)
	cmd := start("frozen")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "begun\n" {
		t.Fatalf("the client says %q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// One of its threads may run on for a while, and commit, before all have stopped.
	var stopped syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &stopped, syscall.WUNTRACED, nil); err != nil || !stopped.Stopped() {
		t.Fatalf("the client does not stop: %v, %v", stopped, err)
	}
	if _, err := in.Write([]byte("go on\n")); err != nil {
		t.Fatal(err)
	}
	w.neverStale()
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, _ := read(t, w.db, one); !strings.Contains(got, "late") {
		t.Errorf("after the commit the cache says %s", got)
	}
	w.warm(one)
}
