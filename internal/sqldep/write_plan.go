package sqldep

import (
	"database/sql/driver"
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// writePlan is what the analysis of a write found beyond the floor: its tree,
// with those of the triggers that it may fire. The changes are computed from
// them for each execution, because only its arguments say which rows they are.
type writePlan struct {
	stmt Statement
	// parts are the writes of a statement that has several, nil of one.
	parts []Statement
	cat   *catalog.Catalog
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
	w := &writePlan{stmt: stmt, cat: cat, bodies: make(map[*catalog.Trigger][]Statement), params: paramsOf(stmt, cat.Dialect)}
	switch {
	case cat.Dialect != catalog.SQLite && !plan.Everything:
		return w.elsewhere(into)
	case cat.Dialect != catalog.SQLite, !ok:
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

// elsewhere returns the plan of a statement of PostgreSQL's or MySQL's, nil where
// it cannot be narrowed. Triggers' bodies are followed by the names in them alone.
func (w *writePlan) elsewhere(into Target) *writePlan {
	if c, ok := w.stmt.(*Copy); ok && (c.Out || w.cat.Dialect == catalog.MySQL) {
		return nil
	}
	if t, ok := w.cat.Lookup(into.Schema, into.Name); ok && into.Name != "" && narrows(w.stmt, t) {
		return w
	}
	var ok bool
	if w.parts, ok = partsOf(w.stmt, w.cat); !ok {
		return nil
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
	case *Merge:
		return s.Into, true
	case *Copy:
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
	if w.parts != nil {
		return w.severed(e, f)
	}
	t, ok := e.table("", mustTarget(w.stmt))
	if !ok {
		return []dep.Change{dep.Anything()}
	}
	f = w.affected(f)
	if w.uncounted() {
		f.Affected, f.HasInsertID = -1, false
	}
	if f.Ran && f.Affected == 0 && (w.idle(t) || w.missed(t, b, args, f)) {
		return nil
	}
	if f.Ran {
		e.facts = w.usable(b, args, f)
	}
	e.statement(w.stmt, nil, OrDefault)
	return e.result()
}

// uncounted reports whether the rows affected cannot be had: with RETURNING MySQL's
// driver counts those of the statement's other results, of which there are none,
// and lib/pq takes the count of a MERGE, and of what was copied, for none.
func (w *writePlan) uncounted() bool {
	switch w.stmt.(type) {
	case *Merge, *Copy:
		return true
	}
	return w.cat.Dialect == catalog.MySQL && len(returning(w.stmt)) > 0
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

// missed reports that the one row that the statement could write in t was not there,
// and that nothing has fired.
func (w *writePlan) missed(t *catalog.Table, b Bound, args []driver.NamedValue, f Facts) bool {
	if !f.Read || f.Old != nil || slices.ContainsFunc(t.Triggers, w.firesWithout) {
		return false
	}
	target, ok := w.target(b, args)
	return ok && target.Rows == 0
}

// firesWithout reports whether a trigger may have fired although no row was affected:
// as a statement's, or for a row that it kept from being written, and that came after
// we looked. On SQLite none can come.
func (w *writePlan) firesWithout(tr *catalog.Trigger) bool {
	return tr.PerStatement || tr.When != "AFTER" && w.cat.Dialect != catalog.SQLite
}

// replaces reports whether a conflict removes the row that is in the way.
func replaces(or Resolution, t *catalog.Table) bool {
	return or == OrReplace || or == OrDefault && t.PlainInsertReplaces
}
