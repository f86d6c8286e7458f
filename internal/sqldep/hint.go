package sqldep

import "strings"

// hintWord is what a comment begins with that is for the cache.
const hintWord = "cacheops"

// Hints returns what follows the word cacheops in those comments of a text that
// begin with it, in their order: of "/* cacheops: off */" it is ": off ". What they
// say is not this package's business. What only looks like a comment, in a string
// or a quoted name, is none.
func (p *Planner) Hints(text string) []string {
	if len(text) > longestText || !mentionsHint(text) {
		return nil // without another look at each token
	}
	l := lexer{src: text, d: p.d, mode: p.mode}
	l.lex(nil)
	return l.hints
}

func mentionsHint(text string) bool {
	for i := 0; i+len(hintWord) <= len(text); i++ {
		if text[i]|0x20 == hintWord[0] && strings.EqualFold(text[i:i+len(hintWord)], hintWord) {
			return true
		}
	}
	return false
}

// remark looks at what a comment says. A longer word that begins like ours is
// another one.
func (l *lexer) remark(said string) {
	said = strings.TrimLeft(said, " \t\r\n\v\f")
	n := len(hintWord)
	if len(said) < n || !strings.EqualFold(said[:n], hintWord) || len(said) > n && byteClass[said[n]]&bName != 0 {
		return
	}
	l.hints = append(l.hints, strings.Clone(said[n:]))
}
