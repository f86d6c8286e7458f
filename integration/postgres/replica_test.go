package postgres

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// replicated is a world with a standby beside its primary.
type replicated struct {
	*world
	standby *server
	lag     *sql.DB // bare, on the standby
}

func newReplicated(t *testing.T) *replicated {
	t.Helper()
	primary := newPrimary(t)
	w := newWorld(t, primary.dsn(), pgxConnector(t, primary.dsn()), nil)
	w.fill()
	standby := newServer(t, func(dir string) {
		tool(t, "pg_basebackup", "-d", primary.dsn(), "-D", dir, "-R", "-X", "stream", "-c", "fast")
	})
	return &replicated{world: w, standby: standby, lag: trial.Closing(t, sql.OpenDB(pgxConnector(t, standby.dsn())))}
}

func (r *replicated) reader(o *sqlcache.Replica) *sql.DB {
	r.Helper()
	return r.another(pgxConnector(r, r.standby.dsn()), &sqlcache.Options{Replica: o, SchemaCheck: -1})
}

func (r *replicated) pause() {
	r.Helper()
	trial.Exec(r, r.lag, "SELECT pg_wal_replay_pause()")
	trial.Eventually(r, "replay is paused", func() bool {
		got, err := trial.Rows(r.Context(), r.lag, "SELECT pg_get_wal_replay_pause_state()")
		return err == nil && got == "[paused]"
	})
}

func (r *replicated) resume() { r.Helper(); trial.Exec(r, r.lag, "SELECT pg_wal_replay_resume()") }

// A replica's answers are kept once it has replayed what the primary had written
// when nothing stood against the fill, and never before.
func TestReplicaByLog(t *testing.T) {
	for name, cached := range map[string]bool{"bare primary": false, "primary through the cache": true} {
		t.Run(name, func(t *testing.T) {
			r := newReplicated(t)
			o := &sqlcache.Replica{Primary: r.Bare}
			if cached {
				o.Primary = r.DB
			}
			reader := r.reader(o)
			r.WarmOn(reader, one)
			if !r.Same(one) {
				t.Error("what the replica filled is not everybody's")
			}
			for i := range 3 {
				r.pause()
				trial.Exec(t, r.DB, "UPDATE item SET name = $1 WHERE id = 1", "new"+string(rune('0'+i)))
				for range 5 {
					if got, rep := trial.Read(t, reader, one); rep.Hit {
						t.Fatalf("a paused replica's read was kept: %s", got)
					}
				}
				if _, rep := trial.Read(t, r.DB, one); rep.Hit {
					t.Fatal("a paused replica's read was kept for the primary's readers")
				}
				trial.Exec(t, r.DB, "UPDATE item SET name = $1 WHERE id = 1", "newer"+string(rune('0'+i)))
				trial.Read(t, reader, one)
				r.Same(one)
				trial.Exec(t, r.DB, "UPDATE item SET kind = 7 WHERE id = 1")
				trial.Read(t, reader, one)
				r.resume()
				r.WarmOn(reader, one)
				r.Same(one)
			}
		})
	}
}

// Without the primary's word a result is kept when nothing has been dropped for
// as long as the replica may be behind; one that is stopped is not believed.
func TestReplicaByTime(t *testing.T) {
	r := newReplicated(t)
	patient := r.reader(&sqlcache.Replica{Lag: time.Hour})
	strict := r.reader(&sqlcache.Replica{})
	reader := r.reader(&sqlcache.Replica{Lag: 50 * time.Millisecond})
	r.WarmOn(reader, one)
	trial.Exec(t, r.DB, "UPDATE item SET name = 'new' WHERE id = 1")
	for range 5 {
		for _, db := range []*sql.DB{patient, strict} {
			if _, rep := trial.Read(t, db, one); rep.Hit {
				t.Fatal("kept before its time")
			}
		}
	}
	trial.Eventually(t, "the replica has replayed the write", func() bool {
		got, err := trial.Rows(t.Context(), r.lag, one)
		return err == nil && got == "[1 new]"
	})
	r.WarmOn(reader, one)
	r.Same(one)

	r.pause()
	trial.Exec(t, r.DB, "UPDATE item SET name = 'newer' WHERE id = 1")
	till := time.Now().Add(300 * time.Millisecond)
	for time.Now().Before(till) {
		if _, rep := trial.Read(t, reader, one); rep.Hit {
			t.Fatal("a paused replica's read was kept")
		}
		trial.Exec(t, r.lag, "SELECT 1")
	}
	r.Same(one)
}

// A replica may be behind with its schema as well: what is planned by an older
// one than the version says would depend on the wrong tables.
func TestReplicaBehindASchema(t *testing.T) {
	r := newReplicated(t)
	trial.Exec(t, r.DB, "CREATE TABLE other (id INTEGER PRIMARY KEY, name TEXT)")
	trial.Exec(t, r.DB, "INSERT INTO other VALUES (1, 'one')")
	trial.Exec(t, r.DB, "CREATE VIEW seen AS SELECT id, name FROM item")
	reader := r.reader(&sqlcache.Replica{Primary: r.Bare})
	const q = "SELECT name FROM seen WHERE id = 1"
	r.WarmOn(reader, q)
	r.pause()
	trial.Exec(t, r.DB, "CREATE OR REPLACE VIEW seen AS SELECT id, name FROM other")
	for range 5 {
		trial.Read(t, reader, q) // which has the schema read
	}
	r.resume()
	trial.Eventually(t, "the replica has replayed the view", func() bool {
		got, err := trial.Rows(t.Context(), r.lag, "SELECT pg_get_viewdef('seen')")
		return err == nil && strings.Contains(got, "other")
	})
	r.WarmOn(reader, q)
	trial.Exec(t, r.DB, "UPDATE other SET name = 'new' WHERE id = 1")
	r.Same(q)
	if got, _ := trial.Read(t, r.DB, q); got != "[new]" {
		t.Errorf("read %s", got)
	}
	r.WarmOn(reader, q)
	r.Same(q)
}

// A replica that became a primary of its own goes on from where it was, and knows
// nothing of what the other has written since.
func TestReplicaThatWasPromoted(t *testing.T) {
	r := newReplicated(t)
	reader := r.reader(&sqlcache.Replica{Primary: r.Bare})
	r.WarmOn(reader, one)
	trial.Exec(t, r.lag, "SELECT pg_promote()")
	r.isForeign(reader)
}

// A replica that goes on following the old primary may have replayed more of its
// log than there is of the new one's.
func TestReplicaOfAnotherLine(t *testing.T) {
	r := newReplicated(t)
	next := newServer(t, func(dir string) {
		tool(t, "pg_basebackup", "-d", r.dsn, "-D", dir, "-R", "-X", "stream", "-c", "fast")
	})
	heir := trial.Closing(t, sql.OpenDB(pgxConnector(t, next.dsn())))
	trial.Exec(t, heir, "SELECT pg_promote()")
	old := r.Bare
	trial.Exec(t, old, "CREATE TABLE bulk AS SELECT repeat(i::text, 100) AS s FROM generate_series(1, 10000) i")
	trial.Eventually(t, "the old primary's replica has replayed more than the new one has written", func() bool {
		behind, err := trial.Rows(t.Context(), heir, "SELECT pg_current_wal_insert_lsn()")
		if err != nil {
			return false
		}
		ahead, err := trial.Rows(t.Context(), r.lag, "SELECT pg_last_wal_replay_lsn() > $1::pg_lsn", behind[1:len(behind)-1])
		return err == nil && ahead == "[true]"
	})
	now := newWorld(t, next.dsn(), pgxConnector(t, next.dsn()), nil)
	reader := now.another(pgxConnector(t, r.standby.dsn()), &sqlcache.Options{Replica: &sqlcache.Replica{Primary: heir}, SchemaCheck: -1})
	(&replicated{world: now}).isForeign(reader)
}

// isForeign checks that nothing of the reader's is kept, while the primary writes.
func (r *replicated) isForeign(reader *sql.DB) {
	r.Helper()
	for range 5 {
		trial.Exec(r, r.DB, "UPDATE item SET name = name || '+' WHERE id = 1")
		for range 2 {
			if _, rep := trial.Read(r, reader, one); rep.Hit {
				r.Fatal("kept what follows another primary")
			}
		}
		r.Same(one)
	}
}
