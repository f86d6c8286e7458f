package catalog_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expectations in testdata")

// TestCatalog reads the schemas in testdata from a real SQLite. A case is DDL,
// a line of dashes, and what the catalog says of it.
func TestCatalog(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for c := range strings.SplitSeq(strings.TrimSpace(string(raw)), "\n\n") {
			ddl, want, _ := strings.Cut(c, "\n----\n")
			got := dump(lite.Catalog(t, lite.Open(t, ddl)))
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
}

func dump(c *catalog.Catalog) string {
	var lines []string
	for _, t := range c.Tables {
		if t.Opaque == "system table" {
			continue
		}
		lines = append(lines, dumpTable(t))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func dumpTable(t *catalog.Table) string {
	var b strings.Builder
	b.WriteString(t.Name)
	flag := func(on bool, s string) {
		if on {
			b.WriteString(" " + s)
		}
	}
	flag(t.IsView, "view over "+strings.Join(t.Base, ","))
	flag(t.Opaque != "", "("+t.Opaque+" "+t.Module+")")
	flag(t.Strict, "strict")
	flag(t.WithoutRowID, "without rowid")
	flag(t.RowID != "", "rowid="+t.RowID)
	flag(t.HasOddKeys, "odd keys")
	flag(t.PlainInsertReplaces, "insert replaces")
	flag(t.Temp, "temp")
	for _, c := range t.Columns {
		fmt.Fprintf(&b, "\n  %s %s %s", c.Name, [...]string{"blob", "text", "numeric", "integer", "real"}[c.Affinity], c.Collation)
		flag(c.NotNull, "notnull")
		flag(!c.Generated && c.Default.String() != "NULL", "default "+c.Default.String())
		flag(c.Generated, "generated")
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
		fmt.Fprintf(&b, "\n  trigger %s %s %s of %v writes %s, %d statements", tr.Name, tr.When, tr.Event, tr.Of, strings.Join(tr.Writes, ","), len(tr.Statements))
		flag(tr.Unclear, "unclear")
	}
	return b.String()
}

// TestCollationsAreTheDatabases asks SQLite's own compiler which collation a
// comparison with each column uses.
func TestCollationsAreTheDatabases(t *testing.T) {
	conn := lite.Open(t, `CREATE TABLE t (a, b TEXT COLLATE NOCASE, "c d" VARCHAR(10, 2) DEFAULT ('x' COLLATE NOCASE) COLLATE RTRIM,
		[e] text CHECK (e COLLATE NOCASE <> 'x'), f/* COLLATE NOCASE */ text -- COLLATE NOCASE
		, 'g' "odd COLLATE NOCASE type", h TEXT REFERENCES t(b) ON DELETE CASCADE COLLATE nocase NOT NULL, i TEXT DEFAULT 'COLLATE NOCASE',
		j TEXT GENERATED ALWAYS AS (lower(b)) STORED, k AS (b), l TEXT COLLATE "rtrim" CONSTRAINT x UNIQUE,
		m text default -1 collate nocase, n integer collate nocase,
		CONSTRAINT u UNIQUE (a COLLATE NOCASE), PRIMARY KEY (b))`)
	c := lite.Catalog(t, conn).Tables["main.t"]
	used := regexp.MustCompile(`^([A-Z]+)-\d`)
	for _, col := range c.Columns {
		rows, err := lite.Query(conn)(t.Context(), `EXPLAIN SELECT 1 FROM t NOT INDEXED WHERE "`+col.Name+`" > ?`, "x")
		if err != nil {
			t.Fatal(err)
		}
		found := ""
		for _, r := range rows {
			if m := used.FindStringSubmatch(fmt.Sprint(r[5])); m != nil {
				found = m[1]
			}
		}
		if found == "" || found != col.Collation {
			t.Errorf("column %q: SQLite compares with %q, we say %q", col.Name, found, col.Collation)
		}
	}
}

func TestStampFollowsTheSchema(t *testing.T) {
	conn := lite.Open(t, "CREATE TABLE t (a)")
	stamp := func() string {
		s, err := catalog.StampSQLite(t.Context(), lite.Query(conn))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := stamp()
	for _, step := range []struct {
		sql   string
		moves bool
	}{
		{"INSERT INTO t VALUES (1)", false},
		{"CREATE INDEX i ON t (a)", true},
		{"CREATE TEMP TABLE x (a)", true},
		{"CREATE TEMP TABLE y (a)", true},
		{"ATTACH ':memory:' AS other", true},
		{"CREATE TABLE other.z (a)", true},
		{"DROP TABLE other.z", true},
	} {
		if _, err := conn.ExecContext(t.Context(), step.sql); err != nil {
			t.Fatal(err)
		}
		after := stamp()
		if (after != before) != step.moves {
			t.Errorf("%s: moved %v, want %v", step.sql, after != before, step.moves)
		}
		before = after
	}
}

func TestPragmasAreRead(t *testing.T) {
	conn := lite.Open(t, "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA case_sensitive_like = ON")
	if c := lite.Catalog(t, conn); !c.ForeignKeys || !c.RecursiveTriggers || !c.CaseSensitiveLike {
		t.Errorf("%+v", c)
	}
	if c := lite.Catalog(t, lite.Open(t, "")); c.ForeignKeys || c.RecursiveTriggers || c.CaseSensitiveLike {
		t.Errorf("%+v", c)
	}
}

// In a UTF-16 database text does not sort by its UTF-8 bytes.
func TestUTF16IsNotByteOrdered(t *testing.T) {
	for _, enc := range []string{"UTF-8", "UTF-16le"} {
		c := lite.Catalog(t, lite.Open(t, "PRAGMA encoding = '"+enc+"'; CREATE TABLE t (a TEXT)"))
		if got := c.Tables["main.t"].Columns[0].ByteOrdered(); got != (enc == "UTF-8") {
			t.Errorf("%s: byte-ordered %v", enc, got)
		}
	}
}
