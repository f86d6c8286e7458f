package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/integration/trial"
)

// newServer starts a MariaDB of the test's own and returns how to reach it.
func newServer(t testing.TB, id int) *mysql.Config {
	t.Helper()
	attr := trial.Owner(t, "mysql")
	dir := trial.Home(t, attr)
	data := filepath.Join(dir, "data")
	// A server that starts removes what it finds of temporary tables, another server's
	// too, which then ends: so each has a directory of its own for them.
	install := exec.Command(trial.Program(t, "mariadb-install-db", ""), "--no-defaults", "--datadir="+data,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=8M")
	install.Env = append(os.Environ(), "TMPDIR="+dir)
	install.Dir, install.SysProcAttr = dir, attr
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("install: %v\n%s", err, out)
	}
	port := trial.FreePort(t)
	server := exec.Command(trial.Program(t, "mariadbd", ""), "--no-defaults", "--datadir="+data, "--port="+strconv.Itoa(port), "--bind-address=127.0.0.1",
		"--socket="+filepath.Join(dir, "s"), "--server-id="+strconv.Itoa(id), "--log-bin", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M",
		"--innodb-flush-log-at-trx-commit=0", "--tmpdir="+dir)
	server.Dir, server.SysProcAttr = dir, attr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill() // its files go with it
		_ = server.Wait()
	})
	cfg, err := mysql.ParseDSN(fmt.Sprintf("root@tcp(127.0.0.1:%d)/", port))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = &mysql.NopLogger{}
	db := trial.Closing(t, openBare(t, cfg))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for db.PingContext(ctx) != nil {
		if ctx.Err() != nil {
			t.Fatal("the server does not come up")
		}
		time.Sleep(10 * time.Millisecond)
	}
	trial.Exec(t, db, "CREATE DATABASE app")
	cfg.DBName = "app"
	return cfg
}

// replicate has one server follow another from its beginning.
func replicate(t testing.TB, from, to *mysql.Config) *sql.DB {
	t.Helper()
	source, replica := trial.Closing(t, openBare(t, from)), trial.Closing(t, openBare(t, to))
	var file, ignored string
	var at int
	if err := source.QueryRowContext(t.Context(), "SHOW MASTER STATUS").Scan(&file, &at, &ignored, &ignored); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(from.Addr)
	if err != nil {
		t.Fatal(err)
	}
	trial.Exec(t, source, "CREATE USER follower@'%'")
	trial.Exec(t, source, "GRANT REPLICATION SLAVE ON *.* TO follower@'%'")
	trial.Exec(t, replica, fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%s, MASTER_USER='follower', MASTER_LOG_FILE='%s', MASTER_LOG_POS=%d", port, file, at))
	trial.Exec(t, replica, "START SLAVE")
	trial.Exec(t, replica, "SET GLOBAL read_only = 1")
	return replica
}
