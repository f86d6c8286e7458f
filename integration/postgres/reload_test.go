package postgres

import (
	"database/sql"
	"strconv"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// A server that reads its configuration anew gives sessions another search path while
// they run: what a name is by then counts for what is kept and dropped.
func TestSessionsThatTheServerChanges(t *testing.T) {
	s := newPrimary(t)
	w := newWorld(t, s.dsn(), pgxConnector(t, s.dsn()), &sqlcache.Options{SchemaCheck: time.Nanosecond})
	w.fill()
	trial.Script(t, w.DB, "CREATE SCHEMA other", "CREATE TABLE other.item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT)", "INSERT INTO other.item VALUES (1, 1, 'other')")
	w.Warm(one)
	admin := trial.Closing(t, sql.OpenDB(pgxConnector(t, s.dsn())))
	trial.Exec(t, admin, "ALTER SYSTEM SET search_path = other, public")
	for _, db := range []*sql.DB{w.Bare, w.DB} {
		trial.Eventually(t, "the configuration is read anew", func() bool {
			trial.Exec(t, admin, "SELECT pg_reload_conf()")
			got, _ := trial.Read(t, db, "SELECT name FROM item WHERE id = 1 AND current_setting('search_path') = 'other, public'")
			return got == "[other]"
		})
	}
	for i := range 3 {
		trial.Exec(t, w.DB, "UPDATE other.item SET name = '"+strconv.Itoa(i)+"' WHERE id = 1")
		w.Same(one)
		w.Warm(one)
	}
	trial.Exec(t, w.DB, "UPDATE public.item SET name = 'uno' WHERE id = 1")
	w.Same(one)
}
