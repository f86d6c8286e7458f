package pgxcache

import (
	"context"
	"database/sql/driver"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/sqlcache"
)

// copyFrom copies within the open transaction, or one of its own. The engine is
// told of a COPY with that table.
func (s *session) copyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (n int64, err error) {
	list := []sqlcache.Statement{{Text: "COPY " + table.Sanitize() + " FROM STDIN"}}
	err = s.Together(ctx, list, func(c driver.Conn) (err error) {
		n, err = c.(*real).pgx().CopyFrom(ctx, table, columns, src)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
