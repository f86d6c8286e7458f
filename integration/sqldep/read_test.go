package sqldep_test

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
	"time"

	"modernc.org/sqlite"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// A program's own functions, which no plan may trust.
func init() {
	own := func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) { return int64(1), nil }
	sqlite.MustRegisterScalarFunction("my_function", 1, own)
	sqlite.MustRegisterScalarFunction("regexp", 2, own)
}

var rewriteReads = flag.Bool("rewrite.reads", false, "rewrite the expectations in testdata/read")

// TestReads plans the statements in testdata/read. A file begins with a schema,
// which a real SQLite runs; then come cases: a statement, perhaps a line
// "args: …", a line of dashes, and the plan.
// The database must accept each statement.
func TestReads(t *testing.T) {
	files, err := filepath.Glob("testdata/read/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { readFile(t, file) })
	}
}

func readFile(t *testing.T, file string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cases := strings.Split(strings.TrimSpace(string(raw)), "\n\n")
	conn := lite.Open(t, cases[0])
	cat := lite.Catalog(t, conn)
	p := sqldep.NewPlanner(catalog.SQLite, 0)
	out := []string{cases[0]}
	for _, c := range cases[1:] {
		in, want, _ := strings.Cut(c, "\n----\n")
		in = strings.TrimSuffix(in, "\n----")
		text, list, _ := strings.Cut(in, "\nargs: ")
		args, err := parseArgs(list)
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		stmt, err := conn.PrepareContext(t.Context(), text)
		if err != nil {
			t.Errorf("%s\n%v", text, err)
		} else {
			_ = stmt.Close()
		}
		got := planText(p.Plan(text, cat), args)
		if got != want && !*rewriteReads {
			t.Errorf("%s: %s\ngot\n%s\nwant\n%s", file, in, got, want)
		}
		out = append(out, in+"\n----\n"+got)
	}
	if *rewriteReads {
		if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var opNames = map[sqldep.ReadOp]string{
	sqldep.OpFetch: "fetch", sqldep.OpGet: "get", sqldep.OpCount: "count", sqldep.OpExists: "exists", sqldep.OpAggregate: "aggregate",
}

var classNames = map[sqldep.Class]string{sqldep.Read: "read", sqldep.Write: "write", sqldep.Unrecognised: "unrecognised"}

func planText(b sqldep.Bound, args []driver.NamedValue) string {
	if b.Class != sqldep.Read {
		what := strings.Join(b.Tables, " ")
		if b.Everything {
			what = "everything"
		}
		return classNames[b.Class] + ": " + what
	}
	head := opNames[b.Op] + " of " + b.Main
	if why := b.Uncacheable; why != "" {
		return head + ", not cached: " + why
	}
	return head + "\n" + useLines(b.Uses(args))
}

// parseArgs reads a list of arguments: 1, 1.5, 'text', x'00', NULL, true,
// time(2024-01-02T10:00:00Z), name='text'.
func parseArgs(list string) (args []driver.NamedValue, err error) {
	if list == "" {
		return nil, nil
	}
	for i, s := range strings.Split(list, ", ") {
		a := driver.NamedValue{Ordinal: i + 1}
		if name, rest, ok := strings.Cut(s, "="); ok {
			a.Name, s = name, rest
		}
		if a.Value, err = parseArg(s); err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	return args, nil
}

func parseArg(s string) (driver.Value, error) {
	inner := strings.Trim(s[min(len(s), strings.IndexAny(s+"'", "'(")):], "'()")
	switch {
	case s == "NULL":
		return nil, nil
	case s == "true", s == "false":
		return s == "true", nil
	case strings.HasPrefix(s, "'"):
		return inner, nil
	case strings.HasPrefix(s, "x'"):
		return hex.DecodeString(inner)
	case strings.HasPrefix(s, "time("):
		return time.Parse(time.RFC3339, inner)
	case strings.Contains(s, "."):
		return strconv.ParseFloat(s, 64)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("parse argument: %w", err)
	}
	return n, nil
}
