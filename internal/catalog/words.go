package catalog

import (
	"slices"
	"strings"
)

// What a body of a view, a trigger or a routine touches is found without
// understanding it: every table whose name stands anywhere in its text counts,
// in strings and comments too. Only text that is put together and run as a
// statement escapes that, and what can do it is known by name.

// words returns every run of word characters in a text, in lower case, sorted.
func words(s string) []string {
	out := []string{}
	s = strings.ToLower(s)
	for i := 0; i < len(s); {
		if !wordByte(s[i]) {
			i++
			continue
		}
		n := i
		for n < len(s) && wordByte(s[n]) {
			n++
		}
		out = append(out, s[i:n])
		i = n
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mentions is a text that is asked for names.
type mentions struct {
	text  string
	words []string
}

func newMentions(text string) *mentions {
	return &mentions{text: strings.ToLower(text), words: words(text)}
}

// has reports whether the name, in lower case, stands in the text.
func (m *mentions) has(name string) bool {
	for i := range len(name) {
		if !wordByte(name[i]) {
			// A name that is written in quotes, whose own quotes are doubled.
			return strings.Contains(m.text, name) || strings.ContainsAny(name, "\"`")
		}
	}
	_, ok := slices.BinarySearch(m.words, name)
	return ok
}

func (m *mentions) any(names ...string) bool { return slices.ContainsFunc(names, m.has) }

// tables returns the resolved names of all tables and views that the text
// mentions, sorted.
func (m *mentions) tables(c *Catalog) (names []string) {
	for _, t := range c.Tables {
		if t.Opaque != "system table" && t.Opaque != "sequence" && m.has(t.Bare) {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	return names
}

// routine is a function or procedure that somebody defined.
type routine struct {
	name     string
	source   string
	readable bool // source is all that it does
	harmless bool // it writes nothing
	// immutable code of an extension's, not a user's promise.
	immutable bool
}

// closure adds to body the sources of all routines that it mentions, and those
// that these mention. clear is false where one cannot be read.
func closure(body string, all []*routine) (text string, clear bool) {
	seen := make(map[*routine]bool)
	clear = true
	for parts := []string{body}; len(parts) > 0; {
		text += parts[0] + "\n"
		m := newMentions(parts[0])
		parts = parts[1:]
		for _, r := range all {
			if seen[r] || !m.has(r.name) || r.harmless {
				continue
			}
			seen[r] = true
			clear = clear && r.readable
			parts = append(parts, r.source)
		}
	}
	return text, clear
}
