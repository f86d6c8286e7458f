package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cacheops/cacheops/internal/catalog"
)

func (d *mysql) readCatalog(ctx context.Context, l *lease) (*catalog.Catalog, error) {
	return catalog.ReadMySQL(ctx, d.unhindered(l), catalog.Session{})
}

func (d *mysql) stamp(ctx context.Context, l *lease) (string, error) {
	return catalog.StampMySQL(ctx, d.unhindered(l))
}

// unhinderedPrefix keeps a query from waiting for tables, and its warnings from being
// forgotten.
const unhinderedPrefix = "SET STATEMENT lock_wait_timeout = 0, max_error_count = 65535 FOR "

var errTablesLocked = errors.New("a table is locked, of which the server tells only what it knows")

// unhindered runs the catalog's queries. MariaDB opens the tables that
// information_schema tells of, and leaves out what it has waited for in vain, its
// columns, triggers and references, with no more than a warning; on a connection with a
// lock, as ours have, it does not wait at all. MySQL has a dictionary for that.
func (d *mysql) unhindered(l *lease) catalog.Query {
	plain := l.catalogQuery()
	return func(ctx context.Context, text string, args ...any) ([][]driver.Value, error) {
		if !d.maria || !strings.Contains(text, "information_schema") {
			return plain(ctx, text, args...)
		}
		for try := 0; ; try++ {
			rows, err := plain(ctx, unhinderedPrefix+text, args...)
			if err != nil {
				return nil, err
			}
			locked, err := l.leftOut(ctx)
			if err != nil || !locked {
				return rows, err
			}
			if try == unhinderedTries {
				return nil, errTablesLocked
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(unhinderedStep):
			}
		}
	}
}

// Most DDL locks its table for a moment alone, that of other databases as well, whose
// references are asked for.
const (
	unhinderedTries = 10
	unhinderedStep  = 10 * time.Millisecond
)

// leftOut reports whether the latest query was not told of all.
func (l *lease) leftOut(ctx context.Context) (bool, error) {
	warnings, err := l.all(ctx, "SHOW WARNINGS", nil)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(warnings, func(w []driver.Value) bool {
		const columns = 3 // the level, the code, the text
		return len(w) != columns || printed(w[1]) == myWaited || printed(w[1]) == mySkipped
	}), nil
}

// The codes of the warnings that say so.
const (
	myWaited  = "1205"
	mySkipped = "1684"
)
