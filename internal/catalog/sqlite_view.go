package catalog

import (
	"slices"
	"strings"
)

// pendingTrigger is a trigger as long as not all tables are known.
type pendingTrigger struct{ schema, name, table, sql string }

// resolveTriggers hangs each trigger on its table. A temporary trigger may
// stand on a table of any schema: it is hung on each of that name.
func (r *reader) resolveTriggers() {
	for _, p := range r.triggers {
		tr, table, writes, ok := triggerDDL(p.sql)
		if !ok {
			tr, table = &Trigger{Body: p.sql, Unclear: true}, p.table
		}
		tr.Name, tr.Temp = p.name, p.schema == "temp"
		for _, name := range writes {
			targets := r.named(p.schema, name)
			if len(targets) == 0 {
				tr.Unclear = true
			}
			for _, t := range targets {
				tr.Writes = append(tr.Writes, t.Name)
			}
		}
		slices.Sort(tr.Writes)
		tr.Writes = slices.Compact(tr.Writes)
		for _, t := range r.named(p.schema, table) {
			t.Triggers = append(t.Triggers, tr)
		}
	}
}

// named returns what a bare name may mean inside a trigger or view of a schema:
// one of temp sees all schemas, others their own.
func (r *reader) named(schema, name string) []*Table {
	if schema == "temp" {
		return r.cat.Named(name)
	}
	if t, ok := r.cat.Tables[schema+"."+name]; ok {
		return []*Table{t}
	}
	return nil
}

// resolveViews finds the tables under each view: every table that its text, or
// that of a view in it, names anywhere.
func (r *reader) resolveViews() {
	for _, t := range r.cat.Tables {
		if !t.IsView || t.Opaque != "" {
			continue
		}
		base := make(map[string]bool)
		if !r.collect(t, base, map[string]bool{}) {
			t.Opaque = "unreadable view"
			continue
		}
		t.Base = make([]string, 0, len(base))
		for name := range base {
			t.Base = append(t.Base, name)
		}
		slices.Sort(t.Base)
	}
}

func (r *reader) collect(view *Table, base, seen map[string]bool) bool {
	if seen[view.Name] {
		return true
	}
	seen[view.Name] = true
	ts := scan(view.View)
	as := find(ts, 0, "AS")
	if as == len(ts) {
		return false
	}
	for _, tok := range ts[as:] {
		name, ok := tok.name()
		if !ok {
			continue
		}
		// A name before a dot may be a schema: take the table from wherever it is.
		for _, t := range r.cat.Named(strings.ToLower(name)) {
			switch {
			case !t.IsView:
				base[t.Name] = true
			case t.Opaque == "unreadable view" || !r.collect(t, base, seen):
				return false
			}
		}
	}
	return true
}
