package catalog

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ReadPostgres reads the catalog of the database that q's connection is in:
// PostgreSQL 13 or later. It takes about ten queries, once per database; Path is
// the search path of q's session. What it cannot make out it marks; an error
// means that a query failed, or that the schema did not hold still for three
// attempts.
func ReadPostgres(ctx context.Context, q Query, s Session) (*Catalog, error) {
	return steady(ctx, q, StampPostgres, pgStructure, func(stamp string) (*Catalog, error) {
		r := &pgReader{
			q: q, session: s, byOID: make(map[int64]*Table), attributes: make(map[int64]map[int64]pgAttribute),
			cat: &Catalog{Dialect: PostgreSQL, Tables: make(map[string]*Table), Stamp: stamp, ForeignKeys: true},
		}
		for _, step := range []struct {
			name string
			run  func(context.Context) error
		}{
			{"settings", r.settings},
			{"relations", r.relations},
			{"types", r.readTypes},
			{"columns", r.columns},
			{"indexes", r.indexes},
			{"inheritance", r.inheritance},
			{"foreign keys", r.foreignKeys},
			{"functions", r.functions},
			{"views", r.views},
			{"policies", r.policies},
			{"triggers", r.triggers},
		} {
			if err := step.run(ctx); err != nil {
				return nil, fmt.Errorf("read %s: %w", step.name, err)
			}
		}
		return r.cat, nil
	})
}

// steady reads a catalog until what its stamp says of the structure is the same
// before and after. What else the stamp tells of, a later one is compared with as it
// was before.
func steady(
	ctx context.Context, q Query, stamp func(context.Context, Query) (string, error), structure func(stamp string) string, read func(stamp string) (*Catalog, error),
) (*Catalog, error) {
	const attempts = 3
	for range attempts {
		before, err := stamp(ctx, q)
		if err != nil {
			return nil, err
		}
		c, err := read(before)
		if err != nil {
			return nil, fmt.Errorf("read catalog: %w", err)
		}
		after, err := stamp(ctx, q)
		if err != nil {
			return nil, err
		}
		if structure(before) == structure(after) {
			return c, nil
		}
	}
	return nil, fmt.Errorf("read catalog: %w", errMoving)
}

// pgReader is one reading of PostgreSQL's catalog.
type pgReader struct {
	q          Query
	session    Session
	cat        *Catalog
	byOID      map[int64]*Table
	types      map[int64]*pgType
	routines   map[int64]*routine
	attributes map[int64]map[int64]pgAttribute
	defaults   []pgExpression

	utf8       bool // the server's encoding
	ordered    bool // the database's own collation sorts by bytes
	shortFloat bool // floats are printed so that they can be read back
}

// rows runs a query and checks its rows' width.
func (r *pgReader) rows(ctx context.Context, width int, sql string) ([][]driver.Value, error) {
	return wide(ctx, r.q, width, sql)
}

func wide(ctx context.Context, q Query, width int, sql string) ([][]driver.Value, error) {
	rows, err := q(ctx, sql)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if len(row) != width {
			return nil, errShort
		}
	}
	return rows, nil
}

const pgSettings = `
SELECT current_setting('server_encoding'), current_setting('TimeZone'),
	current_setting('extra_float_digits')::int8, array_to_json(current_schemas(true))::text,
	coalesce(to_jsonb(d)->>'datlocprovider', 'c'), d.datcollate::text
FROM pg_database d WHERE d.datname = current_database()`

func (r *pgReader) settings(ctx context.Context) error {
	rows, err := r.rows(ctx, 6, pgSettings)
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return errShort
	}
	row := rows[0]
	r.utf8 = text(row[0]) == "UTF8"
	r.shortFloat = number(row[2]) >= 1
	r.ordered = bytewise(text(row[4]), text(row[5]))
	switch text(row[1]) {
	case "UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu", "GMT", "Etc/GMT":
	default:
		r.session.UTC = false
	}
	var path []string
	if err := json.Unmarshal([]byte(text(row[3])), &path); err != nil {
		return fmt.Errorf("parse search path: %w", err)
	}
	for _, s := range path {
		r.cat.Path = append(r.cat.Path, pgSchema(s))
	}
	return nil
}

// bytewise reports whether a collation sorts by bytes. glibc's C.UTF-8 does only
// in some versions; PostgreSQL's own provider always does.
func bytewise(provider, locale string) bool {
	return provider == "b" || provider == "c" && (locale == "C" || locale == "POSIX")
}

// pgSchema is a schema's name in lower case; the session's own temporary one has
// a number behind it, and answers to pg_temp.
func pgSchema(s string) string {
	if strings.HasPrefix(s, "pg_temp_") {
		return "pg_temp"
	}
	return strings.ToLower(s)
}

// pgNoTemp leaves out what other sessions keep for themselves.
const pgNoTemp = `(c.relpersistence <> 't' OR c.relnamespace = pg_my_temp_schema())
	AND n.nspname NOT LIKE 'pg\_toast%'`

const pgRelations = `
SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence = 't',
	c.relrowsecurity, NOT row_security_active(c.oid), coalesce(array_to_string(c.reloptions, ','), ''),
	CASE WHEN c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') THEN pg_get_viewdef(c.oid) ELSE '' END,
	n.nspname IN ('pg_catalog', 'information_schema'), quote_ident(n.nspname) || '.' || quote_ident(c.relname),
	c.relpersistence = 'u'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ` + pgNoTemp

func (r *pgReader) relations(ctx context.Context) error {
	rows, err := r.rows(ctx, 12, pgRelations)
	if err != nil {
		return err
	}
	for _, row := range rows {
		t := newTable(pgSchema(text(row[1])), text(row[2]))
		t.Temp, t.Real = number(row[4]) != 0, text(row[10])
		t.RowSecurity, t.RowSecurityBypassed = number(row[5]) != 0, number(row[5]) != 0 && number(row[6]) != 0
		options := strings.Split(text(row[7]), ",")
		t.Barrier = slices.Contains(options, "security_barrier=true") || slices.Contains(options, "security_barrier=on")
		kind := text(row[3])
		switch {
		case number(row[9]) != 0:
			t.Opaque = "system table"
			t.IsView = kind == "v"
		case kind == "v":
			t.IsView, t.View = true, text(row[8])
		case kind == "m":
			t.Materialized, t.View = true, text(row[8])
		case kind == "f":
			t.Opaque = "foreign table"
		case kind == "S":
			t.Opaque = "sequence"
		case number(row[11]) != 0:
			t.Opaque = "unlogged table" // a crash of the server empties it
		}
		r.byOID[number(row[0])] = t
		r.cat.add(t)
	}
	return nil
}
