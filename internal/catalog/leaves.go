package catalog

import "strings"

// A routine may leave something in the session of whoever calls it: a search path,
// a role, a time zone, a temporary table. The connection is then like no other,
// which no statement shows that calls it, or fires a trigger that does. Routines
// are looked through for the words that can do it; what is not certain counts.

// leavesNames are words that leave something in a session wherever they stand.
var leavesNames = map[Dialect][]string{
	PostgreSQL: {
		"pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock",
		"pg_try_advisory_lock_shared", "pg_advisory_unlock", "pg_advisory_unlock_shared", "pg_advisory_unlock_all", "set_limit",
	},
	MySQL: {"temporary", "get_lock", "release_lock", "release_all_locks"},
}

// leaves reports whether the text of a routine, with that of all it calls, may
// leave something in the session. Settings and temporary tables that end with the
// transaction do not count, nor do a user's variables of MySQL's, of which nothing
// that is kept tells.
func leaves(source string, d Dialect) bool {
	m := newMentions(source)
	if m.any(leavesNames[d]...) {
		return true
	}
	if d == MySQL {
		return m.has("set") && (strings.Contains(m.text, "@@") || m.any(mySetWords...))
	}
	if m.any("temp", "temporary") && strings.Count(m.text, "temp") > strings.Count(m.text, "on commit drop") {
		return true
	}
	return eachWord(m.text, "set_config", setsForLong) || eachWord(m.text, "reset", setStatement) || eachWord(m.text, "discard", setStatement) ||
		eachWord(m.text, "set", setStatement) || eachWord(m.text, "execute", executesUnknown)
}

// mySetWords stand behind the SET of what a session keeps, unlike a routine's own
// variables: kinds of settings, and settings by which rows come back otherwise.
var mySetWords = strings.Fields(`
	session global local persist names role charset character password statement autocommit time_zone sql_mode
	character_set_client character_set_connection character_set_results collation_connection character_set_database collation_database
	group_concat_max_len lc_time_names lc_messages div_precision_increment default_week_format sql_auto_is_null sql_select_limit
	old_mode max_sort_length block_encryption_mode innodb_ft_user_stopword_table timestamp system_versioning_asof
	cte_max_recursion_depth max_recursive_iterations max_join_size sql_big_selects sql_safe_updates tx_isolation transaction_isolation
	character_set_collations default_collation_for_utf8mb4 max_allowed_packet foreign_key_checks default_regex_flags completion_type`)

// eachWord reports whether found holds at any place where the word stands in a
// text in lower case.
func eachWord(text, word string, found func(before, after string) bool) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(word)
		from = end
		if start > 0 && wordByte(text[start-1]) || end < len(text) && wordByte(text[end]) {
			continue
		}
		if found(text[:start], text[end:]) {
			return true
		}
	}
}

// setStatement reports whether a SET of PostgreSQL's is a statement, and not that of
// an UPDATE, before which stands a name, nor one that ends with the transaction.
func setStatement(before, after string) bool {
	switch next, _ := firstWord(after); next {
	case "local", "constraints", "transaction", "null", "default":
		return false
	}
	before = strings.TrimRight(before, " \t\r\n")
	if before == "" {
		return true
	}
	if line := before[strings.LastIndexByte(before, '\n')+1:]; strings.Contains(line, "--") {
		return true // it may stand behind a comment
	}
	switch c := before[len(before)-1]; {
	case c == '"', c == ')', c == '*' && !strings.HasSuffix(before, "/*"):
		return false
	case !wordByte(c):
		return true
	}
	i := len(before)
	for i > 0 && wordByte(before[i-1]) {
		i--
	}
	switch before[i:] {
	case "begin", "then", "else", "loop", "atomic", "do":
		return true
	}
	return false
}

// setsForLong reports whether a set_config() is not certainly of the transaction
// alone: true, written out, as the last of its arguments.
func setsForLong(_, after string) bool {
	after = strings.TrimLeft(after, " \t\r\n")
	if !strings.HasPrefix(after, "(") {
		return true
	}
	depth, comma := 0, -1
	for i := range len(after) {
		switch after[i] {
		case '(':
			depth++
		case ',':
			if depth == 1 {
				comma = i
			}
		case ')':
			if depth--; depth == 0 {
				return comma < 0 || strings.TrimSpace(after[comma+1:i]) != "true"
			}
		}
	}
	return true
}

// executesUnknown reports whether an EXECUTE may run a text that does not stand in
// the routine.
func executesUnknown(_, after string) bool {
	word, rest := firstWord(after)
	switch word {
	case "":
		return !strings.HasPrefix(rest, "'") && !strings.HasPrefix(rest, "$")
	case "function", "procedure":
		return false
	case "e", "format", "concat":
		return false
	}
	return true
}

// firstWord returns the word that a text begins with, and what follows; spaces are
// no part of either.
func firstWord(text string) (word, rest string) {
	text = strings.TrimLeft(text, " \t\r\n")
	n := 0
	for n < len(text) && wordByte(text[n]) && text[n] != '$' {
		n++
	}
	return text[:n], text[n:]
}

// findLeaving marks what leaves something in the session.
func (c *Catalog) findLeaving(all []*routine) {
	c.Leaving = make(map[string]bool)
	for _, f := range all {
		if text, _ := closure(f.source, all); leaves(text, c.Dialect) || f.source == "" {
			c.Leaving[f.name] = true
		}
	}
	for _, t := range c.Tables {
		for _, g := range t.Triggers {
			g.Leaves = g.When != "RULE" && leaves(g.Body, c.Dialect) || mentionsAny(g.Body, c.Leaving)
		}
	}
	for found := true; found; { // views name views
		found = false
		for _, t := range c.Tables {
			if t.View != "" && !t.Leaves && (mentionsAny(t.View, c.Leaving) || c.namesLeaving(t)) {
				t.Leaves, found = true, true
			}
		}
	}
	for _, t := range c.Tables {
		c.leaving = c.leaving || t.Leaves
		for _, g := range t.Triggers {
			c.leaving = c.leaving || g.Leaves
		}
	}
}

// AnyLeaves reports whether anything leaves something in the session.
func (c *Catalog) AnyLeaves() bool { return c.leaving || len(c.Leaving) > 0 }

func mentionsAny(text string, names map[string]bool) bool {
	if len(names) == 0 {
		return false
	}
	m := newMentions(text)
	for name := range names {
		if m.has(name) {
			return true
		}
	}
	return false
}

func (c *Catalog) namesLeaving(view *Table) bool {
	m := newMentions(view.View)
	for _, t := range c.Tables {
		if t.Leaves && t != view && m.has(t.Bare) {
			return true
		}
	}
	return false
}
