package sqldep

import "github.com/cacheops/cacheops/internal/catalog"

// viewBody returns the query that a view's DDL defines, with the view's own
// names for its columns left aside.
func viewBody(t *catalog.Table, cat *catalog.Catalog) (*Select, bool) {
	l := lexer{src: t.View, d: cat.Dialect}
	toks := l.lex(nil)
	depth := 0
	for i := range toks {
		switch {
		case toks[i].is(sLParen):
			depth++
		case toks[i].is(sRParen):
			depth--
		case depth == 0 && toks[i].kind == tWord && toks[i].word == kAs:
			return bodyQuery(t.View, cat, toks[i+1:])
		}
	}
	return nil, false
}

func bodyQuery(src string, cat *catalog.Catalog, toks []token) (*Select, bool) {
	for len(toks) > 0 && toks[len(toks)-1].is(sSemi) {
		toks = toks[:len(toks)-1]
	}
	q, ok := parseIn(cat, src, toks, nil).(*Select)
	return q, ok
}
