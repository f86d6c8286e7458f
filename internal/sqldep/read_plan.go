package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// readPlan is what the analysis of a read found beyond the floor.
type readPlan struct {
	d      catalog.Dialect
	tables []*tableRead
	// patterns are those of LIKE that the arguments tell; see readPlan.doubt.
	patterns []Expr
}

// tableRead is all that a statement makes of one base table.
type tableRead struct {
	table    *catalog.Table
	mentions []*mention
	cols     dep.Columns
	// pins says that a result with rows proves that a row in the only mention's
	// only region was there.
	pins bool
}

// readAnalysis is the state of one statement's analysis.
type readAnalysis struct {
	cat    *catalog.Catalog
	tables []*tableRead
	// views are those whose bodies are being analysed; expanded counts them.
	views    map[*catalog.Table]bool
	expanded int
	// policies are the tables whose policies were followed.
	policies map[*catalog.Table]bool
	// text is what is being analysed: the statement, or the body of a view.
	text *Select
	main *Select // the statement
	// params knows the types of PostgreSQL's parameters. fragile says that
	// something may fail at rows that the read does not show, patterns what the
	// arguments decide of that.
	params   *params
	fragile  bool
	patterns []Expr
	// collates says that there is a COLLATE somewhere, misfits that collations may
	// be compared that do not go together, unmatched that a pattern may be asked for
	// under one that knows none.
	collates, misfits, unmatched bool
	// schema is that of the view whose body is being analysed: its names mean
	// that schema's tables first.
	schema string
	why    string // the first reason against caching
	writes bool   // a function is called that may do anything
	whole  bool   // for the scopes being made; see scope
	// asked is the IN around the query that is analysed next.
	asked *membership
	// missing says that a table is not in the catalog: the floor must stand.
	missing bool
	// notes, where not nil, are told what narrows nothing; see Planner.Notes.
	notes *notes
}

// in runs f with whole set or unset for the scopes that it makes.
func (a *readAnalysis) in(whole bool, f func()) {
	outer := a.whole
	a.whole = whole
	f()
	a.whole = outer
}

// refuse notes why the read cannot be cached. The first reason stays.
func (a *readAnalysis) refuse(why string) {
	if a.why == "" {
		a.why = why
	}
}

// analyzeRead narrows the floor that plan holds already, and sets plan's Op,
// Main, Uncacheable and Class (Write, if the read is one in truth). nil means
// that the floor stands.
func analyzeRead(sel *Select, cat *catalog.Catalog, plan *Plan) *readPlan {
	a := &readAnalysis{cat: cat, text: sel, main: sel, params: paramsOf(sel, cat.Dialect), views: map[*catalog.Table]bool{}, whole: true}
	top := a.query(sel, nil, nil, !rowOrderIsMoot(sel))
	if top != nil && passesOn(sel) {
		settle(sel.OrderBy, top)
	}
	if top != nil && exactTotals(sel, top) {
		for _, src := range top.sources {
			if src.m != nil {
				src.m.ordered = false
			}
		}
	}
	plan.Main = mainTable(sel)
	plan.Op = readOp(sel, top)
	a.finish(sel, top)
	if len(a.tables) == 0 {
		a.refuse("reads no table")
	}
	if plan.Uncacheable == "" {
		plan.Uncacheable = a.why
	}
	if a.writes {
		plan.Class, plan.Everything, plan.Tables = Write, true, nil
		return nil
	}
	if a.missing {
		return nil
	}
	plan.Tables = make([]string, len(a.tables))
	for i, t := range a.tables {
		plan.Tables[i] = t.table.Name
	}
	return &readPlan{d: cat.Dialect, tables: a.tables, patterns: a.patterns}
}

// finish computes what is the same for all arguments.
func (a *readAnalysis) finish(sel *Select, top *scope) {
	if a.fragile = a.fragile || a.unfit(); a.fragile {
		a.everyRow()
	}
	sorts := sortsOf(sel, a.cat)
	for _, t := range a.tables {
		for _, m := range t.mentions {
			m.sorts = sorts
			m.ordered = m.ordered && !m.keyed() // one row has no order
			t.cols = t.cols.Union(m.columns())
		}
		a.checkGenerated(t)
	}
	if m := provenMention(sel, top); m != nil {
		for _, t := range a.tables {
			t.pins = t.pins || len(t.mentions) == 1 && t.mentions[0] == m
		}
	}
}

// checkGenerated refuses a generated column whose expression may change by
// itself.
func (a *readAnalysis) checkGenerated(t *tableRead) {
	for i := range t.table.Columns {
		c := &t.table.Columns[i]
		if c.Generated && !c.GeneratedPure && t.cols.Meets(dep.ColumnSet(c.Name)) {
			a.refuse("generated column " + c.Name + " is not known to be pure")
		}
	}
}

// mention notes that a base table is named.
func (a *readAnalysis) mention(t *catalog.Table, ordered bool) *mention {
	switch {
	case t.Opaque != "":
		a.refuse("reads " + t.Bare + ": " + t.Opaque)
	case t.Temp:
		a.refuse("reads the temporary table " + t.Bare)
	case a.cat.Dialect == catalog.SQLite && t.Schema != "main":
		// Whoever writes to that file may know it as a database of its own, or as
		// attached to another one.
		a.refuse("reads " + t.Bare + " of an attached file")
	}
	m := &mention{table: t, ordered: ordered}
	if t.Root != "" {
		defer a.related(t, m)
	}
	if t.RowSecurity {
		a.guarded(t, m)
	}
	if len(t.Columns) == 0 {
		m.exposed = true
		m.useAll() // who knows what its columns are
	}
	for _, u := range a.tables {
		if u.table == t {
			u.mentions = append(u.mentions, m)
			return m
		}
	}
	a.tables = append(a.tables, &tableRead{table: t, mentions: []*mention{m}})
	return m
}

// lookup finds a table as the analysed text means it.
func (a *readAnalysis) lookup(schema, name string) (*catalog.Table, bool) {
	if schema == "" && a.schema != "" {
		if t, ok := a.cat.Lookup(a.schema, name); ok {
			return t, true
		}
	}
	return a.cat.Lookup(schema, name)
}

func (a *readAnalysis) unknown(name string) {
	if strings.HasPrefix(name, "sqlite_") || strings.HasPrefix(name, "pragma_") {
		a.refuse("reads the schema through " + name)
		return
	}
	a.missing = true
	a.refuse("unknown table " + name)
}
