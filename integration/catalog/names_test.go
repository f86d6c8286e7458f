package catalog_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
)

// TestPostgresNames resolves names as the server does: along the search path, the
// session's temporary tables first, system catalogs before anything that is not
// named before them.
func TestPostgresNames(t *testing.T) {
	db := live.Postgres(t, pgx.QueryExecModeCacheStatement, map[string]string{"search_path": "b, a"})
	db.SetMaxOpenConns(1)
	script(t, db, `CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA c;
		CREATE TABLE a.x (i int); CREATE TABLE b.x (i int); CREATE TABLE c.x (i int); CREATE TABLE a.y (i int); CREATE TABLE c.z (i int); CREATE TABLE a.views (i int);
		CREATE TABLE a.pg_class (i int); CREATE TABLE a.shadowed (i int); CREATE TEMP TABLE shadowed (i int)`)
	c := live.Catalog(t, db, catalog.Session{})
	for _, n := range []struct{ schema, name, want string }{
		{"", "x", "b.x"},
		{"", "X", "b.x"},
		{"a", "x", "a.x"},
		{"c", "x", "c.x"},
		{"", "y", "a.y"},
		{"", "z", ""},
		{"c", "z", "c.z"},
		{"", "views", "a.views"},
		{"information_schema", "views", "information_schema.views"},
		{"", "pg_class", "pg_catalog.pg_class"},
		{"", "shadowed", "pg_temp.shadowed"},
		{"a", "shadowed", "a.shadowed"},
		{"", "nothing", ""},
	} {
		got := ""
		if table, ok := c.Lookup(n.schema, n.name); ok {
			got = table.Name
		}
		if got != n.want {
			t.Errorf("%s.%s is %q, want %q", n.schema, n.name, got, n.want)
		}
	}
	// A floor that saw only a name must think of every schema.
	for name, n := range map[string]int{"x": 3, "z": 1, "shadowed": 2, "views": 1, "pg_class": 2, "nothing": 0} {
		if got := len(c.Named(name)); got != n {
			t.Errorf("%s names %d tables, want %d", name, got, n)
		}
	}
	if s := c.Tables["pg_temp.shadowed"]; !s.Temp {
		t.Error("a temporary table is not marked")
	}
	if s := c.Tables["pg_catalog.pg_class"]; s.Opaque == "" {
		t.Error("a system catalog is not opaque")
	}
}

func TestPostgresRowSecurity(t *testing.T) {
	for role, bypassed := range map[string]bool{"": true, "pg_monitor": false} {
		params := map[string]string{}
		if role != "" {
			params["role"] = role
		}
		db := live.Postgres(t, pgx.QueryExecModeCacheStatement, params)
		db.SetMaxOpenConns(1)
		script(t, db, `SET ROLE postgres; CREATE TABLE t (i int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE TABLE u (i int)`)
		if role != "" {
			script(t, db, "SET ROLE "+role)
		}
		c := live.Catalog(t, db, catalog.Session{})
		if len(c.Named("t")) == 0 {
			t.Fatal("no table")
		}
		if x := c.Named("t")[0]; !x.RowSecurity || x.RowSecurityBypassed != bypassed {
			t.Errorf("as %q: row security %v, bypassed %v", role, x.RowSecurity, x.RowSecurityBypassed)
		}
		if x := c.Named("u")[0]; x.RowSecurity || x.RowSecurityBypassed {
			t.Errorf("as %q: row security where there is none", role)
		}
	}
}

func TestPostgresFunctions(t *testing.T) {
	db := live.Postgres(t, pgx.QueryExecModeCacheStatement, nil)
	script(t, db, `CREATE FUNCTION mine(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
		CREATE FUNCTION upper(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'`)
	c := live.Catalog(t, db, catalog.Session{})
	for name, pure := range map[string]bool{
		"lower": true, "LENGTH": true, "abs": true, "count": true, "sum": true, "max": true, "coalesce": true, "nullif": true, "substr": true, "round": true, "row_number": true, "md5": true, "jsonb_array_length": true,
		"now": false, "random": false, "nextval": false, "to_char": false, "clock_timestamp": false, "current_setting": false, "pg_sleep": false, "gen_random_uuid": false, "age": false, "txid_current": false,
		"mine":  false, // a user's IMMUTABLE is a promise that nobody checks
		"upper": false, // one overload is volatile
		"none":  false,
	} {
		if c.PureFunction(name, 1) != pure {
			t.Errorf("%s: pure %v", name, !pure)
		}
	}
	// length(bytea, name) converts by what pg_conversion says, date_trunc of a
	// timestamptz by the session's zone.
	for _, name := range []string{"length", "date_trunc"} {
		if c.PureFunction(name, 2) {
			t.Errorf("%s of two arguments is pure", name)
		}
	}
}
