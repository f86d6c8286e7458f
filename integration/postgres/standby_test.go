package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// server is a PostgreSQL of the test's own.
type server struct {
	dir  string
	port int
}

func (s *server) dsn() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

// tool runs one of the server's programs.
func tool(t testing.TB, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(trial.Program(t, name, "/usr/lib/postgresql/*/bin"), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = trial.Owner(t, "postgres")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func newServer(t testing.TB, make func(dir string)) *server {
	t.Helper()
	base := trial.Home(t, trial.Owner(t, "postgres"))
	s := &server{dir: filepath.Join(base, "data"), port: trial.FreePort(t)}
	make(s.dir)
	tool(t, "pg_ctl", "-D", s.dir, "-w", "-l", filepath.Join(base, "log"), "-o",
		fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_prepared_transactions=10 -c fsync=off -c shared_buffers=16MB", s.port), "start")
	t.Cleanup(func() { tool(t, "pg_ctl", "-D", s.dir, "-m", "immediate", "-w", "stop") })
	return s
}

func newPrimary(t testing.TB) *server {
	return newServer(t, func(dir string) { tool(t, "initdb", "-D", dir, "-A", "trust", "-U", "postgres", "-N") })
}

// What a standby returns lags behind by itself: none of it is kept, though it is
// the same database, and a standby proves nobody over.
func TestStandby(t *testing.T) {
	primary := newPrimary(t)
	w := newWorld(t, primary.dsn(), pgxConnector(t, primary.dsn()), nil)
	w.fill()
	standby := newServer(t, func(dir string) {
		tool(t, "pg_basebackup", "-d", primary.dsn(), "-D", dir, "-R", "-X", "stream", "-c", "fast")
	})
	w.Warm(one)
	lagging := w.another(pgxConnector(t, standby.dsn()), nil)
	trial.Exec(t, w.DB, "UPDATE item SET name = 'new' WHERE id = 1")
	for range 5 {
		if _, r := trial.Read(t, lagging, two); r.Hit {
			t.Fatal("a standby's read was kept")
		}
	}
	w.Same(one)
	w.Warm(one)

	// The standby replays nothing for a while: what it says is old.
	old := trial.Closing(t, sql.OpenDB(pgxConnector(t, standby.dsn())))
	trial.Exec(t, old, "SELECT pg_wal_replay_pause()")
	trial.Exec(t, w.DB, "UPDATE item SET name = 'newer' WHERE id = 2")
	for range 5 {
		trial.Read(t, lagging, two)
		w.Same(two)
	}
}

// A prepared transaction commits when it is told to, by whatever connection.
func TestPreparedTransaction(t *testing.T) {
	primary := newPrimary(t)
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			w := newWorld(t, primary.dsn(), d.connector(t, primary.dsn()), &sqlcache.Options{})
			trial.Exec(t, w.DB, "DROP TABLE IF EXISTS item")
			w.fill()
			w.Warm(one)
			c := w.Conn()
			trial.Exec(t, c, "BEGIN")
			trial.Exec(t, c, "UPDATE item SET name = 'prepared' WHERE id = 1")
			trial.Exec(t, c, "PREPARE TRANSACTION 'two'")
			w.Warm(one)
			trial.Exec(t, w.DB, "COMMIT PREPARED 'two'")
			if w.Same(one) {
				t.Error("a hit after COMMIT PREPARED")
			}
			if got, _ := trial.Read(t, w.DB, one); !strings.Contains(got, "prepared") {
				t.Errorf("read %s", got)
			}
			w.Warm(one)
			if _, err := c.ExecContext(context.Background(), "SELECT 1"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A crash of the server empties unlogged tables, which nobody writes: they are not
// cached, nor what is made of them.
func TestUnloggedTables(t *testing.T) {
	s := newPrimary(t)
	w := newWorld(t, s.dsn(), pgxConnector(t, s.dsn()), &sqlcache.Options{SchemaCheck: time.Nanosecond})
	w.fill()
	trial.Script(t, w.DB,
		"CREATE UNLOGGED TABLE scratch (id INTEGER PRIMARY KEY, name TEXT); CREATE VIEW seen AS SELECT id FROM scratch",
		"CREATE TABLE tree (id INTEGER) PARTITION BY LIST (id)",
		"CREATE UNLOGGED TABLE leaf PARTITION OF tree FOR VALUES IN (1)",
		"INSERT INTO scratch VALUES (1, 'one')",
		"INSERT INTO tree VALUES (1)",
	)
	reads := []string{"SELECT name FROM scratch WHERE id = 1", "SELECT id FROM seen", "SELECT id FROM tree", "SELECT i.id FROM item i JOIN scratch s ON s.id = i.id"}
	w.Warm(one)
	for range 3 {
		for _, q := range reads {
			if w.Same(q) {
				t.Errorf("a hit of %s", q)
			}
		}
	}
	trial.Exec(t, w.Bare, "CHECKPOINT")
	tool(t, "pg_ctl", "-D", s.dir, "-m", "immediate", "-w", "-l", s.dir+"/log", "restart")
	trial.Eventually(t, "the server is back", func() bool { return w.Bare.PingContext(t.Context()) == nil && w.DB.PingContext(t.Context()) == nil })
	for _, q := range append(reads, one) {
		w.Same(q)
	}
	if got, _ := trial.Read(t, w.DB, "SELECT count(*) FROM scratch"); got != "[0]" {
		t.Errorf("the crash left %s rows", got)
	}
	w.Warm(one)

	trial.Exec(t, w.DB, "ALTER TABLE scratch SET LOGGED")
	w.Warm(reads[0])
	trial.Exec(t, w.Bare, "ALTER TABLE scratch SET UNLOGGED")
	trial.Exec(t, w.DB, "UPDATE item SET kind = kind WHERE id = 1") // looks at the schema
	if w.Same(reads[0]) {
		t.Error("a hit of an unlogged table")
	}
}
