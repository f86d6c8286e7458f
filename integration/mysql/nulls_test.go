package mysql

import (
	"context"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// TestNullIsLast: with sql_auto_is_null a comparison of a key with NULL finds the row
// that the connection inserted last, once. It finds it through the cache as without,
// on that connection alone, and what it changes is seen by those who have no such
// setting.
func TestNullIsLast(t *testing.T) {
	t.Parallel()
	w := open(t, nil)
	for _, name := range []string{"t", "bare"} {
		trial.Script(t, w.DB, "CREATE TABLE "+name+" (id int AUTO_INCREMENT PRIMARY KEY, x int, KEY (x))", "INSERT INTO "+name+" (x) VALUES (1), (2), (9)")
	}
	cfg := w.cfg.Clone()
	cfg.Params = map[string]string{"sql_auto_is_null": "1"}
	db := trial.Closing(t, sqlcache.OpenDB(trial.Cache(t, w.Store, nil), connector(t, cfg), nil))
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	bare, err := trial.Closing(t, openBare(t, cfg)).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	reads := []string{"SELECT x FROM t WHERE id = 4", "SELECT x FROM t WHERE id = 5", "SELECT x FROM t WHERE id = 6", "SELECT count(*) FROM t WHERE x = 5"}
	const inserted = "SELECT * FROM t WHERE id IS NULL"
	for _, step := range []string{
		"INSERT INTO t (x) VALUES (9)", inserted, inserted,
		"INSERT INTO t (x) VALUES (9)", "UPDATE t SET x = 8 WHERE id IS NULL",
		"INSERT INTO t (x) VALUES (9)", "UPDATE t SET x = 7 WHERE id IS NULL AND x = 9", "UPDATE t SET x = 6 WHERE id IS NULL",
		"INSERT INTO t (x) VALUES (5)", "DELETE FROM t WHERE id IS NULL",
	} {
		for _, q := range reads {
			w.Warm(q)
		}
		if step != inserted {
			trial.Exec(t, c, step)
			trial.Exec(t, bare, ofBare(step))
		} else {
			got, _ := trial.Read(t, c, step)
			if want, _ := trial.Read(t, bare, ofBare(step)); got != want {
				t.Errorf("%s\n found %q\n want  %q", step, got, want)
			}
			for range 2 {
				if got, _ := trial.Read(t, db, step); got != "" {
					t.Errorf("another connection finds %q", got)
				}
			}
		}
		for _, q := range reads {
			w.Same(q)
		}
		const whole = "SELECT * FROM t ORDER BY id"
		got, err := trial.Rows(context.Background(), w.Bare, whole)
		want, wantErr := trial.Rows(context.Background(), w.Bare, ofBare(whole))
		if got != want || err != nil || wantErr != nil {
			t.Errorf("after %s: %s, %v\nwithout the cache: %s, %v", step, got, err, want, wantErr)
		}
	}
}

// ofBare is the statement on the table that only bare connections use.
func ofBare(step string) string {
	return strings.NewReplacer("INTO t ", "INTO bare ", "FROM t ", "FROM bare ", "UPDATE t ", "UPDATE bare ").Replace(step)
}
