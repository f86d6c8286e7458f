package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
)

// classifier says by its tokens alone what kind of statement a text is. It sets
// the plan's Class and what goes with it, and errs towards the wider class.
type classifier struct {
	src  string
	d    catalog.Dialect
	toks []token // of one statement, at least one
	plan *Plan
	// runs says of a Read elsewhere than on SQLite that it evaluates expressions:
	// which functions it calls decides whether it is one.
	runs bool
}

func (c *classifier) word(i int) keyword {
	if i < len(c.toks) && c.toks[i].kind == tWord {
		return c.toks[i].word
	}
	return 0
}

// name returns the name that token i is, in lower case, or "".
func (c *classifier) name(i int) string {
	if i < len(c.toks) && c.toks[i].names() {
		return foldName(c.src, &c.toks[i], catalog.SQLite)
	}
	return ""
}

// has reports whether any of the keywords stands as a bare word somewhere.
func (c *classifier) has(ks ...keyword) bool {
	for i := range c.toks {
		if k := c.word(i); k != 0 && slices.Contains(ks, k) {
			return true
		}
	}
	return false
}

// run classifies.
func (c *classifier) run() {
	if c.d != catalog.SQLite {
		c.runElsewhere()
		return
	}
	p := c.plan
	switch c.word(0) {
	case kSelect, kValues: // no SELECT writes
		p.Class = Read
	case kWith:
		c.with()
	case kInsert, kReplace, kUpdate, kDelete:
		p.Class = Write
	case kBegin, kStart, kCommit, kEnd, kRollback, kAbort, kSavepoint, kRelease:
		c.transaction()
	case kCreate, kDrop, kAlter:
		c.ddl()
	case kPragma:
		c.pragma()
	case kAttach, kDetach:
		p.Class = Session
	case kVacuum, kAnalyze, kReindex:
		p.Class = Maintenance
	case kExplain:
		c.explain()
	}
	p.Everything = p.Class == Unrecognised || p.Class == DDL
}

// with looks for anything in the statement that could write. These words are
// reserved, so that one that is a name is quoted; REPLACE may be a function.
func (c *classifier) with() {
	c.plan.Class = Read
	for i := range c.toks {
		switch c.word(i) {
		case kInsert, kUpdate, kDelete, kMerge, kInto:
			c.plan.Class = Write
		case kReplace:
			if i+1 == len(c.toks) || !c.toks[i+1].is(sLParen) {
				c.plan.Class = Write
			}
		}
	}
}

func (c *classifier) transaction() {
	p := c.plan
	i := 1
	if c.word(i) == kTransaction || c.word(i) == kWork {
		i++
	}
	rest := len(c.toks) - i
	switch c.word(0) {
	case kBegin, kStart:
		c.begin()
	case kCommit, kEnd:
		if rest == 0 {
			p.Class = Commit
		}
	case kRollback, kAbort:
		c.rollback(i)
	case kSavepoint:
		if len(c.toks) == 2 {
			p.Class, p.Name = Savepoint, c.name(1)
		}
	case kRelease:
		if i = 1; c.word(i) == kSavepoint && len(c.toks) == 3 {
			i++
		}
		if len(c.toks) == i+1 {
			p.Class, p.Name = Release, c.name(i)
		}
	}
	if (p.Class == Savepoint || p.Class == Release) && p.Name == "" {
		p.Class = Unrecognised
	}
}

func (c *classifier) rollback(i int) {
	p := c.plan
	if i == len(c.toks) {
		p.Class = Rollback
		return
	}
	if c.word(i) != kTo {
		return
	}
	i++
	if c.word(i) == kSavepoint && i+2 == len(c.toks) {
		i++
	}
	if p.Name = c.name(i); p.Name != "" && i+1 == len(c.toks) {
		p.Class = RollbackTo
	}
}

// begin accepts what SQLite does.
func (c *classifier) begin() {
	p := c.plan
	i := 1
	switch c.word(i) {
	case kImmediate, kExclusive:
		p.Immediate = true
		i++
	case kDeferred:
		i++
	}
	if c.word(i) == kTransaction {
		i++
		if c.name(i) != "" {
			i++
		}
	}
	if c.word(0) == kBegin && i == len(c.toks) {
		p.Class = Begin
		return
	}
	p.Immediate = false
}

// ddl tells temporary objects from the others, which concern one session alone.
func (c *classifier) ddl() {
	p := c.plan
	p.Class = DDL
	for i := 1; i < len(c.toks) && i < 8; i++ {
		switch k := c.word(i); {
		case k == kTemp, k == kTemporary:
			p.Temp = p.Temp || i <= 4 || c.isDot(i+1)
		case c.isDot(i + 1):
			p.Temp = p.Temp || c.name(i) == "temp" || c.name(i) == "pg_temp"
		}
		if c.toks[i].is(sLParen) {
			break
		}
	}
	// Only SQLite's is certain to leave all else alone; MySQL's commits.
	if p.Temp && c.d == catalog.SQLite && c.onlyTemp() {
		p.Class = Session
	}
}

// onlyTemp reports whether a statement about a temporary object certainly
// touches no other: CREATE TEMP, or a name with the schema temp.
func (c *classifier) onlyTemp() bool {
	if c.word(0) == kCreate && (c.word(1) == kTemp || c.word(1) == kTemporary) {
		return true
	}
	i := 2
	for c.word(i) == kIf || c.word(i) == kNot || c.word(i) == kExists {
		i++
	}
	return c.name(i) == "temp" && c.isDot(i+1)
}

func (c *classifier) isDot(i int) bool { return i < len(c.toks) && c.toks[i].is(sDot) }

// explain: SQLite's never runs the statement, but a PRAGMA may act while it is
// compiled.
func (c *classifier) explain() {
	if c.has(kPragma) {
		return
	}
	c.plan.Class = Read
	c.plan.Uncacheable = "EXPLAIN"
}
