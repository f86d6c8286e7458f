package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// Statements of PostgreSQL and MySQL that write several tables: each of their
// parts is analysed as a statement of its own, of which nothing is known but its
// text.

// partsOf returns the writes of a statement that has several. ok is false where
// one of them cannot be narrowed.
func partsOf(stmt Statement, cat *catalog.Catalog) (parts []Statement, ok bool) {
	if cat.Dialect == catalog.MySQL {
		return joinedParts(stmt, cat)
	}
	Walk(stmt, func(n Node) bool {
		if s, writes := n.(Statement); writes {
			if _, writes := writeTarget(s); writes {
				parts = append(parts, s)
			}
		}
		return true
	})
	return parts, len(parts) > 0 && understood(stmt) && !slices.ContainsFunc(parts, func(s Statement) bool {
		to, _ := writeTarget(s)
		t, ok := cat.Lookup(to.Schema, to.Name)
		return !ok || !plainTarget(s, t)
	})
}

// joinedParts takes MySQL's UPDATE and DELETE of joined tables apart. A row of the
// join is written in each of its tables, and fulfils the WHERE before the first of
// them is.
func joinedParts(stmt Statement, cat *catalog.Catalog) (parts []Statement, ok bool) {
	j := join{cat: cat, byName: make(map[string]*Table)}
	switch s := stmt.(type) {
	case *Update:
		if s.Tables == nil || s.With != nil || !j.take(s.Tables) {
			return nil, false
		}
		parts, ok = j.updates(s)
	case *Delete:
		if s.Targets == nil || s.With != nil || !j.take(s.Using) {
			return nil, false
		}
		parts, ok = j.deletes(s)
	}
	return parts, ok && len(parts) > 0 && understood(stmt) && j.apart(parts)
}

// join holds the tables that a statement of MySQL's joins.
type join struct {
	cat    *catalog.Catalog
	byName map[string]*Table
	order  []string // their names, in the order of the text
}

// take adds the tables of a FROM tree; false where there is what may be written
// otherwise than a plain table.
func (j *join) take(f From) bool {
	switch f := f.(type) {
	case *Join:
		return j.take(f.Left) && j.take(f.Right)
	case *SubFrom:
		return true // cannot be written
	case *Table:
		name := aliasOr(f.Alias, f.Name)
		t, ok := j.cat.Lookup(f.Schema, f.Name)
		if _, twice := j.byName[name]; twice || !ok || t.IsView || t.Opaque != "" {
			return false
		}
		j.byName[name] = f
		j.order = append(j.order, name)
		return true
	}
	return false
}

func (j *join) table(name string) *catalog.Table {
	t, _ := j.cat.Lookup(j.byName[name].Schema, j.byName[name].Name)
	return t
}

// target names the table as a statement of its own would.
func (j *join) target(name string) Target {
	f := j.byName[name]
	return Target{Schema: f.Schema, Name: f.Name, Alias: f.Alias, Pos: f.Pos}
}

// others stands for the rest of the join: only qualified names are certain.
var others = &Table{}

func (j *join) updates(s *Update) (parts []Statement, ok bool) {
	set := make(map[string][]Assignment)
	for _, a := range s.Set {
		given := false
		for _, name := range j.order {
			_, has := j.table(name).Column(a.Columns[0])
			if a.Schema == "" && len(a.Columns) == 1 && has && (a.Table == name || a.Table == "") {
				set[name], given = append(set[name], a), true
			}
		}
		if !given {
			return nil, false
		}
	}
	for _, name := range j.order {
		if set[name] != nil {
			parts = append(parts, &Update{Or: s.Or, Table: j.target(name), Set: set[name], From: others, Where: s.Where})
		}
	}
	return parts, true
}

func (j *join) deletes(s *Delete) (parts []Statement, ok bool) {
	for _, to := range s.Targets {
		if to.Schema != "" || j.byName[to.Name] == nil {
			return nil, false
		}
		parts = append(parts, &Delete{Table: j.target(to.Name), Using: others, Where: s.Where})
	}
	return parts, true
}

// apart reports whether no part's rows are written by way of another's: by a
// second name of the table, a trigger, a foreign key.
func (j *join) apart(parts []Statement) bool {
	named := make(map[string]int)
	for _, name := range j.order {
		named[j.table(name).Name]++
	}
	r := (&effects{w: &writePlan{cat: j.cat}}).reach()
	var targets []string
	for _, p := range parts {
		to, _ := writeTarget(p)
		t, _ := j.cat.Lookup(to.Schema, to.Name)
		targets = append(targets, t.Name)
		event := "UPDATE"
		if _, deletes := p.(*Delete); deletes {
			event = "DELETE"
		}
		r.follow(t, event, dep.AllColumns())
	}
	return !r.anything && !slices.ContainsFunc(targets, func(name string) bool { return named[name] > 1 || r.tables[name] })
}

// severed returns the changes of the statement's parts. MySQL counts the rows of
// all of them.
func (w *writePlan) severed(e *effects, f Facts) []dep.Change {
	if f.Ran && f.Affected == 0 && w.cat.Dialect == catalog.MySQL && !slices.ContainsFunc(w.parts, func(s Statement) bool {
		to, _ := writeTarget(s)
		t, ok := e.table("", to)
		return !ok || !w.idle(t)
	}) {
		return nil
	}
	for _, s := range w.parts {
		e.statement(s, nil, OrDefault)
	}
	return e.result()
}

// merge adds what a MERGE does to the rows of the target that its ON finds, and
// those that it makes.
func (d *dml) merge(s *Merge) {
	for i := range s.Whens {
		when := &s.Whens[i]
		on := s.On
		if !when.Matched {
			on = nil
		}
		if when.Cond != nil && on != nil {
			on = &Binary{Op: OpAnd, X: on, Y: when.Cond}
		} else if when.Cond != nil {
			on = when.Cond
		}
		switch when.Action {
		case MergeInsert:
			d.made(d.merged(when))
		case MergeUpdate:
			old, a := d.rowsWhere(on, s.Using), d.assign(when.Set, nil)
			d.perStatement("UPDATE", a.set)
			d.modify(old, repeat(a.fields, len(old)), a.set, false)
		case MergeDelete:
			d.perStatement("DELETE", dep.AllColumns())
			d.remove(d.rowsWhere(on, s.Using))
		}
	}
}

// merged is what is known of the rows that a MERGE inserts: not what the server
// numbers, whatever it is given.
func (d *dml) merged(when *MergeWhen) dep.Image {
	if d.rewritten("INSERT") {
		return nil
	}
	var cols []*catalog.Column
	if when.Values != nil {
		cols = d.columns(&Insert{Columns: when.Columns})
		cols = cols[:min(len(cols), len(when.Values))]
	}
	return slices.DeleteFunc(d.newRow(cols, when.Values).img, func(f dep.Field) bool {
		c, ok := d.t.Column(f.Col)
		return !ok || c.Identity != ""
	})
}

// made adds rows of which no other thing is known.
func (d *dml) made(img dep.Image) {
	c := dep.Change{Table: d.t.Name, Op: dep.Insert, New: []dep.Image{img}}
	if !d.again(&c, d.or) {
		d.add(c)
		d.inserted(&c, []event{{table: d.t, new: img, hasNew: true}})
	}
}
