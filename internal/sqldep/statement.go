package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
)

// statement is one statement on its way to a plan.
type statement struct {
	src         string
	d           catalog.Dialect
	mode        Mode
	cat         *catalog.Catalog
	toks        []token // at least one
	conditional bool
}

// liftable reports whether literals may be lifted out of the statement.
func (s *statement) liftable() bool {
	switch s.toks[0].word {
	case kSelect, kWith, kInsert, kUpdate, kDelete, kReplace, kValues:
		return !s.conditional
	}
	return false
}

// outline says what the tokens alone tell: the class and the floor.
func (s *statement) outline(text string) *Plan {
	plan, _ := s.classify(text)
	return plan
}

// classify is outline, and says whether the statement is a read that evaluates
// expressions.
func (s *statement) classify(text string) (plan *Plan, runs bool) {
	plan = &Plan{Text: text}
	c := classifier{src: s.src, d: s.d, toks: s.toks, plan: plan}
	c.run()
	if s.conditional {
		s.widen(&c)
	}
	lay(s.src, s.toks, s.cat, plan)
	return plan, c.runs
}

// plan makes the statement's plan. text is what the plan is known by; lifted
// maps tokens to the slots of literals that text does not hold.
func (s *statement) plan(text string, lifted map[int]int) *Plan {
	if s.d != catalog.SQLite {
		return s.planElsewhere(text, lifted)
	}
	plan := s.outline(text)
	var tree Statement
	if !s.conditional && plan.Uncacheable == "" && (plan.Class == Read || plan.Class == Write) {
		tree = parseIn(s.cat, s.src, s.toks, lifted)
	}
	switch {
	case plan.Uncacheable != "":
	case plan.Class == Read:
		s.read(tree, plan)
	case plan.Class == Write:
		s.write(tree, plan)
	}
	return plan
}

// widen is for a text of which a part runs on some servers only.
func (s *statement) widen(c *classifier) {
	if c.plan.Class != Read || c.has(kInto, kInsert, kUpdate, kDelete, kReplace, kFor, kLock) {
		*c.plan = Plan{Text: c.plan.Text, Everything: true, ImplicitCommit: true, SetsSession: true} // MySQL alone has such texts
	}
}

// read plans a read. Without an analysis nobody knows which functions it calls,
// so that it is not cached.
func (s *statement) read(tree Statement, plan *Plan) {
	sel, ok := tree.(*Select)
	if ok {
		plan.read = analyzeRead(sel, s.cat, plan)
	}
	if plan.read != nil || plan.Uncacheable != "" {
		return
	}
	plan.Uncacheable = "not understood"
}

func (s *statement) write(tree Statement, plan *Plan) {
	if tree == nil {
		return
	}
	if s.unknownTarget(tree) {
		// A table that the catalog does not know yet: it may be a view by now.
		plan.Everything, plan.Tables = true, nil
	}
	plan.write = analyzeWrite(tree, s.cat, plan)
}

// unknownTarget reports whether a write names a table that the catalog lacks.
func (s *statement) unknownTarget(tree Statement) (unknown bool) {
	named := cteNames(tree)
	check := func(t *Target) {
		if _, ok := s.cat.Lookup(t.Schema, t.Name); !ok {
			unknown = true
		}
	}
	Walk(tree, func(n Node) bool {
		switch n := n.(type) {
		case *Insert:
			check(&n.Into)
		case *Merge:
			check(&n.Into)
		case *Truncate:
			for i := range n.Tables {
				check(&n.Tables[i])
			}
		case *Copy:
			if n.Query == nil {
				check(&n.Table)
			}
		case *Update:
			if n.Tables == nil {
				check(&n.Table)
			}
		case *Delete:
			if n.Targets == nil {
				check(&n.Table)
			}
		case *Table:
			// Of several tables each may be written.
			if manyTables(tree) && !named[n.Name] {
				check(&Target{Schema: n.Schema, Name: n.Name})
			}
		}
		return !unknown
	})
	return unknown
}

func sortedSet(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// manyTables reports whether a statement may write several tables that it joins.
func manyTables(tree Statement) bool {
	switch s := tree.(type) {
	case *Update:
		return s.Tables != nil
	case *Delete:
		return s.Targets != nil
	}
	return false
}

// cteNames returns the names of all common table expressions in a statement.
func cteNames(tree Statement) map[string]bool {
	names := map[string]bool{}
	Walk(tree, func(n Node) bool {
		if c, ok := n.(*CTE); ok {
			names[c.Name] = true
		}
		return true
	})
	return names
}
