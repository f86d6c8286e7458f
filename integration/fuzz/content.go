package fuzz

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// content is all that a database holds, as a text that is equal for equal
// contents.
func content(ctx context.Context, db *sql.DB) (string, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	all := func(text string) (answer, error) {
		a := readRows(conn.QueryContext(ctx, text))
		return a, a.err
	}
	schema, err := all("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2")
	if err != nil {
		return "", fmt.Errorf("read the schema: %w", err)
	}
	names, err := all("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY 1")
	if err != nil {
		return "", fmt.Errorf("read the tables: %w", err)
	}
	var b strings.Builder
	b.WriteString(strings.Join(schema.rows, "\n"))
	for _, name := range names.rows {
		rows, err := all("SELECT * FROM " + name) // quoted by row
		if err != nil {
			return "", fmt.Errorf("read %s: %w", name, err)
		}
		fmt.Fprintf(&b, "\n-- %s\n%s", name, strings.Join(sorted(rows.rows), "\n"))
	}
	return b.String(), nil
}
