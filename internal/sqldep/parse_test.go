package sqldep

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
)

var rewrite = flag.Bool("rewrite-parse", false, "write what is found into testdata/parse")

// shop is a catalog of a few tables, made by hand.
func shop(d catalog.Dialect) *catalog.Catalog {
	c := &catalog.Catalog{Dialect: d, Path: []string{"main"}, Tables: map[string]*catalog.Table{}, ForeignKeys: true}
	for _, name := range []string{"users", "posts", "comments", "tags", "audit", "order", "weird name", "t", "u"} {
		c.Tables["main."+name] = &catalog.Table{Name: "main." + name, Schema: "main", Bare: name}
	}
	c.Tables["main.recent"] = &catalog.Table{
		Name: "main.recent", Schema: "main", Bare: "recent", IsView: true, Base: []string{"main.posts"},
	}
	c.Tables["main.broken"] = &catalog.Table{Name: "main.broken", Schema: "main", Bare: "broken", IsView: true}
	c.Tables["main.posts"].Children = []*catalog.ForeignKey{{
		Child: "main.comments", Columns: []string{"post_id"}, Parent: "main.posts", OnDelete: "CASCADE", OnUpdate: "NO ACTION",
	}}
	c.Tables["main.users"].Children = []*catalog.ForeignKey{{
		Child: "main.posts", Columns: []string{"user_id"}, Parent: "main.users", OnDelete: "RESTRICT", OnUpdate: "NO ACTION",
	}}
	c.Tables["main.comments"].Triggers = []*catalog.Trigger{{
		Name: "log", Event: "DELETE", When: "AFTER",
		Body: "CREATE TRIGGER log AFTER DELETE ON comments BEGIN INSERT INTO audit VALUES (old.id); END",
	}}
	if d == catalog.PostgreSQL {
		c.Immutable = nameSet("array_agg avg btrim coalesce count greatest jsonb_array_elements least length lower max min nullif " +
			"percentile_cont position rank row_number string_agg substring sum trim unnest upper jsonb_build_object generate_series overlay")
	}
	c.Index()
	return c
}

// describe says what became of a text before it is analysed: its class and
// floor, and its tree.
func describe(sql string, d catalog.Dialect) string {
	cat := shop(d)
	var out strings.Builder
	b := NewPlanner(d, 1).Plan(sql, cat)
	l := lexer{src: sql, d: d}
	parts := split(l.lex(nil))
	if b.Class == Multi || len(parts) != 1 || l.murky || bad(parts[0]) {
		describePlan(&out, b.Plan)
	}
	if b.Class == Multi {
		for i, toks := range parts {
			fmt.Fprintf(&out, "%d: ", i+1)
			s := statement{src: sql, d: d, cat: cat, toks: toks}
			describePlan(&out, s.outline(sql))
		}
	}
	if out.Len() > 0 {
		return out.String()
	}
	s := statement{src: sql, d: d, cat: cat, toks: signs(sql, parts[0]), conditional: l.conditional}
	plan := s.outline(sql)
	if d != catalog.SQLite {
		plan = b.Plan
	}
	describePlan(&out, plan)
	if d != catalog.SQLite {
		describeRead(&out, plan)
	}
	if plan.Class == Read || plan.Class == Write {
		describeTree(&out, &s)
	}
	return out.String()
}

// describeRead says what an adapter asks of a read, or why it is none to cache.
func describeRead(out *strings.Builder, p *Plan) {
	ops := [...]string{"fetch", "get", "count", "exists", "aggregate"}
	switch {
	case p.Uncacheable != "":
		fmt.Fprintf(out, "not cached: %s\n", p.Uncacheable)
	case p.Class == Read:
		fmt.Fprintf(out, "%s of %s\n", ops[p.Op], p.Main)
	case p.Class == Write && p.Main != "":
		fmt.Fprintf(out, "into %s\n", p.Main)
	}
}

func describeTree(out *strings.Builder, s *statement) {
	lift := lifter{src: s.src, d: s.d, cat: s.cat}
	if s.liftable() {
		lift.run(s.toks)
	}
	for i, v := range lift.values {
		fmt.Fprintf(out, "$%d = %s\n", i, value(v))
	}
	tree := parse(s.src, s.d, s.mode, s.toks, lift.slots())
	if tree == nil || s.conditional {
		out.WriteString("no tree\n")
		return
	}
	out.WriteString(dump(tree) + "\n")
}

func describePlan(out *strings.Builder, p *Plan) {
	out.WriteString(className(p.Class))
	if p.Name != "" {
		fmt.Fprintf(out, " %s", p.Name)
	}
	for _, f := range []struct {
		set  bool
		name string
	}{
		{p.Immediate, "immediate"},
		{p.Temp, "temp"},
		{p.Returns, "returns"},
		{p.KeepsOnError, "keeps-on-error"},
		{p.EndsTxOnError, "ends-tx-on-error"},
		{p.ImplicitCommit, "commits"},
		{p.SetsSession, "sets-session"},
		{p.AsksSession, "asks-session"},
		{p.Local, "local"},
	} {
		if f.set {
			fmt.Fprintf(out, " %s", f.name)
		}
	}
	switch {
	case p.Everything:
		out.WriteString(": everything")
	case len(p.Tables) > 0:
		out.WriteString(": " + strings.Join(p.Tables, ", "))
	}
	out.WriteString("\n")
}

func className(c Class) string {
	return [...]string{
		"unrecognised", "read", "write", "ddl", "begin", "commit", "rollback", "savepoint", "rollback-to",
		"release", "session", "maintenance", "multi", "empty",
	}[c]
}

// TestParse compares with testdata/parse: statements, each ended by a line of
// four dashes, then what becomes of it, then an empty line. The files are named
// by dialect.
func TestParse(t *testing.T) {
	files, err := filepath.Glob("testdata/parse/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { parseFile(t, file) })
	}
}

func parseFile(t *testing.T, file string) {
	var out strings.Builder
	for _, c := range readCases(t, file) {
		got := describe(c.sql, dialectOf(file))
		if got != c.want && !*rewrite {
			t.Errorf("%s:%d: %s\n got: %s\nwant: %s", file, c.line, c.sql, got, c.want)
		}
		fmt.Fprintf(&out, "%s%s\n----\n%s\n", c.comment, c.sql, got)
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func dialectOf(file string) catalog.Dialect {
	switch base := filepath.Base(file); {
	case strings.HasPrefix(base, "postgres"):
		return catalog.PostgreSQL
	case strings.HasPrefix(base, "mysql"):
		return catalog.MySQL
	}
	return catalog.SQLite
}

type parseCase struct {
	comment, sql, want string
	line               int
}

func readCases(t testing.TB, file string) []parseCase {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []parseCase
	var c parseCase
	section := 0
	for i, line := range strings.Split(string(data), "\n") {
		switch {
		case section == 0 && strings.HasPrefix(line, "//"), section == 0 && c.sql == "" && line == "":
			c.comment += line + "\n"
		case section == 0 && line == "----":
			section, c.line = 1, i
			c.sql = strings.TrimSuffix(c.sql, "\n")
		case section == 0:
			c.sql += line + "\n"
		case line == "":
			cases = append(cases, c)
			c, section = parseCase{}, 0
		default:
			c.want += line + "\n"
		}
	}
	if section == 1 {
		cases = append(cases, c)
	}
	return cases
}
