package mysql

import (
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/integration/trial"
)

// TestModesOfTheDSN: what is asked of the server must be SQL in all of them.
func TestModesOfTheDSN(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"", "NO_BACKSLASH_ESCAPES", "ANSI", "ANSI_QUOTES,PIPES_AS_CONCAT,IGNORE_SPACE", "TRADITIONAL", "PAD_CHAR_TO_FULL_LENGTH"} {
		t.Run(mode, func(t *testing.T) {
			w := open(t, nil, func(c *mysql.Config) { c.Params = map[string]string{"sql_mode": "'" + mode + "'"} })
			w.fill()
			w.Warm(one)
			trial.Exec(t, w.DB, "UPDATE item SET name = 'other' WHERE id = 1")
			w.Dropped("an UPDATE", one)
		})
	}
}
