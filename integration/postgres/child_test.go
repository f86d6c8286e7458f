package postgres

import (
	"database/sql"
	"database/sql/driver"
	osexec "os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
)

func TestMain(m *testing.M) {
	connect := func(dsn string) (driver.Connector, error) {
		cfg, err := pgx.ParseConfig(dsn)
		if err != nil {
			return nil, err
		}
		return stdlib.GetConnector(*cfg), nil
	}
	trial.Main(m, connect, func(db *sql.DB, _ string) error {
		_, err := db.Exec("UPDATE item SET name = 'late' WHERE id = 1")
		return err
	})
}

// overRedis is a world whose store other processes share.
func overRedis(t *testing.T) (w *world, start func(fate string) *osexec.Cmd) {
	t.Helper()
	dsn := live.PostgresURL(t)
	store, start := trial.Redis(t, dsn)
	w = over(t, dsn, store, pgxConnector(t, dsn), nil)
	w.fill()
	return w, start
}

func isLate(rows string) bool { return strings.Contains(rows, "late") }

// A client is killed while the server commits for it, and its lease ends.
func TestClientKilledDuringCommit(t *testing.T) {
	w, start := overRedis(t)
	open := w.gate()
	w.Warm(one)
	cmd := start(trial.Killed)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	trial.Eventually(t, "the commit waits", func() bool { return w.waiting() == "[1]" })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the client was not killed")
	}
	w.NeverStale(one)
	open()
	trial.Eventually(t, "the server commits", func() bool {
		got, _ := trial.Read(t, w.Bare, one)
		return isLate(got)
	})
	w.Same(one)
	w.Warm(one)
}

func TestClientFrozenBeforeCommit(t *testing.T) {
	w, start := overRedis(t)
	w.FreezeBeforeCommit(start(trial.Frozen), one, isLate)
}
