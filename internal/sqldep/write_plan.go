package sqldep

import (
	"database/sql/driver"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// writePlan is what the analysis of a write found beyond the floor: its tree,
// with those of the triggers that it may fire. The changes are computed from
// them for each execution, because only its arguments say which rows they are.
type writePlan struct {
	stmt Statement
	cat  *catalog.Catalog
	// bodies holds the statements of each trigger that may fire, nil for one
	// whose body was not understood.
	bodies map[*catalog.Trigger][]Statement
	// params knows the types of PostgreSQL's parameters.
	params *params
	// anything: the statement calls a function that may do anything.
	anything bool
}

// analyzeWrite narrows the floor that plan holds already, and sets plan's
// Returns, KeepsOnError, EndsTxOnError and Main. nil means that the floor
// stands.
func analyzeWrite(stmt Statement, cat *catalog.Catalog, plan *Plan) *writePlan {
	into, ok := writeTarget(stmt)
	if !ok {
		return nil
	}
	w := &writePlan{stmt: stmt, cat: cat, bodies: make(map[*catalog.Trigger][]Statement), params: paramsOf(stmt, cat.Dialect)}
	if cat.Dialect != catalog.SQLite {
		// Triggers' bodies are followed by the names in them alone.
		if t, ok := cat.Lookup(into.Schema, into.Name); ok && !plan.Everything && narrows(stmt, t) {
			return w
		}
		return nil
	}
	clear, harmless := audit(stmt)
	if !clear {
		return nil
	}
	w.anything = !harmless
	plan.Main = into.Name
	if t, ok := cat.Lookup(into.Schema, into.Name); ok {
		plan.KeepsOnError = plan.KeepsOnError || t.ConflictFails
		plan.EndsTxOnError = plan.EndsTxOnError || t.ConflictRollsBack
		w.parseTriggers(t)
	}
	return w
}

// writeTarget returns the table that a statement names as the one it writes.
func writeTarget(stmt Statement) (Target, bool) {
	switch s := stmt.(type) {
	case *Insert:
		return s.Into, true
	case *Update:
		return s.Table, true
	case *Delete:
		return s.Table, true
	}
	return Target{}, false
}

// audit looks for what no image can answer for. clear is false where part of
// the statement was not understood, harmless where it calls a function that may
// write.
func audit(stmt Statement) (clear, harmless bool) {
	clear, harmless = true, true
	Walk(stmt, func(n Node) bool {
		switch n := n.(type) {
		case *Opaque:
			clear = false
		case *Func:
			harmless = harmless && catalog.HarmlessFunction(catalog.SQLite, n.Name)
		case *Like:
			harmless = harmless && n.Kind != LikeRegexp
		case *Insert, *Update, *Delete:
			clear = clear && n == stmt.(Node)
		}
		return true
	})
	return clear, harmless
}

// parseTriggers reads the triggers of t and of every table that they and the
// foreign keys lead to.
func (w *writePlan) parseTriggers(t *catalog.Table) {
	seen := make(map[string]bool)
	var visit func(t *catalog.Table)
	visit = func(t *catalog.Table) {
		if t == nil || seen[t.Name] {
			return
		}
		seen[t.Name] = true
		for _, tr := range t.Triggers {
			w.bodies[tr] = parseBody(tr, w.cat)
			for _, name := range tr.Writes {
				visit(w.cat.Tables[name])
			}
		}
		for _, fk := range t.Children {
			visit(w.cat.Tables[fk.Child])
		}
	}
	visit(t)
}

// parseBody returns the trees of a trigger's statements, nil where one was not
// understood.
func parseBody(tr *catalog.Trigger, cat *catalog.Catalog) []Statement {
	body := make([]Statement, 0, len(tr.Statements))
	for _, src := range tr.Statements {
		l := lexer{src: src, d: cat.Dialect}
		toks := l.lex(nil)
		if l.murky || bad(toks) {
			return nil
		}
		s := parseIn(cat, src, signs(src, toks), nil)
		if s == nil {
			return nil
		}
		if clear, _ := audit(s); !clear {
			return nil
		}
		body = append(body, s)
	}
	return body
}

func (w *writePlan) changes(b Bound, args []driver.NamedValue, f Facts) []dep.Change {
	if w.anything {
		return []dep.Change{dep.Anything()}
	}
	e := &effects{w: w, b: b, args: args}
	t, ok := e.table("", mustTarget(w.stmt))
	if !ok {
		return []dep.Change{dep.Anything()}
	}
	if f.Ran && f.Affected == 0 && (w.idle(t) || w.missed(b, args, f)) {
		return nil
	}
	if f.Ran {
		e.facts = w.usable(b, args, f)
	}
	e.statement(w.stmt, nil, OrDefault)
	return e.result()
}

func mustTarget(stmt Statement) Target {
	t, _ := writeTarget(stmt)
	return t
}

// idle reports whether a run that affected no row changed nothing at all:
// nothing fires before a row is affected, and none is replaced on the way.
func (w *writePlan) idle(t *catalog.Table) bool {
	or := OrDefault
	switch s := w.stmt.(type) {
	case *Insert:
		or = s.Or
	case *Update:
		or = s.Or
	}
	return !t.IsView && t.Opaque == "" && len(t.Triggers) == 0 && !replaces(or, t)
}

// missed reports that the one row that the statement could write was not there.
func (w *writePlan) missed(b Bound, args []driver.NamedValue, f Facts) bool {
	if !f.Read || f.Old != nil {
		return false
	}
	_, ok := w.target(b, args)
	return ok
}

// replaces reports whether a conflict removes the row that is in the way.
func replaces(or Resolution, t *catalog.Table) bool {
	return or == OrReplace || or == OrDefault && t.PlainInsertReplaces
}
