package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// sqlite is what the adapter knows of SQLite beyond its SQL. A writer is proved
// over in sqlite_prove.go.
type sqlite struct {
	engine *engine
	dirty  bool // connections may read what is not committed
	keeps  bool // there is no journal, and a rollback keeps what it will
}

var _ dialect = (*sqlite)(nil)

// useSQLite sets the dialect up.
func (e *engine) useSQLite(ctx context.Context, l *lease) error {
	rows, err := l.all(ctx, "PRAGMA read_uncommitted", nil)
	if err != nil {
		return err
	}
	journal, err := l.all(ctx, "PRAGMA journal_mode", nil)
	if err != nil {
		return err
	}
	e.dialect = &sqlite{
		engine: e, dirty: len(rows) == 1 && rows[0][0] != int64(0),
		keeps: len(journal) == 1 && text(journal[0][0]) == "off",
	}
	return nil
}

func (d *sqlite) kind() catalog.Dialect { return catalog.SQLite }

func (d *sqlite) uncacheable() string {
	if d.engine.inMemory && !d.engine.single() {
		return "every connection has a database in memory of its own"
	}
	switch {
	case d.dirty:
		return readsDirty
	case d.keeps:
		return "journal_mode is OFF, so that a rollback undoes nothing for certain"
	}
	return ""
}

// identify takes the path of the main file for both.
func (d *sqlite) identify(ctx context.Context, l *lease) (name, identity string, err error) {
	file, err := mainFile(ctx, l)
	if err != nil {
		return "", "", err
	}
	if file == "" {
		// A database in memory with a shared cache looks the same as a private one.
		// It is taken for private, which costs caching where there are several
		// connections.
		d.engine.inMemory = true
		file = uniqueName("memory")
	} else if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	return file, file, nil
}

func mainFile(ctx context.Context, l *lease) (string, error) {
	rows, err := l.all(ctx, "PRAGMA database_list", nil)
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if len(r) >= 3 && text(r[1]) == "main" {
			return text(r[2]), nil
		}
	}
	return "", errors.New("sqlcache: PRAGMA database_list has no main database")
}

func (d *sqlite) readCatalog(ctx context.Context, l *lease) (*catalog.Catalog, error) {
	if err := l.beginOwn(ctx, "BEGIN"); err != nil {
		return nil, err
	}
	cat, err := catalog.ReadSQLite(ctx, l.catalogQuery())
	if endErr := l.run(context.WithoutCancel(ctx), "ROLLBACK"); endErr != nil {
		l.bad = true
	}
	if err != nil {
		return nil, err
	}
	if d.engine.foreign {
		// Others may turn both on, on connections that we come to lease.
		cat.ForeignKeys, cat.RecursiveTriggers = true, true
	}
	return cat, nil
}

func (d *sqlite) stamp(ctx context.Context, l *lease) (string, error) {
	return catalog.StampSQLite(ctx, l.catalogQuery())
}

// refresh: SQLite finds out by itself only after it has compiled the statement by
// the schema that it knows, taken the locks that this one needs, and not after
// every mistake.
func (d *sqlite) refresh(ctx context.Context, l *lease) error {
	_, err := l.exec(ctx, "SELECT 1 FROM sqlite_master WHERE 0", nil)
	return err
}

// onlySession: the cache is told of what SQLite's session statements reach: ATTACH
// brings other files along.
func (d *sqlite) onlySession(*sqldep.Plan) bool { return false }

func (d *sqlite) followsSession() bool { return true }

// keepsPinned: temporary tables and attached files are often made once, for all.
func (d *sqlite) keepsPinned() bool { return true }

// keepsStatements: compiling a statement takes SQLite longer than running it does.
func (d *sqlite) keepsStatements() bool { return true }

// beginWrite takes the write lock first, as the statement itself would, so that
// the rows read around the statement are those that it changes, and so that
// whoever gets the lock later knows that this writer is over.
func (d *sqlite) beginWrite(ctx context.Context, l *lease, t *transaction, images bool) error {
	if !images {
		return l.beginOwn(ctx, "BEGIN") // it may not need that lock
	}
	err := l.beginOwn(ctx, "BEGIN IMMEDIATE")
	t.locked = err == nil
	return err
}

func (d *sqlite) beginRead(ctx context.Context, l *lease) (end func(), err error) {
	if err := l.beginOwn(ctx, "BEGIN"); err != nil {
		return nil, err
	}
	return func() { l.rollback(ctx) }, nil
}

// answered: it ran in this process.
func (d *sqlite) answered(context.Context, *lease) bool { return true }

// alone: what SQLite cannot run in a transaction is Maintenance to the plan.
func (d *sqlite) alone(*sqldep.Plan) bool { return false }

// commits: nothing does but COMMIT and the release of a savepoint.
func (d *sqlite) commits(*sqldep.Plan) bool { return false }

func (d *sqlite) lasting(*conn, *statement) bool { return false }

func (d *sqlite) savepointBegins() bool { return true }

func (d *sqlite) unprepared(error) bool { return false }

// beginOwn starts a transaction of ours on a fresh lease. A connection that is in
// one already was left so by somebody else in the same pool; it is closed, and
// another one tried.
//
// A driver may report that ctx ended although the BEGIN was carried out. Given
// back like that the connection would hold its locks for ever.
func (l *lease) beginOwn(ctx context.Context, text string) error {
	err := l.run(ctx, text)
	switch {
	case err == nil:
		return nil
	case !withinTx(err):
		l.rollback(ctx)
		return err
	case l.precious():
		return err
	}
	l.bad, l.sent = true, false
	return fmt.Errorf("%w: %w", driver.ErrBadConn, err)
}

func withinTx(err error) bool {
	return err != nil && strings.Contains(err.Error(), "within a transaction")
}

// state finds out by trying to begin one: SQLite refuses inside another.
func (d *sqlite) state(ctx context.Context, l *lease) state {
	switch err := l.run(ctx, "BEGIN"); {
	case withinTx(err):
		return stateOpen
	case err != nil:
		return stateUnknown
	}
	if err := l.run(ctx, "ROLLBACK"); err != nil {
		l.bad = true
		return stateUnknown
	}
	return stateNone
}

// SQLite's primary result codes after which a COMMIT has certainly not
// happened.
const (
	codeBusy       = 5
	codeLocked     = 6
	codeReadOnly   = 8
	codeConstraint = 19
)

func (d *sqlite) notCommitted(err error) bool {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		switch coded.Code() & 0xff {
		case codeBusy, codeLocked, codeReadOnly, codeConstraint:
			return true
		}
	}
	m := err.Error()
	return slices.ContainsFunc([]string{
		"no transaction is active", "database is locked", "constraint failed",
	}, func(s string) bool { return strings.Contains(m, s) })
}

// isBusy reports whether somebody else holds a lock.
func isBusy(err error) bool {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		code := coded.Code() & 0xff
		return code == codeBusy || code == codeLocked
	}
	return strings.Contains(err.Error(), "is locked")
}

// mayKeep: FAIL keeps rows after a broken constraint and after nothing else. Too
// deep a recursion of triggers undoes all, and so does a value of the wrong type
// for a STRICT table, though SQLite counts that among the constraints; within a
// transaction it forgets to, where it expected no failure but by FAIL.
func (d *sqlite) mayKeep(err error) bool {
	if err == nil {
		return true
	}
	if strings.Contains(err.Error(), "cannot store ") {
		return false
	}
	var coded interface{ Code() int }
	return !errors.As(err, &coded) || coded.Code()&0xff == codeConstraint
}

// quote quotes a name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quotedTable(t *catalog.Table) string { return quote(t.Schema) + "." + quote(t.Bare) }

// tuning are the pragmas that change how SQLite works and no answer of it: a
// connection on which one was set is like the others. Those that only other
// pragmas can tell are among them.
var tuning = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`analysis_limit application_id auto_vacuum busy_timeout cache_size cache_spill
		checkpoint_fullfsync default_cache_size fullfsync hard_heap_limit incremental_vacuum journal_mode
		journal_size_limit legacy_file_format locking_mode max_page_count mmap_size page_size secure_delete
		shrink_memory soft_heap_limit synchronous temp_store user_version wal_autocheckpoint wal_checkpoint`) {
		m[name] = true
	}
	return m
}()

// tunes reports whether a statement is such a pragma. Of the statements of
// these classes only pragmas have a name.
func (d *sqlite) tunes(p *sqldep.Plan) bool {
	return (p.Class == sqldep.Session || p.Class == sqldep.Maintenance) && tuning[p.Name]
}

func (d *sqlite) changesSession(p *sqldep.Plan, _ string) (why string, local bool) {
	switch {
	case anyPart(p, func(p *sqldep.Plan) bool { return p.Temp }):
		return "temporary objects", false
	case anyPart(p, func(p *sqldep.Plan) bool { return p.Class == sqldep.Session && !d.tunes(p) }):
		return "session state", false
	case anyPart(p, func(p *sqldep.Plan) bool { return p.Class == sqldep.Unrecognised }):
		return "unrecognised statement", false
	}
	return "", false
}
