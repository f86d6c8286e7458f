package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const pgTriggers = `
SELECT t.tgrelid::int8, t.tgname::text, t.tgtype::int8, t.tgfoid::int8, array_to_json(t.tgattr::int2[])::text,
	pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND ` + pgNoTemp + `
ORDER BY t.tgrelid, t.tgname`

// The bits of pg_trigger.tgtype.
const (
	pgRow      = 1
	pgBefore   = 2
	pgInsert   = 4
	pgDelete   = 8
	pgUpdate   = 16
	pgTruncate = 32
	pgInstead  = 64
)

func (r *pgReader) triggers(ctx context.Context) error {
	rows, err := r.rows(ctx, 6, pgTriggers)
	if err != nil {
		return err
	}
	all := make([]*routine, 0, len(r.routines))
	for _, f := range r.routines {
		all = append(all, f)
	}
	for _, row := range rows {
		t := r.byOID[number(row[0])]
		if t == nil {
			continue
		}
		bits := number(row[2])
		tr := Trigger{Name: strings.ToLower(text(row[1])), When: "AFTER", PerStatement: bits&pgRow == 0}
		switch {
		case bits&pgInstead != 0:
			tr.When = "INSTEAD OF"
		case bits&pgBefore != 0:
			tr.When = "BEFORE"
		}
		of, err := r.attributeNames(number(row[0]), text(row[4]))
		if err != nil {
			return err
		}
		definition := text(row[5])
		run, clear := closure(condition(definition), all)
		// A function of the server's own (suppress_redundant_updates_trigger, the
		// updating of a tsvector) writes no table but may do anything to the row.
		if f := r.routines[number(row[3])]; f != nil {
			var called bool
			run, called = closure(condition(definition)+"\n"+f.source, all)
			clear = called && (f.readable || f.harmless)
		}
		tr.Body, tr.Unclear = definition+"\n"+run, !clear
		tr.Writes = newMentions(run).tables(r.cat)
		for _, e := range []struct {
			bit  int64
			name string
		}{{pgInsert, "INSERT"}, {pgUpdate, "UPDATE"}, {pgDelete, "DELETE"}, {pgTruncate, "TRUNCATE"}} {
			if bits&e.bit == 0 {
				continue
			}
			one := tr
			if one.Event = e.name; e.bit == pgUpdate {
				one.Of = of
			}
			t.Triggers = append(t.Triggers, &one)
		}
	}
	if err := r.checks(ctx); err != nil {
		return err
	}
	r.defaultsThatCall(all)
	r.cat.findLeaving(all)
	r.shareTriggers()
	return nil
}

// pgChecks are the expressions beside defaults that the server evaluates for a row
// that is written: of constraints, of indexes, and of domains, which count for
// every column that may hold one.
const pgChecks = `
SELECT conrelid::int8, conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0
UNION ALL
SELECT indrelid::int8, indexrelid::regclass::text, concat_ws(' ', pg_get_expr(indexprs, indrelid), pg_get_expr(indpred, indrelid))
FROM pg_index WHERE indexprs IS NOT NULL OR indpred IS NOT NULL
UNION ALL
SELECT a.attrelid::int8, a.attname::text, d.checks
FROM pg_attribute a, (SELECT string_agg(pg_get_constraintdef(oid), ' ') AS checks FROM pg_constraint WHERE contypid <> 0) d
WHERE a.atttypid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped AND d.checks IS NOT NULL`

func (r *pgReader) checks(ctx context.Context) error {
	rows, err := r.rows(ctx, 3, pgChecks)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if t := r.byOID[number(row[0])]; t != nil {
			r.defaults = append(r.defaults, pgExpression{t, text(row[1]), text(row[2]), false})
		}
	}
	return nil
}

// shareTriggers gives every table of a tree the triggers and the referring tables
// of all: a row that is written through one of them is another's, and what stands
// on that one runs.
func (r *pgReader) shareTriggers() {
	trees := make(map[string][]*Table)
	for _, name := range slices.Sorted(maps.Keys(r.cat.Tables)) {
		if t := r.cat.Tables[name]; t.Root != "" {
			trees[t.Root] = append(trees[t.Root], t)
		}
	}
	for _, members := range trees {
		var triggers []*Trigger
		var children []*ForeignKey
		seen := make(map[string]bool)
		add := func(key string) bool {
			fresh := !seen[key]
			seen[key] = true
			return fresh
		}
		for _, t := range members {
			for _, g := range t.Triggers {
				if add(fmt.Sprintf("%q %q %q %q %q %v %v", g.Name, g.Event, g.When, g.Of, g.Writes, g.PerStatement, g.Unclear)) {
					triggers = append(triggers, g)
				}
			}
			for _, fk := range t.Children {
				if add(fmt.Sprintf("%q %q %q %q %q", fk.Child, fk.Columns, fk.ParentColumns, fk.OnDelete, fk.OnUpdate)) {
					children = append(children, fk)
				}
			}
		}
		for _, t := range members {
			t.Triggers, t.Children = triggers, children
		}
	}
}

// defaultsThatCall makes triggers of defaults, checks and other expressions that
// call a user's function, which may write as well as any trigger's.
func (r *pgReader) defaultsThatCall(all []*routine) {
	for _, d := range r.defaults {
		run, clear := closure(d.expr, all)
		writes := newMentions(run).tables(r.cat)
		if run == d.expr+"\n" || clear && len(writes) == 0 {
			continue
		}
		events := []string{"INSERT", "UPDATE"} // SET … = DEFAULT
		if d.always {
			events = append(events, "DELETE")
		}
		for _, event := range events {
			d.table.Triggers = append(d.table.Triggers, &Trigger{
				Name: "default of " + d.column, Event: event, When: "BEFORE",
				Body: run, Writes: writes, Unclear: !clear,
			})
		}
	}
}

// pgExpression is evaluated for a row that is written: a column's default, say.
type pgExpression struct {
	table  *Table
	column string
	expr   string
	always bool // for a row that is deleted, too
}

// condition returns the WHEN of a trigger's definition.
func condition(definition string) string {
	from, to := strings.Index(definition, " WHEN ("), strings.LastIndex(definition, " EXECUTE ")
	if from < 0 || to < from {
		return ""
	}
	return definition[from:to]
}
