package catalog

import (
	"context"
	"slices"
	"strings"
)

// pgRules are the relations that each rewrite rule depends on; views have a rule
// named _RETURN.
const pgRules = `
SELECT r.ev_class::int8, r.oid::int8, r.rulename::text, r.ev_type::text, d.refobjid::int8,
	CASE WHEN r.rulename <> '_RETURN' THEN pg_get_ruledef(r.oid) ELSE '' END
FROM pg_rewrite r LEFT JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
	AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
WHERE r.oid >= 16384 AND r.ev_enabled <> 'D'`

var pgRuleEvents = map[string]string{"2": "UPDATE", "3": "INSERT", "4": "DELETE"}

// views finds the tables under each view, and the rules on each table.
func (r *pgReader) views(ctx context.Context) error {
	rows, err := r.rows(ctx, 6, pgRules)
	if err != nil {
		return err
	}
	under := make(map[*Table][]*Table)
	lost := make(map[*Table]bool)
	rules := make(map[int64]*Trigger)
	for _, row := range rows {
		t := r.byOID[number(row[0])]
		if t == nil {
			continue
		}
		below := r.byOID[number(row[4])]
		if text(row[2]) != "_RETURN" {
			rule := rules[number(row[1])]
			if rule == nil {
				// What an INSTEAD rule leaves of the statement is not followed.
				rule = &Trigger{Name: strings.ToLower(text(row[2])), Event: pgRuleEvents[text(row[3])], When: "RULE", Body: text(row[5]), Unclear: true}
				rules[number(row[1])] = rule
				t.Triggers = append(t.Triggers, rule)
			}
			if below != nil && !slices.Contains(rule.Writes, below.Name) {
				rule.Writes = append(rule.Writes, below.Name)
			}
			continue
		}
		switch {
		case below != nil:
			under[t] = append(under[t], below)
		case row[4] != nil:
			lost[t] = true // a composite type, or another session's table
		}
	}
	for _, t := range r.byOID {
		if (t.IsView || t.Materialized) && t.Opaque == "" {
			t.Base = baseOf(t, under, lost)
			if t.Base == nil {
				t.Opaque = "unreadable view"
			}
		}
	}
	return nil
}

// baseOf returns the names of the tables under a view, through other views, nil
// where one is not known.
func baseOf(view *Table, under map[*Table][]*Table, lost map[*Table]bool) []string {
	base := []string{}
	seen := map[*Table]bool{view: true}
	for queue := []*Table{view}; len(queue) > 0; queue = queue[1:] {
		if lost[queue[0]] {
			return nil
		}
		for _, t := range under[queue[0]] {
			if seen[t] {
				continue
			}
			seen[t] = true
			if t.IsView {
				queue = append(queue, t)
			} else {
				base = append(base, t.Name)
			}
		}
	}
	slices.Sort(base)
	return base
}
