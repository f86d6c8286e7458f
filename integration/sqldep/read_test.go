package sqldep_test

import (
	"database/sql/driver"
	"flag"
	"strings"
	"testing"

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

// TestReads plans the statements in testdata/read; see [lite.Cases]. The line
// "args:" holds a statement's arguments.
func TestReads(t *testing.T) {
	p := sqldep.NewPlanner(catalog.SQLite, 0)
	lite.Cases(t, "testdata/read/*.txt", *rewriteReads, []string{"args:"}, func(t *testing.T, cat *catalog.Catalog, c lite.Case) string {
		return planText(p.Plan(c.SQL, cat), lite.Args(t, c.Options["args:"]))
	})
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
