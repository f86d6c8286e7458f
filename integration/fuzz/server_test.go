package fuzz

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/sqlcache"
)

// unchecked has nobody look for changes of the schema from outside, of which there
// are none: what others change through the cache must be known without.
var unchecked = &sqlcache.Options{SchemaCheck: -1}

// through is a way to a database by database/sql.
func through(connect func() (driver.Connector, error)) way {
	return sqlWay{
		over: func(c *cacheops.Cache) (*sql.DB, error) {
			con, err := connect()
			if err != nil {
				return nil, err
			}
			return sqlcache.OpenDB(c, con, unchecked), nil
		},
		pool: func() (*sql.DB, error) {
			con, err := connect()
			if err != nil {
				return nil, err
			}
			return sql.OpenDB(con), nil
		},
	}
}

// newPostgres makes the databases that scripts run on.
func newPostgres(t testing.TB) *Server {
	t.Helper()
	cfg, scratch := live.NewPostgres(t), live.NewPostgres(t)
	admin := stdlib.OpenDB(*cfg)
	t.Cleanup(func() {
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
	})
	must := func(db *sql.DB, text string) {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	// Roles belong to all databases: another run may have made it, and may still
	// need it when this one is through.
	admin.ExecContext(t.Context(), "CREATE ROLE "+postgresRole)
	for _, c := range []*pgx.ConnConfig{cfg, scratch} {
		db := stdlib.OpenDB(*c)
		must(db, "CREATE EXTENSION citext")
		must(db, "ALTER DATABASE "+c.Database+" SET synchronous_commit = off")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	path := map[string]string{"search_path": "fz, public", "lock_timeout": "4", "client_min_messages": "error"}
	with := func(c *pgx.ConnConfig, settings []string) *pgx.ConnConfig {
		c = c.Copy()
		maps.Copy(c.RuntimeParams, path)
		for _, s := range settings {
			name, value, _ := strings.Cut(s, "=")
			c.RuntimeParams[name] = value
		}
		return c
	}
	return &Server{
		d: postgres, prelude: postgresPrelude, after: postgresGrants,
		open: func(s bool) (*sql.DB, error) {
			c := with(cfg, nil)
			if s {
				c = with(scratch, nil)
			}
			c.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
			return stdlib.OpenDB(*c), nil
		},
		settings: []string{
			"search_path=alt, fz, public", "timezone=America/New_York", "role=" + postgresRole, "datestyle=German, DMY", "extra_float_digits=-2",
			"default_transaction_isolation=serializable", "bytea_output=escape",
		},
		patient: []string{"lock_timeout=1500", "deadlock_timeout=50"},
		ways: func(settings []string) []way {
			plain := func() (driver.Connector, error) { return stdlib.GetConnector(*with(cfg, nil)), nil }
			pool, err := pgxpool.ParseConfig("")
			if err != nil {
				t.Fatal(err)
			}
			pool.ConnConfig = with(cfg, nil)
			pool.MaxConns = 8
			return []way{
				through(plain), through(plain),
				pgxWay{pool},
				through(func() (driver.Connector, error) { return pq.NewConnector(pqDSN(with(cfg, nil))) }),
				through(func() (driver.Connector, error) { return stdlib.GetConnector(*with(cfg, settings)), nil }),
			}
		},
		fault: func(err error) fault {
			state := ""
			var e *pgconn.PgError
			var p *pq.Error
			switch {
			case errors.As(err, &e):
				state = e.Code
			case errors.As(err, &p):
				state = string(p.Code)
			}
			switch state {
			case "55P03", "40P01", "53300": // a server that others use has no connection to spare
				return blocked
			case "0A000", "26000":
				return outOfDate
			}
			return plainFault
		},
	}
}

func pqDSN(c *pgx.ConnConfig) string {
	quote := func(s string) string {
		return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", `\'`) + "'"
	}
	dsn := "sslmode=disable host=" + quote(c.Host) + " user=" + quote(c.User) + " dbname=" + quote(c.Database)
	if c.Password != "" {
		dsn += " password=" + quote(c.Password)
	}
	if c.Port != 0 {
		dsn += " port=" + itoa(int64(c.Port))
	}
	for k, v := range c.RuntimeParams {
		dsn += " " + k + "=" + quote(v)
	}
	return dsn
}

func itoa(n int64) string { return liteLiteral(n) }

func init() {
	for n := range loads {
		mysqldriver.RegisterReaderHandler(fmt.Sprintf("load%d", n), func() io.Reader { return strings.NewReader(load(n)) })
	}
}

// newMySQL makes the databases that scripts run on.
func newMySQL(t testing.TB) *Server {
	t.Helper()
	const steady = "innodb_lock_wait_timeout=0&lock_wait_timeout=0"
	cfg, scratch := live.NewMySQL(t, steady), live.NewMySQL(t, steady)
	quiet := &mysqldriver.NopLogger{}
	cfg.Logger, scratch.Logger = quiet, quiet
	with := func(interpolate bool, settings []string) func() (driver.Connector, error) {
		return func() (driver.Connector, error) {
			c := cfg.Clone()
			c.InterpolateParams, c.ParseTime = interpolate, interpolate
			for _, s := range settings {
				name, value, _ := strings.Cut(s, "=")
				switch name {
				case "collation":
					c.Collation = value
				case "clientFoundRows":
					c.ClientFoundRows = true
				case "columnsWithAlias":
					c.ColumnsWithAlias = true
				default:
					c.Params = maps.Clone(c.Params)
					c.Params[name] = value
				}
			}
			return mysqldriver.NewConnector(c)
		}
	}
	return &Server{
		uptime: func(ctx context.Context) (up time.Duration, err error) {
			c := cfg.Clone()
			c.DBName = ""
			con, err := mysqldriver.NewConnector(c)
			if err != nil {
				return 0, err
			}
			db := sql.OpenDB(con)
			defer func() { err = errors.Join(err, db.Close()) }()
			var name string
			var seconds int
			err = db.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Uptime'").Scan(&name, &seconds)
			return time.Duration(seconds) * time.Second, err
		},
		d: mysql, literal: 2, prelude: []string{"SET autocommit = 0"}, after: []string{"COMMIT"},
		open: func(s bool) (*sql.DB, error) {
			c := cfg
			if s {
				c = scratch
			}
			con, err := mysqldriver.NewConnector(c)
			if err != nil {
				return nil, err
			}
			db := sql.OpenDB(con)
			for _, text := range []string{"DROP DATABASE " + c.DBName, "CREATE DATABASE " + c.DBName + " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "USE " + c.DBName} {
				db.SetMaxOpenConns(1)
				if _, err := db.ExecContext(t.Context(), text); err != nil {
					return nil, errors.Join(err, db.Close())
				}
			}
			return db, nil
		},
		settings: []string{
			"sql_mode=''", "time_zone='+05:00'", "collation=utf8mb4_bin", "tx_isolation='READ-COMMITTED'", "tx_isolation='SERIALIZABLE'", "clientFoundRows=true", "columnsWithAlias=true",
			"foreign_key_checks=0", "sql_mode='NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'", "sql_auto_is_null=1", "group_concat_max_len=4", "collation=latin1_swedish_ci",
		},
		patient: []string{"innodb_lock_wait_timeout=1", "lock_wait_timeout=1"},
		ways: func(settings []string) []way {
			return []way{through(with(false, nil)), through(with(false, nil)), through(with(true, nil)), through(with(false, settings))}
		},
		fault: func(err error) fault {
			var e *mysqldriver.MySQLError
			if !errors.As(err, &e) {
				return plainFault
			}
			switch e.Number {
			case 1205, 1213, 1040:
				return blocked
			case 1615: // the prepared statement needs to be re-prepared
				return outOfDate
			case 1054:
				// MariaDB may not find a derived table's column when it executes a prepared
				// statement for the second time. It does when that is prepared anew.
				return outOfDate
			}
			return plainFault
		},
	}
}

// serverGame plays on a server.
type serverGame struct {
	v     *Server
	falls *atomic.Int32
}

func (g serverGame) make(seed uint64) (*Script, error) {
	generate := func() (*Script, error) {
		return g.v.Generate(context.Background(), seed, Size{Ops: 2500, Sessions: 7})
	}
	began := time.Now()
	s, err := generate()
	if err != nil && g.fell(began) {
		return generate()
	}
	return s, err
}

func (g serverGame) play(s *Script, fig *Figures) error {
	began := time.Now()
	err := g.v.Run(context.Background(), s, nil, fig)
	if err != nil && g.fell(began) {
		fig.Abandoned++
		return nil
	}
	return err
}

// maxFalls is how often a server may crash in a run before that is an error.
const maxFalls = 4

// fell waits for the server to answer, and reports whether it has come up since: what
// failed then failed because of that.
func (g serverGame) fell(since time.Time) bool {
	for end := time.Now().Add(serverPatience); g.v.uptime != nil && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if up, err := g.v.uptime(context.Background()); err == nil {
			return up <= time.Since(since)+time.Second && g.falls.Add(1) <= maxFalls
		}
	}
	return false
}

func onPostgres(t testing.TB) game { return serverGame{newPostgres(t), new(atomic.Int32)} }
func onMySQL(t testing.TB) game    { return serverGame{newMySQL(t), new(atomic.Int32)} }

// TestPostgresReads compares what is read through the caches of several pools
// with bare connections to the same database.
func TestPostgresReads(t *testing.T) {
	t.Run("fixed", func(t *testing.T) { hunt(t, onPostgres, fixedSeed, *flagServerReads, 0) })
	t.Run("fresh", func(t *testing.T) { hunt(t, onPostgres, freshSeed(), *flagServerReads, *flagDuration) })
}

// TestMySQLReads is the same on MariaDB or MySQL.
func TestMySQLReads(t *testing.T) {
	t.Run("fixed", func(t *testing.T) { hunt(t, onMySQL, fixedSeed, *flagServerReads, 0) })
	t.Run("fresh", func(t *testing.T) { hunt(t, onMySQL, freshSeed(), *flagServerReads, *flagDuration) })
}

// TestPostgresRaces judges readers and writers that run at the same time.
func TestPostgresRaces(t *testing.T) {
	t.Run("fixed", func(t *testing.T) { serverRaces(t, newPostgres(t), fixedSeed) })
	t.Run("fresh", func(t *testing.T) { serverRaces(t, newPostgres(t), freshSeed()) })
}

// TestMySQLRaces is the same on MariaDB or MySQL.
func TestMySQLRaces(t *testing.T) {
	t.Run("fixed", func(t *testing.T) { serverRaces(t, newMySQL(t), fixedSeed) })
	t.Run("fresh", func(t *testing.T) { serverRaces(t, newMySQL(t), freshSeed()) })
}

// serverRaces has the writers take turns in every other race.
func serverRaces(t *testing.T, v *Server, seed uint64) {
	n := *flagServerRaces
	if testing.Short() {
		n = max(2, n/5)
	}
	t.Logf("seed %d; repeat with -fuzz.seed=%d", seed, seed)
	reads, writes := 0, 0
	for i := range uint64(n) {
		h, err := v.Race(t.Context(), seed+i, RaceSize{Writers: 2, Writes: 12}, (seed+i)%2 == 0, nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed+i, err)
		}
		reads, writes = reads+len(h.Seen), writes+len(h.Attempts)
		if err := Judge(h); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d reads judged against %d writes", reads, writes)
}

// TestForgetfulStoreIsCaughtOnServers weakens the invalidation there.
func TestForgetfulStoreIsCaughtOnServers(t *testing.T) {
	weak := func(s cacheops.Store) cacheops.Store { return &forgetful{Store: s, every: 5} }
	for name, start := range map[string]func(testing.TB) *Server{"postgres": newPostgres, "mysql": newMySQL} {
		t.Run(name, func(t *testing.T) {
			v := start(t)
			for seed := range uint64(20) {
				s, err := v.Generate(t.Context(), seed, Size{Ops: 600})
				if err != nil {
					t.Fatal(err)
				}
				var m *Mismatch
				if errors.As(v.Run(t.Context(), s, weak, &Figures{}), &m) && m.Hit {
					t.Logf("caught at step %d of seed %d", m.Step, seed)
					return
				}
			}
			t.Error("twenty scripts over a store that forgets one drop in five, and no stale hit was seen")
		})
	}
}
