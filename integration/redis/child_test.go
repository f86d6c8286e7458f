package redis

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/redisstore/redistest"
	"github.com/cacheops/cacheops/sqlcache"
)

// orders are what a client, another process, is to do: to run texts on a
// connection, and to wait for leave in the last one, when the store was told of it
// and nothing has run yet.
type orders struct {
	URL   string   // of the Redis
	Files []string // the data source names of its databases; it works on the first
	Texts []string
}

const childLease = 200 * time.Millisecond

func (o *orders) follow() (err error) {
	store, err := redisstore.New(o.URL, &redisstore.Options{Lease: childLease})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	paused := &pausing{Store: store}
	cache, err := cacheops.New(paused, &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close()) }()
	var db *sql.DB
	for i := len(o.Files) - 1; i >= 0; i-- {
		db = sqlcache.OpenDB(cache, connector{&sqlite.Driver{}, o.Files[i]}, nil)
		defer func() { err = errors.Join(err, db.Close()) }()
		if err := db.Ping(); err != nil {
			return err
		}
	}
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for i, text := range o.Texts {
		if i == len(o.Texts)-1 {
			paused.left = len(o.Files) // each is told
		}
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// pausing is a store that goes on only when it is told to, once it has been told of
// so many writes.
type pausing struct {
	cacheops.Store
	left int
}

func (s *pausing) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) ([]cacheops.Registry, error) {
	moved, err := s.Store.Begin(ctx, w, writes)
	if err == nil && len(moved) == 0 {
		s.left--
	}
	if err == nil && len(moved) == 0 && s.left == 0 {
		fmt.Println("begun")
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			return nil, err
		}
	}
	return moved, err
}

// child is a client that is frozen between telling the store and its statement.
type child struct {
	*testing.T
	cmd   *exec.Cmd
	leave func() error
}

func freeze(t *testing.T, o *orders) *child {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{T: t, cmd: exec.Command(os.Args[0], "-redis.child="+string(text))} //nolint:noctx // it is ended by a signal
	c.cmd.Stderr, c.cmd.SysProcAttr = os.Stderr, redistest.EndWithParent()
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() }) // it has ended, mostly
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "begun\n" {
		t.Fatalf("the client says %q, %v", line, err)
	}
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// One of its threads may run on for a while before all have stopped.
	var stopped syscall.WaitStatus
	if _, err := syscall.Wait4(c.cmd.Process.Pid, &stopped, syscall.WUNTRACED, nil); err != nil || !stopped.Stopped() {
		t.Fatalf("the client does not stop: %v, %v", stopped, err)
	}
	c.leave = func() error {
		_, err := in.Write([]byte("go on\n"))
		return errors.Join(err, c.cmd.Process.Signal(syscall.SIGCONT), c.cmd.Wait())
	}
	return c
}

// kill ends the client, frozen as it is.
func (c *child) kill() {
	c.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		c.Fatal(err)
	}
	if err := c.cmd.Wait(); err == nil {
		c.Fatal("the client was not killed")
	}
}

// looseTexts are what a client may run outside any transaction of the cache's, to
// write 7 into the first item of a world.
func looseTexts(w *world) map[string][]string {
	const first, second = "UPDATE items SET n = 7 WHERE id = 1", "UPDATE items SET n = 7 WHERE id = 2"
	return map[string][]string{
		"several statements":              {first + "; " + second},
		"with a transaction of their own": {"BEGIN; " + first + "; COMMIT; " + second},
		"that end a transaction":          {"BEGIN", "COMMIT; " + first},
		"in a file that was attached":     {"ATTACH '" + w.file + "' AS other", "UPDATE other.items SET n = 7 WHERE id = 1; SELECT 1"},
		"that attach the file":            {"ATTACH '" + w.file + "' AS other; UPDATE other.items SET n = 7 WHERE id = 1"},
	}
}

// orders are those of a client that runs texts, on another file where they attach
// the world's.
func (w *world) orders(url string, texts []string) *orders {
	o := &orders{URL: url, Files: []string{w.dsn}, Texts: texts}
	if len(texts[0]) > 6 && texts[0][:6] == "ATTACH" {
		o.Files = []string{newWorld(w.T, 1).dsn, w.dsn}
	}
	return o
}

// TestLooseWriterFrozenWhileTheStoreIsLost: a process stops after it has told the
// store of statements that run outside a transaction, so that it holds no lock of
// SQLite's, and the store loses its state. What it is about to change is not kept
// until it has gone on, or is gone.
func TestLooseWriterFrozenWhileTheStoreIsLost(t *testing.T) {
	w := newWorld(t, 10)
	for name, texts := range looseTexts(w) {
		for _, end := range []string{"goes on", "is killed"} {
			t.Run("statements "+name+", and it "+end, func(t *testing.T) {
				srv := redistest.Start(t, nil)
				w := &world{T: t, file: w.file, dsn: w.dsn, bare: w.bare}
				w.exec("UPDATE items SET n = 0")
				p := w.process(srv.URL(), redisstore.Options{Lease: childLease}, cacheops.Config{})
				p.warm(1)
				c := freeze(t, w.orders(srv.URL(), texts))
				if err := srv.Flush(); err != nil {
					t.Fatal(err)
				}
				p.neverHit(1)
				want := 0
				if end == "is killed" {
					c.kill()
				} else if want = 7; c.leave() != nil {
					t.Fatal("the client failed")
				}
				p.warm(1)
				if n := p.n(1); n != want {
					t.Errorf("the database has %d, want %d", n, want)
				}
			})
		}
	}
}

// TestLooseWriterKilled: what a process was about to change outside a transaction
// when it died is kept again, by others.
func TestLooseWriterKilled(t *testing.T) {
	w := newWorld(t, 10)
	for name, texts := range looseTexts(w) {
		t.Run("statements "+name, func(t *testing.T) {
			srv := redistest.Start(t, nil)
			w := &world{T: t, file: w.file, dsn: w.dsn, bare: w.bare}
			p := w.process(srv.URL(), redisstore.Options{Lease: childLease}, cacheops.Config{})
			p.warm(1)
			c := freeze(t, w.orders(srv.URL(), texts))
			p.neverHit(1)
			c.kill()
			p.warm(1)
		})
	}
}

// neverHit reads for some leases, within which nothing may be kept.
func (p *process) neverHit(id int) {
	p.Helper()
	for till := time.Now().Add(5 * childLease); time.Now().Before(till); {
		if n, hit := p.read(id); hit {
			p.Fatalf("a hit of %d, although the writer may yet write", n)
		}
	}
}
