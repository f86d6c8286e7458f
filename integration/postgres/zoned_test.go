package postgres

import (
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// TestTimeWithZoneBesideOneWithout: today's offset of the session's zone goes behind
// the time without, through domains too, and nobody writes when summer begins.
func TestTimeWithZoneBesideOneWithout(t *testing.T) {
	w := onPgx(t, nil)
	trial.Script(t, w.DB, "CREATE DOMAIN opening AS timetz CHECK (VALUE IS NOT NULL)", "CREATE DOMAIN branch AS opening",
		"CREATE TABLE t (id int PRIMARY KEY, plain time, zoned timetz(3), named branch)", "INSERT INTO t VALUES (1, '10:00', '10:00+02', '10:00+02')")
	for _, column := range []string{"zoned", "named"} {
		w.Warm("SELECT id, " + column + " FROM t ORDER BY " + column)
		q := "SELECT id FROM t WHERE plain < " + column
		w.Same(q)
		if w.Same(q) {
			t.Errorf("%s is kept", q)
		}
	}
}
