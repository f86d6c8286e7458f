package sqlcache

import (
	"context"
	"database/sql/driver"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

func (d *postgres) readCatalog(ctx context.Context, l *lease) (*catalog.Catalog, error) {
	d.readable.Clear()
	return catalog.ReadPostgres(ctx, d.unhindered(l), catalog.Session{})
}

func (d *postgres) stamp(ctx context.Context, l *lease) (string, error) {
	return catalog.StampPostgres(ctx, l.catalogQuery())
}

// beginUnhindered bounds how long what follows waits for a lock, in milliseconds. That
// is shorter than any wait that the server breaks up for a deadlock: somebody who waits
// for one of our locks in turn gets it.
const beginUnhindered = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL lock_timeout = 100"

// unhindered runs the catalog's queries: those that make the server print a
// definition, for which it locks the table, in a transaction of their own, so that no
// lock outlasts its query.
func (d *postgres) unhindered(l *lease) catalog.Query {
	plain := l.catalogQuery()
	return func(ctx context.Context, text string, args ...any) ([][]driver.Value, error) {
		if !strings.Contains(text, "pg_get_") || l.state(ctx) != stateNone {
			return plain(ctx, text, args...)
		}
		if _, err := l.exec(ctx, beginUnhindered, nil); err != nil {
			l.rollback(ctx)
			return nil, err
		}
		rows, err := plain(ctx, text, args...)
		l.rollback(ctx) // it is shorter than to ask which of the two fits
		return rows, err
	}
}
