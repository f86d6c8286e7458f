package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// mention is one place in a statement that names a base table, with what that
// place makes of it.
type mention struct {
	table *catalog.Table
	all   bool
	cols  []string // named so far, without order, perhaps twice; unless all
	// restrictions are conditions each of which a row must meet to matter here.
	restrictions []restriction
	// ordered says that the order in which rows are visited may show.
	ordered bool
	// nullable says that an outer join may put NULLs in the place of a row
	// before the core's WHERE sees it.
	nullable bool
	// sure says that SQLite, too, takes a column besides the row's key as used.
	// It leaves out what an outer query does not use of a query in FROM.
	sure bool
	// sorts are the columns by which SQLite sorts, wherever in the statement.
	sorts *sortTerms
	// exposed says that a row outside every region may make the read fail.
	exposed bool
}

// restriction is a condition that a row must meet to matter to a mention. With
// rejecting set that holds only if the condition fails for a row of NULLs.
type restriction struct {
	cond      *cond
	rejecting bool
}

func (m *mention) use(col string) {
	if !m.all && !slices.Contains(m.cols, col) {
		m.cols = append(m.cols, col)
	}
}

func (m *mention) useAll() { m.all, m.cols = true, nil }

// columns is the set of columns that the mention uses: those whose change can
// show in the result, given that the row stays in the mention's regions.
func (m *mention) columns() dep.Columns {
	if m.all {
		return dep.AllColumns()
	}
	if m.ordered && len(m.cols) > 0 && m.table.Columns[0].Form.Dialect != 0 {
		return orderElsewhere(m)
	}
	used := dep.ColumnSet(m.cols...)
	if m.ordered && len(used.Names) > 0 {
		return used.Union(orderColumns(m.table, used, m.sure, m.sorts))
	}
	return used
}

// export is a base table's column as a query in FROM passes it on.
type export struct {
	m   *mention
	col *catalog.Column
}

// source is an item of FROM as names see it.
type source struct {
	name   string // the alias, or the table's own name
	schema string // as resolved, for a table without an alias
	m      *mention
	cols   []string // of anything but a base table
	// exports are the base tables' columns that columns of a query in FROM are,
	// where what restricts the one restricts the other.
	exports map[string]export
	// open says that the columns are not known: any name may be one.
	open bool
}

func (s *source) has(col string) bool {
	if s.m != nil {
		_, ok := s.m.table.Column(col)
		return ok
	}
	return slices.Contains(s.cols, col)
}

// means reports whether a qualifier can refer to s.
func (s *source) means(schema, table string) bool {
	return (table == "" || table == s.name) && (schema == "" || schema == s.schema)
}

// scope is the set of names that an expression can refer to.
type scope struct {
	a       *readAnalysis
	parent  *scope
	ctes    *cteEnv
	sources []*source
	aliases []string       // of the select list
	items   []ResultColumn // the select list itself
	merged  []string       // columns named in USING
	// muddled says that unqualified names may mean a merge of several columns: a
	// NATURAL join, or USING in a RIGHT or FULL one.
	muddled bool
	// whole says that all columns that the core names are used: it is not a body
	// of which an outer query may use a part.
	whole bool
	tree  *fromTree
	// facts are the conditions that hold for every row that the core's WHERE
	// lets through.
	facts *facts
	// asks are the parts of WHERE of which every one must hold.
	asks []Expr
	// cautious says that a function in FROM may fail.
	cautious bool
}

// cteEnv is the chain of common table expressions in sight.
type cteEnv struct {
	parent *cteEnv
	name   string
	cols   []string
	open   bool
	// doubtful marks the time before its body is complete: the name may mean
	// the expression itself, or a table of that name.
	doubtful bool
	// body and inner are the query and its scope, where one place alone names it.
	body  *Select
	inner *scope
}

func (e *cteEnv) find(name string) *cteEnv {
	for ; e != nil; e = e.parent {
		if e.name == name {
			return e
		}
	}
	return nil
}

// isRowID reports whether SQLite takes the name for the rowid where no column
// has it.
func isRowID(name string) bool { return name == "rowid" || name == "oid" || name == "_rowid_" }

// named returns the sources of this scope alone that c can refer to.
func (s *scope) named(c *Column) (hits []*source, open bool) {
	for _, src := range s.sources {
		if !src.means(c.Schema, c.Table) {
			continue
		}
		if src.has(c.Name) {
			hits = append(hits, src)
		}
		open = open || src.open || src.m != nil && len(src.m.table.Columns) == 0
	}
	return hits, open
}

// column returns the base table's column that c means in this very scope. ok is
// false if it means anything else, or if that is not certain.
func (s *scope) column(c *Column) (m *mention, col *catalog.Column, ok bool) {
	hits, open := s.named(c)
	switch {
	case open || s.muddled && c.Table == "":
		return nil, nil, false
	case len(hits) == 0 && isRowID(c.Name) && s.a.isSQLite():
		return s.rowID(c)
	case len(hits) == 0:
		return nil, nil, false
	case len(hits) > 1 && (c.Table != "" || !slices.Contains(s.merged, c.Name)):
		return nil, nil, false
	}
	if m = hits[0].m; m == nil {
		x, ok := hits[0].exports[c.Name]
		return x.m, x.col, ok
	}
	col, ok = m.table.Column(c.Name)
	return m, col, ok
}

// owns reports whether the table itself is a source here, and not one of a
// query in FROM.
func (s *scope) owns(m *mention) bool {
	return slices.ContainsFunc(s.sources, func(src *source) bool { return src.m == m })
}

// rowID is column for a name of the rowid that is no column's.
func (s *scope) rowID(c *Column) (*mention, *catalog.Column, bool) {
	var only *source
	for _, src := range s.sources {
		if !src.means(c.Schema, c.Table) {
			continue
		}
		if only != nil {
			return nil, nil, false
		}
		only = src
	}
	if only == nil || only.m == nil || only.m.table.RowID == "" {
		return nil, nil, false
	}
	col, ok := only.m.table.Column(only.m.table.RowID)
	return only.m, col, ok
}

// text returns the string that SQLite makes of a double-quoted name which is no
// column's. ok is false where it may be a column's.
func (s *scope) text(c *Column) (string, bool) {
	if !s.a.isSQLite() || !c.Quoted || c.Table != "" || isRowID(c.Name) || s.knows(c) {
		return "", false
	}
	return c.Raw, true
}

// knows reports whether c may refer to anything in this scope or an outer one.
func (s *scope) knows(c *Column) bool {
	for ; s != nil; s = s.parent {
		hits, open := s.named(c)
		if open || len(hits) > 0 || c.Table == "" && slices.Contains(s.aliases, c.Name) {
			return true
		}
	}
	return false
}
