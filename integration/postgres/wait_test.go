package postgres

import (
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// A statement that asks more of a row than its key does not wait for who holds it,
// where what it asks is not so: neither does the cache's own look at the row.
func TestRowsThatAreNotWanted(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		w.fill()
		w.Warm("SELECT id FROM item WHERE kind = 1")
		holder := trial.Begin(w, w.Bare)
		defer trial.Rollback(w, holder)
		trial.Exec(w, holder, "UPDATE item SET kind = 7 WHERE id = 1")
		trial.Exec(w, w.Bare, "ALTER DATABASE "+w.database()+" SET lock_timeout = '1ms'")
		late := w.another(w.connector, nil)
		for _, q := range []string{
			"UPDATE item SET kind = 5 WHERE id = 1 AND name = 'other'",
			"UPDATE item SET kind = 5 WHERE id = 1 AND kind > 3",
			"DELETE FROM item WHERE id = 1 AND name = 'other'",
			"UPDATE item i SET kind = 5 FROM item j WHERE i.id = 1 AND j.id = i.kind + 100",
		} {
			trial.Exec(w, late, q)
			w.Same("SELECT id FROM item WHERE kind = 1")
		}
		if _, err := late.ExecContext(w.Context(), "UPDATE item SET kind = 5 WHERE id = 1"); err == nil {
			w.Error("nobody holds the row")
		}
	})
}

func (w *world) database() string {
	name, _ := trial.Read(w, w.Bare, "SELECT quote_ident(current_database())")
	return name[1 : len(name)-1]
}
