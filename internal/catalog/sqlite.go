package catalog

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Query runs a query on one connection and returns its rows. The values need
// not be valid longer than until the next call.
type Query func(ctx context.Context, sql string, args ...any) ([][]driver.Value, error)

// errMoving says that the schema changed each time it was read.
var errMoving = errors.New("the schema keeps changing")

// ReadSQLite reads the catalog of a SQLite database, of all schemas that q's
// connection has attached, its temporary one included. What it cannot make out
// it marks; an error means that a query failed, or that the schema did not hold
// still for three attempts.
//
// A collation or function that the program has put in the place of a built-in
// one of the same name cannot be seen here.
func ReadSQLite(ctx context.Context, q Query) (*Catalog, error) {
	const attempts = 3
	for range attempts {
		before, err := StampSQLite(ctx, q)
		if err != nil {
			return nil, err
		}
		c, err := readSQLite(ctx, q, before)
		if err != nil {
			return nil, err
		}
		after, err := StampSQLite(ctx, q)
		if err != nil {
			return nil, err
		}
		if before == after {
			return c, nil
		}
	}
	return nil, fmt.Errorf("read catalog: %w", errMoving)
}

// StampSQLite returns the present Stamp of a database's schema. It reads a few
// integers: the file's header, once per attached schema.
func StampSQLite(ctx context.Context, q Query) (string, error) {
	schemas, err := attached(ctx, q)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, s := range schemas {
		n, err := pragma(ctx, q, s.name, "schema_version")
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%q %q %d\n", s.name, s.file, n)
	}
	return b.String(), nil
}

// schema is an attached schema. file is its file, for those beside temp and
// main: another file may be attached under the same name.
type schema struct{ name, file string }

// attached lists the schemas in the order of name resolution.
func attached(ctx context.Context, q Query) ([]schema, error) {
	rows, err := q(ctx, "PRAGMA database_list")
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", err)
	}
	var temp, rest []schema
	for _, r := range rows {
		if len(r) < 3 {
			return nil, fmt.Errorf("list schemas: %w", errShort)
		}
		s := schema{name: text(r[1]), file: text(r[2])}
		switch strings.ToLower(s.name) {
		case "temp":
			temp = append(temp, schema{name: s.name})
		case "main":
			rest = append(rest, schema{name: s.name})
		default:
			rest = append(rest, s)
		}
	}
	return append(temp, rest...), nil
}

var errShort = errors.New("unexpected form of rows")

// pragma returns the integer that a pragma of a schema answers.
func pragma(ctx context.Context, q Query, schema, name string) (int64, error) {
	rows, err := q(ctx, "PRAGMA "+quote(schema)+"."+name)
	if err != nil {
		return 0, fmt.Errorf("read pragma %s: %w", name, err)
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return 0, fmt.Errorf("read pragma %s: %w", name, errShort)
	}
	return number(rows[0][0]), nil
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func text(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

func number(v driver.Value) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case string, []byte: // MySQL's text protocol
		n, err := strconv.ParseInt(text(v), 10, 64)
		if err != nil {
			return 0
		}
		return n
	case bool:
		if v {
			return 1
		}
	}
	n, _ := Whole(v)
	return n
}

// reader is one reading of a catalog.
type reader struct {
	q     Query
	cat   *Catalog
	utf16 bool
	// parents are the names that foreign keys refer to, as long as not all tables
	// are known; triggers wait for the same.
	foreign  []*ForeignKey
	triggers []pendingTrigger
}

func readSQLite(ctx context.Context, q Query, stamp string) (*Catalog, error) {
	r := &reader{q: q, cat: &Catalog{Dialect: SQLite, Tables: make(map[string]*Table), Stamp: stamp}}
	schemas, err := attached(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := r.settings(ctx); err != nil {
		return nil, err
	}
	r.cat.Path = []string{"temp"}
	for _, s := range schemas {
		if name := strings.ToLower(s.name); name != "temp" {
			r.cat.Path = append(r.cat.Path, name)
		}
		if err := r.schema(ctx, s.name); err != nil {
			return nil, fmt.Errorf("read schema %s: %w", s.name, err)
		}
	}
	r.cat.Index()
	for _, t := range r.cat.Tables {
		_, stat1 := r.cat.Tables[t.Schema+".sqlite_stat1"]
		_, stat4 := r.cat.Tables[t.Schema+".sqlite_stat4"]
		t.Analyzed = stat1 || stat4
	}
	r.resolveForeignKeys()
	r.resolveTriggers()
	r.resolveViews()
	return r.cat, nil
}

func (r *reader) settings(ctx context.Context) error {
	fk, err := pragma(ctx, r.q, "main", "foreign_keys")
	if err != nil {
		return err
	}
	rt, err := pragma(ctx, r.q, "main", "recursive_triggers")
	if err != nil {
		return err
	}
	// The pragma case_sensitive_like sets and cannot be asked.
	like, err := r.q(ctx, "SELECT 'a' LIKE 'A'")
	if err != nil {
		return fmt.Errorf("probe LIKE: %w", err)
	}
	enc, err := r.q(ctx, "PRAGMA encoding")
	if err != nil {
		return fmt.Errorf("read pragma encoding: %w", err)
	}
	if len(like) != 1 || len(enc) != 1 {
		return errShort
	}
	r.cat.ForeignKeys, r.cat.RecursiveTriggers = fk != 0, rt != 0
	r.cat.CaseSensitiveLike = number(like[0][0]) == 0
	r.utf16 = text(enc[0][0]) != "UTF-8"
	return nil
}

// schema reads the tables, views and triggers of one schema.
func (r *reader) schema(ctx context.Context, name string) error {
	ddl, err := r.ddl(ctx, name)
	if err != nil {
		return err
	}
	rows, err := r.q(ctx, "PRAGMA "+quote(name)+".table_list")
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	for _, row := range rows {
		if len(row) < 6 || !strings.EqualFold(text(row[0]), name) {
			continue
		}
		t := newTable(name, text(row[1]))
		t.WithoutRowID, t.Strict = number(row[4]) != 0, number(row[5]) != 0
		if err := r.table(ctx, t, text(row[1]), text(row[2]), ddl[t.Bare]); err != nil {
			return fmt.Errorf("read table %s: %w", t.Bare, err)
		}
		r.cat.add(t)
	}
	// The schema table answers to several names.
	for _, alias := range []string{"sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"} {
		if t := newTable(name, alias); r.cat.Tables[t.Name] == nil {
			t.Opaque = "system table"
			r.cat.add(t)
		}
	}
	return nil
}

func newTable(schema, name string) *Table {
	s, n := strings.ToLower(schema), strings.ToLower(name)
	return &Table{Name: s + "." + n, Schema: s, Bare: n, Temp: s == "temp"}
}

// add enters t. Names are compared without case, which no database does quite:
// SQLite folds only ASCII letters, PostgreSQL and MySQL keep "Users" apart from
// "users". Two tables that share what is one name here are both in doubt.
func (c *Catalog) add(t *Table) {
	if other := c.Tables[t.Name]; other != nil {
		*other = Table{Name: t.Name, Schema: t.Schema, Bare: t.Bare, Temp: t.Temp || other.Temp, Opaque: "ambiguous name"}
		return
	}
	c.Tables[t.Name] = t
}

// ddl returns the CREATE statements of tables and views by name, and keeps the
// triggers for later.
func (r *reader) ddl(ctx context.Context, schema string) (map[string]string, error) {
	rows, err := r.q(ctx, "SELECT type, name, tbl_name, sql FROM "+quote(schema)+".sqlite_master WHERE sql IS NOT NULL")
	if err != nil {
		return nil, fmt.Errorf("read schema table: %w", err)
	}
	ddl := make(map[string]string)
	for _, row := range rows {
		if len(row) != 4 {
			return nil, errShort
		}
		switch text(row[0]) {
		case "table", "view":
			ddl[strings.ToLower(text(row[1]))] = text(row[3])
		case "trigger":
			r.triggers = append(r.triggers, pendingTrigger{
				schema: strings.ToLower(schema), name: strings.ToLower(text(row[1])),
				table: strings.ToLower(text(row[2])), sql: text(row[3]),
			})
		}
	}
	return ddl, nil
}
