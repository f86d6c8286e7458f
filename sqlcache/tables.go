package sqlcache

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// TableNames lists the tables of a cached database by their resolved names
// ("main.users"), sorted: what an invalidation by hand may name. Views are not
// among them, for no entry depends on a view but on what lies under it. It fails
// on a database that is not cached.
func TableNames(ctx context.Context, db *sql.DB) (names []string, err error) {
	err = onConn(ctx, db, func(c *conn) error {
		st, err := c.statement(ctx, "SELECT 1")
		if err != nil {
			return err
		}
		for name, t := range st.schema.catalog.Tables {
			if !t.IsView && !t.Temp && t.Opaque != "system table" {
				names = append(names, name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	slices.Sort(names)
	return names, nil
}
