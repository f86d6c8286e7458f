package fuzz

import "strings"

// trigger makes a trigger: on a table the usual kinds (stamping the row,
// keeping a sum or a log elsewhere, refusing), on a view INSTEAD OF.
func (s *schema) trigger() string {
	r, t := s.r, s.any()
	name := s.fresh("trg")
	event := pick(r, []string{"INSERT", "UPDATE", "DELETE", "UPDATE"})
	row := "NEW"
	if event == "DELETE" {
		row = "OLD"
	}
	moment := pick(r, []string{"AFTER", "AFTER", "BEFORE"})
	if t.view {
		moment = "INSTEAD OF"
	}
	head := "CREATE TRIGGER " + name + " " + moment + " " + event
	if event == "UPDATE" && chance(r, 40) {
		head += " OF " + s.ident(pick(r, t.cols).name)
	}
	head += " ON " + s.ident(t.name)
	if chance(r, 20) {
		head += " WHEN " + row + "." + s.ident(pick(r, t.cols).name) + pick(r, []string{" IS NOT NULL", " = 1", " <> 2"})
	}
	var body []string
	for i := 1 + r.IntN(2); i > 0; i-- {
		body = append(body, s.triggerStep(t, row))
	}
	s.trigs = append(s.trigs, name)
	return head + " BEGIN " + strings.Join(body, "; ") + "; END"
}

func (s *schema) triggerStep(t *table, row string) string {
	r, o := s.r, s.base()
	c := row + "." + s.ident(pick(r, t.cols).name)
	ws := o.writable()
	set, where := s.ident(pick(r, ws).name), s.ident(pick(r, o.cols).name)
	switch r.IntN(9) {
	case 0, 1: // the row's own stamp
		if len(t.keys) == 0 || t.view {
			return "SELECT 1"
		}
		k := s.ident(t.keys[0][0])
		return "UPDATE " + s.ident(t.name) + " SET " + s.ident(pick(r, t.writable()).name) + " = " + pick(r, []string{"'a'", "1", c}) + " WHERE " + k + " = " + row + "." + k
	case 2, 3:
		return "UPDATE " + s.ident(o.name) + " SET " + set + " = " + pick(r, []string{c, set + " + 1", "1"}) + " WHERE " + where + " = " + c
	case 4:
		return "DELETE FROM " + s.ident(o.name) + " WHERE " + where + " = " + c
	case 5, 6:
		var names, vals []string
		for _, w := range ws {
			names = append(names, s.ident(w.name))
			vals = append(vals, pick(r, []string{c, s.d.literal(s.d.plain(s.r, w.kind)), "NULL"}))
		}
		return "INSERT OR " + pick(r, []string{"IGNORE", "REPLACE"}) + " INTO " + s.ident(o.name) + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(vals, ", ") + ")"
	case 7:
		return "SELECT RAISE(" + pick(r, []string{"IGNORE", "ABORT, 'no'", "FAIL, 'no'", "ROLLBACK, 'no'"}) + ") WHERE " + c + " = 3"
	}
	return "UPDATE " + s.ident(o.name) + " SET " + set + " = (SELECT count(*) FROM " + s.ident(s.base().name) + ")"
}
