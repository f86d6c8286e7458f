package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// wires are the connections of a client, to be cut. The next one that is dialled
// then fails: pgx would ask the server over it to cancel what it does.
type wires struct {
	mu     sync.Mutex
	open   []net.Conn
	broken bool
}

func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		_ = c.Close() // it may be closed already
	}
	w.open, w.broken = nil, true
}

func (w *wires) mended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	mended := !w.broken
	w.broken = false
	return mended
}

// cuttable is a connector whose connections can be cut.
func cuttable(t testing.TB, dsn string) (driver.Connector, *wires) {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	w := &wires{}
	dial := cfg.DialFunc
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if !w.mended() {
			return nil, errors.New("the wire is cut")
		}
		c, err := dial(ctx, network, addr)
		if err == nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.open = append(w.open, c)
		}
		return c, err
	}
	return stdlib.GetConnector(*cfg), w
}

// gate makes every COMMIT that changes item wait in the server until it is opened:
// a deferred trigger asks for a lock that is held here.
func (w *world) gate() (open func()) {
	w.Helper()
	trial.Exec(w, w.DB, "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN NULL; END $$")
	trial.Exec(w, w.DB, "CREATE CONSTRAINT TRIGGER gate AFTER UPDATE ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()")
	c, err := w.Bare.Conn(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	trial.Exec(w, c, "SELECT pg_advisory_lock(77)")
	once := sync.OnceFunc(func() {
		trial.Exec(w, c, "SELECT pg_advisory_unlock_all()")
		if err := c.Close(); err != nil {
			w.Error(err)
		}
	})
	w.Cleanup(once)
	return once
}

// waiting says how many sessions wait at the gate.
func (w *world) waiting() string {
	got, _ := trial.Read(w, w.Bare, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
	return got
}

// The connection is lost while the server commits: it commits all the same, later.
func TestConnectionLostDuringCommit(t *testing.T) {
	for _, way := range []string{"transaction", "autocommit", "several statements", "textual"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			dsn := live.PostgresURL(t)
			c, wires := cuttable(t, dsn)
			w := newWorld(t, dsn, c, nil)
			w.fill()
			w.Warm(one)
			open := w.gate()
			w.Warm(one)
			result := make(chan error, 1)
			go func() { result <- w.update(way) }()
			trial.Eventually(t, "the commit waits", func() bool { return w.waiting() == "[1]" })
			wires.cut()
			err := <-result
			if !errors.Is(err, cacheops.ErrOutcomeUnknown) || errors.Is(err, driver.ErrBadConn) {
				t.Errorf("the commit says %v", err)
			}
			trial.Eventually(t, "the driver has tried to cancel", func() bool {
				wires.mu.Lock()
				defer wires.mu.Unlock()
				return !wires.broken
			})
			for range 20 {
				if w.Same(one) {
					t.Fatal("a hit while the server may commit")
				}
			}
			open()
			trial.Eventually(t, "the server commits", func() bool {
				got, _ := trial.Read(t, w.Bare, one)
				return strings.Contains(got, "late")
			})
			w.Same(one)
			w.Warm(one)
		})
	}
}

func (w *world) update(way string) error {
	const update = "UPDATE item SET name = 'late' WHERE id = 1"
	ctx := context.Background()
	switch way {
	case "transaction":
		tx, err := w.DB.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(update); err != nil {
			return err
		}
		return tx.Commit()
	case "several statements":
		_, err := w.DB.Exec("SELECT 1; " + update)
		return err
	case "textual":
		c, err := w.DB.Conn(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		for _, q := range []string{"BEGIN", update, "COMMIT"} {
			if _, err := c.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := w.DB.Exec(update)
	return err
}

// A client that gives up while its statement runs leaves nothing behind.
func TestCancelledWrite(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		w.Warm(one)
		lock := begin(w, w.Bare, nil)
		trial.Exec(w, lock, "UPDATE item SET kind = kind WHERE id = 1")
		ctx, cancel := context.WithCancel(context.Background())
		result := make(chan error, 1)
		go func() {
			_, err := w.DB.ExecContext(ctx, "UPDATE item SET name = 'never' WHERE id = 1")
			result <- err
		}()
		w.locked("the update waits")
		cancel()
		if err := <-result; err == nil || errors.Is(err, cacheops.ErrOutcomeUnknown) {
			w.Errorf("the cancelled update says %v", err)
		}
		if err := lock.Rollback(); err != nil {
			w.Fatal(err)
		}
		w.Same(one)
		w.Warm(one)
		trial.Exec(w, w.DB, "UPDATE item SET name = 'after' WHERE id = 1")
		w.Same(one)
	})
}

// The context of a transaction ends while it commits: the commit goes on.
func TestCancelDuringCommit(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		open := w.gate()
		w.Warm(one)
		ctx, cancel := context.WithCancel(context.Background())
		tx, err := w.DB.BeginTx(ctx, nil)
		if err != nil {
			w.Fatal(err)
		}
		trial.Exec(w, tx, "UPDATE item SET name = 'committed' WHERE id = 1")
		result := make(chan error, 1)
		go func() { result <- tx.Commit() }()
		trial.Eventually(w, "the commit waits", func() bool { return w.waiting() == "[1]" })
		cancel()
		open()
		if err := <-result; err != nil {
			w.Errorf("the commit says %v", err)
		}
		w.Same(one)
		w.Warm(one)
	})
}

// A store that has lost its state keeps nothing until every writer that may have
// begun before is over, of whatever process.
func TestStoreThatLostItsState(t *testing.T) {
	for _, way := range []string{"autocommit", "several statements", "transaction"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			w := onPgx(t, nil)
			w.fill()
			open := w.gate()
			result := make(chan error, 1)
			go func() { result <- w.update(way) }()
			trial.Eventually(t, "the commit waits", func() bool { return w.waiting() == "[1]" })
			s := &trial.Amnesia{Store: memstore.New(1 << 20)}
			db := trial.Closing(t, sqlcache.OpenDB(trial.Cache(t, s, nil), pgxConnector(t, w.dsn), nil))
			for range 50 {
				if got, r := trial.Read(t, db, one); r.Hit || strings.Contains(got, "late") {
					t.Fatalf("%s, %+v", got, r)
				}
			}
			open()
			if err := <-result; err != nil {
				t.Fatal(err)
			}
			w.WarmOn(db, one)
			if got, _ := trial.Read(t, db, one); !strings.Contains(got, "late") {
				t.Errorf("read %s", got)
			}
		})
	}
}
