package pgxcache_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/pgxcache"
)

type tenantKey struct{}

// tenants is a pool that prepares each connection with what a context's tenant stands
// for, and whose entries are the tenant's.
func tenants(t *testing.T, prepare, standard string) (w *world, in func(tenant string) context.Context) {
	w = newWorld(t, func(c *pgxpool.Config) {
		c.MaxConns = 2
		c.PrepareConn = func(ctx context.Context, c *pgx.Conn) (bool, error) {
			tenant, ok := ctx.Value(tenantKey{}).(string)
			if !ok {
				tenant = standard
			}
			_, err := c.Exec(ctx, prepare+tenant)
			return true, err
		}
	}, &pgxcache.Options{Scope: func(ctx context.Context) (string, bool) {
		tenant, ok := ctx.Value(tenantKey{}).(string)
		return tenant, ok
	}})
	return w, func(tenant string) context.Context { return context.WithValue(t.Context(), tenantKey{}, tenant) }
}

// TestScopesWithPaths: a name means another table in each scope, and a plan is made
// for one of them.
func TestScopesWithPaths(t *testing.T) {
	for _, write := range []struct{ scope, text string }{
		{"a", "UPDATE b.item SET name = name || '1'"},
		{"b", "UPDATE item SET name = name || '1'"},
		{"b", "UPDATE b.item SET name = name || '1'"},
		{"a", "UPDATE a.item SET name = name || '1'; UPDATE b.item SET name = name || '1'"},
	} {
		t.Run(write.scope+": "+write.text, func(t *testing.T) {
			w, in := tenants(t, "SET search_path = ", "public")
			w.exec(w.bare, "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.item (id int PRIMARY KEY, name text); CREATE TABLE b.item (id int PRIMARY KEY, name text);"+
				"INSERT INTO a.item VALUES (1, 'a'); INSERT INTO b.item VALUES (1, 'b')")
			read := func(scope, from string) (s string) {
				must(t, w.pool.QueryRow(in(scope), "SELECT name FROM "+from+" WHERE id = 1").Scan(&s))
				return s
			}
			for range 3 {
				read("a", "item")
				read("b", "item")
				read("a", "b.item")
				read("b", "b.item")
			}
			_, err := w.pool.Exec(in(write.scope), write.text, pgx.QueryExecModeSimpleProtocol)
			must(t, err)
			for _, r := range []struct{ scope, from string }{{"b", "item"}, {"a", "b.item"}, {"b", "b.item"}} {
				if got := read(r.scope, r.from); got != "b1" {
					t.Errorf("%s reads %s from %s", r.scope, got, r.from)
				}
			}
		})
	}
}

// TestScopesWithRoles: rights alone leave each scope its hits.
func TestScopesWithRoles(t *testing.T) {
	w, in := tenants(t, "SET ROLE ", "NONE")
	w.exec(w.bare, "CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item VALUES (1, 'one'); GRANT SELECT ON item TO pg_monitor")
	for _, role := range []string{"postgres", "pg_monitor"} {
		var r cacheops.Report
		ctx := cacheops.With(in(role), cacheops.Call{Report: &r})
		for range 4 {
			var name string
			must(t, w.pool.QueryRow(ctx, "SELECT name FROM item WHERE id = 1").Scan(&name))
		}
		if !r.Hit {
			t.Errorf("%s has no hit: %+v", role, r)
		}
	}
}
