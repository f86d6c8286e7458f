package sqldep

import (
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// What the analysis of reads does otherwise on PostgreSQL and MySQL: see
// docs/dialects.md for each rule.

// isSQLite reports whether the statement is SQLite's.
func (a *readAnalysis) isSQLite() bool { return a.cat.Dialect == catalog.SQLite }

// everyRow takes the restrictions from all mentions where something may fail at
// a row that the read would not show: which rows an expression meets is the
// optimiser's choice.
func (a *readAnalysis) everyRow() {
	for _, t := range a.tables {
		for _, m := range t.mentions {
			m.exposed, m.restrictions = true, nil
		}
	}
}

// related mentions the tables that share rows with t, all of it and of them. What
// is written through the root of a tree of partitions is a change of the root
// alone, so that a read of the root goes by its own conditions; a change of any
// other table of the tree may be one of any row.
func (a *readAnalysis) related(t *catalog.Table, m *mention) {
	if !t.Partitioned {
		m.exposed = true
		m.useAll()
	}
	for _, u := range treeOf(a.cat, t) {
		if u.Opaque != "" {
			a.refuse("reads " + u.Bare + ": " + u.Opaque)
		}
		if u == t {
			continue
		}
		all := &mention{table: u, all: true, exposed: true}
		if i := slices.IndexFunc(a.tables, func(r *tableRead) bool { return r.table == u }); i >= 0 {
			a.tables[i].mentions = append(a.tables[i].mentions, all)
			continue
		}
		a.tables = append(a.tables, &tableRead{table: u, mentions: []*mention{all}})
	}
}

// unexplained takes a name that is no column of anything in sight: PostgreSQL's
// name for a whole row, a system column, a function called as if it were one.
//
// explained says that it is one of those, and something's column or an alias as
// well.
func (a *readAnalysis) unexplained(sc *scope, c *Column, explained bool) {
	for s := sc; s != nil; s = s.parent {
		for _, src := range s.sources {
			if src.m != nil {
				src.m.useAll()
			}
		}
	}
	if explained || a.cat.Dialect != catalog.PostgreSQL || c.Name == "*" || c.Table == "" && sc.source(c.Name) {
		return
	}
	a.refuse("the name " + c.Name + " is no column's")
	switch c.Name {
	case "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid":
		return
	}
	if c.Table != "" {
		a.writes = true // t.f may call the function f
	}
}

// source reports whether something in FROM goes by the name, here or outside.
func (s *scope) source(name string) bool {
	for ; s != nil; s = s.parent {
		if slices.ContainsFunc(s.sources, func(src *source) bool { return src.name == name }) {
			return true
		}
	}
	return false
}

// anyOf is x = ANY (array).
func (s *scope) anyOf(e *Any) *cond {
	if e.Op != OpEq || e.All || e.Array == nil || s.a.cat.Dialect != catalog.PostgreSQL {
		return nil
	}
	m, col, ok := s.operand(e.X)
	if !ok {
		return nil
	}
	array := e.Array
	if c, ok := array.(*Cast); ok {
		if len(c.Type) < 3 || !castFits(&col.Form, c.Type[:len(c.Type)-2]) || c.Type[len(c.Type)-2:] != "[]" {
			return nil
		}
		array = c.X
	}
	if p, ok := array.(*Param); ok && !s.a.params.repeated(p) {
		return leaf(condArray, m, col, p)
	}
	return nil
}

// valueFor returns e as something with which the column may be compared, and
// whose value the arguments tell.
func (s *scope) valueFor(col *catalog.Column, e Expr) (Expr, bool) {
	if s.a.isSQLite() {
		return s.constant(e)
	}
	return s.a.params.valueFor(&col.Form, e)
}

// testable reports whether a column, standing for itself as a condition, is true
// where its canonical value is a number other than zero.
func testable(col *catalog.Column) bool {
	switch col.Form.Kind {
	case catalog.Bool:
		return true
	case catalog.Integer, catalog.Decimal, catalog.Float, catalog.Bits:
		return col.Form.Dialect == catalog.MySQL
	}
	return false
}

// mutual reports whether a value known of one column is known of the other,
// either way, where the two are equal.
func mutual(a, b *catalog.Column) bool {
	return catalog.SameEquality(a, b) && catalog.SameEquality(b, a)
}

// parts analyses what only PostgreSQL and MySQL have.
func (a *readAnalysis) parts(n Node, sc *scope) bool {
	if a.isSQLite() {
		return true // it comes to an Opaque
	}
	switch n := n.(type) {
	case *Array:
		a.exprs(n.Items, sc)
		if n.Query != nil {
			a.expr(&Subquery{Query: n.Query}, sc)
		}
	case *Subscript:
		a.expr(n.X, sc)
		a.exprs(n.Index, sc)
	case *Field:
		a.expr(n.X, sc)
	}
	return false
}

// mayFail notes whether anything in a query may fail at rows that the whole read
// does not show. What the statement itself makes of its rows it makes of those
// that it shows.
func (a *readAnalysis) mayFail(s *Select) {
	switch {
	case a.isSQLite() || a.fragile:
	case s != a.main:
		a.fragile = !a.certain(s)
	default:
		for _, c := range s.Cores {
			a.fragile = a.fragile || !a.certain(c.From) || c.Where != nil && !a.certain(c.Where)
		}
	}
}

// doubt widens what the arguments leave in doubt: a pattern that may fail, a key
// that is compared otherwise than as a key.
func (r *readPlan) doubt(uses []dep.Use, f filling) {
	fails := slices.ContainsFunc(r.patterns, func(e Expr) bool {
		v, ok := f.b.constant(e, f.args)
		text, isText := v.(string)
		return !ok || v != nil && (!isText || strings.ContainsRune(text, '\\'))
	})
	for i, t := range r.tables {
		if fails {
			uses[i].Regions = []dep.Region{{}}
		}
		if r.d == catalog.MySQL && slices.ContainsFunc(t.mentions, func(m *mention) bool { return m.keyed() && !f.exact(m) }) {
			uses[i].Cols = dep.AllColumns()
		}
	}
}

// exact reports whether the arguments leave a mention one row at most.
func (f filling) exact(m *mention) bool {
	got := f.mention(m)
	return !got.all && len(got.any) <= 1 && (len(got.any) == 0 || slices.ContainsFunc(m.table.Keys, func(k catalog.Key) bool {
		return !slices.ContainsFunc(k.Columns, func(col string) bool {
			return !slices.ContainsFunc(got.any[0], func(a dep.Atom) bool { return a.Kind == dep.Eq && a.Col == col })
		})
	}))
}

// pinsElsewhere reports whether a key of PostgreSQL or MySQL calls equal what
// has one canonical form, so that a row in its place keeps others out.
func pinsElsewhere(t *catalog.Table, k catalog.Key) bool {
	return (t.Root == "" || t.Partitioned) && !slices.ContainsFunc(k.Columns, func(name string) bool {
		c, ok := t.Column(name)
		if !ok {
			return true
		}
		switch f := &c.Form; f.Kind {
		case catalog.Integer, catalog.UUID, catalog.Date, catalog.Bool:
			return false
		case catalog.VarText:
			return f.Dialect == catalog.MySQL && f.Text.Fold != catalog.FoldNone &&
				!(strings.HasPrefix(c.Collation, "utf8mb4_") && strings.HasSuffix(c.Collation, "_ci") && !f.Text.ASCII)
		}
		return c.Form.Dialect != 0
	})
}

// exactTotals reports whether a query of PostgreSQL's or MySQL's is one row of
// totals that do not depend on the order in which they are made: of exact numbers
// and of times. Sums of floats do, and the least of texts that are equal.
func exactTotals(s *Select, sc *scope) bool {
	c := s.Cores[0]
	return !sc.a.isSQLite() && len(s.Cores) == 1 && c.Sub == nil && c.Values == nil && c.GroupBy == nil && c.Having == nil && s.OrderBy == nil &&
		s.Limit == nil && s.Offset == nil && !slices.ContainsFunc(c.Columns, func(r ResultColumn) bool { return r.Star || !sc.exactTotal(r.Expr) })
}

func (s *scope) exactTotal(e Expr) bool {
	f, ok := e.(*Func)
	if !ok || !lone(f) || f.Odd || f.Filter != nil || len(f.OrderBy) > 0 {
		return false
	}
	if f.Name == "count" || f.Star {
		return f.Name == "count"
	}
	_, col, ok := s.operand(f.Args[0])
	if !ok {
		return false
	}
	switch col.Form.Kind {
	case catalog.Integer:
		return true
	case catalog.Decimal:
		return col.Form.Precision > 0
	case catalog.Date, catalog.Timestamp, catalog.Instant:
		return f.Name == "min" || f.Name == "max"
	}
	return false
}

// orderElsewhere returns the columns that decide in which order rows come. An
// update of PostgreSQL's moves the row, whatever it sets; InnoDB keeps rows in the
// order of a key, and walks any of its indexes.
func orderElsewhere(m *mention) dep.Columns {
	t := m.table
	if t.Engine != "innodb" || len(t.Keys) == 0 {
		return dep.AllColumns()
	}
	out := slices.Clone(m.cols)
	for _, k := range t.Keys {
		out = append(out, k.Columns...)
	}
	for _, index := range t.Indexes {
		out = append(out, index...)
	}
	if slices.Contains(out, "") {
		return dep.AllColumns()
	}
	return dep.ColumnSet(out...)
}

// nullable reports whether IS NULL finds the column's NULLs and nothing else. On
// MySQL a column without NULLs has zero dates, or the row inserted last, there.
func nullable(col *catalog.Column) bool {
	return col.Form.Dialect != catalog.MySQL || !col.NotNull && col.Identity == ""
}
