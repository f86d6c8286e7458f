package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
)

// viewBody returns the query that a view is, with the view's own names for its
// columns left aside: its DDL on SQLite, the query alone elsewhere.
func viewBody(t *catalog.Table, cat *catalog.Catalog) (*Select, bool) {
	l := lexer{src: t.View, d: cat.Dialect}
	toks := l.lex(nil)
	if cat.Dialect != catalog.SQLite && (l.murky || l.conditional || bad(toks)) {
		return nil, false
	}
	toks = slices.Clone(viewQuery(toks))
	for len(toks) > 0 && toks[len(toks)-1].is(sSemi) {
		toks = toks[:len(toks)-1]
	}
	if cat.Dialect != catalog.SQLite {
		toks = signs(t.View, toks)
	}
	q, ok := parseIn(cat, t.View, toks, nil).(*Select)
	return q, ok
}

// viewQuery returns what follows CREATE VIEW … AS.
func viewQuery(toks []token) []token {
	if len(toks) == 0 || toks[0].word != kCreate {
		return toks
	}
	depth := 0
	for i := range toks {
		switch {
		case toks[i].is(sLParen):
			depth++
		case toks[i].is(sRParen):
			depth--
		case depth == 0 && toks[i].word == kAs:
			return toks[i+1:]
		}
	}
	return toks
}

// view analyses the body of a view that FROM names, in a scope of its own.
func (a *readAnalysis) view(t *catalog.Table, src *source, sc *scope) *fromTree {
	if t.Temp {
		a.refuse("reads the temporary view " + t.Bare)
	}
	body, ok := viewBody(t, a.cat)
	a.expanded++
	if !ok || a.views[t] || a.expanded > maxViews || !a.isSQLite() && (t.Base == nil || t.Opaque != "") {
		a.refuse("view " + t.Bare + " cannot be read")
		a.under(t, nil)
		return a.single(src, sc)
	}
	schema, text := a.schema, a.text
	if a.text, a.views[t] = body, true; a.isSQLite() {
		a.schema = t.Schema
	} // elsewhere the server writes out whatever is not on the path
	before := a.mentioned()
	var inner *scope
	a.in(false, func() { inner = a.query(body, nil, nil, true) })
	a.schema, a.text, a.views[t] = schema, text, false
	if !a.isSQLite() {
		after := a.mentioned()
		a.under(t, func(base *catalog.Table) bool { return after[base] > before[base] })
	}
	return a.inline(src, body, inner, sc)
}

// mentioned counts the places where each table is read, so far.
func (a *readAnalysis) mentioned() map[*catalog.Table]int {
	out := make(map[*catalog.Table]int, len(a.tables))
	for _, t := range a.tables {
		out[t.table] = len(t.mentions)
	}
	return out
}

// maxViews bounds the views that a statement may expand: views over views
// multiply.
const maxViews = 100

// under uses all that the catalog says lies under a view, but for what is known
// already. The catalog knows it from the server, and not by names.
func (a *readAnalysis) under(t *catalog.Table, known func(*catalog.Table) bool) {
	seen := map[*catalog.Table]bool{}
	var visit func(t *catalog.Table)
	visit = func(t *catalog.Table) {
		if seen[t] {
			return
		}
		seen[t] = true
		for _, name := range t.Base {
			base, ok := a.cat.Tables[name]
			switch {
			case !ok:
			case base.IsView:
				visit(base)
			case known == nil || !known(base):
				a.mention(base, true).useAll()
			}
		}
	}
	visit(t)
}
