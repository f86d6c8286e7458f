package oracles

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// A shape is what a WHERE is like in ANDs, ORs and NOTs, down to conditions, of
// which it has the comparison and the columns that its sides name: (and [= a|] (or
// [b c] [null d])). What we AND at the top the real parser must AND there too,
// and compare the same things, or a row could match that an analyst rules out.

// junction joins the shapes of what AND or OR combines, one level for all.
func junction(op string, parts ...string) string {
	var flat []string
	for _, p := range parts {
		if in, ok := strings.CutPrefix(p, "("+op+" "); ok {
			p = in[:len(in)-1]
		}
		flat = append(flat, p)
	}
	return "(" + op + " " + strings.Join(flat, " ") + ")"
}

// negation is NOT of a shape: of a condition it is a condition.
func negation(shape string) string {
	if strings.HasPrefix(shape, "[") {
		return shape
	}
	return "(not " + shape + ")"
}

// condition is the shape of what is neither AND, OR nor NOT: a comparison, ""
// for none that matters, of sides of which the columns are given.
func condition(comparison string, sides ...[]string) string {
	parts := make([]string, len(sides))
	for i, columns := range sides {
		for k := range columns {
			columns[k] = strings.ToLower(columns[k])
		}
		slices.Sort(columns)
		parts[i] = strings.Join(slices.Compact(columns), " ")
	}
	return "[" + strings.TrimSpace(comparison+" "+strings.Join(parts, "|")) + "]"
}

// starless: t.* is a column to one parser and none to the other.
var starless = strings.NewReplacer("|*", "", "*|", "", "*", "")

// checkTree compares our tree with what the real parser saw.
func checkTree(d catalog.Dialect, text string, s *seen, n *tally) error {
	tree := sqldep.Parse(text, d)
	if tree == nil {
		n.without = append(n.without, text)
		return nil
	}
	n.trees++
	if s.shaped && !odd(tree) {
		if got := shapeOf(where(tree)); starless.Replace(got) != starless.Replace(s.where) {
			return fmt.Errorf("WHERE is %s, not %s", got, s.where)
		}
	}
	if s.kind != write || s.otherSchemas {
		return nil
	}
	got := targetsOf(tree)
	for name := range s.ctes { // of which the oracle loses a target of that name
		delete(got, name)
		delete(s.targets, name)
	}
	if fmt.Sprint(got) != fmt.Sprint(s.targets) && s.exact {
		return fmt.Errorf("the tree writes %v, the oracle %v", got, s.targets)
	}
	return nil
}

// odd reports whether part of the tree was not understood.
func odd(tree sqldep.Statement) (found bool) {
	sqldep.Walk(tree, func(n sqldep.Node) bool {
		switch n := n.(type) {
		case *sqldep.Func:
			found = found || n.Odd
		case *sqldep.Opaque:
			found = found || n.Why == "literal" || n.Why == "rows examined"
		}
		return !found
	})
	return found
}

// where returns the WHERE of a statement's outermost query, or of its DML.
func where(tree sqldep.Statement) sqldep.Expr {
	switch s := tree.(type) {
	case *sqldep.Select:
		return s.Cores[0].Where
	case *sqldep.Update:
		return s.Where
	case *sqldep.Delete:
		return s.Where
	}
	return nil
}

func shapeOf(e sqldep.Expr) string {
	switch e := e.(type) {
	case nil:
		return ""
	case *sqldep.Binary:
		switch e.Op {
		case sqldep.OpAnd:
			return junction("and", shapeOf(e.X), shapeOf(e.Y))
		case sqldep.OpOr:
			return junction("or", shapeOf(e.X), shapeOf(e.Y))
		}
	case *sqldep.Unary:
		if e.Op == sqldep.OpNot {
			return negation(shapeOf(e.X))
		}
	}
	return conditionOf(e)
}

var comparisons = map[sqldep.Op]string{
	sqldep.OpEq: "=", sqldep.OpNe: "<>", sqldep.OpLt: "<", sqldep.OpLe: "<=", sqldep.OpGt: ">", sqldep.OpGe: ">=", sqldep.OpNullEq: "<=>",
}

func conditionOf(e sqldep.Expr) string {
	switch e := e.(type) {
	case *sqldep.Binary:
		op := comparisons[e.Op]
		if e.Text == "sounds like" { // the oracle compares SOUNDEX of both
			op = "="
		}
		if op != "" {
			return condition(op, columnsOf(e.X), columnsOf(e.Y))
		}
	case *sqldep.In:
		if e.List != nil {
			return condition("in", columnsOf(e.X), columnsOf(&sqldep.Row{Items: e.List}))
		}
	case *sqldep.Between:
		return condition("between", columnsOf(e.X), columnsOf(e.Lo), columnsOf(e.Hi))
	case *sqldep.Like:
		if e.Kind == sqldep.LikeLike {
			return condition("like", columnsOf(e.X), columnsOf(&sqldep.Row{Items: []sqldep.Expr{e.Pattern, e.Escape}}))
		}
	case *sqldep.Is:
		if l, ok := e.Y.(*sqldep.Literal); ok && l.Kind == sqldep.LitNull {
			return condition("null", columnsOf(e.X))
		}
	}
	return condition("", columnsOf(e))
}

func columnsOf(e sqldep.Expr) (columns []string) {
	sqldep.Walk(e, func(n sqldep.Node) bool {
		if c, ok := n.(*sqldep.Column); ok {
			columns = append(columns, c.Name)
		}
		return true
	})
	return columns
}

// targetsOf returns the tables that a tree writes: all that a statement of
// several tables joins, of which it may write each.
func targetsOf(tree sqldep.Statement) map[string]bool {
	targets := map[string]bool{}
	sqldep.Walk(tree, func(n sqldep.Node) bool {
		switch n := n.(type) {
		case *sqldep.Insert:
			targets[strings.ToLower(n.Into.Name)] = true
		case *sqldep.Merge:
			targets[strings.ToLower(n.Into.Name)] = true
		case *sqldep.Update:
			if n.Tables != nil {
				joined(n.Tables, targets)
				break
			}
			targets[strings.ToLower(n.Table.Name)] = true
		case *sqldep.Delete:
			if n.Targets == nil {
				targets[strings.ToLower(n.Table.Name)] = true
			}
			for _, t := range n.Targets {
				targets[aliased(n.Using, t.Name)] = true
			}
		}
		return true
	})
	return targets
}

// joined adds the tables that a FROM tree joins, those in queries apart.
func joined(f sqldep.From, targets map[string]bool) {
	switch f := f.(type) {
	case *sqldep.Table:
		targets[strings.ToLower(f.Name)] = true
	case *sqldep.Join:
		joined(f.Left, targets)
		joined(f.Right, targets)
	}
}

// aliased returns the table that goes by a name in a FROM tree.
func aliased(f sqldep.From, name string) string {
	switch f := f.(type) {
	case *sqldep.Table:
		if f.Alias == name || f.Alias == "" && f.Name == name {
			return strings.ToLower(f.Name)
		}
	case *sqldep.Join:
		if found := aliased(f.Left, name); found != "" {
			return found
		}
		return aliased(f.Right, name)
	}
	return ""
}
