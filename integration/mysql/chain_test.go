package mysql

import (
	"strconv"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/memstore"
)

// Where a COMMIT begins the next transaction, the cache's own begins none: what its
// connection reads later is of then, and nothing of it is kept.
func TestCommitsThatChain(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"CHAIN", "RELEASE"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := open(t, nil, func(c *mysql.Config) { c.Params = map[string]string{"completion_type": "'" + kind + "'"} })
			w.fill()
			other := w.another()
			for i := range 3 {
				trial.Exec(t, w.DB, "UPDATE item SET kind = kind + 10 WHERE id = 4")
				w.Same(kinds)
				trial.Exec(t, other, "UPDATE item SET name = ? WHERE id = 1", strconv.Itoa(i))
				want, _ := trial.Read(t, w.Bare, one)
				for range 2 {
					if w.Same(one) {
						t.Error("a hit")
					}
					if got, _ := trial.Read(t, other, one); got != want {
						t.Errorf("another process reads %s, the database %s", got, want)
					}
				}
			}
		})
	}
}

// A setting of the server's that changes what a text finds makes connections differ.
func TestRegexFlagsOfTheServer(t *testing.T) {
	cfg := newServer(t, 31)
	w := over(t, cfg, memstore.New(16<<20), nil)
	w.fill()
	trial.Exec(t, w.DB, "INSERT INTO item VALUES (9, 9, 'a\nb')")
	const q = "SELECT id FROM item WHERE name REGEXP 'a.b'"
	w.Warm(q)
	trial.Exec(t, w.Bare, "SET GLOBAL default_regex_flags = 'DOTALL'")
	late := w.another()
	for range 2 {
		if got, r := trial.Read(t, late, q); got != "[9]" {
			t.Errorf("%s, %+v", got, r)
		}
	}
}
