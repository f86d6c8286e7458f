package sqldep

import (
	"database/sql/driver"
	"fmt"
	"maps"
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

const (
	// maxImages bounds the images of one change; beyond, it is the table.
	maxImages = 500
	// maxFired bounds the rows for each of which triggers and foreign keys are
	// followed; beyond, they are followed once, for a row of which nothing is
	// known.
	maxFired = 32
	// maxChain is how deep triggers and actions are followed, maxSteps how many in
	// all; beyond, each table that they may still reach is taken whole.
	maxChain = 6
	maxSteps = 200
)

// effects gathers what a statement changes, with what it sets off.
type effects struct {
	w     *writePlan
	b     Bound
	args  []driver.NamedValue
	facts Facts // those that may be used; Ran is false otherwise

	// rival is the target of the upsert, once looked says that it was looked for;
	// nil if there is none.
	rival  *RowTarget
	looked bool

	changes  []dep.Change
	anything bool
	depth    int
	steps    int
	// active are the triggers that are being followed.
	active []*catalog.Trigger
	// done are the writes that were followed already, or are being.
	done map[string]bool
}

// event is a row that is written, as a trigger sees it.
type event struct {
	table    *catalog.Table
	old, new dep.Image
	// hasOld and hasNew say which of the two there are.
	hasOld, hasNew bool
	// schema is that of the trigger, in which its names are looked up: empty for
	// one of temp, which sees all.
	schema string
}

func (e *effects) add(c dep.Change) {
	if len(c.Old)+len(c.New) > maxImages {
		c = dep.AnyOf(c.Table)
	}
	e.changes = append(e.changes, c)
}

// result returns the changes without those that others contain.
func (e *effects) result() []dep.Change {
	if e.anything {
		return []dep.Change{dep.Anything()}
	}
	whole, images := make(map[string]bool), make(map[string]int)
	for i := range e.changes {
		c := &e.changes[i]
		images[c.Table] += len(c.Old) + len(c.New)
		if c.Op == dep.AnyOp || images[c.Table] > maxImages {
			whole[c.Table] = true
		}
	}
	out := e.changes[:0]
	done := make(map[string]bool)
	for _, c := range e.changes {
		switch {
		case !whole[c.Table]:
			out = append(out, c)
		case !done[c.Table]:
			out = append(out, dep.AnyOf(c.Table))
			done[c.Table] = true
		}
	}
	return out
}

// table finds the table that a statement names, inside a trigger of the given
// schema or, with none, at the top.
func (e *effects) table(schema string, to Target) (*catalog.Table, bool) {
	if to.Schema == "" {
		to.Schema = schema
	}
	return e.w.cat.Lookup(to.Schema, to.Name)
}

// statement adds what a statement does. row is the row for which a trigger runs
// it, nil at the top; outer is the conflict clause of the statement that set it
// off, which prevails over its own.
func (e *effects) statement(stmt Statement, row *event, outer Resolution) {
	to, writes := writeTarget(stmt)
	if !writes {
		return
	}
	schema := ""
	if row != nil {
		schema = row.schema
	}
	t, ok := e.table(schema, to)
	switch {
	case !ok, t.Opaque != "" && e.w.cat.Dialect != catalog.SQLite, t.Opaque == "ambiguous name", t.Opaque == "system table":
		e.anything = true
		return
	case t.Opaque != "":
		e.virtual(t)
		return
	case t.IsView:
		e.view(t, stmt, outer)
		return
	}
	d := &dml{effects: e, t: t, to: to, row: row, or: outer}
	switch s := stmt.(type) {
	case *Insert:
		d.or = prevailing(outer, s.Or)
		d.insert(s)
	case *Update:
		d.or = prevailing(outer, s.Or)
		d.update(s)
	case *Delete:
		d.delete(s)
	case *Merge:
		d.merge(s)
	case *Copy:
		d.made(nil)
	}
}

// virtual adds a write to a virtual table. The modules of SQLite's own write
// the tables beside it; a program's may do anything.
func (e *effects) virtual(t *catalog.Table) {
	switch t.Module {
	case "", "fts3", "fts4", "fts5", "rtree", "rtree_i32", "geopoly":
		e.add(dep.AnyOf(t.Name)) // what lies beside it is opaque too: no read of it is kept
	default:
		e.anything = true
	}
}

// view adds what a write to a view does: what its triggers do instead.
func (e *effects) view(t *catalog.Table, stmt Statement, outer Resolution) {
	for _, name := range []string{"INSERT", "UPDATE", "DELETE"} {
		fits, or := false, outer
		switch s := stmt.(type) {
		case *Insert:
			fits, or = name != "DELETE", prevailing(outer, s.Or)
		case *Update:
			fits, or = name == "UPDATE", prevailing(outer, s.Or)
		case *Delete:
			fits = name == "DELETE"
		}
		if fits {
			e.triggers(t, name, dep.AllColumns(), []event{{table: t, hasOld: true, hasNew: true}}, or)
		}
	}
}

// fire adds what the triggers of t and the foreign keys to it do about rows.
// set are the columns of an update.
func (e *effects) fire(t *catalog.Table, name string, set dep.Columns, rows []event, or Resolution) {
	e.triggers(t, name, set, rows, or)
	e.foreignKeys(t, name, set, rows, or)
}

func (e *effects) triggers(t *catalog.Table, name string, set dep.Columns, rows []event, or Resolution) {
	for _, tr := range t.Triggers {
		// Without the pragma a trigger does not fire while it runs.
		if !fires(tr, name, set) || !e.w.cat.RecursiveTriggers && slices.Contains(e.active, tr) {
			continue
		}
		body := e.w.bodies[tr]
		switch {
		case tr.Unclear:
			e.anything = true
		case body == nil && len(tr.Writes) > 0, e.spent():
			for _, name := range tr.Writes {
				e.whole(e.w.cat.Tables[name])
			}
		default:
			e.depth++
			e.active = append(e.active, tr)
			for _, row := range e.affordable(rows, len(body)) {
				if !tr.Temp {
					row.schema = t.Schema
				}
				for _, s := range body {
					e.statement(s, &row, or)
				}
			}
			e.active = e.active[:len(e.active)-1]
			e.depth--
		}
	}
}

// again reports whether a change that a trigger or an action makes was followed
// before, with the same triggers running: cascades may go round for ever.
func (e *effects) again(c *dep.Change, or Resolution) bool {
	if e.depth == 0 {
		return false
	}
	key := fmt.Sprint(c.Table, c.Op, or, c.Set, c.Old, c.New)
	for _, tr := range e.active {
		key += "\n" + tr.Name
	}
	if e.done[key] {
		return true
	}
	if e.done == nil {
		e.done = make(map[string]bool)
	}
	e.done[key] = true
	return false
}

// spent reports whether to follow no further.
func (e *effects) spent() bool { return e.depth >= maxChain || e.steps >= maxSteps }

// affordable returns the rows for each of which n steps can be taken, or one
// row that stands for all.
func (e *effects) affordable(rows []event, n int) []event {
	if len(rows) > maxFired || e.steps+len(rows)*n > maxSteps {
		rows = []event{{table: rows[0].table, hasOld: rows[0].hasOld, hasNew: rows[0].hasNew}}
	}
	e.steps += len(rows) * n
	return rows
}

func fires(tr *catalog.Trigger, name string, set dep.Columns) bool {
	if tr.Event != "" && tr.Event != name {
		return false
	}
	return name != "UPDATE" || tr.Of == nil || set.Meets(dep.ColumnSet(tr.Of...))
}

// whole adds anything in t, and in each table that a write to it may reach.
func (e *effects) whole(t *catalog.Table) {
	r := e.reach()
	r.write(t, "INSERT", dep.AllColumns())
	r.write(t, "UPDATE", dep.AllColumns())
	e.spread(r)
}

// reach returns an empty collection of tables.
func (e *effects) reach() *reach {
	return &reach{w: e.w, seen: make(map[string]bool), tables: make(map[string]bool)}
}

// spread adds anything in the tables that were reached.
func (e *effects) spread(r *reach) {
	e.anything = e.anything || r.anything
	for _, name := range slices.Sorted(maps.Keys(r.tables)) {
		if t := e.w.cat.Tables[name]; !t.IsView {
			for _, u := range treeOf(e.w.cat, t) {
				e.add(dep.AnyOf(u.Name))
			}
		}
	}
}

func acts(action string) bool { return action != "NO ACTION" && action != "RESTRICT" }
