package sqldep

import "github.com/cacheops/cacheops/internal/catalog"

// MySQL makes a date of a time of day, where it stands beside one, by putting
// today's before it: t < d, COALESCE(t, d), a UNION of both. What that says ends
// at midnight, and nobody writes then. PostgreSQL gives a time without a zone that
// stands beside one with a zone the session's, as it is today: in summer another
// than in winter.

// times is what is known of the times of day in a statement: on PostgreSQL of those
// with a zone.
type times struct {
	cat *catalog.Catalog
	// clocks are the names of columns that hold times of day; others of the
	// columns that do not.
	clocks, others map[string]bool
	// dated: there is something that a date could be made for.
	dated bool
	// plain are the columns that stand where nothing else decides what they become.
	plain map[*Column]bool
	// tops are the parts of queries whose stars show columns as they are.
	tops map[*Core]bool
	// beside says that a time may stand beside something else, given that an
	// argument may.
	beside, besideArgument bool
	seen                   map[*catalog.Table]bool
}

// timesOfDay refuses a statement that may put today's date before a time of day, or
// today's zone behind it.
func (a *syntax) timesOfDay() {
	sel, ok := a.tree.(*Select)
	if !ok {
		return
	}
	t := &times{
		cat: a.cat, dated: a.d == catalog.PostgreSQL, clocks: make(map[string]bool), others: make(map[string]bool),
		plain: make(map[*Column]bool), tops: make(map[*Core]bool), seen: make(map[*catalog.Table]bool),
	}
	mixed := false
	Walk(sel, func(n Node) bool {
		if f, ok := n.(*Table); ok {
			if table, ok := a.cat.Lookup(f.Schema, f.Name); ok {
				clocks, dates := t.table(table)
				mixed = mixed || table.IsView && clocks && (dates || a.d == catalog.PostgreSQL)
				t.dated = t.dated || dates
			}
		}
		return true
	})
	if len(t.clocks) == 0 && !mixed {
		return
	}
	t.top(sel)
	Walk(sel, t.mark)
	Walk(sel, t.judge)
	switch {
	case !mixed && !(t.dated && t.beside):
	case a.d == catalog.PostgreSQL:
		a.refuse("a time with a zone beside one that may be given today's")
	default:
		a.refuse("a time of day beside a date, before which today's may be put")
	}
	a.timed = a.d == catalog.MySQL && (t.beside || t.besideArgument)
}

// table takes the columns of a table, or of a view and what lies under it.
func (t *times) table(table *catalog.Table) (clocks, dates bool) {
	if t.seen[table] {
		return false, false
	}
	t.seen[table] = true
	for i := range table.Columns {
		c := &table.Columns[i]
		switch {
		case clockKind(c):
			clocks = true
			t.clocks[c.Name] = true
			continue
		case dateKind(c):
			dates = true
		}
		t.others[c.Name] = true
	}
	if table.IsView {
		l := lexer{src: table.View, d: t.cat.Dialect}
		for _, below := range named(table.View, l.lex(nil), t.cat) {
			c, d := t.table(below)
			clocks, dates = clocks || c, dates || d
		}
	}
	return clocks, dates
}

// clockKind reports whether what stands beside a column decides with the clock what
// becomes of it.
func clockKind(c *catalog.Column) bool {
	return c.Zoned || c.Form.Kind == catalog.Clock && c.Form.Dialect != catalog.PostgreSQL
}

func (t *times) clock(e Expr) (*Column, bool) {
	c, ok := e.(*Column)
	return c, ok && t.clocks[c.Name]
}

// top marks what the statement itself shows, and orders and groups by.
func (t *times) top(s *Select) {
	if len(s.Cores) != 1 || s.With != nil || s.Cores[0].Sub != nil {
		return
	}
	core := s.Cores[0]
	t.tops[core] = true
	terms := core.GroupBy
	for i := range core.Columns {
		item := core.Columns[i].Expr
		if f, ok := item.(*Func); ok && len(f.Args) == 1 && (f.Name == "count" || f.Name == "min" || f.Name == "max") {
			item = f.Args[0]
		}
		if _, ok := t.clock(item); ok && core.Columns[i].Alias != "" {
			t.clocks[core.Columns[i].Alias] = true // HAVING may name it
		}
		terms = append(terms[:len(terms):len(terms)], item)
	}
	for i := range s.OrderBy {
		terms = append(terms, s.OrderBy[i].Expr)
	}
	for _, e := range terms {
		if c, ok := t.clock(e); ok {
			t.plain[c] = true
		}
	}
}

// mark marks the columns that are compared with constants, and with times alone.
func (t *times) mark(n Node) bool {
	if e, ok := n.(*Exists); ok {
		for _, c := range e.Query.Cores {
			t.tops[c] = true
		}
	}
	if t.cat.Dialect == catalog.PostgreSQL { // a constant is given a zone as well
		return true
	}
	switch n := n.(type) {
	case *Binary:
		if n.Op >= OpEq && n.Op <= OpGe || n.Op == OpNullEq {
			t.compared(n.X, n.Y)
		}
	case *Between:
		t.compared(n.X, n.Lo, n.Hi)
	case *In:
		if n.List != nil {
			t.compared(append([]Expr{n.X}, n.List...)...)
		}
	case *Is:
		t.compared(n.X, n.Y)
	}
	return true
}

func (t *times) compared(es ...Expr) {
	var columns []*Column
	argument := false
	for _, e := range es {
		switch e := e.(type) {
		case *Column:
			if !t.clocks[e.Name] || t.others[e.Name] {
				return
			}
			columns = append(columns, e)
		case *Lifted:
		case *Literal:
			if e.Kind == LitTyped || e.Kind == LitCurrent {
				return
			}
		case *Param:
			argument = true
		default:
			return
		}
	}
	for _, c := range columns {
		t.plain[c] = true
		t.besideArgument = t.besideArgument || argument
	}
}

// judge looks for times that are not plain, and for dates.
func (t *times) judge(n Node) bool {
	switch n := n.(type) {
	case *Column:
		t.beside = t.beside || t.clocks[n.Name] && !t.plain[n]
	case *Core:
		for i := range n.Columns {
			t.beside = t.beside || n.Columns[i].Star && !t.tops[n]
		}
	case *Join:
		for _, name := range n.Using {
			t.beside = t.beside || t.clocks[name] && t.others[name]
		}
		for name := range t.clocks {
			t.beside = t.beside || n.Natural && t.others[name]
		}
	case *Literal:
		t.dated = t.dated || n.Kind == LitTyped
	case *Cast, *Interval, *Opaque:
		t.dated = true
	}
	return true
}
