package catalog

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
)

// ReadMySQL reads the catalog of the current database of q's connection: MySQL 8
// or MariaDB 10.5 and later. It takes about ten queries of information_schema,
// once per database; tables of other databases are not in it. What it cannot make
// out it marks; an error means that a query failed, or that the schema did not
// hold still for three attempts.
func ReadMySQL(ctx context.Context, q Query, s Session) (*Catalog, error) {
	return steady(ctx, q, StampMySQL, strings.Clone, func(stamp string) (*Catalog, error) {
		r := &myReader{
			q: q, session: s,
			cat: &Catalog{Dialect: MySQL, Tables: make(map[string]*Table), Stamp: stamp, ForeignKeys: true},
		}
		for _, step := range []struct {
			name string
			run  func(context.Context) error
		}{
			{"settings", r.settings},
			{"tables", r.tables},
			{"columns", r.columns},
			{"indexes", r.indexes},
			{"foreign keys", r.foreignKeys},
			{"views", r.views},
			{"routines", r.readRoutines},
			{"triggers", r.triggers},
		} {
			if err := step.run(ctx); err != nil {
				return nil, fmt.Errorf("read %s: %w", step.name, err)
			}
		}
		return r.cat, nil
	})
}

// myReader is one reading of MySQL's catalog.
type myReader struct {
	q        Query
	session  Session
	cat      *Catalog
	routines []*routine
	// others are the names of other databases.
	others []string

	schema     string // as the server spells it
	maria      bool
	utf8mb4    bool // the connection's character set
	plainQuery bool // the connection's collation is on the list
	noEmpty    bool // '' is NULL
}

func (r *myReader) rows(ctx context.Context, width int, sql string) ([][]driver.Value, error) {
	return wide(ctx, r.q, width, sql)
}

const mySettings = `
SELECT coalesce(DATABASE(), ''), VERSION(), @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection,
	@@session.time_zone, @@system_time_zone, @@session.sql_mode`

func (r *myReader) settings(ctx context.Context) error {
	rows, err := r.rows(ctx, 9, mySettings)
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return errShort
	}
	s := make([]string, len(rows[0]))
	for i := range s {
		s[i] = text(rows[0][i])
	}
	r.schema = s[0]
	r.maria = strings.Contains(s[1], "MariaDB")
	r.utf8mb4 = s[2] == "utf8mb4" && s[3] == "utf8mb4" && s[4] == "utf8mb4"
	r.noEmpty = strings.Contains(s[8], "EMPTY_STRING_IS_NULL")
	_, r.plainQuery = asciiCollation(s[5])
	zone := s[6]
	if zone == "SYSTEM" {
		zone = s[7]
	}
	r.session.UTC = r.session.UTC && (zone == "UTC" || zone == "+00:00" || zone == "Etc/UTC")
	if r.schema != "" {
		r.cat.Path = []string{strings.ToLower(r.schema)}
	}
	if rows, err = r.rows(ctx, 1, "SELECT schema_name FROM information_schema.schemata WHERE schema_name <> DATABASE()"); err != nil {
		return err
	}
	for _, row := range rows {
		r.others = append(r.others, strings.ToLower(text(row[0])))
	}
	return nil
}

const myTables = `
SELECT t.table_name, t.table_type, lower(coalesce(t.engine, '')), coalesce(e.transactions, 'NO')
FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine
WHERE t.table_schema = DATABASE()`

func (r *myReader) tables(ctx context.Context) error {
	rows, err := r.rows(ctx, 4, myTables)
	if err != nil {
		return err
	}
	for _, row := range rows {
		t := newTable(r.schema, text(row[0]))
		t.Temp = strings.Contains(text(row[1]), "TEMPORARY")
		t.Real = backquote(r.schema) + "." + backquote(text(row[0]))
		t.Engine = text(row[2])
		switch kind := text(row[1]); {
		case kind == "VIEW":
			t.IsView = true
		case kind == "SEQUENCE":
			t.Opaque = "sequence"
		case kind == "SYSTEM VERSIONED":
			t.Opaque = "system-versioned table"
		case kind == "SYSTEM VIEW":
			t.Opaque = "system table"
		case t.Engine == "memory":
			t.Opaque = "memory table" // a restart of the server empties it
		case slices.Contains(foreignEngines, t.Engine), t.Engine == "":
			t.Opaque = "foreign table"
		}
		t.NonTransactional = !t.IsView && text(row[3]) != "YES"
		r.cat.add(t)
	}
	return nil
}

// foreignEngines keep their rows elsewhere, or in other tables.
var foreignEngines = []string{"federated", "connect", "spider", "mrg_myisam", "blackhole", "csv", "s3", "oqgraph", "sphinx", "mroonga", "ndbcluster"}

func backquote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// table returns the table of that name in the current database.
func (r *myReader) table(name driver.Value) *Table {
	return r.cat.Tables[strings.ToLower(r.schema+"."+text(name))]
}
