package sqldep

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// Note is something that makes a read depend on more than its conditions say.
type Note struct {
	// Condition is what does not narrow, as SQL; empty where it is not one alone.
	Condition string
	Why       string
}

// Notes says, for an explanation, what of a read does not narrow its regions. It
// analyses the text anew, with its literals in their places. Where the analysis as
// a whole failed there are none: the plan says so.
func (p *Planner) Notes(text string, c *catalog.Catalog, args []driver.NamedValue) []Note {
	l := lexer{src: text, d: p.d, mode: p.mode}
	toks := l.lex(nil)
	parts := split(toks)
	if l.murky || l.conditional || bad(toks) || len(parts) != 1 || len(text) > longestText {
		return nil
	}
	tree := parseNotes(c, p.mode, text, signs(text, parts[0]))
	sel, ok := tree.(*Select)
	if !ok {
		return nil
	}
	n := &notes{fill: filling{args: args, cap: maxRegions, isMySQL: p.d == catalog.MySQL}}
	a := &readAnalysis{
		cat: c, text: sel, main: sel, params: paramsOf(sel, c.Dialect), views: map[*catalog.Table]bool{}, whole: true, notes: n,
	}
	a.query(sel, nil, nil, !rowOrderIsMoot(sel))
	n.tables(a)
	return n.list
}

func parseNotes(c *catalog.Catalog, mode Mode, text string, toks []token) Statement {
	if c.Dialect == catalog.SQLite {
		return parseIn(c, text, toks, nil)
	}
	return parse(text, c.Dialect, mode, toks, nil)
}

// notes collects what an analysis leaves out.
type notes struct {
	fill filling
	list []Note
}

func (n *notes) add(e Expr, why string) {
	note := Note{Why: why}
	if e != nil {
		note.Condition = textOf(e)
	}
	if !slices.Contains(n.list, note) {
		n.list = append(n.list, note)
	}
}

// core looks at the WHERE and the ON clauses of one core, once its mentions are
// restricted.
func (n *notes) core(c *Core, sc *scope) {
	if n == nil || sc.tree == nil {
		return
	}
	if sc.a.isSQLite() && (fallible(c.Where) || fallibleOn(c.From)) {
		n.add(nil, "a function in a condition may fail at rows that the read does not show, so it depends on all rows")
	}
	for _, e := range sc.asks {
		k := n.condition(sc, e)
		if k != nil && k.leaf() && slices.Contains(sc.tree.nullable, k.m) && !n.fill.cond(k).rejectNull() {
			n.add(e, "it also holds for what an outer join puts in the place of a missing row")
		}
	}
	n.joins(c.From, sc)
}

func (n *notes) joins(f From, sc *scope) {
	j, ok := f.(*Join)
	if !ok {
		return
	}
	n.joins(j.Left, sc)
	n.joins(j.Right, sc)
	i := slices.IndexFunc(sc.tree.outer, func(o outerJoin) bool { return o.join == j })
	for _, e := range conjuncts(j.On, nil) {
		k := n.condition(sc, e)
		switch {
		case j.Kind == FullJoin:
			n.add(e, "the ON of a FULL JOIN restricts neither side")
		case i >= 0 && k != nil && k.leaf() && !slices.Contains(sc.tree.outer[i].side.mentions, k.m):
			n.add(e, "the ON of an outer join restricts only the side whose rows may be missing")
		}
	}
}

// condition is what a conjunct says; where that is nothing, it is noted.
func (n *notes) condition(sc *scope, e Expr) *cond {
	k := sc.condition(e, true)
	switch {
	case k == nil:
		n.add(e, sc.whyNothing(e))
	case n.lacks(e):
		n.add(e, "its argument is not given here")
	case k.kind == condSame:
		if !n.pins(k.m, k.name) && !n.pins(k.other, k.otherCol.Name) {
			n.add(e, "no value of either side is known before it runs")
		}
	case k.kind == condGiven || !n.fill.cond(k).all:
	case k.kind == condEq && len(k.vals) > maxRegions:
		n.add(e, fmt.Sprintf("it has more than %d values", maxRegions))
	case k.kind == condRange || k.kind == condEnds:
		n.add(e, "no few cells of the column cover the range")
	case k.kind == condLike || k.kind == condGlob:
		n.add(e, "the pattern has no plain text before its first wildcard, or text beyond ASCII")
	case k.kind == condAny:
		n.add(e, fmt.Sprintf("one of the alternatives restricts nothing, or they make more than %d regions", maxRegions))
	default:
		n.add(e, "for this value equality in the column cannot be told for certain")
	}
	return k
}

// pins reports whether the conditions on a mention say something of a column.
func (n *notes) pins(m *mention, col string) bool {
	return slices.ContainsFunc(n.fill.mention(m).any, func(atoms []dep.Atom) bool {
		return slices.ContainsFunc(atoms, func(a dep.Atom) bool { return a.Col == col })
	})
}

// lacks reports whether a condition has a parameter without an argument.
func (n *notes) lacks(e Expr) (lacks bool) {
	Walk(e, func(node Node) bool {
		if p, ok := node.(*Param); ok {
			if _, given := p.Arg(n.fill.args); !given {
				lacks = true
			}
		}
		return !lacks
	})
	return lacks
}

// tables looks at what concerns a table as a whole.
func (n *notes) tables(a *readAnalysis) {
	if a.fragile {
		n.add(nil, "an expression may fail at rows that the read does not show, so it depends on all rows")
	}
	for _, t := range a.tables {
		if t.table.Root != "" && !t.table.Partitioned && t.mentions[0].exposed {
			n.add(nil, t.table.Bare+" shares its rows with other tables (partitions, inheritance)")
		}
		total := 0
		for _, m := range t.mentions {
			total += n.regions(m)
		}
		if total > maxRegions {
			n.add(nil, fmt.Sprintf("the conditions on %s make more than %d regions: some are left out", t.table.Bare, maxRegions))
		}
	}
}

// regions is how many regions a mention's conditions make without a cap.
func (n *notes) regions(m *mention) int {
	total := 1
	for _, r := range m.restrictions {
		for _, k := range r.cond.conjuncts() {
			if got := n.fill.cond(k); !got.all {
				total *= max(1, len(got.any))
			}
		}
		total = min(total, maxRegions+1)
	}
	return total
}

// whyNothing says why a condition says nothing of the columns of this scope.
func (s *scope) whyNothing(e Expr) string {
	switch e := e.(type) {
	case *Binary:
		return s.whyNotBinary(e)
	case *Unary:
		if e.Op == OpNot {
			return "what NOT makes of it is not known to be a condition on single columns"
		}
	case *Like:
		return s.whyNotLike(e)
	case *In:
		if e.Query != nil || e.Table != nil || e.Func != nil {
			return "what a query returns is not known before it runs"
		}
		if e.Not {
			return "it excludes values and selects none"
		}
		return s.whyNotOperand(e.X)
	case *Exists, *Subquery, *Any:
		return "what a query or an array returns is not known before it runs"
	case *Between:
		return s.whyNotOperand(e.X)
	case *Is:
		if e.Not {
			return "it excludes values and selects none"
		}
		return s.whyNotOperand(e.X)
	case *Func:
		return "it is a function's result"
	}
	return "it is no condition on a single column"
}

func (s *scope) whyNotBinary(e *Binary) string {
	_, _, left := s.operand(e.X)
	_, _, right := s.operand(e.Y)
	switch {
	case e.Op == OpOr:
		return "one side of OR restricts nothing"
	case e.Op == OpNe:
		return "it excludes values and selects none"
	case e.Op < OpEq || e.Op > OpGe && e.Op != OpNullEq:
		return "it is no comparison"
	case left && right:
		return "it compares two columns, whose types or collations differ or whose order says nothing of a value"
	case left || right:
		return "the other side is no constant or argument, or not of a type that compares with the column as is"
	}
	return s.whyNotOperand(e.X)
}

func (s *scope) whyNotLike(e *Like) string {
	switch _, _, ok := s.operand(e.X); {
	case !ok:
		return s.whyNotOperand(e.X)
	case e.Not:
		return "it excludes values and selects none"
	case s.a.isSQLite() && e.Kind == LikeLike:
		return "LIKE ignores case on SQLite; GLOB 'prefix*' does not"
	case e.Kind == LikeILike:
		return "ILIKE ignores case"
	}
	return "the column's text is not known to sort byte by byte"
}

func (s *scope) whyNotOperand(e Expr) string {
	if _, _, ok := s.operand(e); ok {
		return "a value in it is no constant or argument, or not of a type that compares with the column as is"
	}
	what := "an expression"
	if _, ok := e.(*Func); ok {
		what = "a function's result"
	}
	return fmt.Sprintf("%s is %s and no column of a table here", strings.TrimSpace(textOf(e)), what)
}
