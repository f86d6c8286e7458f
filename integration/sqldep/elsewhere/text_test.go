package elsewhere_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expectations in testdata")

// TestTexts plans the statements in testdata. The first paragraph of a file is
// its schema, which the server runs; each of the others is a statement, which the
// server must accept, perhaps with a line "args" that holds its arguments, then a
// line of dashes and what its plan says.
func TestTexts(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		texts(t, "testdata/postgres_*.txt", func() *world {
			return given(t, catalog.PostgreSQL, live.Postgres(t, pgx.QueryExecModeDescribeExec, map[string]string{"TimeZone": "UTC"}), "")
		})
	})
	t.Run("mysql", func(t *testing.T) {
		texts(t, "testdata/mysql_*.txt", func() *world {
			return given(t, catalog.MySQL, live.MySQL(t, false, "parseTime=true&time_zone=%27%2B00%3A00%27"), "SELECT 1")
		})
	})
}

func texts(t *testing.T, pattern string, open func() *world) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal("no files of cases", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w := open()
		paragraphs := strings.Split(strings.TrimSpace(string(raw)), "\n\n")
		for s := range strings.SplitSeq(paragraphs[0], ";\n") {
			w.must(s)
		}
		w.reread()
		p := sqldep.NewPlanner(w.d, 0)
		out := paragraphs[:1]
		narrow := 0
		for _, par := range paragraphs[1:] {
			head, want, _ := strings.Cut(par, "\n----\n")
			got := w.text(p, strings.TrimSuffix(head, "\n----"))
			if got != want && !*rewrite {
				t.Errorf("%s: %s\ngot\n%s\nwant\n%s", file, head, got, want)
			}
			if !strings.Contains(got, "not cached") && !strings.Contains(got, "everything") && !strings.HasPrefix(got, "any of") {
				narrow++
			}
			out = append(out, strings.TrimSuffix(head, "\n----")+"\n----\n"+got)
		}
		t.Logf("%s: %d statements, %d neither refused nor wide", file, len(out)-1, narrow)
		if *rewrite {
			if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func (w *world) text(p *sqldep.Planner, head string) string {
	sql, list, _ := strings.Cut(head, "\nargs ")
	stmt, err := w.conn.PrepareContext(w.t.Context(), sql)
	if err != nil {
		w.t.Errorf("%s: %v", sql, err)
	} else if err := stmt.Close(); err != nil {
		w.t.Error(err)
	}
	b, args := p.Plan(sql, w.cat), lite.Args(w.t, list)
	switch {
	case b.Class == sqldep.Write:
		out := changesText(b.Changes(args, sqldep.Facts{}))
		if t, ok := b.Target(args); ok {
			out += fmt.Sprintf("\ntarget %s where %s set %s", t.Table.Bare, t.Where, t.Set)
			if t.ReadAfter != nil {
				out += " after " + strings.Join(t.ReadAfter, ",")
			}
		}
		return out
	case b.Class != sqldep.Read:
		return fmt.Sprintf("class %d", b.Class)
	}
	head = [...]string{"fetch", "get", "count", "exists", "aggregate"}[b.Op] + " of " + b.Main
	if b.Uncacheable != "" {
		return head + ", not cached: " + b.Uncacheable
	}
	return head + "\n" + usesText(b.Uses(args))
}

func usesText(uses []dep.Use) string {
	lines := make([]string, len(uses))
	for i, u := range uses {
		var rs []string
		for _, r := range u.Regions {
			rs = append(rs, regionText(&r))
		}
		if len(rs) == 0 {
			rs = []string{"nothing"}
		}
		lines[i] = fmt.Sprintf("%s(%s): %s", bareName(u.Table), u.Cols, strings.Join(rs, " or "))
	}
	return strings.Join(lines, "\n")
}

func bareName(name string) string { return name[strings.IndexByte(name, '.')+1:] }

func regionText(r *dep.Region) string {
	if len(r.Atoms) == 0 {
		return "all"
	}
	var parts []string
	for _, a := range r.Atoms {
		switch {
		case a.Kind == dep.Eq:
			parts = append(parts, a.Col+"="+a.Value.String())
		case a.Kind == dep.InCell && a.Cell.Family == dep.Prefix:
			parts = append(parts, fmt.Sprintf("%s^%q", a.Col, a.Cell.Text))
		case a.Kind == dep.InCell:
			parts = append(parts, fmt.Sprintf("%s@%s.%d.%x", a.Col, a.Cell.Family, a.Cell.Level, a.Cell.Code))
		default:
			parts = append(parts, a.Col+map[dep.Kind]string{dep.IsNull: " null", dep.IsTrue: " true", dep.IsFalse: " false"}[a.Kind])
		}
	}
	s := strings.Join(parts, " and ")
	if r.Pinned {
		s += " !"
	}
	return s
}

func changesText(changes []dep.Change) string {
	var lines []string
	for _, c := range changes {
		switch {
		case c.Table == "":
			lines = append(lines, "everything")
			continue
		case c.Op == dep.AnyOp:
			lines = append(lines, "any of "+bareName(c.Table))
			continue
		}
		s := [...]string{"", "insert ", "update ", "delete ", "replace "}[c.Op] + bareName(c.Table)
		for _, m := range c.Old {
			s += " -(" + imageText(m) + ")"
		}
		for _, m := range c.New {
			s += " +(" + imageText(m) + ")"
		}
		if c.Op == dep.Update {
			s += " set " + c.Set.String()
		}
		lines = append(lines, s)
	}
	if lines == nil {
		return "nothing"
	}
	return strings.Join(lines, "\n")
}

func imageText(m dep.Image) string {
	parts := make([]string, len(m))
	for i, f := range m {
		parts[i] = f.Col + "=" + f.Value.String()
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
