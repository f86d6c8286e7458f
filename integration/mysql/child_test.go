package mysql

import (
	"database/sql"
	"database/sql/driver"
	osexec "os/exec"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/integration/trial"
)

func TestMain(m *testing.M) {
	connect := func(dsn string) (driver.Connector, error) {
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil {
			return nil, err
		}
		return mysql.NewConnector(cfg)
	}
	trial.Main(m, connect, func(db *sql.DB, fate string) (err error) {
		if fate == trial.Killed {
			_, err = db.Exec(loose)
			return err
		}
		_, err = db.Exec(late)
		return err
	})
}

// overRedis is a world whose store other processes share.
func overRedis(t *testing.T) (w *world, start func(fate string) *osexec.Cmd) {
	t.Helper()
	cfg := newDatabase(t)
	cfg.MultiStatements = true
	store, start := trial.Redis(t, cfg.FormatDSN())
	w = over(t, cfg, store, nil)
	w.fill()
	return w, start
}

func isLate(rows string) bool { return strings.Contains(rows, "late") }

// A client is killed while its statement waits in the server, which runs it on, and
// its lease ends.
func TestClientKilledWhoseStatementRunsOn(t *testing.T) {
	w, start := overRedis(t)
	w.Warm(one)
	lock := trial.Begin(t, w.Bare)
	trial.Exec(t, lock, "UPDATE item SET kind = kind + 1 WHERE id = 1")
	cmd := start(trial.Killed)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	trial.Eventually(t, "the update waits", func() bool { return w.running("%late%") })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the client was not killed")
	}
	w.NeverStale(one)
	if !w.running("%late%") {
		t.Fatal("the server has given up")
	}
	trial.Rollback(t, lock)
	trial.Eventually(t, "the update has ended", func() bool { return !w.running("%late%") })
	if got, _ := trial.Read(t, w.DB, one); !isLate(got) {
		t.Errorf("the cache says %s", got)
	}
	w.Warm(one)
}

func TestClientFrozenBeforeCommit(t *testing.T) {
	w, start := overRedis(t)
	w.FreezeBeforeCommit(start(trial.Frozen), one, isLate)
}
