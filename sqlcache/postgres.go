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

// postgres is what the adapter knows of PostgreSQL beyond its SQL: its sessions
// are in postgres_session.go, its transactions in postgres_tx.go, a writer is
// proved over in postgres_prove.go, rows are read in postgres_image.go, the catalog in
// postgres_catalog.go.
type postgres struct {
	engine *engine
	// hooked says why a hit would skip what the pool does to a connection before
	// each use; empty if it does nothing.
	hooked string
	// place is what identify found; system says that it tells clusters apart.
	place  string
	system bool
	// readable remembers of the latest catalog's tables whether rows may be read
	// around their writes.
	readable sync.Map // of *catalog.Table to bool
}

var _ dialect = (*postgres)(nil)

// oldestPostgres is the oldest version whose catalog is read, as
// server_version_num has it.
const oldestPostgres = 130000

// imitations are servers that call themselves PostgreSQL and whose locks or
// snapshots are not its.
var imitations = []string{"-YB-", "Greenplum", "Redshift", "Cockroach", "Materialize", "RisingWave", "QuestDB", "CrateDB"}

// usePostgres sets the dialect up. version is what version() says.
func (e *engine) usePostgres(ctx context.Context, l *lease, version string) error {
	for _, name := range imitations {
		if strings.Contains(version, name) {
			return fmt.Errorf("%w: %s", errDialect, version)
		}
	}
	row, err := l.row(ctx, "SELECT current_setting('server_version_num')", 1)
	if err != nil {
		return fmt.Errorf("read the server's version: %w", err)
	}
	if n, err := strconv.Atoi(row[0]); err != nil || n < oldestPostgres {
		return fmt.Errorf("%w: PostgreSQL before version 13 is not supported", errDialect)
	}
	d := &postgres{engine: e}
	switch why := hooks(l.real, e.inner); {
	case e.opts.Scope == nil:
		d.hooked = why
	case why != "":
		e.scoped = true
	}
	e.dialect = d
	return nil
}

func (d *postgres) kind() catalog.Dialect { return catalog.PostgreSQL }

func (d *postgres) uncacheable() string { return d.hooked }

// identify: the system identifier tells clusters apart, whatever address they are
// reached by, and the oid a database from an earlier one of its name.
func (d *postgres) identify(ctx context.Context, l *lease) (name, identity string, err error) {
	row, err := l.row(ctx, "SELECT datname::text, oid::text FROM pg_database WHERE datname = current_database()", 2)
	if err != nil {
		return "", "", fmt.Errorf("read the database's name: %w", err)
	}
	system, err := l.row(ctx, pgSystem, 1)
	switch {
	case err == nil:
		identity, d.system = system[0]+"."+row[1], true
	case d.engine.opts.Name == "":
		// An address in its place would give one database several names, whose
		// writers do not see each other's entries.
		return "", "", fmt.Errorf("sqlcache: pg_control_system() tells nothing, so Options.Name must name the database: %w", err)
	}
	if !d.system {
		d.place = row[1]
		return row[0], "", nil
	}
	d.place = identity
	return row[0] + "@" + identity, identity, nil
}

// refresh: the server plans each statement by the schema as it is, but a statement
// that the driver keeps prepared fails once where its columns have changed. pgx
// forgets all that are prepared or none: where some are the program's own, by SQL or
// by a hook, none, and the first to fail tells pgx, as it does without the cache.
func (d *postgres) refresh(ctx context.Context, l *lease) error {
	c, ok := keeper(l.real)
	if !ok {
		return nil
	}
	own, err := l.says(ctx, pgOwnPrepared)
	if err == nil && !own {
		err = c.DeallocateAll(ctx)
	}
	if err != nil && l.state(ctx) == stateUnknown {
		return driver.ErrBadConn // nothing of the program's was sent
	}
	return nil
}

// pgOwnPrepared asks whether anything is prepared that pgx has not prepared by itself.
const pgOwnPrepared = "SELECT EXISTS (SELECT FROM pg_prepared_statements WHERE from_sql OR left(name, 10) <> 'stmtcache_')"

// statementKeeper keeps statements prepared.
type statementKeeper interface {
	DeallocateAll(ctx context.Context) error
}

func keeper(real driver.Conn) (statementKeeper, bool) {
	if r, ok := real.(RealConn); ok {
		return r, true
	}
	v := reflect.ValueOf(real)
	if v.Type().String() != "*stdlib.Conn" {
		return nil, false
	}
	conn, ok := call(v, "Conn")
	if !ok {
		return nil, false
	}
	c, ok := conn.Interface().(statementKeeper)
	return c, ok
}

// keepsStatements: pgx does so itself, and statements that are kept would not
// survive a pooler that changes the server's connection.
func (d *postgres) keepsStatements() bool { return false }

// keepsPinned: each is a process of the server's.
func (d *postgres) keepsPinned() bool { return false }

func (d *postgres) followsSession() bool { return true }

// tunes: without the cache even a setting that changes no answer stays with the
// connection it was made on.
func (d *postgres) tunes(*sqldep.Plan) bool { return false }

// reaches: another database can only be written to by functions, which mean
// everything here and go past the cache there.
func (d *postgres) reaches(context.Context, *conn, *lease, *transaction, string) bool { return false }

// sqlState returns the server's code for an error, empty if it is none of the
// server's.
func sqlState(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

// row runs a query of ours that returns one row of texts.
func (l *lease) row(ctx context.Context, query string, width int) ([]string, error) {
	rows, err := l.all(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || len(rows[0]) != width {
		return nil, errors.New("not one row of the expected width")
	}
	out := make([]string, width)
	for i, v := range rows[0] {
		out[i] = printed(v)
	}
	return out, nil
}

func printed(v driver.Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	}
	return fmt.Sprint(v)
}
