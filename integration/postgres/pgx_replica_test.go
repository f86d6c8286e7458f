package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/pgxcache"
	"github.com/cacheops/cacheops/sqlcache"
)

func pgxPool(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	p, err := pgxpool.New(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// over is a pool of pgx's through a cache of its own over the world's store.
func (w *world) over(p *pgxpool.Pool, opts *pgxcache.Options) *pgxcache.Pool {
	w.Helper()
	out := pgxcache.New(trial.Cache(w, w.Store, nil), p, opts)
	w.Cleanup(out.Close)
	return out
}

const byNumber = "SELECT name FROM item WHERE id = $1"

// name reads a name by itself, or in a batch of two.
func nameOf(t testing.TB, on *pgxcache.Pool, batch bool) (name string, hit bool) {
	t.Helper()
	var r cacheops.Report
	ctx := cacheops.With(t.Context(), cacheops.Call{Report: &r})
	if !batch {
		if err := on.QueryRow(ctx, byNumber, 1).Scan(&name); err != nil {
			t.Fatal(err)
		}
		return name, r.Hit
	}
	b := &pgx.Batch{}
	b.Queue("SELECT id FROM item WHERE id = $1", 1)
	b.Queue(byNumber, 1)
	br := on.SendBatch(ctx, b)
	if err := br.QueryRow().Scan(new(int)); err != nil {
		t.Fatal(err)
	}
	if err := br.QueryRow().Scan(&name); err != nil {
		t.Fatal(err)
	}
	if err := br.Close(); err != nil {
		t.Fatal(err)
	}
	return name, r.Hit
}

func (r *replicated) warmPgx(on *pgxcache.Pool, batch bool, want string) {
	r.Helper()
	trial.Eventually(r, "a hit of "+want, func() bool {
		name, hit := nameOf(r, on, batch)
		return hit && name == want
	})
}

// A pool of pgx's on a replica keeps what the replica must have seen, be it read by
// itself or in a batch, and nothing else.
func TestReplicaOfPgx(t *testing.T) {
	r := newReplicated(t)
	primaryPool := pgxPool(t, r.dsn)
	primary := r.over(primaryPool, nil)
	asked := trial.Closing(t, stdlib.OpenDBFromPool(primaryPool))
	reader := r.over(pgxPool(t, r.standby.dsn()), &pgxcache.Options{Replica: &sqlcache.Replica{Primary: asked}, SchemaCheck: -1})
	for i, batch := range []bool{false, true, false, true} {
		r.warmPgx(reader, batch, nameNow(t, primary))
		if _, hit := nameOf(t, primary, batch); !hit {
			t.Error("what the replica filled is not everybody's")
		}
		r.pause()
		now := fmt.Sprint("new ", i)
		if _, err := primary.Exec(t.Context(), "UPDATE item SET name = $1 WHERE id = 1", now); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if name, hit := nameOf(t, reader, batch); hit {
				t.Fatalf("a paused replica's read was kept: %s", name)
			}
		}
		if name, hit := nameOf(t, primary, batch); hit || name != now {
			t.Fatalf("the primary's readers get %q (hit %v)", name, hit)
		}
		if name, hit := nameOf(t, reader, batch); !hit || name != now {
			t.Errorf("the replica's readers get %q (hit %v), not what the primary filled", name, hit)
		}
		if _, err := primary.Exec(t.Context(), "UPDATE item SET kind = kind + 1 WHERE id = 1"); err != nil {
			t.Fatal(err)
		}
		nameOf(t, reader, batch)
		r.resume()
	}
}

func nameNow(t testing.TB, on *pgxcache.Pool) string {
	t.Helper()
	name, _ := nameOf(t, on, false)
	return name
}

// By time alone, over a lone connection, and on a standby that is not marked.
func TestReplicaOfPgxByTime(t *testing.T) {
	r := newReplicated(t)
	primary := r.over(pgxPool(t, r.dsn), nil)
	conn, err := pgx.Connect(t.Context(), r.standby.dsn())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	lone, err := pgxcache.NewConn(t.Context(), trial.Cache(t, r.Store, nil), conn, &pgxcache.Options{Replica: &sqlcache.Replica{Lag: 50 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer lone.Release()
	patient := r.over(pgxPool(t, r.standby.dsn()), &pgxcache.Options{Replica: &sqlcache.Replica{Lag: time.Hour}})
	unmarked := r.over(pgxPool(t, r.standby.dsn()), nil)
	read := func() (name string, hit bool) {
		t.Helper()
		var rep cacheops.Report
		if err := lone.QueryRow(cacheops.With(t.Context(), cacheops.Call{Report: &rep}), byNumber, 1).Scan(&name); err != nil {
			t.Fatal(err)
		}
		return name, rep.Hit
	}
	for range 4 {
		for _, pool := range []*pgxcache.Pool{patient, unmarked} {
			if _, hit := nameOf(t, pool, false); hit {
				t.Fatal("a standby's read was kept")
			}
		}
	}
	if _, err := primary.Exec(t.Context(), "UPDATE item SET name = 'new' WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	trial.Eventually(t, "the replica has replayed the write", func() bool { // or the promise of the lag would be broken
		got, err := trial.Rows(t.Context(), r.lag, "SELECT name FROM item WHERE id = 1")
		return err == nil && got == "[new]"
	})
	trial.Eventually(t, "a hit on the lone connection", func() bool { name, hit := read(); return hit && name == "new" })
	if name, hit := nameOf(t, primary, false); !hit || name != "new" {
		t.Errorf("the primary's readers get %q (hit %v)", name, hit)
	}
	r.pause()
	if _, err := primary.Exec(t.Context(), "UPDATE item SET name = 'newer' WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	for till := time.Now().Add(300 * time.Millisecond); time.Now().Before(till); {
		if name, hit := read(); hit {
			t.Fatalf("a paused replica's read was kept: %s", name)
		}
	}
	if _, err := unmarked.WrapTx(t.Context(), mustBegin(t, r)); err == nil {
		t.Error("a transaction was wrapped by a pool of another server")
	}
}

// mustBegin begins a transaction on the standby.
func mustBegin(t testing.TB, r *replicated) pgx.Tx {
	t.Helper()
	tx, err := pgxPool(t, r.standby.dsn()).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) }) // it has only read
	return tx
}
