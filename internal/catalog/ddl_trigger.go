package catalog

import "strings"

// triggerDDL takes a CREATE TRIGGER apart. table is the bare name after ON, and
// writes those of what its body writes. ok is false where the text is not
// understood; what it does is not known then.
func triggerDDL(sql string) (tr *Trigger, table string, writes []string, ok bool) {
	ts := scan(sql)
	begin := find(ts, 0, "BEGIN")
	on := find(ts[:begin], 0, "ON")
	if begin == len(ts) || on == begin {
		return nil, "", nil, false
	}
	tr = &Trigger{When: "BEFORE", Body: sql}
	head := ts[:on]
	// The name may be any word; the event is the last of these before ON.
	for i := len(head) - 1; i > 0 && tr.Event == ""; i-- {
		for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
			if head[i].is(event) {
				tr.Event = event
				tr.Of = nameList(head[i+1:])
				tr.When = whenOf(head[i-1])
			}
		}
	}
	table, ok = head0(ts[on+1 : begin])
	tr.Statements = statements(sql, ts[begin+1:])
	tr.Unclear = !ok || tr.Event == "" || !harmless(ts[on+1:])
	return tr, table, written(ts[on+1:]), ok
}

func whenOf(t token) string {
	switch {
	case t.is("AFTER"):
		return "AFTER"
	case t.is("OF"):
		return "INSTEAD OF"
	}
	return "BEFORE"
}

// head0 returns the table's bare name at the start of what follows ON.
func head0(ts []token) (string, bool) {
	if len(ts) > 2 && ts[1].punct('.') {
		ts = ts[2:]
	}
	if len(ts) == 0 {
		return "", false
	}
	return ts[0].name()
}

// find returns the index of the keyword from from on, len(ts) if it is not there.
func find(ts []token, from int, word string) int {
	for i := from; i < len(ts); i++ {
		if ts[i].is(word) {
			return i
		}
	}
	return len(ts)
}

// nameList returns the names of OF a, b.
func nameList(ts []token) (names []string) {
	if len(ts) == 0 || !ts[0].is("OF") {
		return nil
	}
	for _, t := range ts[1:] {
		if n, ok := t.name(); ok {
			names = append(names, n)
		}
	}
	return names
}

// statements cuts a trigger's body, from behind BEGIN to its END, at its
// semicolons.
func statements(sql string, ts []token) (out []string) {
	from := 0
	for i, t := range ts {
		if t.punct(';') {
			if i > from {
				out = append(out, sql[ts[from].at:ts[i-1].end])
			}
			from = i + 1
		}
	}
	return out
}

// written returns the bare names of the tables that the statements of a
// trigger's body write. INTO, UPDATE and DELETE are reserved words, so that no
// statement writes without one of them standing before the table's name.
func written(ts []token) (names []string) {
	for i := range ts {
		at := -1
		switch {
		case ts[i].is("INTO"):
			at = i + 1
		case ts[i].is("DELETE") && i+1 < len(ts) && ts[i+1].is("FROM"):
			at = i + 2
		case ts[i].is("UPDATE") && (i == 0 || !ts[i-1].is("DO")):
			at = i + 1
			if at < len(ts) && ts[at].is("OR") {
				at += 2
			}
		}
		if at < 0 || at >= len(ts) {
			continue
		}
		if n, ok := head0(ts[at:]); ok {
			names = append(names, n)
		}
	}
	return names
}

// harmless reports whether ts calls only functions that change nothing.
func harmless(ts []token) bool {
	for i, t := range ts {
		if t.kind != tokWord && t.kind != tokQuoted || i+1 == len(ts) || !ts[i+1].punct('(') || operatorWord(t) {
			continue
		}
		// A table's name may stand before its list of columns.
		if i > 0 && ts[i-1].is("INTO") {
			continue
		}
		if !HarmlessFunction(SQLite, t.text) {
			return false
		}
	}
	return true
}

// HarmlessFunction reports whether calling a function changes nothing, whatever
// it returns. A program's own functions may do anything.
func HarmlessFunction(d Dialect, name string) bool {
	if d != SQLite {
		return false
	}
	switch name = strings.ToLower(name); name {
	case "random", "randomblob", "changes", "total_changes", "last_insert_rowid", "sqlite_version",
		"sqlite_source_id", "sqlite_compileoption_get", "sqlite_compileoption_used", "sqlite_offset",
		"highlight", "bm25", "snippet", "matchinfo", "offsets", "likelihood", "soundex", "subtype":
		return true
	}
	return sqlitePure[name] || TimeFunction(name)
}
