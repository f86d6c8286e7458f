package mysql

import (
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

// What a replica returns is kept when nothing that it depends on was dropped for
// as long as the replica may be behind, and then for everybody.
func TestReplicaByTime(t *testing.T) {
	primary, other := newServer(t, 1), newServer(t, 2)
	lag := replicate(t, primary, other)
	const name = "app of both"
	w := over(t, primary, memstore.New(16<<20), &sqlcache.Options{Name: name})
	w.fill()
	replayed := func(want string) {
		t.Helper()
		trial.Eventually(t, "the replica has "+want, func() bool {
			got, err := trial.Rows(t.Context(), lag, one)
			return err == nil && strings.Contains(got, want)
		})
	}
	replayed("one")
	reader := func(bound time.Duration) trial.Querier {
		return trial.Closing(t, sqlcache.OpenDB(trial.Cache(t, w.Store, nil), connector(t, other),
			&sqlcache.Options{Name: name, Replica: &sqlcache.Replica{Lag: bound}}))
	}
	quick, patient, strict := reader(20*time.Millisecond), reader(time.Hour), reader(0)
	w.WarmOn(quick, one)
	if !w.Same(one) {
		t.Error("what the replica filled is not everybody's")
	}
	trial.Exec(t, lag, "STOP SLAVE SQL_THREAD")
	trial.Exec(t, w.DB, "UPDATE item SET name = 'new' WHERE id = 1")
	for range 5 {
		for _, db := range []trial.Querier{patient, strict} {
			if _, r := trial.Read(t, db, one); r.Hit {
				t.Fatal("kept before its time")
			}
		}
	}
	w.Same(one)
	trial.Exec(t, w.DB, "UPDATE item SET name = 'newer' WHERE id = 1")
	trial.Exec(t, lag, "START SLAVE SQL_THREAD")
	replayed("newer")
	w.WarmOn(quick, one)
	w.Same(one)

	if db := sqlcache.OpenDB(trial.Cache(t, w.Store, nil), connector(t, other), &sqlcache.Options{Replica: &sqlcache.Replica{}}); db.PingContext(t.Context()) == nil {
		t.Error("a replica without its database's name was opened")
	}
}

// Another server may take over while connections to the old one stay.
func TestDemotion(t *testing.T) {
	cfg := newServer(t, 1)
	w := over(t, cfg, memstore.New(16<<20), &sqlcache.Options{Name: "app"})
	w.fill()
	w.Warm(one)
	trial.Exec(t, w.Bare, "SET GLOBAL read_only = 1")
	for range 5 {
		if _, r := trial.Read(t, w.DB, two); r.Hit {
			t.Fatal("kept what a server says that only reads by now")
		}
	}
	trial.Exec(t, w.Bare, "SET GLOBAL read_only = 0")
	w.Warm(two)
}
