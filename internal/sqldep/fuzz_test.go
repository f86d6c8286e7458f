package sqldep

import (
	"database/sql/driver"
	"path/filepath"
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
)

// FuzzParse holds the front half to its promises, whatever the text: it does
// not panic, tokens lie within the text and in order, every table that the tree
// names and the catalog has is in the floor, lifting the literals leaves the
// tree what it was, and what may be cached neither writes nor locks.
func FuzzParse(f *testing.F) { fuzz(f, catalog.SQLite) }

func FuzzPostgreSQL(f *testing.F) { fuzz(f, catalog.PostgreSQL) }

func FuzzMySQL(f *testing.F) { fuzz(f, catalog.MySQL) }

// fuzz reads texts in one dialect. The seeds of the others are texts, too.
func fuzz(f *testing.F, d catalog.Dialect) {
	files, err := filepath.Glob("testdata/parse/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		for _, c := range readCases(f, file) {
			f.Add(c.sql, uint8(0))
		}
	}
	cat := shop(d)
	f.Fuzz(func(t *testing.T, sql string, mode uint8) {
		m := Mode(mode) &^ OddGrammar
		if d == catalog.SQLite {
			m = 0
		}
		l := lexer{src: sql, d: d, mode: m}
		toks := l.lex(nil)
		ordered(t, sql, toks)
		for _, part := range split(toks) {
			one := statement{src: sql, d: d, mode: m, cat: cat, conditional: l.conditional}
			one.toks = signs(sql, append([]token(nil), part...))
			covered(t, &one)
		}
		if len(sql) < 1<<12 {
			innocent(t, sql, d, m, NewPlannerMode(d, m, 1).Plan(sql, cat))
		}
	})
}

// innocent checks that a read which may be cached has nothing in its tree that
// must not be.
func innocent(t *testing.T, sql string, d catalog.Dialect, m Mode, b Bound) {
	if d == catalog.SQLite || b.Class != Read || b.Uncacheable != "" {
		return
	}
	l := lexer{src: sql, d: d, mode: m}
	tree := parse(sql, d, m, signs(sql, split(l.lex(nil))[0]), nil)
	Walk(tree, func(n Node) bool {
		guilty := false
		switch n := n.(type) {
		case *Insert, *Update, *Delete, *Merge, *Truncate, *Copy, *Explain, *Variable:
			guilty = true
		case *Opaque:
			guilty = n.Why != "array" && n.Why != "subscript" && n.Why != "field"
		case *Select:
			guilty = n.Lock != "" || n.Into
		case *Literal:
			s, _ := n.Value.(string)
			guilty = n.Kind == LitCurrent || d == catalog.PostgreSQL && clockText(s)
		case *Func:
			guilty = n.Odd || n.Schema != "" && n.Schema != "pg_catalog"
		}
		if guilty {
			t.Fatalf("%q may be cached, and has a %T in it: %s", sql, n, dump(tree))
		}
		return true
	})
}

func ordered(t *testing.T, sql string, toks []token) {
	last := int32(0)
	for _, tok := range toks {
		if tok.pos < last || tok.end <= tok.pos || int(tok.end) > len(sql) {
			t.Fatalf("token %+v after offset %d in %q", tok, last, sql)
		}
		last = tok.end
	}
}

func covered(t *testing.T, s *statement) {
	outline := s.outline(s.src)
	lift := lifter{src: s.src, d: s.d, cat: s.cat}
	if s.liftable() {
		lift.run(s.toks)
	}
	tree := parse(s.src, s.d, s.mode, s.toks, lift.slots())
	if tree == nil {
		return
	}
	inFloor(t, s, outline, tree)
	plain := parse(s.src, s.d, s.mode, s.toks, nil)
	if plain == nil {
		t.Fatalf("%q is understood only with its literals lifted", s.src)
	}
	compareLifted(t, s.src, tree, plain, lift.values)
}

// inFloor checks every table that a tree names.
func inFloor(t *testing.T, s *statement, outline *Plan, tree Statement) {
	if outline.Everything || outline.Class != Read && outline.Class != Write {
		return
	}
	in := map[string]bool{}
	for _, name := range outline.Tables {
		in[name] = true
	}
	check := func(schema, name string) {
		table, ok := s.cat.Lookup(schema, name)
		if ok && !table.IsView && !in[table.Name] {
			t.Fatalf("%q names %s, which its floor %v lacks", s.src, table.Name, outline.Tables)
		}
	}
	Walk(tree, func(n Node) bool {
		switch n := n.(type) {
		case *Table:
			check(n.Schema, n.Name)
		case *TableFunc:
			check(n.Schema, n.Name)
		case *Insert:
			check(n.Into.Schema, n.Into.Name)
		case *Merge:
			check(n.Into.Schema, n.Into.Name)
		case *Truncate:
			for _, t := range n.Tables {
				check(t.Schema, t.Name)
			}
		case *Copy:
			check(n.Table.Schema, n.Table.Name)
		case *Update:
			check(n.Table.Schema, n.Table.Name)
		case *Delete:
			check(n.Table.Schema, n.Table.Name)
		}
		return true
	})
}

// compareLifted walks two trees of one text side by side.
func compareLifted(t *testing.T, sql string, lifted, plain Statement, values []driver.Value) {
	var a, b []Node
	Walk(lifted, func(n Node) bool { a = append(a, n); return true })
	Walk(plain, func(n Node) bool { b = append(b, n); return true })
	if len(a) != len(b) {
		t.Fatalf("%q has %d nodes with its literals lifted, %d without", sql, len(a), len(b))
	}
	for i := range a {
		l, ok := a[i].(*Lifted)
		if !ok {
			continue
		}
		want, ok := b[i].(*Literal)
		if !ok || want.Kind != l.Kind || value(want.Value) != value(values[l.Slot]) {
			t.Fatalf("%q: slot %d holds %v, the text %s", sql, l.Slot, values[l.Slot], dump(b[i]))
		}
	}
}
