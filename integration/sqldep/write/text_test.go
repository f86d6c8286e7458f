package write_test

import (
	"database/sql/driver"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expectations in testdata")

// TestChanges runs the files in testdata. The first paragraph of a file is its
// schema, which a real SQLite accepts; each of the others is a statement, which
// it accepts as well, perhaps with a line of args and one of facts, then a line
// of dashes and the changes, with the target if there is one.
func TestChanges(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runFile(t, file) })
	}
}

func runFile(t *testing.T, file string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(strings.TrimSpace(string(raw)), "\n\n")
	conn := lite.Open(t, parts[0])
	cat := lite.Catalog(t, conn)
	planner := sqldep.NewPlanner(catalog.SQLite, 0)
	out := parts[:1]
	for _, part := range parts[1:] {
		head, want, _ := strings.Cut(part, "\n----\n")
		head = strings.TrimSuffix(head, "\n----")
		c := parseCase(t, head)
		stmt, err := conn.PrepareContext(t.Context(), c.sql)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if err := stmt.Close(); err != nil {
			t.Error(err)
		}
		got := c.run(planner, cat)
		if got != want && !*rewrite {
			t.Errorf("%s\ngot\n%s\nwant\n%s", head, got, want)
		}
		out = append(out, head+"\n----\n"+got)
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type textCase struct {
	sql   string
	args  []driver.NamedValue
	facts sqldep.Facts
}

func parseCase(t *testing.T, head string) (c textCase) {
	var sql []string
	for line := range strings.SplitSeq(head, "\n") {
		if rest, ok := strings.CutPrefix(line, "args "); ok {
			for i, a := range strings.Split(rest, ", ") {
				c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: parseArg(t, a)})
			}
		} else if rest, ok := strings.CutPrefix(line, "facts "); ok {
			c.facts = parseFacts(t, rest)
		} else {
			sql = append(sql, line)
		}
	}
	c.sql = strings.Join(sql, "\n")
	return c
}

func parseArg(t *testing.T, s string) driver.Value {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f
	}
	switch {
	case s == "NULL":
		return nil
	case s == "true", s == "false":
		return s == "true"
	case strings.HasPrefix(s, "x'"):
		b, err := hex.DecodeString(strings.Trim(s[1:], "'"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return strings.Trim(s, "'")
}

func parseFacts(t *testing.T, s string) sqldep.Facts {
	f := sqldep.Facts{Ran: true, Affected: -1}
	for word := range strings.FieldsSeq(s) {
		name, value, _ := strings.Cut(word, "=")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch name {
		case "affected":
			f.Affected = n
		case "id":
			f.InsertID, f.HasInsertID = n, true
		case "gone":
			f.Read = true
		case "old":
			f.Read, f.Old = true, parseImage(t, value)
		case "new":
			f.New = parseImage(t, value)
		default:
			t.Fatalf("fact %q", name)
		}
	}
	return f
}

func (c textCase) run(p *sqldep.Planner, cat *catalog.Catalog) string {
	b := p.Plan(c.sql, cat)
	out := show(b.Changes(c.args, c.facts))
	if target, ok := b.Target(c.args); ok {
		out += fmt.Sprintf("\ntarget %s where %s %v set %s", target.Table.Name, target.Where, values(target.Args), target.Set)
		if target.ReadAfter != nil {
			out += " after " + strings.Join(target.ReadAfter, ",")
		}
	}
	return out
}

func values(args []driver.NamedValue) (out []driver.Value) {
	for _, a := range args {
		out = append(out, a.Value)
	}
	return out
}

// A function of the program's own may do anything when it is called, wherever it
// stands: SQLite would not compile it here, so there is no file of these.
func TestUnknownFunctionsMayDoAnything(t *testing.T) {
	conn := lite.Open(t, "CREATE TABLE t (a, b); CREATE TABLE u (a); CREATE TRIGGER r AFTER DELETE ON u BEGIN SELECT mine(OLD.a); END")
	cat, planner := lite.Catalog(t, conn), sqldep.NewPlanner(catalog.SQLite, 0)
	for text, want := range map[string]bool{
		"INSERT INTO t VALUES (mine(1), 2)":           true,
		"UPDATE t SET a = 1 WHERE mine(b)":            true,
		"DELETE FROM t WHERE a IN (SELECT mine(a))":   true,
		"DELETE FROM t WHERE a REGEXP 'x'":            true,
		"DELETE FROM t RETURNING mine(a)":             true,
		"INSERT INTO t SELECT mine(a), 1 FROM u":      true,
		"DELETE FROM u WHERE a = 1":                   true,
		"DELETE FROM nowhere WHERE a = 1":             true,
		"INSERT INTO t VALUES (random(), lower('X'))": false,
		"INSERT INTO u VALUES (1)":                    false,
	} {
		changes := planner.Plan(text, cat).Changes(nil, sqldep.Facts{})
		if got := len(changes) == 1 && changes[0].Table == ""; got != want {
			t.Errorf("%s: %s", text, show(changes))
		}
	}
}
