package catalog

import (
	"context"
	"slices"
	"strings"
)

const myViews = `SELECT table_name, view_definition FROM information_schema.views WHERE table_schema = DATABASE()`

// views finds the tables under each view: all whose names its text mentions. The
// server writes every name out, with its database.
func (r *myReader) views(ctx context.Context) error {
	rows, err := r.rows(ctx, 2, myViews)
	if err != nil {
		return err
	}
	bodies := make(map[*Table]*mentions)
	for _, row := range rows {
		t := r.table(row[0])
		if t == nil || !t.IsView {
			continue
		}
		t.View = text(row[1])
		if m := newMentions(t.View); t.View != "" && !r.elsewhere(m) { // no rights to see it
			bodies[t] = m
		}
	}
	for _, t := range r.cat.Tables {
		if t.IsView && t.Opaque == "" {
			if t.Base = r.base(t, bodies); t.Base == nil {
				t.Opaque = "unreadable view"
			}
		}
	}
	return nil
}

// elsewhere reports whether a body may name another database's tables.
func (r *myReader) elsewhere(m *mentions) bool { return slices.ContainsFunc(r.others, m.has) }

func (r *myReader) base(view *Table, bodies map[*Table]*mentions) []string {
	base := []string{}
	seen := map[string]bool{view.Name: true}
	for queue := []*Table{view}; len(queue) > 0; queue = queue[1:] {
		m := bodies[queue[0]]
		if m == nil {
			return nil
		}
		for _, name := range m.tables(r.cat) {
			if seen[name] {
				continue
			}
			seen[name] = true
			if t := r.cat.Tables[name]; t.IsView {
				queue = append(queue, t)
			} else {
				base = append(base, name)
			}
		}
	}
	slices.Sort(base)
	return base
}

const myRoutines = `
SELECT routine_name, coalesce(routine_definition, '') FROM information_schema.routines WHERE routine_schema = DATABASE()`

// readRoutines reads what triggers may call. A trigger cannot prepare statements,
// not even through a procedure.
func (r *myReader) readRoutines(ctx context.Context) error {
	rows, err := r.rows(ctx, 2, myRoutines)
	if err != nil {
		return err
	}
	for _, row := range rows {
		f := &routine{name: strings.ToLower(text(row[0])), source: text(row[1])}
		f.readable = f.source != ""
		r.routines = append(r.routines, f)
	}
	return nil
}

const myTriggers = `
SELECT trigger_name, event_manipulation, event_object_table, action_timing, action_statement
FROM information_schema.triggers WHERE event_object_schema = DATABASE()
ORDER BY event_object_table, event_manipulation, action_timing, action_order`

func (r *myReader) triggers(ctx context.Context) error {
	rows, err := r.rows(ctx, 5, myTriggers)
	if err != nil {
		return err
	}
	for _, row := range rows {
		t := r.table(row[2])
		if t == nil {
			continue
		}
		tr := &Trigger{Name: strings.ToLower(text(row[0])), Event: text(row[1]), When: text(row[3])}
		var clear bool
		tr.Body, clear = closure(text(row[4]), r.routines)
		m := newMentions(tr.Body)
		tr.Unclear = !clear || text(row[4]) == "" || r.elsewhere(m)
		tr.Writes = m.tables(r.cat)
		t.Triggers = append(t.Triggers, tr)
	}
	r.cat.findLeaving(r.routines)
	return r.hidden(ctx)
}

// information_schema leaves out what the user has no right to see, and says
// nothing of it. Who has TRIGGER on all tables sees all.
const myRights = `
SELECT count(*) FROM (
	SELECT grantee, privilege_type FROM information_schema.user_privileges
	UNION ALL SELECT grantee, privilege_type FROM information_schema.schema_privileges WHERE DATABASE() LIKE table_schema
) p WHERE privilege_type = 'TRIGGER' AND grantee = concat('''', left(CURRENT_USER(), char_length(CURRENT_USER()) - char_length(substring_index(CURRENT_USER(), '@', -1)) - 1),
	'''@''', substring_index(CURRENT_USER(), '@', -1), '''')`

// hidden gives every table an unclear trigger where there may be some that the
// user cannot see.
func (r *myReader) hidden(ctx context.Context) error {
	rows, err := r.rows(ctx, 1, myRights)
	if err != nil {
		return err
	}
	if r.session.NoHiddenTriggers || len(rows) == 1 && number(rows[0][0]) > 0 {
		return nil
	}
	for _, t := range r.cat.Tables {
		for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
			t.Triggers = append(t.Triggers, &Trigger{Name: "(hidden)", Event: event, When: "BEFORE", Unclear: true})
		}
	}
	return nil
}
