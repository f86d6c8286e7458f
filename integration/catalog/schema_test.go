package catalog_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
)

// script runs DDL of several statements.
func script(t testing.TB, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.ExecContext(context.Background(), text, extra(db)...); err != nil {
		t.Fatalf("%v\nin %s", err, text)
	}
}

// extra lets pgx take several statements at once.
func extra(db *sql.DB) []any {
	if live.IsMySQL(db) {
		return nil
	}
	return []any{pgx.QueryExecModeSimpleProtocol}
}

// TestPostgresCatalog and TestMariaDBCatalog read the schemas in testdata from a
// live server. A case is DDL, a line of dashes, and what the catalog says of it.
func TestPostgresCatalog(t *testing.T) {
	schemas(t, "testdata/postgres/schemas.txt", func() *sql.DB {
		return live.Postgres(t, pgx.QueryExecModeCacheStatement, map[string]string{"TimeZone": "UTC"})
	})
}

func TestMariaDBCatalog(t *testing.T) {
	schemas(t, "testdata/mariadb/schemas.txt", func() *sql.DB { return live.MySQL(t, true, "time_zone='%2B00:00'") })
}

func schemas(t *testing.T, file string, open func() *sql.DB) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for c := range strings.SplitSeq(strings.TrimSpace(string(raw)), "\n\n") {
		ddl, want, _ := strings.Cut(c, "\n----\n")
		db := open()
		script(t, db, ddl)
		got := formDump(live.Catalog(t, db, catalog.Session{UTC: true}))
		if got != want && !*rewrite {
			t.Errorf("%s: %s\ngot\n%s\nwant\n%s", file, ddl, got, want)
		}
		out = append(out, ddl+"\n----\n"+got)
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// formDump is dump for catalogs with Forms. The name of MySQL's database, new for
// each test, is left out.
func formDump(c *catalog.Catalog) string {
	var lines []string
	for _, t := range c.Tables {
		if t.Opaque != "system table" {
			lines = append(lines, dumpFormed(t))
		}
	}
	slices.Sort(lines)
	text := strings.Join(lines, "\n")
	if len(c.OddOperators) > 0 || c.OddCasts {
		text += fmt.Sprintf("\nodd operators %v, casts %v", slices.Sorted(maps.Keys(c.OddOperators)), c.OddCasts)
	}
	if c.Dialect == catalog.MySQL {
		text = strings.ReplaceAll(text, c.Path[0]+".", "")
	}
	return text
}

func dumpFormed(t *catalog.Table) string {
	var b strings.Builder
	b.WriteString(t.Name)
	flag := func(on bool, s string) {
		if on {
			b.WriteString(" " + s)
		}
	}
	flag(t.IsView || t.Materialized, "view over "+strings.Join(t.Base, ","))
	flag(t.Materialized, "materialized")
	flag(t.Barrier, "barrier")
	flag(t.Opaque != "", "("+t.Opaque+")")
	flag(t.Root != "", "root="+t.Root)
	flag(t.Inherited, "inherited")
	flag(t.RowSecurity, "row security")
	flag(t.RowSecurityBypassed, "bypassed")
	flag(t.HasOddKeys, "odd keys")
	flag(t.NonTransactional, "not transactional")
	flag(t.Temp, "temp")
	for i := range t.Columns {
		c := &t.Columns[i]
		fmt.Fprintf(&b, "\n  %s %s: %s", c.Name, c.Type, dumpForm(&c.Form))
		flag(c.Collation != "" && c.Collation != "default" && c.Collation != "utf8mb4_general_ci", c.Collation)
		flag(c.NotNull, "notnull")
		flag(c.Identity != "", c.Identity)
		flag(c.AutoUpdated, "auto-updated")
		flag(c.Hidden, "hidden")
		flag(!c.Generated && c.Default.String() != "NULL", "default "+c.Default.String())
		flag(c.Generated, "generated from "+strings.Join(c.GeneratedFrom, ","))
		flag(c.GeneratedPure, "pure")
	}
	for _, k := range t.Keys {
		fmt.Fprintf(&b, "\n  key %s", strings.Join(k.Columns, ","))
		flag(k.Primary, "primary")
		flag(k.Pins, "pins")
	}
	for _, k := range t.Children {
		fmt.Fprintf(&b, "\n  child %s(%s) -> (%s) delete %s update %s", k.Child, strings.Join(k.Columns, ","), strings.Join(k.ParentColumns, ","), k.OnDelete, k.OnUpdate)
	}
	for _, tr := range t.Triggers {
		fmt.Fprintf(&b, "\n  trigger %s %s %s of %v writes %s", tr.Name, tr.When, tr.Event, tr.Of, strings.Join(tr.Writes, ","))
		flag(tr.PerStatement, "per statement")
		flag(tr.Unclear, "unclear")
	}
	return b.String()
}

func dumpForm(f *catalog.Form) string {
	parts := []string{f.Kind.String()}
	add := func(on bool, format string, args ...any) {
		if on {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(f.Unsigned, "unsigned")
	add(f.Bits > 1, "%d bits", f.Bits)
	add(f.Length > 0, "up to %d", f.Length)
	add(f.Text.Bytes && f.Length > 0, "bytes")
	add(f.Precision > 0, "%d digits", f.Precision)
	add(f.Scale != 0, "scale %d", f.Scale)
	add(f.Labels != nil, "%q", f.Labels)
	add(f.Text.Fold == catalog.FoldNone, "by bytes")
	add(f.Text.Fold == catalog.FoldASCII, "folded")
	add(f.Text.Trim, "trimmed")
	add(f.Text.ASCII, "ascii")
	add(f.Text.Ordered, "ordered")
	return strings.Join(parts, " ")
}
