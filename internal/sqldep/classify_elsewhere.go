package sqldep

import (
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// This file has what the classification of PostgreSQL's and MySQL's statements
// has in common.

// says reports whether the tokens from i on are these words, in lower case.
func (c *classifier) says(i int, words ...string) bool {
	for n, w := range words {
		if i+n >= len(c.toks) || c.toks[i+n].kind != tWord || !equalFold(c.text(i+n), w) {
			return false
		}
	}
	return true
}

func (c *classifier) text(i int) string {
	if i >= len(c.toks) {
		return ""
	}
	return c.src[c.toks[i].pos:c.toks[i].end]
}

// first returns the first word in lower case, "" where the statement begins
// with none.
func (c *classifier) first() string {
	if c.toks[0].kind != tWord {
		return ""
	}
	return strings.ToLower(c.text(0))
}

// runElsewhere classifies for PostgreSQL and MySQL.
func (c *classifier) runElsewhere() {
	p := c.plan
	if c.d == catalog.PostgreSQL {
		c.postgres()
	} else {
		c.mysql()
	}
	c.session()
	if p.Class == Unrecognised {
		p.Everything, p.ImplicitCommit, p.SetsSession = true, c.d == catalog.MySQL, true
	}
	if p.Class == DDL {
		p.Everything = true
		p.SetsSession = p.SetsSession || p.Temp
	}
}

// transactionElsewhere takes the statements that both dialects have alike. What
// follows the words must be understood: COMMIT AND CHAIN leaves a transaction
// open.
func (c *classifier) transactionElsewhere() {
	p := c.plan
	i := 1
	if c.word(i) == kWork || c.word(i) == kTransaction && c.d == catalog.PostgreSQL {
		i++
	}
	switch c.word(0) {
	case kBegin, kStart:
		if c.beginOptions(i) {
			p.Class = Begin
			p.ImplicitCommit = c.d == catalog.MySQL
		}
	case kCommit, kEnd:
		if c.noChain(i) {
			p.Class = Commit
		}
	case kRollback, kAbort:
		if c.noChain(i) {
			p.Class = Rollback
			return
		}
		c.rollbackTo(i)
	case kSavepoint:
		if len(c.toks) == 2 {
			p.Class, p.Name = Savepoint, c.exactName(1)
		}
	case kRelease:
		i = 1
		if c.word(i) == kSavepoint && len(c.toks) == 3 {
			i++
		} else if c.d == catalog.MySQL {
			return
		}
		if len(c.toks) == i+1 {
			p.Class, p.Name = Release, c.exactName(i)
		}
	}
	if (p.Class == Savepoint || p.Class == Release) && p.Name == "" {
		p.Class = Unrecognised
	}
}

// exactName returns the name that token i is, as the dialect compares it.
func (c *classifier) exactName(i int) string {
	if i < len(c.toks) && (c.toks[i].kind == tWord || c.toks[i].kind == tQuoted) {
		return foldName(c.src, &c.toks[i], c.d)
	}
	return ""
}

// noChain reports whether nothing follows from token i on but what keeps
// another transaction from beginning.
func (c *classifier) noChain(i int) bool {
	if c.says(i, "and", "no", "chain") {
		i += 3
	}
	if c.d == catalog.MySQL && c.says(i, "no", "release") {
		i += 2
	}
	return i == len(c.toks)
}

func (c *classifier) rollbackTo(i int) {
	if c.word(i) != kTo {
		return
	}
	i++
	if c.word(i) == kSavepoint && i+2 == len(c.toks) {
		i++
	}
	if name := c.exactName(i); name != "" && i+1 == len(c.toks) {
		c.plan.Class, c.plan.Name = RollbackTo, name
	}
}

// beginOptions reports whether what follows BEGIN is a list of options that say
// nothing of the statements to come.
func (c *classifier) beginOptions(i int) bool {
	options := [][]string{{"read", "only"}, {"read", "write"}}
	switch {
	case c.d == catalog.MySQL && c.word(0) == kBegin:
		return i == len(c.toks)
	case c.d == catalog.MySQL:
		if c.word(1) != kTransaction {
			return false
		}
		i = 2
		options = append(options, []string{"with", "consistent", "snapshot"})
	case c.word(0) == kStart && c.word(1) != kTransaction:
		return false
	default:
		options = append(options, []string{"isolation", "level", "serializable"},
			[]string{"isolation", "level", "repeatable", "read"}, []string{"isolation", "level", "read", "committed"},
			[]string{"isolation", "level", "read", "uncommitted"}, []string{"deferrable"}, []string{"not", "deferrable"})
	}
	for i < len(c.toks) {
		n := slices.IndexFunc(options, func(o []string) bool { return c.says(i, o...) })
		if n < 0 {
			return false
		}
		i += len(options[n])
		if i < len(c.toks) && c.toks[i].is(sComma) {
			i++
		}
	}
	return true
}

// asks makes the statement a read that is never cached.
func (c *classifier) asks(why string) {
	c.plan.Class, c.plan.Uncacheable = Read, why
}

// leaves makes the statement one that changes the session alone.
func (c *classifier) leaves(name string) {
	c.plan.Class, c.plan.Name, c.plan.SetsSession = Session, name, true
}

// writesSomewhere reports whether a word stands somewhere that begins a
// statement which writes. A lock's UPDATE and SHARE are none.
func (c *classifier) writesSomewhere() bool {
	for i := range c.toks {
		switch c.word(i) {
		case kInsert, kReplace:
			if i+1 == len(c.toks) || !c.toks[i+1].is(sLParen) {
				return true
			}
		case kDelete, kMerge:
			return true
		case kUpdate:
			if i == 0 || c.word(i-1) != kFor && c.word(i-1) != kKey && c.word(i-1) != kDo && c.word(i-1) != kThen {
				return true
			}
		}
	}
	return false
}

// into returns the place of the INTO of SELECT … INTO, or -1.
func (c *classifier) into() int {
	for i := range c.toks {
		if c.word(i) != kInto || i == 0 {
			continue
		}
		switch c.word(i - 1) {
		case kInsert, kReplace, kMerge, kIgnore:
			if c.word(0) != kSelect || i < 2 || c.toks[i-2].is(sLParen) {
				continue // else it is a column of that name
			}
		}
		if c.says(i-1, "low_priority") || c.says(i-1, "high_priority") || c.says(i-1, "delayed") {
			continue
		}
		return i
	}
	return -1
}

// explainElsewhere takes EXPLAIN. With ANALYZE it runs what it explains.
func (c *classifier) explainElsewhere(analyze bool) {
	for i := range c.toks {
		analyze = analyze || i > 0 && (c.word(i) == kAnalyze || c.word(i) == kAnalyse || c.d == catalog.PostgreSQL && c.toks[i].kind == tQuoted && c.hidden(i))
	}
	switch {
	case !analyze && c.d == catalog.MySQL && c.calls():
		// It runs subqueries to explain the rest.
		c.plan.Class, c.plan.Everything = Write, true
	case !analyze:
		c.asks("EXPLAIN")
	case c.has(kExecute, kCreate, kCall) || c.says(0, "explain", "for") || c.hasText("refresh", "declare"):
		return
	case c.d == catalog.PostgreSQL && c.into() >= 0:
		return
	case c.writesSomewhere():
		c.plan.Class = Write
	default:
		c.asks("EXPLAIN ANALYZE")
		c.runs = true
	}
}

// hidden reports whether a quoted name may be that of EXPLAIN's option, which
// PostgreSQL takes in quotes too.
func (c *classifier) hidden(i int) bool {
	switch foldName(c.src, &c.toks[i], c.d) {
	case "analyze", "analyse":
		return true
	}
	return false
}

func (c *classifier) hasText(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		for i := range c.toks {
			if c.says(i, w) {
				return true
			}
		}
		return false
	})
}

// calls reports whether a function may be called that is not known to be
// harmless. It is for statements of which there is no tree.
func (c *classifier) calls() bool {
	for i := 0; i+1 < len(c.toks); i++ {
		t := &c.toks[i]
		if c.d == catalog.PostgreSQL && t.is(sOther) && !builtinOperators[c.text(i)] {
			return true
		}
		if t.kind != tWord && t.kind != tQuoted || !c.toks[i+1].is(sLParen) {
			continue
		}
		if t.kind == tWord && strict[c.d][t.word] && t.word != kIf && t.word != kReplace && t.word != kMod {
			continue
		}
		if t.kind == tWord && beforeParenthesis[strings.ToLower(c.text(i))] {
			continue
		}
		if i > 0 && c.isDot(i-1) && !(i > 1 && c.says(i-2, "pg_catalog")) {
			return true
		}
		if !harmlessFunction(c.d, foldName(c.src, t, c.d)) {
			return true
		}
	}
	return false
}

// beforeParenthesis are words that stand before a parenthesis and call nothing.
var beforeParenthesis = nameSet(`
	over filter by any some cast varying numeric decimal varchar character char bpchar bit binary varbinary float double
	materialized within array key set with using enum nchar signed unsigned against rollup cube sets tablesample
`)

// session looks for what sets and asks the session in a statement of any class.
func (c *classifier) session() {
	p := c.plan
	into, local := false, false
	for i := range c.toks {
		t := &c.toks[i]
		into = into || c.word(i) == kInto
		switch t.kind {
		case tVar:
			if i > 0 && c.toks[i-1].end == t.pos && c.toks[i-1].names() {
				continue // 'user'@'host'
			}
			p.AsksSession = true
			// After INTO each in a list is set; that others may follow an INTO, too, is
			// no harm.
			p.SetsSession = p.SetsSession || into || i+1 < len(c.toks) && c.toks[i+1].is(sAssign)
		case tWord, tQuoted:
			if i+1 < len(c.toks) && c.toks[i+1].is(sLParen) || c.d == catalog.MySQL && t.word == 0 && t.kind == tWord {
				local = c.sessionWord(i) || local
			}
		}
	}
	if local && !p.SetsSession {
		p.SetsSession, p.Local = true, true
	}
}

// sessionWord looks at a word that may name a function. local says that what it
// sets ends with the transaction.
func (c *classifier) sessionWord(i int) (local bool) {
	name := rawName(c.src, &c.toks[i])
	if len(name) > longestSession {
		return false
	}
	call := i+1 < len(c.toks) && c.toks[i+1].is(sLParen)
	e := sessionFunctions[c.d][strings.ToLower(name)]
	switch {
	case !call && !e.bare:
		return false
	case c.setsLocally(i):
		return true
	}
	c.plan.SetsSession = c.plan.SetsSession || e.sets
	c.plan.AsksSession = c.plan.AsksSession || e.asks
	return false
}

// setsLocally reports whether the call at i is set_config(…, …, true).
func (c *classifier) setsLocally(i int) bool {
	if c.d != catalog.PostgreSQL || !strings.EqualFold(rawName(c.src, &c.toks[i]), "set_config") {
		return false
	}
	depth, commas := 0, 0
	for j := i + 1; j < len(c.toks); j++ {
		switch t := &c.toks[j]; {
		case t.is(sLParen) || t.is(sLBracket):
			depth++
		case t.is(sRBracket):
			depth--
		case t.is(sRParen):
			if depth--; depth == 0 {
				return commas == 2 && c.word(j-1) == kTrue && c.toks[j-2].is(sComma)
			}
		case t.is(sComma) && depth == 1:
			commas++
		}
	}
	return false
}

// sessionEffect is what a function does to the session, and asks of it. bare
// says that the word alone does.
type sessionEffect struct{ sets, asks, bare bool }

const longestSession = len("pg_try_advisory_lock_shared")

// sessionFunctions are those whose effect outlives the statement, or whose
// result tells of earlier ones, on this connection alone. What currval and
// LAST_INSERT_ID() tell of any INSERT may leave, so that nextval is not here.
var sessionFunctions = [catalog.MySQL + 1]map[string]sessionEffect{
	catalog.PostgreSQL: {
		"pg_advisory_lock": {sets: true}, "pg_advisory_lock_shared": {sets: true}, "pg_try_advisory_lock": {sets: true},
		"pg_try_advisory_lock_shared": {sets: true}, "pg_advisory_unlock": {sets: true, asks: true},
		"pg_advisory_unlock_shared": {sets: true, asks: true}, "pg_advisory_unlock_all": {sets: true, asks: true},
		"set_config": {sets: true}, "setseed": {sets: true}, "currval": {asks: true}, "lastval": {asks: true}, "current_setting": {asks: true}, "pg_backend_pid": {asks: true},
		"pg_listening_channels": {asks: true}, "dblink_connect": {sets: true}, "dblink_disconnect": {sets: true, asks: true},
		"set_limit": {sets: true}, "show_limit": {asks: true}, "pg_my_temp_schema": {asks: true},
		"pg_prepared_statement": {asks: true}, "pg_cursor": {asks: true},
	},
	catalog.MySQL: {
		"get_lock": {sets: true}, "release_lock": {sets: true, asks: true}, "release_all_locks": {sets: true, asks: true},
		"last_insert_id": {asks: true}, "found_rows": {asks: true}, "row_count": {asks: true},
		"connection_id": {asks: true}, "lastval": {asks: true},
		"sql_calc_found_rows": {sets: true, bare: true}, "previous": {asks: true, bare: true},
	},
}
