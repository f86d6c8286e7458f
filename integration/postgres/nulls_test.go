package postgres

import (
	"context"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// TestNullIsEqual: with transform_null_equals a comparison with NULL finds rows, and
// a read that means nothing elsewhere is not kept.
func TestNullIsEqual(t *testing.T) {
	w := onPgx(t, nil)
	trial.Script(t, w.DB, "CREATE TABLE t (id int PRIMARY KEY, x int)", "INSERT INTO t VALUES (1, NULL), (2, 2)")
	const q = "SELECT id FROM t WHERE x = NULL ORDER BY id"
	w.Warm(q)
	c := w.dsn + "&transform_null_equals=on"
	other := w.another(pgxConnector(t, c), nil)
	trial.Read(t, other, q)
	trial.Exec(t, other, "UPDATE t SET x = NULL WHERE id = 2")
	got, err := trial.Rows(context.Background(), other, q)
	if err != nil || got != "[1][2]" {
		t.Errorf("the cache says %s, %v", got, err)
	}
	if !w.Same(q) {
		t.Error("a read that finds nothing was dropped")
	}
	const two = "SELECT x FROM t WHERE id = 2"
	w.Warm(two)
	trial.Exec(t, other, "UPDATE t SET x = 3 WHERE x = NULL AND id > 1")
	w.Same(two)
	w.Warm(two)
	trial.Exec(t, other, "DELETE FROM t WHERE NULL = nullif(x, 3)")
	w.Same(two)
}
