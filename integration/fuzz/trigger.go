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
		head += " OF " + ident(pick(r, t.cols).name)
	}
	head += " ON " + ident(t.name)
	if chance(r, 20) {
		head += " WHEN " + row + "." + ident(pick(r, t.cols).name) + pick(r, []string{" IS NOT NULL", " = 1", " <> 2"})
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
	c := row + "." + ident(pick(r, t.cols).name)
	ws := o.writable()
	set, where := ident(pick(r, ws).name), ident(pick(r, o.cols).name)
	switch r.IntN(9) {
	case 0, 1: // the row's own stamp
		if len(t.keys) == 0 || t.view {
			return "SELECT 1"
		}
		k := ident(t.keys[0][0])
		return "UPDATE " + ident(t.name) + " SET " + ident(pick(r, t.writable()).name) + " = " + pick(r, []string{"'a'", "1", c}) + " WHERE " + k + " = " + row + "." + k
	case 2, 3:
		return "UPDATE " + ident(o.name) + " SET " + set + " = " + pick(r, []string{c, set + " + 1", "1"}) + " WHERE " + where + " = " + c
	case 4:
		return "DELETE FROM " + ident(o.name) + " WHERE " + where + " = " + c
	case 5, 6:
		var names, vals []string
		for _, w := range ws {
			names = append(names, ident(w.name))
			vals = append(vals, pick(r, []string{c, literal(plain(r, w.kind)), "NULL"}))
		}
		return "INSERT OR " + pick(r, []string{"IGNORE", "REPLACE"}) + " INTO " + ident(o.name) + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(vals, ", ") + ")"
	case 7:
		return "SELECT RAISE(" + pick(r, []string{"IGNORE", "ABORT, 'no'", "FAIL, 'no'", "ROLLBACK, 'no'"}) + ") WHERE " + c + " = 3"
	}
	return "UPDATE " + ident(o.name) + " SET " + set + " = (SELECT count(*) FROM " + ident(s.base().name) + ")"
}
