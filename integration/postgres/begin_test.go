package postgres

import (
	"testing"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// In a transaction the server only warns of a BEGIN, and commits all with the end.
func TestBeginInATransaction(t *testing.T) {
	each(t, func(w *world) {
		w.fill()
		for _, again := range []string{"BEGIN", "START TRANSACTION READ WRITE"} {
			w.Warm(one)
			c := w.Conn()
			trial.Exec(w, c, "BEGIN")
			trial.Exec(w, c, "UPDATE item SET name = name || '.' WHERE id = 1")
			trial.Exec(w, c, again)
			trial.Exec(w, c, "UPDATE item SET kind = kind WHERE id = 2")
			trial.Exec(w, c, "COMMIT")
			if w.Same(one) {
				w.Error("a hit after the commit")
			}
		}
	})
}

// What a function or a trigger has done to the session is not seen in its call, nor
// several statements of which none is understood.
func TestSessionChangedByAFunction(t *testing.T) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			dsn := live.PostgresURL(t)
			same := &sqlcache.Options{Session: "same", MaxOpenConns: 2}
			w := newWorld(t, dsn, d.connector(t, dsn), same)
			w.fill()
			trial.Exec(t, w.DB, `CREATE SCHEMA other; CREATE TABLE other.item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT); INSERT INTO other.item VALUES (1, 1, 'other'), (2, 1, 'other');
				CREATE TABLE bait (id INTEGER);
				CREATE FUNCTION moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('search_path', 'other', false); RETURN NEW; END $$;
				CREATE TRIGGER moving AFTER INSERT ON bait FOR EACH ROW EXECUTE FUNCTION moves();`)
			plain := w.another(d.connector(t, dsn), same)
			w.Warm(one)
			const other = "SELECT name FROM other.item WHERE id = 1"
			trial.Exec(t, w.DB, "INSERT INTO bait VALUES (1)")
			for range 3 {
				trial.Read(t, w.DB, two) // on the connection that is elsewhere
				if got, _ := trial.Read(t, plain, two); got != "[1 two]" {
					t.Fatalf("another pool reads %s", got)
				}
			}
			w.WarmOn(plain, other)
			trial.Exec(t, w.DB, "UPDATE item SET name = 'moved' WHERE id = 1")
			got, _ := trial.Read(t, plain, other)
			want, err := trial.Rows(t.Context(), w.Bare, other)
			if err != nil || got != want {
				t.Errorf("read %s, want %s, %v", got, want, err)
			}
		})
	}
}
