package write_test

import (
	"database/sql/driver"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expectations in testdata")

// TestChanges plans the statements in testdata; see [lite.Cases]. The line
// "args" holds a statement's arguments, "facts" what was seen of it. What comes
// out are the changes, with the target if there is one.
func TestChanges(t *testing.T) {
	p := sqldep.NewPlanner(catalog.SQLite, 0)
	lite.Cases(t, "testdata/*.txt", *rewrite, []string{"args", "facts"}, func(t *testing.T, cat *catalog.Catalog, c lite.Case) string {
		facts := sqldep.Facts{}
		if text, ok := c.Options["facts"]; ok {
			facts = parseFacts(t, text)
		}
		return changesText(p.Plan(c.SQL, cat), lite.Args(t, c.Options["args"]), facts)
	})
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

func changesText(b sqldep.Bound, args []driver.NamedValue, facts sqldep.Facts) string {
	out := show(b.Changes(args, facts))
	if target, ok := b.Target(args); ok {
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
