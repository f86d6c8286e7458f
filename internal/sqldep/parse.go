package sqldep

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cacheops/cacheops/internal/catalog"
)

// parser reads one statement. What it does not understand makes it fail, which
// moves it to the end: every loop then ends by itself, and parse returns nil.
type parser struct {
	src  string
	d    catalog.Dialect
	mode Mode
	toks []token
	i    int
	// lifted maps a token to its slot; a literal that was lifted may only stand
	// for a value, as texts with others share the plan.
	lifted map[int]int
	params map[int]*Param
	depth  int
	failed bool
	// truth says that TRUE or FALSE stands for a value, truthName that something
	// is named so: with both, the one may mean the other.
	truth, truthName bool
	// The number of ANDs and ORs so far, and the like.
	logic, joined, ctes int
	// retries is how often something was read a second time.
	retries int
}

const (
	// maxDepth bounds the nesting of expressions and queries.
	maxDepth = 200
	// maxLinks bounds the operators in one chain, the columns of a result and the
	// items of a row: a chain is as deep a tree as it is long. SQLite accepts 1000,
	// and 2000 columns.
	maxLinks = 4096
	// maxJoins bounds the items of FROM, maxCTEs the common table expressions,
	// and maxLogic the ANDs and ORs of a statement, through which the analyses go
	// more than once.
	maxJoins, maxCTEs, maxLogic = 512, 512, 10_000
)

// Parse returns the tree of a text that is one statement, with its literals in
// place, or nil where it was not understood. Planning does not need it: it is
// for tests that compare the tree with a real database.
func Parse(text string, d catalog.Dialect) Statement {
	l := lexer{src: text, d: d}
	parts := split(l.lex(nil))
	if len(parts) != 1 || l.murky || l.conditional || bad(parts[0]) {
		return nil
	}
	return parse(text, d, 0, signs(text, parts[0]), nil)
}

// parse returns the tree of one statement, or nil where it was not understood
// to its end.
func parse(src string, d catalog.Dialect, mode Mode, toks []token, lifted map[int]int) Statement {
	if mode&OddGrammar != 0 {
		return nil
	}
	p := &parser{src: src, d: d, mode: mode, toks: toks, lifted: lifted}
	p.numberParams()
	s := p.statement()
	if p.failed || p.i < len(p.toks) || p.truth && p.truthName {
		return nil
	}
	return s
}

// parseIn is parse for a text whose names mean what cat holds. SQLite takes
// TRUE and FALSE for names where there is something of that name to mean, which
// the tree does not say: such a text counts as not understood.
//
// A body that must not be cached on its own, a view's, is likewise none.
func parseIn(cat *catalog.Catalog, src string, toks []token, lifted map[int]int) Statement {
	truth := func(t token) bool { return t.kind == tWord && (t.word == kTrue || t.word == kFalse) }
	if cat.Dialect == catalog.SQLite && cat.NamesTruth && slices.ContainsFunc(toks, truth) {
		return nil
	}
	tree := parse(src, cat.Dialect, 0, toks, lifted)
	if cat.Dialect != catalog.SQLite && refusal(tree, cat).any() {
		return nil
	}
	return tree
}

// numberParams finds each parameter's index, by the rules of the dialect.
func (p *parser) numberParams() {
	p.params = map[int]*Param{}
	last := 0
	seen := map[string]int{}
	for i := range p.toks {
		t := &p.toks[i]
		if t.kind != tParam {
			continue
		}
		text := p.text(t)
		q := &Param{Pos: Pos(t.pos)}
		p.params[i] = q
		n, err := strconv.Atoi(text[1:])
		switch {
		case text == "?":
			last++
			q.Index = last
		case text[0] == '?' || p.d == catalog.PostgreSQL:
			if err != nil || n < 1 {
				p.fail()
			}
			q.Index, last = n, max(n, last)
		default:
			q.Name = text[1:]
			if q.Index = seen[text]; q.Index == 0 {
				last++
				q.Index, seen[text] = last, last
			}
		}
	}
}

// fail gives up.
func (p *parser) fail() {
	p.failed = true
	p.i = len(p.toks)
}

// enter guards a recursion; the caller must leave.
func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		p.fail()
	}
}

func (p *parser) leave() { p.depth-- }

// tally counts one more of something of which there may be most, or fails.
func (p *parser) tally(n *int, most int) {
	if *n++; *n > most {
		p.fail()
	}
}

var endToken = token{kind: tEnd}

// peek returns the token n places on.
func (p *parser) peek(n int) *token {
	if p.i+n < len(p.toks) {
		return &p.toks[p.i+n]
	}
	return &endToken
}

func (p *parser) cur() *token { return p.peek(0) }

func (p *parser) text(t *token) string { return p.src[t.pos:t.end] }

func (p *parser) pos() Pos {
	if t := p.cur(); t.kind != tEnd {
		return Pos(t.pos)
	}
	return Pos(len(p.src))
}

// isWord reports whether the next tokens are these keywords.
func (p *parser) isWord(ks ...keyword) bool {
	for n, k := range ks {
		if t := p.peek(n); t.kind != tWord || t.word != k {
			return false
		}
	}
	return true
}

// isOneOf reports whether the next token is one of these keywords.
func (p *parser) isOneOf(ks ...keyword) bool {
	for _, k := range ks {
		if p.isWord(k) {
			return true
		}
	}
	return false
}

// word takes the keywords if they are next.
func (p *parser) word(ks ...keyword) bool {
	if !p.isWord(ks...) {
		return false
	}
	p.i += len(ks)
	return true
}

// oneOf takes the next token if it is one of these keywords.
func (p *parser) oneOf(ks ...keyword) keyword {
	for _, k := range ks {
		if p.word(k) {
			return k
		}
	}
	return 0
}

// want takes the keywords, or fails.
func (p *parser) want(ks ...keyword) {
	if !p.word(ks...) {
		p.fail()
	}
}

func (p *parser) isMark(s symbol) bool { return p.cur().is(s) }

// mark takes the mark if it is next.
func (p *parser) mark(s symbol) bool {
	if !p.isMark(s) {
		return false
	}
	p.i++
	return true
}

func (p *parser) wantMark(s symbol) {
	if !p.mark(s) {
		p.fail()
	}
}

// isName reports whether the token n places on can be a name. Keywords that
// could begin something else are names only where bare says so.
func (p *parser) isName(n int, bare bool) bool {
	t := p.peek(n)
	switch t.kind {
	case tQuoted:
		return true
	case tWord:
		return !strict[p.d][t.word] && (bare || !reserved[t.word]) && !(p.d == catalog.PostgreSQL && t.word == 0 && strictPostgres(p.text(t)))
	case tString:
		_, lifted := p.lifted[p.i+n]
		return p.d == catalog.SQLite && !lifted
	}
	return false
}

// name takes a name, or fails.
func (p *parser) name() string {
	if !p.isName(0, true) {
		p.fail()
		return ""
	}
	t := p.cur()
	p.i++
	name := foldName(p.src, t, p.d)
	p.truthName = p.truthName || p.d == catalog.SQLite && (name == "true" || name == "false")
	return name
}

// label takes a name where any word may be one: after a dot, after AS on
// PostgreSQL.
func (p *parser) label() string {
	t := p.cur()
	if t.kind != tWord && t.kind != tQuoted {
		p.fail()
		return ""
	}
	p.i++
	return foldName(p.src, t, p.d)
}

// part takes what stands after a dot.
func (p *parser) part() string {
	if p.d == catalog.SQLite {
		return p.name()
	}
	return p.label()
}

// names takes a parenthesised list of names.
func (p *parser) names() []string {
	p.wantMark(sLParen)
	list := []string{p.name()}
	for p.mark(sComma) {
		list = append(list, p.name())
	}
	p.wantMark(sRParen)
	return list
}

// qualified takes name or schema.name.
func (p *parser) qualified() (schema, name string) {
	name = p.name()
	if p.mark(sDot) {
		schema, name = name, p.part()
	}
	return schema, name
}

// alias takes [AS] name, if there is one.
func (p *parser) alias() string {
	switch {
	case p.word(kAs):
		return p.name()
	case p.isName(0, false):
		return p.name()
	}
	return ""
}

// columnAlias takes a result column's [AS] name, which elsewhere than on SQLite
// may be any word after AS, and on MySQL a string.
func (p *parser) columnAlias() string {
	if p.d == catalog.SQLite {
		return p.alias()
	}
	as := p.word(kAs)
	switch t := p.cur(); {
	case p.d == catalog.MySQL && (t.kind == tString || t.kind == tEscape):
		p.i++
		v, _, _ := literalValue(p.text(t), t.kind, p.d)
		s, _ := v.(string)
		return strings.ToLower(s)
	case as && p.d == catalog.PostgreSQL:
		return p.label()
	case as || p.isName(0, false):
		return p.name()
	}
	return ""
}

// rawName returns a name's text without its quotes.
func rawName(src string, t *token) string {
	s := src[t.pos:t.end]
	switch t.kind {
	case tWord:
		return s
	case tQuoted, tString:
		return unquote(s)
	}
	return s
}

// foldName returns a name as it is compared.
func foldName(src string, t *token, d catalog.Dialect) string {
	s := rawName(src, t)
	if d == catalog.PostgreSQL {
		return foldPostgres(s, t.kind == tQuoted)
	}
	return strings.ToLower(s)
}

// longestName is what PostgreSQL cuts names to, in bytes.
const longestName = 63

// foldPostgres folds ASCII alone, as PostgreSQL does in encodings of several
// bytes a character, and cuts.
func foldPostgres(s string, quoted bool) string {
	if len(s) > longestName {
		end := longestName
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	for i := range len(s) {
		if c := s[i]; !quoted && 'A' <= c && c <= 'Z' {
			return strings.Map(lowerASCII, s)
		}
	}
	return s
}

func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}

// unquote takes a string's or a name's quotes off.
func unquote(s string) string {
	for i := range len(s) {
		switch q := s[i]; q {
		case '[':
			return s[i+1 : len(s)-1]
		case '\'', '"', '`':
			in := s[i+1 : len(s)-1]
			if strings.IndexByte(in, q) < 0 {
				return in
			}
			return strings.ReplaceAll(in, string([]byte{q, q}), string([]byte{q}))
		case '$':
			tag := strings.IndexByte(s[1:], '$') + 2
			return s[tag : len(s)-tag]
		}
	}
	return s
}

func (p *parser) statement() Statement {
	var with *With
	if p.isWord(kWith) {
		with = p.with()
	}
	switch {
	case p.isOneOf(kSelect, kValues), p.isMark(sLParen):
		return p.queryAfter(with)
	case p.isOneOf(kInsert, kReplace):
		return p.insert(with)
	case p.isWord(kUpdate):
		return p.update(with)
	case p.isWord(kDelete):
		return p.delete(with)
	case p.d != catalog.SQLite:
		return p.statementElsewhere(with)
	}
	p.fail()
	return nil
}

func (p *parser) with() *With {
	p.want(kWith)
	w := &With{}
	// A table may be named recursive.
	if p.isWord(kRecursive) && p.isName(1, true) && !p.peek(1).is(sLParen) && p.peek(1).word != kAs {
		p.i++
		w.Recursive = true
	}
	for {
		w.CTEs = append(w.CTEs, p.cte())
		p.tally(&p.ctes, maxCTEs)
		if !p.mark(sComma) {
			return w
		}
	}
}

func (p *parser) cte() *CTE {
	c := &CTE{Name: p.name()}
	if p.isMark(sLParen) {
		c.Columns = p.names()
	}
	p.want(kAs)
	if p.d != catalog.MySQL && !p.word(kNot, kMaterialized) {
		p.word(kMaterialized)
	}
	p.wantMark(sLParen)
	p.enter()
	c.Body = p.statement()
	p.leave()
	p.wantMark(sRParen)
	if p.d != catalog.SQLite {
		p.search(c)
	}
	if p.failed {
		c.Body = &Select{}
	}
	return c
}
