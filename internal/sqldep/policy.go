package sqldep

import (
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// A policy of PostgreSQL's row-level security is a condition that every read of its
// table is given, wherever the table stands: what it asks, the read asks. For whom it
// is asked is no matter of the plan's but of the key's.

// policyQuery is a query with a policy's condition.
func policyQuery(policy string) string { return "SELECT 1 WHERE " + policy }

// policies looks through a table's policies for what must not be cached.
func (a *syntax) policies(t *catalog.Table) {
	if !t.RowSecurity || a.guards[t] {
		return
	}
	if a.guards == nil {
		a.guards = make(map[*catalog.Table]bool)
	}
	a.guards[t] = true
	a.writes = a.writes || t.PolicyWrites
	if t.PolicyLost {
		a.refuse("a policy of " + t.Bare + " reads what is not known")
	}
	outer, tree := a.policy, a.tree
	defer func() { a.policy, a.tree = outer, tree }()
	for _, p := range t.Policies {
		a.policy = policyQuery(p)
		if a.tree = policyTree(a.cat, a.policy); a.tree == nil {
			a.refuse("a policy of " + t.Bare + " is not understood")
			continue
		}
		a.dates = nil
		Walk(a.tree, a.node)
	}
	a.dates = nil
}

func policyTree(cat *catalog.Catalog, src string) Statement {
	l := lexer{src: src, d: cat.Dialect}
	toks := l.lex(nil)
	if l.murky || bad(toks) {
		return nil
	}
	if sel, ok := parse(src, cat.Dialect, 0, signs(src, toks), nil).(*Select); ok {
		return sel
	}
	return nil
}

// whoFunctions tell for whom a policy decides: the session, which is part of the key,
// and what the program sets for whoever uses the connection, of which Options.Scope
// tells.
var whoFunctions = nameSet(`current_setting current_user session_user current_role current_database current_schema current_schemas`)

// asksWho reports whether a policy asks that by the word at a place of its text.
func (a *syntax) asksWho(pos int) bool {
	if a.policy == "" || pos >= len(a.policy) {
		return false
	}
	word := a.policy[pos:]
	if end := strings.IndexFunc(word, func(r rune) bool { return r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') }); end >= 0 {
		word = word[:end]
	}
	word = strings.ToLower(word)
	return whoFunctions[word] || word == "user"
}

// guarded has a mention use the columns that the table's policies look at, and the
// read depend on all that they read. A name that could be one of the columns is one.
func (a *readAnalysis) guarded(t *catalog.Table, m *mention) {
	for _, p := range t.Policies {
		l := lexer{src: p, d: a.cat.Dialect}
		for i, toks := 0, l.lex(nil); i < len(toks); i++ {
			if !toks[i].names() {
				continue
			}
			name := strings.ToLower(rawName(p, &toks[i]))
			if _, ok := t.Column(name); ok {
				m.use(name)
			}
			if name == strings.ToLower(t.Bare) && !(i+1 < len(toks) && p[toks[i+1].pos:toks[i+1].end] == ".") {
				m.useAll() // the whole row
			}
		}
	}
	if a.policies[t] {
		return
	}
	if a.policies == nil {
		a.policies = make(map[*catalog.Table]bool)
	}
	a.policies[t] = true
	for _, name := range slices.Compact(slices.Sorted(slices.Values(t.PolicyBase))) {
		if base, ok := a.cat.Tables[name]; ok {
			a.mention(base, true).useAll()
		}
	}
}
