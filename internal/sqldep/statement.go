package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
)

// statement is one statement on its way to a plan.
type statement struct {
	src         string
	d           catalog.Dialect
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
	plan := &Plan{Text: text}
	c := classifier{src: s.src, d: s.d, toks: s.toks, plan: plan}
	c.run()
	if s.conditional {
		s.widen(&c)
	}
	lay(s.src, s.toks, s.cat, plan)
	return plan
}

// plan makes the statement's plan. text is what the plan is known by; lifted
// maps tokens to the slots of literals that text does not hold.
func (s *statement) plan(text string, lifted map[int]int) *Plan {
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
		*c.plan = Plan{Text: c.plan.Text, Everything: true}
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
	if s.d != catalog.SQLite && plan.Class == Read {
		// A function may write, and who knows what was called.
		plan.Class, plan.Everything, plan.Tables = Write, true, nil
	}
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
	check := func(t *Target) {
		if _, ok := s.cat.Lookup(t.Schema, t.Name); !ok {
			unknown = true
		}
	}
	Walk(tree, func(n Node) bool {
		switch n := n.(type) {
		case *Insert:
			check(&n.Into)
		case *Update:
			check(&n.Table)
		case *Delete:
			check(&n.Table)
		}
		return !unknown
	})
	return unknown
}

func sortedSet(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
