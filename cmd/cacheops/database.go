package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/sqlcache"
)

// databaseFlags say which database a command is about.
type databaseFlags struct {
	DB   string `required:"" name:"db" env:"CACHEOPS_DB" placeholder:"DATABASE" help:"The database: the file of an SQLite database, postgres://…, or mysql://user:password@host:port/name (also for MariaDB)."`
	Name string `placeholder:"NAME" help:"The database's logical name, where the program gives it one (sqlcache.Options.Name)."`
}

// open opens the database behind a cache.
func (f *databaseFlags) open(cache *cacheops.Cache) (*sql.DB, error) {
	c, err := f.connector()
	if err != nil {
		return nil, err
	}
	return sqlcache.OpenDB(cache, c, &sqlcache.Options{Name: f.Name, MaxOpenConns: maxConns}), nil
}

// maxConns is what a command takes of a server's connections at most.
const maxConns = 2

func (f *databaseFlags) connector() (driver.Connector, error) {
	scheme, _, _ := strings.Cut(f.DB, "://")
	switch scheme {
	case "postgres", "postgresql":
		config, err := pgx.ParseConfig(f.DB)
		if err != nil {
			return nil, fmt.Errorf("--db: %w", err)
		}
		return stdlib.GetConnector(*config), nil
	case "mysql", "mariadb":
		return mysqlConnector(f.DB)
	case f.DB, "sqlite", "file":
		return sqliteConnector(strings.TrimPrefix(strings.TrimPrefix(f.DB, "sqlite://"), "file://"))
	}
	return nil, fmt.Errorf("--db: %q is neither postgres, mysql nor a file", scheme)
}

// mysqlConnector takes the form of an address that people know from elsewhere, and
// not the driver's own. Parameters are the driver's.
func mysqlConnector(address string) (driver.Connector, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("--db: not a URL: mysql://user:password@host:port/name, with special characters escaped") // err would hold the password
	}
	config, err := mysql.ParseDSN("/?" + u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("--db: %w", err)
	}
	config.User, config.Net, config.Addr = u.User.Username(), "tcp", u.Host
	config.Passwd, _ = u.User.Password()
	if u.Port() == "" {
		config.Addr = u.Hostname() + ":3306"
	}
	config.DBName = strings.TrimPrefix(u.Path, "/")
	if config.DBName == "" {
		return nil, errors.New("--db: the URL names no database: mysql://user:password@host:port/name")
	}
	return mysql.NewConnector(config)
}

// sqliteConnector never makes a file: a mistyped name is an error.
func sqliteConnector(path string) (driver.Connector, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--db: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("--db: %s is a directory", path)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("--db: %w", err)
	}
	db, err := sql.Open("sqlite", "") // for the driver that is registered
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	name := (&url.URL{Scheme: "file", Path: filepath.ToSlash(full), RawQuery: "mode=rw&_pragma=busy_timeout(5000)"}).String()
	c := &fileConnector{driver: db.Driver(), name: name}
	return c, db.Close()
}

type fileConnector struct {
	driver driver.Driver
	name   string
}

// Connect implements [driver.Connector].
func (c *fileConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.name) }

// Driver implements [driver.Connector].
func (c *fileConnector) Driver() driver.Driver { return c.driver }

// sqlite reports whether the database is one of SQLite's, whose columns may hold
// values of any type.
func (f *databaseFlags) sqlite() bool {
	return !strings.Contains(f.DB, "://") || strings.HasPrefix(f.DB, "sqlite:") || strings.HasPrefix(f.DB, "file:")
}

// shown is the database without its password.
func (f *databaseFlags) shown() string {
	scheme, rest, ok := strings.Cut(f.DB, "://")
	if at := strings.LastIndexByte(rest, '@'); ok && at >= 0 {
		rest = rest[at+1:]
	}
	if !ok {
		return f.DB
	}
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest
}
