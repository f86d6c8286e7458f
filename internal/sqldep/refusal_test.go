package sqldep

import (
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
)

// TestCatalogRefuses: what the catalog says of operators, casts, columns and
// views decides with the syntax whether a read may be cached.
func TestCatalogRefuses(t *testing.T) {
	column := func(name string, kind catalog.Kind) catalog.Column {
		return catalog.Column{Name: name, Form: catalog.Form{Dialect: catalog.PostgreSQL, Kind: kind}}
	}
	fresh := func() *catalog.Catalog {
		c := shop(catalog.PostgreSQL)
		c.Tables["main.t"].Columns = []catalog.Column{
			column("at", catalog.Timestamp), column("name", catalog.VarText), column("both", catalog.Date),
			{Name: "zoned", Zoned: true, Form: catalog.Form{Dialect: catalog.PostgreSQL}},
			column("hour", catalog.Clock),
		}
		c.Tables["main.u"].Columns = []catalog.Column{column("both", catalog.VarText)}
		c.Index()
		return c
	}
	view := func(body string) func(*catalog.Catalog) {
		return func(c *catalog.Catalog) { c.Tables["main.recent"].View = "CREATE VIEW recent AS " + body }
	}
	for _, tt := range []struct {
		sql    string
		change func(*catalog.Catalog)
		class  Class
		cached bool
	}{
		{"SELECT name FROM t WHERE name = 'x'", nil, Read, true},
		{"SELECT name FROM t WHERE name = 'x'", func(c *catalog.Catalog) { c.OddOperators = map[string]bool{"=": true} }, Write, false},
		{"SELECT name FROM t WHERE name IN ('x')", func(c *catalog.Catalog) { c.OddOperators = map[string]bool{"=": true} }, Write, false},
		{"SELECT name FROM t WHERE name === 'x'", func(c *catalog.Catalog) { c.OddOperators = map[string]bool{"===": true} }, Write, false},
		{"SELECT name FROM t WHERE name === 'x'", func(c *catalog.Catalog) { c.OddOperators = map[string]bool{} }, Read, true},
		{"SELECT name FROM t", func(c *catalog.Catalog) { c.OddCasts = true }, Write, false},
		{"UPDATE t SET name = 'x'", func(c *catalog.Catalog) { c.OddCasts = true }, Write, false},
		{"SELECT at::date FROM t", nil, Read, true},
		{"SELECT (t.at + interval '1 day')::date FROM t", nil, Read, true},
		{"SELECT name::date FROM t", nil, Read, false},
		{"SELECT both::date FROM t", nil, Read, true},
		{"SELECT t.both::date FROM t, u", nil, Read, false},
		{"SELECT x.at::date FROM (SELECT name AS at FROM t) x", nil, Read, false},
		{"SELECT x.at::date FROM t AS x(a, at)", nil, Read, false},
		{"SELECT zoned, max(zoned), hour FROM t WHERE hour > '10:00' GROUP BY zoned ORDER BY zoned", nil, Read, true},
		{"SELECT name FROM t WHERE zoned = hour", nil, Read, false},
		{"SELECT name FROM t WHERE zoned > '10:00'", nil, Read, false},
		{"SELECT name FROM t WHERE zoned > $1", nil, Read, false},
		{"SELECT coalesce(zoned, hour) FROM t", nil, Read, false},
		{"SELECT zoned FROM t UNION SELECT hour FROM t", nil, Read, false},
		{"SELECT id FROM recent", view("SELECT id FROM posts, t WHERE hour = zoned"), Read, false},
		{"SELECT t FROM t", nil, Read, true},
		{"SELECT t.xmin FROM t", nil, Read, false},
		{"SELECT ctid FROM t", nil, Read, false},
		{"SELECT missing FROM t", nil, Read, false},
		{"SELECT t.touch FROM t", nil, Write, false},
		{"SELECT id FROM recent", view("SELECT id FROM posts"), Read, true},
		{"SELECT id FROM recent", func(c *catalog.Catalog) { c.Tables["main.recent"].View = " SELECT id AS id FROM posts;" }, Read, true},
		{"SELECT id FROM recent", view("SELECT id FROM posts WHERE day = current_date"), Read, false},
		{"SELECT id FROM recent", view("SELECT id FROM posts WHERE day = 'today'::date"), Read, false},
		{"SELECT id FROM recent", view("SELECT touch(id) AS id FROM posts"), Write, false},
		{"SELECT id FROM recent", view("SELECT public.lower(id) AS id FROM posts"), Write, false},
		{"SELECT id FROM recent", view("SELECT id FROM broken"), Write, false},
		{"SELECT id FROM recent", view("SELECT id, count(*) OVER (PARTITION BY a), lower(b::varchar(5)) FROM posts WHERE c IN (1)"), Read, true},
		{"SELECT id FROM recent", view("SELECT id FROM posts FOR UPDATE"), Read, false},
	} {
		c := fresh()
		if tt.change != nil {
			tt.change(c)
		}
		b := NewPlanner(catalog.PostgreSQL, 1).Plan(tt.sql, c)
		cached := b.Class == Read && b.Uncacheable == ""
		if b.Class != tt.class || cached != tt.cached {
			t.Errorf("%s: class %d, cached %v (%s)", tt.sql, b.Class, cached, b.Uncacheable)
		}
		if b.Class == Write && !b.Everything {
			t.Errorf("%s: a write in disguise touches %v only", tt.sql, b.Tables)
		}
	}
}
