package sqlcache_test

import (
	"database/sql/driver"
	"strings"
	"testing"

	"modernc.org/sqlite"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

func init() {
	loud := func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		s, _ := args[0].(string)
		return strings.ToUpper(s) + "!", nil
	}
	sqlite.MustRegisterDeterministicScalarFunction("loud", 1, loud)
	sqlite.MustRegisterScalarFunction("murky", 1, loud)
	sqlite.MustRegisterFunction("tally", &sqlite.FunctionImpl{
		NArgs: 1, Deterministic: true,
		MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) { return new(tally), nil },
	})
}

// tally is an aggregate that counts rows.
type tally int64

func (n *tally) Step(*sqlite.FunctionContext, []driver.Value) error {
	*n++
	return nil
}

func (n *tally) WindowInverse(*sqlite.FunctionContext, []driver.Value) error {
	*n--
	return nil
}

func (n *tally) WindowValue(*sqlite.FunctionContext) (driver.Value, error) { return int64(*n), nil }

func (n *tally) Final(*sqlite.FunctionContext) {}

func TestPureFunctionsOfTheProgram(t *testing.T) {
	w := shop(t, &sqlcache.Options{PureFunctions: []string{"Loud"}})
	shout := "SELECT loud(name) FROM item WHERE id = 1"
	w.Warm(shout)
	w.Warm("SELECT id FROM item WHERE LOUD(name) = 'TWO!'")
	if w.Same("SELECT murky(name) FROM item WHERE id = 1"); w.Same("SELECT murky(name) FROM item WHERE id = 1") {
		t.Error("a hit for a function that nobody vouched for")
	}
	w.Warm(shout)
	trial.Exec(t, w.DB, "UPDATE item SET name = 'changed' WHERE id = 2")
	if !w.Same(shout) {
		t.Error("dropped by a write of another row")
	}
	trial.Exec(t, w.DB, "UPDATE item SET name = 'uno' WHERE id = 1")
	if w.Same(shout) {
		t.Error("not dropped")
	}
	w.Same("SELECT id FROM item WHERE LOUD(name) = 'TWO!'")
}

// An aggregate has a row where no row was found.
func TestAggregateTakenForAPureScalarFunction(t *testing.T) {
	w := shop(t, &sqlcache.Options{PureFunctions: []string{"tally"}})
	for _, q := range []string{
		"SELECT tally(name) FROM item WHERE id = 9", "SELECT 1 FROM item WHERE id = 9 ORDER BY tally(name)",
		"SELECT (SELECT tally(item.name)) FROM item WHERE id = 9",
	} {
		w.Warm(q)
		trial.Exec(t, w.DB, "INSERT INTO item VALUES (9, 1, 'nine')")
		w.Same(q)
		trial.Exec(t, w.DB, "DELETE FROM item WHERE id = 9")
	}
}
