package redistest_test

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cacheops/cacheops/redisstore/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, s *redistest.Server, key, value string) {
	t.Helper()
	_, err := s.Do("SET", key, value)
	ok(t, err)
}

// expect expects a value under a key; nil is none.
func expect(t *testing.T, s *redistest.Server, key string, want any) {
	t.Helper()
	got, err := s.Do("GET", key)
	ok(t, err)
	if got != want {
		t.Errorf("%s is %v, want %v", key, got, want)
	}
}

func runID(t *testing.T, s *redistest.Server) string {
	t.Helper()
	info, err := s.Info("server")
	ok(t, err)
	return info["run_id"]
}

func TestStateComesAndGoes(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, nil)
	set(t, s, "a", "old")
	dump, err := s.Dump()
	ok(t, err)
	set(t, s, "a", "new")
	id := runID(t, s)

	ok(t, s.ReloadFrom(dump))
	expect(t, s, "a", "old")
	if runID(t, s) != id {
		t.Error("a reload is another process")
	}
	set(t, s, "a", "new")
	ok(t, s.RestartFrom(dump))
	expect(t, s, "a", "old")
	if runID(t, s) == id {
		t.Error("a restart is the same process")
	}
	ok(t, s.Flush())
	expect(t, s, "a", nil)
	ok(t, s.RestartFrom(dump))
	ok(t, s.RestartEmpty())
	expect(t, s, "a", nil)
	set(t, s, "a", "unsaved")
	ok(t, s.Restart())
	expect(t, s, "a", nil)
	ok(t, s.Stop())
	if _, err := s.Do("PING"); err == nil {
		t.Error("a stopped server answers")
	}
}

func TestAppendOnlyLosesNothing(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, &redistest.Config{AppendOnly: true})
	set(t, s, "a", "kept")
	ok(t, s.Restart())
	expect(t, s, "a", "kept")
	ok(t, s.RestartEmpty())
	expect(t, s, "a", nil)
}

func TestPausedServerAnswersLater(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, nil)
	ok(t, s.Pause())
	answered := make(chan error, 1)
	go func() {
		_, err := s.Do("PING")
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("it answered: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	ok(t, s.Resume())
	ok(t, <-answered)
}

func TestFullMemory(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, nil)
	ok(t, s.Fill("noeviction", 1<<20))
	var refused redistest.Error
	if _, err := s.Do("SET", "a", "b"); !errors.As(err, &refused) {
		t.Errorf("a full server answered %v", err)
	}
	ok(t, s.Relieve())
	set(t, s, "a", "b")

	ok(t, s.Fill("allkeys-random", 1<<20))
	info, err := s.Info("stats")
	ok(t, err)
	if info["evicted_keys"] == "0" {
		t.Error("nothing was evicted")
	}
	ok(t, s.Relieve())
	if n, err := s.Int("DBSIZE"); err != nil || n > 1 {
		t.Errorf("%d keys left, %v", n, err)
	}
}

func TestReplicaThatLagsIsPromoted(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t, nil)
	set(t, primary, "a", "1")
	replica := redistest.StartReplica(t, primary, nil)
	expect(t, replica, "a", "1")
	ok(t, replica.Lag(primary))
	set(t, primary, "a", "2")
	expect(t, replica, "a", "1")
	ok(t, replica.CatchUp(primary))
	expect(t, replica, "a", "2")
	ok(t, replica.Lag(primary))
	set(t, primary, "a", "3")
	ok(t, primary.Kill())
	ok(t, replica.Promote())
	set(t, replica, "b", "1")
	expect(t, replica, "a", "2")
}

// talk sends PING over a connection and waits a while for the answer.
func talk(c net.Conn, wait time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 100))
	return err
}

func TestProxy(t *testing.T) {
	t.Parallel()
	p := redistest.NewProxy(t, redistest.Start(t, nil).Addr())
	const short, long = 50 * time.Millisecond, 5 * time.Second
	connect := func() net.Conn {
		c, err := net.Dial("tcp", p.Addr())
		ok(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	silent := func(c net.Conn) {
		t.Helper()
		var timeout net.Error
		if err := talk(c, short); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %v, want silence", err)
		}
	}
	c := connect()
	ok(t, talk(c, long))

	p.Set(redistest.Pass, redistest.Hold)
	silent(c)
	p.Set(redistest.Pass, redistest.Pass)
	ok(t, talk(c, long))

	c = connect()
	p.Set(redistest.Drop, redistest.Pass)
	silent(c)
	silent(connect())
	p.Mend()
	if err := talk(c, long); err == nil {
		t.Error("a connection that lost bytes goes on")
	}

	c = connect()
	ok(t, talk(c, long))
	p.Cut()
	if talk(c, long) == nil || talk(connect(), long) == nil {
		t.Error("a cut connection answers")
	}
	p.Mend()
	c = connect()
	ok(t, talk(c, long))
	p.Sever()
	if talk(c, long) == nil {
		t.Error("a severed connection answers")
	}
	ok(t, talk(connect(), long))
}

func TestCluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 1)
	slot, err := c.Slot("{a}")
	ok(t, err)
	from, err := c.Holder(slot)
	ok(t, err)
	all := []any{"EVAL", "return 1", 10}
	for i := range 10 {
		set(t, from, fmt.Sprint("{a}", i), "x")
		all = append(all, fmt.Sprint("{a}", i))
	}
	to := c.Primaries[0]
	if from == to {
		to = c.Primaries[1]
	}
	m, err := c.BeginMove(slot, to)
	ok(t, err)
	if n, err := m.Keys(4); n != 4 || err != nil {
		t.Fatalf("moved %d keys, %v", n, err)
	}
	if _, err := from.Do(all...); err == nil {
		t.Error("the slot's keys are in two places and nobody minds")
	}
	ok(t, m.Finish())
	for i := range 10 {
		expect(t, to, fmt.Sprint("{a}", i), "x")
	}

	replica := c.Replicas[0][0]
	if to != c.Primaries[0] {
		replica = c.Replicas[1][0]
	}
	ok(t, replica.CaughtUp(to))
	ok(t, replica.Lag(to))
	set(t, to, "{a}0", "y")
	ok(t, to.Kill())
	ok(t, c.TakeOver(replica))
	expect(t, replica, "{a}0", "x")
	ok(t, to.Restart())
	ok(t, c.Settled())
}

func TestSentinels(t *testing.T) {
	t.Parallel()
	s := redistest.StartSentinels(t, 1, nil)
	old, err := s.Primary()
	ok(t, err)
	set(t, old, "a", "1")
	ok(t, s.Servers[1].CaughtUp(old))
	ok(t, s.Servers[1].Lag(old))
	set(t, old, "a", "2")
	ok(t, old.Kill())
	now, err := s.Promoted(old)
	ok(t, err)
	expect(t, now, "a", "1")
	set(t, now, "b", "1")
}
