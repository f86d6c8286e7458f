package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

const late = "UPDATE item SET name = 'late' WHERE id = 1"

// loose is what the cache does not put into a transaction of its own.
const loose = late + "; DO 0"

func (w *world) update(way string) error {
	ctx := context.Background()
	switch way {
	case "transaction":
		tx, err := w.DB.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(late); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return tx.Commit()
	case "textual":
		c, err := w.DB.Conn(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		for _, q := range []string{"BEGIN", late, "COMMIT"} {
			if _, err := c.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return nil
	case "loose":
		_, err := w.DB.Exec(loose)
		return err
	}
	_, err := w.DB.Exec(late)
	return err
}

// last is what the server has to get for the update to be committed.
func last(way string) string {
	if way == "loose" {
		return "DO 0"
	}
	return "COMMIT"
}

// The connection is lost on the way of the COMMIT, which arrives later.
func TestConnectionLostDuringCommit(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"transaction", "autocommit", "textual", "loose"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			cfg := newDatabase(t)
			cfg.MultiStatements = true
			bare := *cfg
			wires := wired(t, cfg)
			w := over(t, cfg, memstore.New(16<<20), nil)
			w.Bare = trial.Closing(t, openBare(t, &bare))
			w.fill()
			w.Warm(one)
			wires.hold(last(way))
			result := make(chan error, 1)
			go func() { result <- w.update(way) }()
			<-wires.came
			close(wires.cut)
			if err := <-result; !errors.Is(err, cacheops.ErrOutcomeUnknown) || errors.Is(err, driver.ErrBadConn) {
				t.Errorf("the commit says %v", err)
			}
			for till := time.Now().Add(time.Second); time.Now().Before(till); {
				if w.Same(one) {
					t.Fatal("a hit while the server may commit")
				}
			}
			wires.arrive(t)
			trial.Eventually(t, "the server commits", func() bool {
				got, _ := trial.Read(t, w.Bare, one)
				return strings.Contains(got, "late")
			})
			w.Same(one)
			w.Warm(one)
		})
	}
}

// A client that gives up while its statement runs leaves nothing behind.
func TestCancelledWrite(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	w.Warm(one)
	lock := trial.Begin(t, w.Bare)
	trial.Exec(t, lock, "UPDATE item SET kind = kind + 1 WHERE id = 1")
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		_, err := w.DB.ExecContext(ctx, "UPDATE item SET name = 'never' WHERE id = 1")
		result <- err
	}()
	trial.Eventually(t, "the update waits", func() bool { return w.running("%never%") })
	cancel()
	if err := <-result; err == nil || errors.Is(err, cacheops.ErrOutcomeUnknown) {
		t.Errorf("the cancelled update says %v", err)
	}
	trial.Rollback(t, lock)
	w.Same(one)
	w.Warm(one)
	trial.Exec(t, w.DB, "UPDATE item SET name = 'after' WHERE id = 1")
	w.Same(one)
}

// running reports whether a statement like that runs in the database.
func (w *world) running(like string) bool {
	w.Helper()
	got, _ := trial.Read(w, w.Bare, "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND command <> 'Sleep' AND id <> CONNECTION_ID() AND info LIKE '"+like+"'")
	return got != "[0]"
}

// A client whose statement commits by itself is cancelled: the server goes on.
func TestCancelledLooseWrite(t *testing.T) {
	t.Parallel()
	w := open(t, nil, func(c *mysql.Config) { c.MultiStatements = true })
	w.fill()
	w.Warm(one)
	lock := trial.Begin(t, w.Bare)
	trial.Exec(t, lock, "UPDATE item SET kind = kind + 1 WHERE id = 1")
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		_, err := w.DB.ExecContext(ctx, loose)
		result <- err
	}()
	trial.Eventually(t, "the update waits", func() bool { return w.running("%late%") })
	cancel()
	if err := <-result; !errors.Is(err, cacheops.ErrOutcomeUnknown) {
		t.Errorf("the cancelled update says %v", err)
	}
	for till := time.Now().Add(time.Second); time.Now().Before(till); {
		if w.Same(one) {
			t.Fatal("a hit while the server may commit")
		}
	}
	trial.Rollback(t, lock)
	trial.Eventually(t, "the update has ended", func() bool { return !w.running("%late%") })
	w.Same(one)
	w.Warm(one)
}

// forgetful is a store that does not hear of ends.
type forgetful struct {
	cacheops.Store
	mu   sync.Mutex
	deaf bool
}

func (s *forgetful) End(ctx context.Context, w cacheops.Writer, tables []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deaf {
		return errors.Join(errors.New("deaf"), s.Store.Doubt(ctx, w, tables))
	}
	return s.Store.End(ctx, w, tables)
}

// The connection lives on, and this process says that the writer is over.
func TestEndThatWasNotHeard(t *testing.T) {
	t.Parallel()
	s := &forgetful{Store: memstore.New(1 << 20)}
	w := over(t, newDatabase(t), s, nil)
	w.fill()
	for range 2 {
		w.Warm(one)
		s.mu.Lock()
		s.deaf = true
		s.mu.Unlock()
		trial.Exec(t, w.DB, "UPDATE item SET kind = kind + 1 WHERE id = 1")
		trial.Exec(t, w.DB, "UPDATE log SET what = 'x'")
		s.mu.Lock()
		s.deaf = false
		s.mu.Unlock()
		w.Same(one)
		w.Warm(one)
		w.Warm(logs)
	}
}

// A store that has lost its state keeps nothing until every writer that may have
// begun before is over, of whatever process. A client may be frozen between
// telling the store and its statement, which the server then knows nothing of.
func TestStoreThatLostItsState(t *testing.T) {
	for _, way := range []string{"autocommit", "transaction", "loose"} {
		t.Run(way, func(t *testing.T) {
			cfg := newDatabase(t)
			cfg.MultiStatements = true
			bare := *cfg
			wires := wired(t, cfg)
			w := over(t, cfg, memstore.New(16<<20), nil)
			w.Bare = trial.Closing(t, openBare(t, &bare))
			w.fill()
			wires.hold(last(way))
			result := make(chan error, 1)
			go func() { result <- w.update(way) }()
			<-wires.came
			s := &trial.Amnesia{Store: memstore.New(1 << 20)}
			db := trial.Closing(t, sqlcache.OpenDB(trial.Cache(t, s, nil), connector(t, &bare), nil))
			for till := time.Now().Add(3 * time.Second); time.Now().Before(till); {
				if got, r := trial.Read(t, db, one); r.Hit || strings.Contains(got, "late") {
					t.Fatalf("%s, %+v", got, r)
				}
			}
			wires.arrive(t)
			close(wires.cut)
			if err := <-result; !errors.Is(err, cacheops.ErrOutcomeUnknown) {
				t.Fatal(err)
			}
			w.WarmOn(db, one)
			if got, _ := trial.Read(t, db, one); !strings.Contains(got, "late") {
				t.Errorf("read %s", got)
			}
		})
	}
}

// Many processes lose a store together, while somebody writes. Each of them asks the
// server who that is, which makes up no new answer for as long as it is asked all the
// time.
func TestStoreThatManyProcessesLost(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	w.fill()
	tx := trial.Begin(t, w.Bare)
	trial.Exec(t, tx, "UPDATE item SET name = 'zwei' WHERE id = 2")
	s := &trial.Amnesia{Store: memstore.New(1 << 20)}
	var processes, refused sync.WaitGroup
	for range 24 {
		db := trial.Closing(t, sqlcache.OpenDB(trial.Cache(t, s, nil), connector(t, w.cfg), nil))
		refused.Add(1)
		processes.Go(func() {
			if _, r := trial.Read(t, db, one); r.Hit {
				t.Error("a hit while somebody writes")
			}
			refused.Done()
			for till := time.Now().Add(trial.Patience); time.Now().Before(till); {
				if _, r := trial.Read(t, db, one); r.Hit {
					return
				}
			}
			t.Error("never a hit")
		})
	}
	refused.Wait()
	trial.Commit(t, tx)
	processes.Wait()
}

// A process that is frozen as it asks keeps the others from asking for a while only.
func TestStoreThatIsLostWhileAProcessIsFrozen(t *testing.T) {
	t.Parallel()
	w := over(t, newServer(t, 1), memstore.New(1<<20), nil)
	w.fill()
	frozen, err := w.Bare.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()
	if got, _ := trial.Read(t, frozen, "SELECT GET_LOCK('cacheops:innodb', 0)"); got != "[1]" {
		t.Fatal(got)
	}
	db := trial.Closing(t, sqlcache.OpenDB(trial.Cache(t, &trial.Amnesia{Store: memstore.New(1 << 20)}, nil), connector(t, w.cfg), nil))
	w.WarmOn(db, one)
}

// A transaction that is prepared outlives its connection.
func TestStoreThatIsLostWhileATransactionIsPrepared(t *testing.T) {
	t.Parallel()
	w := over(t, newServer(t, 1), memstore.New(1<<20), nil)
	w.fill()
	c, err := w.Bare.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"XA START 'x'", late, "XA END 'x'", "XA PREPARE 'x'"} {
		trial.Exec(t, c, q)
	}
	db := trial.Closing(t, sqlcache.OpenDB(trial.Cache(t, &trial.Amnesia{Store: memstore.New(1 << 20)}, nil), connector(t, w.cfg), nil))
	refused := func() {
		for till := time.Now().Add(time.Second); time.Now().Before(till); {
			if got, r := trial.Read(t, db, one); r.Hit {
				t.Fatalf("%s, %+v", got, r)
			}
		}
	}
	refused()
	if err := c.Raw(func(any) error { return driver.ErrBadConn }); !errors.Is(err, driver.ErrBadConn) {
		t.Fatal(err)
	}
	refused()
	trial.Exec(t, w.Bare, "XA COMMIT 'x'")
	w.WarmOn(db, one)
}
