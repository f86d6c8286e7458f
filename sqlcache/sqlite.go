package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// What the adapter knows of SQLite beyond its SQL.

var errDialect = errors.New("sqlcache: not a database of a known dialect (SQLite)")

// detect finds out the dialect by asking for something that only SQLite has.
func (e *engine) detect(ctx context.Context, l *lease) error {
	name := strings.ToLower(fmt.Sprintf("%T", e.inner.Driver()))
	if !strings.Contains(name, "sqlite") {
		if _, err := l.all(ctx, "SELECT sqlite_version()", nil); err != nil {
			return errors.Join(errDialect, err)
		}
	}
	e.dialect = catalog.SQLite
	rows, err := l.all(ctx, "PRAGMA read_uncommitted", nil)
	if err != nil {
		return err
	}
	e.dirty = len(rows) == 1 && rows[0][0] != int64(0)
	return nil
}

// identify returns the database's logical name, and what tells it from others
// of that name.
func (e *engine) identify(ctx context.Context, l *lease) (name, identity string, err error) {
	file, err := mainFile(ctx, l)
	if err != nil {
		return "", "", err
	}
	if file == "" {
		// A database in memory with a shared cache looks the same as a private one.
		// It is taken for private, which costs caching where there are several
		// connections.
		e.inMemory = true
		file = uniqueName("memory")
	} else if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	if e.opts.Name == "" {
		return file, file, nil
	}
	return e.opts.Name, file, nil
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

func text(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// readCatalog reads the catalog as of one moment.
func (e *engine) readCatalog(ctx context.Context, l *lease) (*catalog.Catalog, error) {
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
	cat.Functions = e.opts.pureFunctions()
	if e.foreign {
		// Others may turn the actions on, on connections that we come to lease.
		cat.ForeignKeys = true
	}
	return cat, nil
}

func (e *engine) stamp(ctx context.Context, l *lease) (string, error) {
	return catalog.StampSQLite(ctx, l.catalogQuery())
}

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

// state says whether a connection is in a transaction.
type state uint8

const (
	stateUnknown state = iota
	stateOpen
	stateNone
)

// state finds out by trying to begin one: SQLite refuses inside another.
func (l *lease) state(ctx context.Context) state {
	if l.bad {
		return stateUnknown
	}
	ctx, cancel := settle(ctx)
	defer cancel()
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

// settleTime bounds what must be done whether or not the caller still waits.
const settleTime = 30 * time.Second

// settle returns the context for that. Whoever cannot give up waits as without
// the cache, and needs no clock.
func settle(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Done() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}

// rollback ends the transaction, or the connection where that fails.
func (l *lease) rollback(ctx context.Context) {
	if l.bad {
		return
	}
	ctx, cancel := settle(ctx)
	defer cancel()
	if err := l.run(ctx, "ROLLBACK"); err != nil && l.state(ctx) != stateNone {
		l.bad = true
	}
}

// SQLite's primary result codes after which a COMMIT has certainly not
// happened.
const (
	codeBusy       = 5
	codeLocked     = 6
	codeReadOnly   = 8
	codeConstraint = 19
)

// notCommitted reports whether a COMMIT that failed with err has certainly not
// happened.
func notCommitted(err error) bool {
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

// mayFail reports whether a statement that ended with err may have kept rows:
// FAIL keeps them after a broken constraint and after nothing else. Too deep a
// recursion of triggers undoes all, and so does a value of the wrong type for a
// STRICT table, though SQLite counts that among the constraints; within a
// transaction it forgets to, where it expected no failure but by FAIL.
func mayFail(err error) bool {
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
func tunes(p *sqldep.Plan) bool {
	return (p.Class == sqldep.Session || p.Class == sqldep.Maintenance) && tuning[p.Name]
}
