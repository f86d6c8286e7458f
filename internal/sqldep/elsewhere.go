package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// planElsewhere makes the plan of a statement of PostgreSQL or MySQL. What the
// syntax alone refuses to cache, or shows to be a write in disguise, is found
// here, before any analysis.
func (s *statement) planElsewhere(text string, lifted map[int]int) *Plan {
	plan, runs := s.classify(text)
	s.leaves(plan)
	if plan.Class != Write && !(plan.Class == Read && runs) {
		return plan // its tree would say nothing more
	}
	var tree Statement
	if !s.conditional {
		tree = parse(s.src, s.d, s.mode, s.toks, lifted)
	}
	if tree == nil {
		if plan.Class == Read {
			plan.Uncacheable = "not understood"
		}
		// A function may write, and who knows what was called.
		plan.Class, plan.Everything, plan.Tables = Write, true, nil
		return plan
	}
	found := refusal(tree, s.cat)
	plan.timed = found.timed
	if found.writes {
		plan.Class, plan.Everything, plan.Tables = Write, true, nil
	}
	sel, isSelect := tree.(*Select)
	if isSelect && sel.IntoTable != nil {
		plan.Class, plan.Everything, plan.Tables = DDL, true, nil
		return plan
	}
	switch {
	case plan.Class == Write:
		s.write(tree, plan)
		plan.Main = mainOf(tree)
		return plan
	case !isSelect:
		return plan
	}
	plan.Main, plan.Op = mainTable(sel), readOp(sel, nil)
	switch {
	case plan.Uncacheable != "":
	case plan.AsksSession || plan.SetsSession:
		plan.Uncacheable = "asks or changes the session"
	case found.why != "":
		plan.Uncacheable = found.why
	default:
		s.readElsewhere(tree, plan)
	}
	return plan
}

// leaves looks for routines, views and triggers that may leave something in the
// session, by their names: the statement may call them wherever they stand.
func (s *statement) leaves(plan *Plan) {
	if !s.cat.AnyLeaves() {
		return
	}
	f := floor{cat: s.cat, seen: map[*catalog.Table]bool{}, cascade: true}
	for _, t := range named(s.src, s.toks, s.cat) {
		f.add(t, plan.Class != Read)
	}
	for i := range s.toks {
		t := &s.toks[i]
		f.leaves = f.leaves || t.names() && s.cat.Leaving[strings.ToLower(rawName(s.src, t))]
	}
	if f.leaves {
		plan.SetsSession, plan.Leaves, plan.Local = true, true, false
	}
}

// readElsewhere analyses a read. Its tables stay those of the floor, views'
// among them, of which more is asked than what changes them.
func (s *statement) readElsewhere(tree Statement, plan *Plan) {
	floor := plan.Tables
	s.read(tree, plan)
	if plan.Class == Read {
		plan.Tables = floor
	}
}

// mainOf is the table that a write names first.
func mainOf(tree Statement) string {
	switch s := tree.(type) {
	case *Insert:
		return s.Into.Name
	case *Merge:
		return s.Into.Name
	case *Truncate:
		return s.Tables[0].Name
	case *Copy:
		return s.Table.Name
	case *Explain:
		return mainOf(s.Body)
	case *Select:
		return mainTable(s)
	case *Update:
		if s.Tables != nil {
			return mainFrom(s.Tables, s.With)
		}
		return s.Table.Name
	case *Delete:
		if len(s.Targets) > 0 {
			return s.Targets[0].Name
		}
		return s.Table.Name
	}
	return ""
}
