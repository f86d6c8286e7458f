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
	return func(ctx context.Context, text string, args ...any) ([][]driver.Value, error) {
		return Drain(conn.QueryContext(ctx, text, args...))
	}
}

// Drain reads and closes the rows of a query, whose results it takes.
func Drain(rows *sql.Rows, err error) (out [][]driver.Value, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	into := make([]any, len(names))
	for rows.Next() {
		row := make([]driver.Value, len(names))
		for i := range row {
			into[i] = (*any)(&row[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return out, err
	}
	return out, rows.Close()
}
