package mysql

import (
	"context"
	"fmt"
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// MariaDB answers an INSERT DELAYED before it has inserted the row, one time in
// four after others have looked.
func TestInsertDelayed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := open(t, nil)
	w.fill()
	trial.Exec(t, w.DB, "CREATE TABLE busy (id INTEGER PRIMARY KEY) ENGINE=InnoDB")
	trial.Exec(t, w.DB, "CREATE PROCEDURE noted(n INTEGER) INSERT DELAYED INTO log VALUES (n, 'called')")
	own := w.Conn()
	tx := trial.Begin(t, w.DB)
	defer func() { _ = tx.Rollback() }() // it has not failed
	const count = "SELECT count(*) FROM log"
	rows := 1
	for i := range 60 {
		for _, by := range []struct {
			on   trial.Querier
			text string
		}{
			{w.DB, "INSERT DELAYED INTO log VALUES (%d, 'late')"},
			{w.DB, "REPLACE DELAYED INTO log VALUES (%d, 'late')"},
			{w.DB, "CALL noted(%d)"},
			{own, "SET max_delayed_threads = 20"},
			{own, "INSERT DELAYED INTO log VALUES (%d, 'late')"},
			{tx, "INSERT DELAYED INTO log VALUES (%d, 'late')"},
		} {
			text := by.text
			if text[:3] != "SET" {
				rows++
				text = fmt.Sprintf(text, 10+rows)
			}
			trial.Exec(t, by.on, text)
			trial.Read(t, w.DB, count) // it may be kept
			trial.Eventually(t, "the row is there", func() bool {
				got, err := trial.Rows(ctx, w.Bare, count)
				return err == nil && got == fmt.Sprintf("[%d]", rows)
			})
			if got, r := trial.Read(t, w.DB, count); got != fmt.Sprintf("[%d]", rows) {
				t.Fatalf("round %d, %s: the cache says %s of %d rows (%+v)", i, by.text, got, rows, r)
			}
		}
	}
}
