// Package lite gives tests a real SQLite with a schema in it, and its catalog.
package lite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	_ "modernc.org/sqlite" // the real SQLite

	"github.com/cacheops/cacheops/internal/catalog"
)

// Open returns the one connection of a new database in memory, in which the
// statements of ddl have run. It is closed with the test.
func Open(t testing.TB, ddl string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := conn.ExecContext(t.Context(), ddl); err != nil {
		t.Fatalf("%v\nin %s", err, ddl)
	}
	return conn
}

// Catalog reads the catalog of conn's database.
func Catalog(t testing.TB, conn *sql.Conn) *catalog.Catalog {
	t.Helper()
	c, err := catalog.ReadSQLite(t.Context(), Query(conn))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Query adapts conn to the catalog's reader.
func Query(conn *sql.Conn) catalog.Query {
	return func(ctx context.Context, text string, args ...any) (out [][]driver.Value, err error) {
		rows, err := conn.QueryContext(ctx, text, args...)
		if err != nil {
			return nil, err
		}
		defer func() {
			if cerr := rows.Close(); err == nil {
				err = cerr
			}
		}()
		names, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			row, cells, into := make([]driver.Value, len(names)), make([]any, len(names)), make([]any, len(names))
			for i := range cells {
				into[i] = &cells[i]
			}
			if err := rows.Scan(into...); err != nil {
				return nil, err
			}
			for i := range cells {
				row[i] = cells[i]
			}
			out = append(out, row)
		}
		return out, rows.Err()
	}
}
