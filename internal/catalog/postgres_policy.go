package catalog

import (
	"context"
	"slices"
)

// pgPolicies are those of tables whose row-level security is on, with the relations
// that each depends on besides its own.
const pgPolicies = `
SELECT p.polrelid::int8, p.polcmd IN ('r', '*'), coalesce(pg_get_expr(p.polqual, p.polrelid), ''), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), ''),
	d.refobjid::int8
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid LEFT JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
	AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> p.polrelid
WHERE c.relrowsecurity`

// policies finds what decides which rows of a table a reader sees, and what that
// runs. A function of a user's in one runs with every read and write of the table.
func (r *pgReader) policies(ctx context.Context) error {
	rows, err := r.rows(ctx, 5, pgPolicies)
	if err != nil {
		return err
	}
	all := make([]*routine, 0, len(r.routines))
	for _, f := range r.routines {
		all = append(all, f)
	}
	lost := make(map[*Table]bool)
	for _, row := range rows {
		t := r.byOID[number(row[0])]
		if t == nil {
			continue
		}
		read, check := text(row[2]), text(row[3])
		if number(row[1]) != 0 && !slices.Contains(t.Policies, read) {
			t.Policies = append(t.Policies, read)
		}
		for _, expr := range []string{read, check} {
			if mayWrite(expr, all) {
				t.PolicyWrites = true
				r.defaults = append(r.defaults, pgExpression{t, "a policy", expr, true})
			}
		}
		below := r.byOID[number(row[4])]
		switch {
		case row[4] == nil:
		case below == nil:
			lost[t] = true
		case !below.IsView:
			t.PolicyBase = append(t.PolicyBase, below.Name)
		case below.Base == nil:
			lost[t] = true
		default:
			t.PolicyBase = append(t.PolicyBase, below.Base...)
		}
	}
	for t := range lost {
		t.PolicyLost = true
	}
	return nil
}

// mayWrite reports whether what an expression calls may write, which is everything
// that is not known to do nothing but read.
func mayWrite(expr string, all []*routine) bool {
	run, clear := closure(expr, all)
	return !clear || newMentions(run).any("insert", "update", "delete", "merge", "truncate", "copy", "call", "refresh", "alter", "create", "drop", "dblink", "dblink_exec")
}
