package sqldep

import (
	"database/sql/driver"
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

func (a *readAnalysis) exprs(es []Expr, sc *scope) {
	for _, e := range es {
		a.expr(e, sc)
	}
}

// expr takes every column in e as used, analyses the queries in it, and refuses
// what must not be cached.
func (a *readAnalysis) expr(e Expr, sc *scope) {
	if e == nil {
		return
	}
	Walk(e, func(n Node) bool { return a.node(n, sc) })
}

func (a *readAnalysis) node(n Node, sc *scope) bool {
	a.collation(n, sc)
	switch n := n.(type) {
	case *Array, *Subscript, *Field:
		return a.parts(n, sc)
	case *Column:
		a.mark(sc, n)
	case *Literal:
		if n.Kind == LitCurrent {
			a.refuse("asks for the current time or user")
		}
	case *Func:
		a.function(n)
	case *Like:
		if n.Kind == LikeMatch || a.isSQLite() && (n.Kind == LikeRegexp || n.Kind == LikeSimilar) {
			a.refuse("a match operator that calls a function")
		}
	case *Opaque:
		a.refuse("expression not understood: " + n.Why)
	case *Raise, *Default:
		a.refuse("expression out of place")
	case *Exists:
		a.in(true, func() { a.query(bareExists(n.Query), sc.ctes, sc, !plain(n.Query)) })
		return false
	case *In:
		return a.inSet(n, sc)
	case *Select: // a scalar, a row, an ANY
		a.in(true, func() { a.query(n, sc.ctes, sc, true) })
		return false
	}
	return true
}

// inSet analyses IN with a query, a table or a function on its right.
func (a *readAnalysis) inSet(n *In, sc *scope) bool {
	if n.List != nil {
		return true
	}
	a.expr(n.X, sc)
	switch {
	case n.Query != nil:
		if !n.Not && slices.Contains(sc.asks, Expr(n)) {
			a.asked = &membership{n.X, sc}
		}
		a.in(true, func() { a.query(n.Query, sc.ctes, sc, !plain(n.Query)) })
	case n.Table != nil:
		inner := &scope{a: a, ctes: sc.ctes}
		for _, m := range a.table(n.Table, inner, false).mentions {
			m.useAll()
		}
	case n.Func != nil:
		a.tableFunc(n.Func, sc)
	}
	return false
}

// tableFunc analyses a table-valued function.
func (a *readAnalysis) tableFunc(f *TableFunc, sc *scope) {
	a.exprs(f.Args, sc)
	if !a.isSQLite() {
		return // see refusal
	}
	if f.Schema != "" || !slices.Contains([]string{"json_each", "json_tree", "jsonb_each", "jsonb_tree", "generate_series"}, f.Name) {
		a.refuse("table-valued function " + f.Name)
	}
}

// mark takes the column that c means as used: in every source of the innermost
// scope that has one of that name. A name that nothing explains may be any.
func (a *readAnalysis) mark(sc *scope, c *Column) {
	// Of a query in FROM the outer query may leave other columns unused.
	if m, col, ok := sc.column(c); ok && sc.whole && sc.owns(m) && (c.Table != "" || !slices.Contains(sc.aliases, c.Name)) {
		m.sure = m.sure || !isRowKey(m.table, col.Name)
	}
	explained := a.isSQLite() && c.Table == "" && (c.Quoted || c.Name == "true" || c.Name == "false")
	for s := sc; s != nil; s = s.parent {
		found, open := a.markHere(s, c)
		if found && !open {
			return
		}
		alias := c.Table == "" && slices.Contains(s.aliases, c.Name) && (a.isSQLite() || !sc.source(c.Name))
		explained = explained || found || open || alias
	}
	switch {
	case explained && (a.isSQLite() || !sc.source(c.Name)):
		return
	case !a.isSQLite():
		a.unexplained(sc, c, explained)
		return
	}
	for s := sc; s != nil; s = s.parent {
		for _, src := range s.sources {
			if src.m != nil {
				src.m.useAll()
			}
		}
	}
}

// markHere is mark for one scope.
func (a *readAnalysis) markHere(s *scope, c *Column) (found, open bool) {
	hits, open := s.named(c)
	for _, src := range hits {
		if src.m != nil {
			src.m.use(strings.ToLower(c.Name))
		}
	}
	if len(hits) > 0 || !isRowID(c.Name) || !a.isSQLite() {
		return len(hits) > 0, open
	}
	for _, src := range s.sources {
		if src.means(c.Schema, c.Table) {
			found = true
			a.markRowID(src)
		}
	}
	return found, open
}

func (a *readAnalysis) markRowID(src *source) {
	switch {
	case src.m == nil:
	case src.m.table.RowID != "":
		src.m.use(src.m.table.RowID)
	default:
		src.m.useAll()
		a.refuse("reads the rowid of " + src.m.table.Bare + ", which VACUUM may change")
	}
}

// function refuses a call whose result is not a matter of its arguments alone.
func (a *readAnalysis) function(f *Func) {
	if !a.isSQLite() {
		return // see refusal
	}
	nargs := len(f.Args)
	if f.Star {
		nargs = -1
	}
	switch {
	case f.Schema != "" || !a.cat.PureFunction(f.Name, nargs):
		a.refuse("calls " + f.Name + ", which is not known to be pure")
		a.writes = a.writes || !harmless(f.Name)
	case catalog.TimeFunction(f.Name):
		a.timeFunction(f)
	}
}

// harmless reports whether an impure function of SQLite's own, or of an
// extension that everyone uses, does nothing but compute.
func harmless(name string) bool {
	return catalog.TimeFunction(name) || slices.Contains(harmlessFunctions, name)
}

var harmlessFunctions = []string{
	"random", "randomblob", "changes", "total_changes", "last_insert_rowid", "sqlite_version", "sqlite_source_id",
	"sqlite_compileoption_get", "sqlite_compileoption_used", "sqlite_offset", "soundex", "regexp", "match",
	"bm25", "highlight", "snippet", "matchinfo", "offsets",
}

// timeFunction refuses arguments that may be special times: 'now' and the like.
// A parameter may be one: whether a read is cached is known before its
// arguments are.
func (a *readAnalysis) timeFunction(f *Func) {
	args := f.Args
	if f.Name == "strftime" {
		args = args[1:] // the format
	}
	if len(args) > 1 && countsSeconds(args[1]) {
		args = args[1:]
	}
	for _, arg := range args {
		switch arg := arg.(type) {
		case *Literal:
			if specialTime(arg.Value) {
				a.refuse(f.Name + " asks the clock")
			}
		default:
			if !neverSpecial(arg) {
				a.refuse(f.Name + " of a value that could be 'now'")
			}
		}
	}
}

// countsSeconds reports whether a modifier is the one that takes the time before
// it for a number of seconds, and makes NULL of any that is none.
func countsSeconds(modifier Expr) bool {
	l, ok := modifier.(*Literal)
	if !ok {
		return false
	}
	text, ok := l.Value.(string)
	return ok && strings.EqualFold(text, "unixepoch")
}

// specialTime reports whether an argument of a time function may be a special
// time, or may become one in the driver's hands.
func specialTime(v driver.Value) bool {
	switch v := v.(type) {
	case nil, bool, int64, int, int32, float64:
		return false
	case string:
		return catalog.SpecialTime(v)
	case []byte:
		return catalog.SpecialTime(string(v))
	}
	return true
}

// neverSpecial reports whether an expression yields a number, a time's text or
// NULL, and so no special time.
func neverSpecial(e Expr) bool {
	switch e := e.(type) {
	case *Unary:
		return e.Op == OpNeg || e.Op == OpNot || e.Op == OpBitNot
	case *Binary:
		switch e.Op {
		case OpOther, OpConcat, OpArrow, OpArrowText:
			return false
		}
		return true
	case *Cast:
		return e.Type == "integer" || e.Type == "int" || e.Type == "real"
	case *Func:
		return catalog.TimeFunction(e.Name) && e.Name != "strftime" || e.Name == "count" || e.Name == "unixepoch"
	}
	return false
}
