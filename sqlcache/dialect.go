package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// dialect is what differs from one kind of database to the next beyond its SQL:
// how it is recognised, what its transactions do around errors, what proves a
// writer over. The rest of the package asks it wherever databases would disagree.
//
// An implementation is set up with the first lease, serves one engine, and may be
// used from many goroutines; the leases it is given belong to the caller.
type dialect interface {
	schemaReader
	sessions
	transactions
	writers
	images
}

// schemaReader finds out which database this is and what is in it.
type schemaReader interface {
	// kind is the dialect of SQL.
	kind() catalog.Dialect
	// identify returns the name that the database goes by where the program gives
	// it none, and what tells it from others of one name.
	identify(ctx context.Context, l *lease) (name, identity string, err error)
	// readCatalog reads the catalog as of one moment, stamp what it would have as
	// its Stamp. The lease is in no transaction.
	readCatalog(ctx context.Context, l *lease) (*catalog.Catalog, error)
	stamp(ctx context.Context, l *lease) (string, error)
	// refresh has a connection look at the schema as it is, where it would
	// otherwise compile statements by the one it knew.
	refresh(ctx context.Context, l *lease) error
	// uncacheable says why nothing of the database can be cached; empty if it can.
	uncacheable() string
}

// sessions tells connections apart.
type sessions interface {
	// session says what makes the answers on this connection what they are.
	session(ctx context.Context, l *lease) (session, error)
	// keepsStatements says that a connection may keep statements prepared: see kept.
	keepsStatements() bool
	// keepsPinned says that a connection with a session of its own may be pooled, as
	// without the cache, where it cannot exhaust a limited pool.
	keepsPinned() bool
	// followsSession says that the session of a pool's only connection is seen for
	// what it is by then, temporary tables included.
	followsSession() bool
	// changesSession says why what a statement leaves in the session makes it
	// different from others; empty if it does not. local says that it lasts only
	// until the transaction ends, but that plans may not fit until then.
	changesSession(p *sqldep.Plan, text string) (why string, local bool)
	// demoted says why the server may be behind by now although the connection's
	// session is like the others; empty if it is not.
	demoted(ctx context.Context, l *lease) (why string, err error)
	// onlySession reports whether a statement changes the session, or tells of it,
	// and certainly no row.
	onlySession(p *sqldep.Plan) bool
	// tunes reports whether a statement changes how the database works and no
	// answer of it, so that the connection stays like the others.
	tunes(p *sqldep.Plan) bool
}

// session is what a connection's answers depend on besides the database.
type session struct {
	// print is the same for connections that give the same answers.
	print string
	// never says why nothing that was read here may be kept; empty if it may.
	never string
	// tells says why what a connection has written may be part of what it reads, if
	// it may: it reads for itself then.
	tells string
	// mode says how the session's settings change what a text means.
	mode sqldep.Mode
	// snapshots says that all statements of a transaction see one snapshot, unless
	// it is begun otherwise.
	snapshots bool
	// writes is what a write does by itself, beyond its text and the schema; of SQLite.
	writes string
	// chains says that a COMMIT begins another transaction, or ends the connection.
	chains bool
}

// transactions begins, ends and looks at them.
type transactions interface {
	// beginWrite begins the transaction of an autocommit write. images says that
	// rows will be read around the statement. Where the dialect can have the proof of
	// the writer for the same round trip, it leaves it in t.
	beginWrite(ctx context.Context, l *lease, t *transaction, images bool) error
	// beginRead makes sure that what follows on a connection, which others may have
	// left in a transaction, has a snapshot of its own. end undoes it.
	beginRead(ctx context.Context, l *lease) (end func(), err error)
	// state finds out whether the connection is in a transaction.
	state(ctx context.Context, l *lease) state
	// answered reports whether a statement that failed has certainly ended.
	answered(ctx context.Context, l *lease) bool
	// alone says that an autocommit statement is not wrapped in a transaction of
	// ours: it cannot run in one, or may end it.
	alone(p *sqldep.Plan) bool
	// commits says that a statement commits the open transaction by itself.
	commits(p *sqldep.Plan) bool
	// lasting says that a statement of c may write what no rollback undoes: the
	// store is told before it runs, whatever transaction it is in.
	lasting(c *conn, st *statement) bool
	// savepointBegins says that a SAVEPOINT outside a transaction begins one, which
	// the RELEASE of the same commits.
	savepointBegins() bool
	// unprepared reports whether err says no more of a statement than that it cannot
	// be prepared.
	unprepared(err error) bool
	// notCommitted reports whether a COMMIT that failed with err has certainly not
	// happened, given that the connection is in no transaction any more.
	notCommitted(err error) bool
	// mayKeep reports whether a statement that failed with err, or with an error
	// among its rows where err is nil, may have kept rows in its transaction.
	mayKeep(err error) bool
}

// writers prove that one is over.
type writers interface {
	// proof returns what proves the writer of a transaction over, before it tells
	// the store. others are the databases that it may write to besides its own. done
	// is called when the writer has ended, or will with the lease.
	proof(ctx context.Context, c *conn, l *lease, t *transaction, others []*cacheops.Database) (proof string, done func(*lease), err error)
	// looseProof is proof for what does not run in a transaction of ours: a text of
	// this plan, or anything where that is nil.
	looseProof(ctx context.Context, l *lease, p *sqldep.Plan, others []*cacheops.Database) (proof string, done func(*lease), err error)
	// prove is [cacheops.Backend]'s.
	prove(ctx context.Context, w cacheops.Writer) (bool, error)
	// reaches says that the transaction, or text where it is not empty, may write to
	// other databases than its own.
	reaches(ctx context.Context, c *conn, l *lease, t *transaction, text string) bool
}

// images reads what is to be known of a write's rows.
type images interface {
	// image reads columns of the target's row, before the write or after it. A row
	// that is not there has a nil image. known is false where the row is not certain
	// to be what the write sees, or saw.
	image(ctx context.Context, l *lease, t *transaction, target *sqldep.RowTarget, cols []string, before bool) (img dep.Image, known bool)
	// rivals looks before an upsert at the rows that it will meet, met after it at
	// what it did to them, for the facts.
	rivals(ctx context.Context, l *lease, t *transaction, target *sqldep.RowTarget, r *rivals)
	met(ctx context.Context, l *lease, t *transaction, target *sqldep.RowTarget, r *rivals, f *sqldep.Facts)
	// counted completes the facts of a write whose rows were returned, of which
	// database/sql tells no count.
	counted(ctx context.Context, l *lease, k *run, f *sqldep.Facts)
	// keyed reports whether the id that the driver tells of, after a text that wrote
	// one row, may be the key of that row.
	keyed(text string, id int64) bool
}

var errDialect = errors.New("sqlcache: not a database of a known dialect (SQLite, PostgreSQL, MySQL)")

// detect finds out the dialect, by the driver's name or else by asking for
// something that only one kind of database has.
func (e *engine) detect(ctx context.Context, l *lease) error {
	name := strings.ToLower(fmt.Sprintf("%T", e.inner.Driver()))
	if strings.Contains(name, "sqlite") {
		return e.useSQLite(ctx, l)
	}
	row, err := l.row(ctx, "SELECT version()", 1)
	if err == nil && strings.HasPrefix(row[0], "PostgreSQL ") {
		return e.usePostgres(ctx, l, row[0])
	}
	if err == nil {
		if my, err := l.row(ctx, "SELECT @@version, @@version_comment", 2); err == nil {
			return e.useMySQL(ctx, l, my[0], my[1])
		}
	}
	if _, liteErr := l.all(ctx, "SELECT sqlite_version()", nil); liteErr != nil {
		return errors.Join(errDialect, err)
	}
	return e.useSQLite(ctx, l)
}

// text is a value that a driver gave for a string.
func text(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}
