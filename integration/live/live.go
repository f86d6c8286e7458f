// Package live gives tests a database of their own on a real PostgreSQL or MySQL.
package live

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"maps"
	"net/url"
	"os"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
)

// The servers' addresses; the defaults are a local installation's.
const (
	postgresEnv = "CACHEOPS_TEST_POSTGRES"
	mysqlEnv    = "CACHEOPS_TEST_MYSQL"
)

func address(env, otherwise string) string {
	if a := os.Getenv(env); a != "" {
		return a
	}
	return otherwise
}

// absent ends a test for which there is no server: with CI=true as a failure.
func absent(t testing.TB, what string, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s: %v", what, err)
	}
	t.Skipf("no %s: %v", what, err)
}

// NewPostgres makes a database, which is dropped with the test, and returns how to
// connect to it.
func NewPostgres(t testing.TB) *pgx.ConnConfig {
	t.Helper()
	cfg, err := pgx.ParseConfig(PostgresURL(t))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// PostgresURL is NewPostgres for any driver: an address that ends in parameters, as
// the server's does.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server, err := url.Parse(address(postgresEnv, "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := pgx.ParseConfig(server.String())
	if err != nil {
		t.Fatal(err)
	}
	admin := stdlib.OpenDB(*cfg)
	if err := admin.PingContext(t.Context()); err != nil {
		absent(t, "PostgreSQL", err)
	}
	schema := name()
	exec(t, admin, "CREATE DATABASE "+schema)
	t.Cleanup(func() {
		exec(t, admin, "DROP DATABASE "+schema+" WITH (FORCE)")
		closeAll(t, admin)
	})
	server.Path = "/" + schema
	return server.String()
}

// Postgres returns a pool of connections to a new database, which is dropped with
// the test. mode says how pgx passes arguments; params are the sessions' settings.
func Postgres(t testing.TB, mode pgx.QueryExecMode, params map[string]string) *sql.DB {
	t.Helper()
	cfg := NewPostgres(t)
	cfg.DefaultQueryExecMode = mode
	maps.Copy(cfg.RuntimeParams, params)
	db := stdlib.OpenDB(*cfg)
	t.Cleanup(func() { closeAll(t, db) })
	return db
}

// NewMySQL makes a database, which is dropped with the test, and returns how to
// connect to it. params are the driver's and the sessions' settings.
func NewMySQL(t testing.TB, params string) *mysql.Config {
	t.Helper()
	cfg, err := mysql.ParseDSN(address(mysqlEnv, "root@tcp(127.0.0.1:3306)/") + "?" + params)
	if err != nil {
		t.Fatal(err)
	}
	admin := open(t, cfg)
	if err := admin.PingContext(t.Context()); err != nil {
		absent(t, "MySQL", err)
	}
	schema := name()
	exec(t, admin, "CREATE DATABASE "+schema+" CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	t.Cleanup(func() {
		disconnect(t, admin, schema)
		exec(t, admin, "DROP DATABASE "+schema)
		closeAll(t, admin)
	})
	cfg = cfg.Clone()
	cfg.DBName, cfg.MultiStatements = schema, true
	return cfg
}

// disconnect ends what a test that failed has left open, for which the DROP would
// wait.
func disconnect(t testing.TB, admin *sql.DB, schema string) {
	t.Helper()
	threads, err := Query(admin)(context.Background(), "SELECT id FROM information_schema.processlist WHERE db = ?", schema)
	if err != nil {
		t.Error(err)
	}
	for _, row := range threads {
		_, _ = admin.ExecContext(context.Background(), "KILL ?", row[0]) // it may have ended
	}
}

// MySQL returns a pool of connections to a new database, which is dropped with
// the test. interpolate says that the driver writes arguments into the statement.
// params are the driver's and the sessions' settings.
func MySQL(t testing.TB, interpolate bool, params string) *sql.DB {
	t.Helper()
	cfg := NewMySQL(t, params)
	cfg.InterpolateParams = interpolate
	db := open(t, cfg)
	t.Cleanup(func() { closeAll(t, db) })
	return db
}

// User returns a pool of a new user of MySQL with those rights on db's database.
func User(t testing.TB, db *sql.DB, rights string) *sql.DB {
	t.Helper()
	var schema string
	if err := db.QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&schema); err != nil {
		t.Fatal(err)
	}
	cfg, err := mysql.ParseDSN(address(mysqlEnv, "root@tcp(127.0.0.1:3306)/"))
	if err != nil {
		t.Fatal(err)
	}
	user := name()[:20]
	exec(t, db, "CREATE USER "+user+"@'%' IDENTIFIED BY 'x'")
	exec(t, db, "GRANT "+rights+" ON "+schema+".* TO "+user+"@'%'")
	cfg.User, cfg.Passwd, cfg.DBName = user, "x", schema
	pool := open(t, cfg)
	t.Cleanup(func() {
		closeAll(t, pool)
		exec(t, db, "DROP USER "+user+"@'%'")
	})
	return pool
}

func open(t testing.TB, cfg *mysql.Config) *sql.DB {
	t.Helper()
	c, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sql.OpenDB(c)
}

func name() string {
	b := make([]byte, 6)
	rand.Read(b) //nolint:errcheck // it never fails
	return "cacheops_" + hex.EncodeToString(b)
}

func exec(t testing.TB, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.ExecContext(context.Background(), text); err != nil {
		t.Fatalf("%v\nin %s", err, text)
	}
}

func closeAll(t testing.TB, dbs ...*sql.DB) {
	for _, db := range dbs {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Query adapts a pool to the catalog's readers.
func Query(db *sql.DB) catalog.Query {
	return func(ctx context.Context, text string, args ...any) ([][]driver.Value, error) {
		return lite.Drain(db.QueryContext(ctx, text, args...)) //nolint:rowserrcheck // Drain checks and closes them
	}
}

// Catalog reads the catalog of db, which is PostgreSQL's or MySQL's.
func Catalog(t testing.TB, db *sql.DB, s catalog.Session) *catalog.Catalog {
	t.Helper()
	read := catalog.ReadPostgres
	if IsMySQL(db) {
		read = catalog.ReadMySQL
	}
	c, err := read(context.Background(), Query(db), s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// IsMySQL reports which of the two db is.
func IsMySQL(db *sql.DB) bool {
	_, ok := db.Driver().(*mysql.MySQLDriver)
	return ok
}
