package catalog_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
)

const document = "../../docs/catalogs.md"

// forms are the Go types that a program passes, with values that some column
// takes.
var forms = []struct {
	name   string
	values []any
}{
	{"int64", []any{int64(1), int64(5), int64(2024)}},
	{"float64", []any{float64(1), 1.5}},
	{"bool", []any{true}},
	{"string", []any{"1", "1.5", "a", "big", "true", "2024-01-02", "2024-01-02 10:00:00", "2024-01-02 10:00:00+00:00", "10:00:00", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", `\x61`}},
	{"[]byte", []any{[]byte("a"), []byte("1"), []byte("2024-01-02")}},
	{"time.Time", []any{time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2024, 1, 2, 10, 0, 0, 0, time.UTC)}},
}

// TestDocument generates the tables of docs/catalogs.md from live catalogs.
func TestDocument(t *testing.T) {
	open := map[string]func() (bare, promised []*catalog.Table, types []string){
		"postgres": func() (bare, promised []*catalog.Table, types []string) {
			db := live.Postgres(t, pgx.QueryExecModeCacheStatement, map[string]string{"TimeZone": "UTC"})
			script(t, db, pgSetup)
			j := newFormJudge(t, db, nil)
			promised = j.tables(db, pgTypes, "CREATE UNLOGGED TABLE t%d (id bigint PRIMARY KEY, c %s)", catalog.Session{UTC: true, Microseconds: true})
			return j.named(db, len(pgTypes), catalog.Session{}), promised, pgTypes
		},
		"mysql": func() (bare, promised []*catalog.Table, types []string) {
			db := live.MySQL(t, true, "time_zone='%2B00:00'")
			j := newFormJudge(t, db, nil)
			promised = j.tables(db, myTypes, "CREATE TABLE t%d (id bigint PRIMARY KEY, c %s)", catalog.Session{UTC: true})
			return j.named(db, len(myTypes), catalog.Session{}), promised, myTypes
		},
	}
	raw, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, name := range []string{"postgres", "mysql"} {
		bare, promised, types := open[name]()
		begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
		head, rest, ok1 := strings.Cut(text, begin)
		_, tail, ok2 := strings.Cut(rest, end)
		if !ok1 || !ok2 {
			t.Fatalf("%s has no place for the table of %s", document, name)
		}
		text = head + begin + knowledge(bare, promised, types) + end + tail
	}
	if text == string(raw) {
		return
	}
	if !*rewrite {
		t.Fatalf("%s is not what the catalogs say: run the test with -rewrite", document)
	}
	if err := os.WriteFile(document, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// knowledge is the table of types: which values are known without a promise, and
// which only with one.
func knowledge(bare, promised []*catalog.Table, types []string) string {
	var b strings.Builder
	b.WriteString("| column |")
	for _, f := range forms {
		b.WriteString(" " + f.name + " |")
	}
	b.WriteString(" read back | range |\n|---|" + strings.Repeat("---|", len(forms)+2) + "\n")
	var never []string
	for i, typ := range types {
		x, _ := bare[i].Column("c")
		y, _ := promised[i].Column("c")
		if y.Form.Kind == catalog.Other || y.Form.Kind <= catalog.PadText && y.Form.Kind >= catalog.VarText && y.Form.Text.Fold == catalog.FoldUnknown {
			never = append(never, "`"+typ+"`")
			continue
		}
		fmt.Fprintf(&b, "| `%s` |", typ)
		for _, f := range forms {
			fmt.Fprintf(&b, " %s |", said(known(x, f.values), known(y, f.values)))
		}
		read := func(c *catalog.Column) string {
			for _, f := range forms {
				for _, v := range f.values {
					if c.Stored(v).Known() {
						return "yes"
					}
				}
			}
			return ""
		}
		bound := func(c *catalog.Column) string {
			for _, f := range forms {
				for _, v := range f.values {
					if _, family, ok := c.LowerBound(v); ok {
						return family.String()
					}
				}
			}
			return ""
		}
		fmt.Fprintf(&b, " %s | %s |\n", said(read(x), read(y)), said(bound(x), bound(y)))
	}
	fmt.Fprintf(&b, "\nNever known: %s.\n", strings.Join(never, ", "))
	return b.String()
}

// known says whether some of the values are known when they are compared and when
// they are written.
func known(c *catalog.Column, values []any) string {
	compared, written := false, false
	for _, v := range values {
		_, ok := c.Compared(v)
		compared, written = compared || ok, written || c.Written(v).Known()
	}
	switch {
	case compared && written:
		return "yes"
	case compared:
		return "compared"
	case written:
		return "written"
	}
	return ""
}

// said joins what is known without the promise and with it.
func said(bare, promised string) string {
	switch {
	case bare == promised:
		return bare
	case bare == "":
		return "(" + promised + ")"
	}
	return bare + " (" + promised + ")"
}
