package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// mysql is what the adapter knows of MySQL and MariaDB beyond their SQL: their
// sessions are in mysql_session.go, transactions in mysql_tx.go, what no rollback
// undoes in mysql_lasting.go, a writer is proved over in mysql_prove.go and
// mysql_prove_all.go, rows are read in mysql_image.go, the catalog in mysql_catalog.go.
type mysql struct {
	engine *engine
	maria  bool
	// skips says that the server knows SKIP LOCKED.
	skips bool
	// never says why nothing of the database can be cached; empty if it can.
	never string
	// server tells the server from others, database the database from the
	// server's others.
	server, database string
	// proving is held by who waits for all writers, and guards looker.
	proving sync.Mutex
	looker  looker
}

var _ dialect = (*mysql)(nil)

// The oldest versions whose catalog is read, and the first of MariaDB's that
// skips locked rows.
const (
	oldestMySQL  = 800
	oldestMaria  = 1005
	mariaSkips   = 1006
	minorsPerOne = 100
)

// myImitations call themselves MySQL, and have other locks or snapshots.
var myImitations = []string{"TiDB", "Vitess", "OceanBase", "SingleStore", "MemSQL", "StarRocks", "Doris", "Dolt"}

// useMySQL sets the dialect up. version and comment are the server's own words.
func (e *engine) useMySQL(ctx context.Context, l *lease, version, comment string) error {
	for _, name := range myImitations {
		if strings.Contains(version+comment, name) {
			return fmt.Errorf("%w: %s", errDialect, version)
		}
	}
	d := &mysql{engine: e, maria: strings.Contains(version, "MariaDB")}
	switch n := versionNumber(version); {
	case d.maria && n < oldestMaria:
		return fmt.Errorf("%w: MariaDB before version 10.5 is not supported", errDialect)
	case !d.maria && n < oldestMySQL:
		return fmt.Errorf("%w: MySQL before version 8.0 is not supported", errDialect)
	default:
		d.skips = !d.maria || n >= mariaSkips
	}
	settings, err := l.settings(ctx, "'autocommit', 'wsrep_on', 'group_replication_group_name'")
	if err != nil {
		return fmt.Errorf("read the server's settings: %w", err)
	}
	switch {
	case settings["autocommit"] == "OFF":
		return errors.New("sqlcache: connections have autocommit off, so that each use of the pool would go on in a transaction that somebody else began")
	case settings["wsrep_on"] == "ON", settings["group_replication_group_name"] != "":
		d.never = "the server is one of a group, of which each may be behind the others"
	case myType(l.real) != myDriver:
		_, resets := l.real.(driver.SessionResetter)
		if e.scoped = resets && e.opts.Scope != nil; resets && !e.scoped {
			d.never = "the pool may prepare connections before each use, and Options.Scope does not say for whom"
		}
	}
	e.dialect = d
	return nil
}

// versionNumber is 1011 for "10.11.2-MariaDB", 800 for "8.0.36".
func versionNumber(version string) int {
	version = strings.TrimPrefix(version, "5.5.5-") // MariaDB's disguise
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	m, err1 := strconv.Atoi(major)
	n, err2 := strconv.Atoi(minor)
	if err1 != nil || err2 != nil {
		return 0
	}
	return m*minorsPerOne + n
}

// settings returns those of the session's variables that the server has.
func (l *lease) settings(ctx context.Context, names string) (map[string]string, error) {
	rows, err := l.all(ctx, "SHOW SESSION VARIABLES WHERE Variable_name IN ("+names+")", nil)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(rows))
	for _, row := range rows {
		const columns = 2
		if len(row) != columns {
			return nil, errors.New("not two columns")
		}
		out[strings.ToLower(printed(row[0]))] = printed(row[1])
	}
	return out, nil
}

func (d *mysql) kind() catalog.Dialect { return catalog.MySQL }

func (d *mysql) uncacheable() string { return d.never }

// identify: MySQL's servers have a number of their own. MariaDB's are told by
// where they run and keep their files.
func (d *mysql) identify(ctx context.Context, l *lease) (name, identity string, err error) {
	row, err := l.row(ctx, "SELECT DATABASE(), "+d.place(), 2)
	if err != nil {
		return "", "", fmt.Errorf("read the server's identity: %w", err)
	}
	if row[0] == "" {
		return "", "", errors.New("sqlcache: the data source name must name a database")
	}
	d.database, d.server = row[0], digest(row[1])
	identity = d.server + "." + d.database
	return d.database + "@" + d.server, identity, nil
}

// place is an expression that tells servers apart.
func (d *mysql) place() string {
	if d.maria {
		return "CONCAT_WS('/', LOWER(@@hostname), @@port, @@datadir, @@server_id)"
	}
	return "@@server_uuid"
}

// refresh: the server looks at the schema with each statement.
func (d *mysql) refresh(context.Context, *lease) error { return nil }

// keepsStatements: the server keeps each for its session, and how many there may
// be is limited for all together.
func (d *mysql) keepsStatements() bool { return false }

// keepsPinned: each is a thread of the server's.
func (d *mysql) keepsPinned() bool { return false }

// tunes: without the cache even a setting that changes no answer stays with the
// connection it was made on.
func (d *mysql) tunes(*sqldep.Plan) bool { return false }

// reaches: names of other databases are no names of the catalog, so that a
// statement with one means everything.
func (d *mysql) reaches(_ context.Context, c *conn, _ *lease, t *transaction, _ string) bool {
	return t.wide || t.ddl || c.pinned != ""
}

// The driver's own types, which are looked into by reflection because this module
// requires no driver.
const (
	myDriver    = "*mysql.mysqlConn"
	myConnector = "*mysql.connector"
	myErrors    = "*mysql.MySQLError"
)

func myType(v any) string {
	t := reflect.TypeOf(v)
	if t == nil {
		return ""
	}
	return t.String()
}

// myCode returns the server's number of an error, zero if it is none of the
// server's.
func myCode(err error) int {
	for ; err != nil; err = errors.Unwrap(err) {
		if myType(err) == myErrors {
			if f := reflect.ValueOf(err).Elem().FieldByName("Number"); f.IsValid() && f.CanUint() {
				return int(f.Uint())
			}
			return 0
		}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				if code := myCode(e); code != 0 {
					return code
				}
			}
			return 0
		}
	}
	return 0
}
