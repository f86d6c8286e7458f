package sqldep

import "slices"

// mysql classifies a statement of MySQL or MariaDB.
func (c *classifier) mysql() {
	p := c.plan
	switch c.word(0) {
	case kSelect, kValues, kTable, kWith:
		c.queryMySQL()
		return
	case kInsert, kReplace, kUpdate, kDelete:
		p.Class = Write
		return
	case kBegin, kStart, kCommit, kRollback, kSavepoint, kRelease:
		c.transactionElsewhere()
		return
	case kCreate, kDrop, kAlter:
		c.ddlMySQL()
		return
	case kTruncate, kRename, kGrant, kRevoke:
		p.Class, p.ImplicitCommit = DDL, true
		return
	case kExplain, kDesc:
		c.explainElsewhere(false)
		return
	case kAnalyze:
		c.analyzeMySQL()
		return
	case kSet:
		c.setMySQL()
		return
	case kShow:
		c.show()
		return
	case kUse:
		c.leaves("database")
		return
	case kLock:
		c.leaves("lock tables")
		p.ImplicitCommit = true
		return
	case kDo:
		// What it computes is thrown away: only what its functions do counts.
		if !c.calls() && !c.has(kSelect) {
			c.asks("DO")
		}
		return
	case kExecute, kCall:
		return
	}
	if c.toks[0].is(sLParen) {
		c.queryMySQL()
		return
	}
	c.moreMySQL()
}

// moreMySQL takes the statements whose first words are no keywords.
func (c *classifier) moreMySQL() {
	p := c.plan
	switch c.first() {
	case "describe":
		c.explainElsewhere(false)
	case "help", "checksum":
		c.asks("asks the server")
	case "kill":
		c.asks("KILL")
	case "unlock":
		c.leaves("lock tables")
		p.ImplicitCommit = true
	case "flush":
		c.leaves("")
		p.ImplicitCommit = true
	case "optimize", "check", "cache":
		p.Class, p.ImplicitCommit = Maintenance, true
	case "load":
		c.load()
	case "handler", "deallocate", "get":
		if !c.calls() {
			c.leaves("")
		}
	case "prepare":
		c.leaves("")
	case "install", "uninstall", "import":
		p.Class, p.ImplicitCommit = DDL, true
	}
}

// queryMySQL: a query writes by its functions only, at which the tree is looked
// at. INTO puts rows into a file or into variables.
func (c *classifier) queryMySQL() {
	p := c.plan
	switch i := c.into(); {
	case i < 0 && c.word(0) == kWith && c.writesSomewhere():
		p.Class = Write // WITH … UPDATE
		return
	case i >= 0 && !c.says(i+1, "outfile") && !c.says(i+1, "dumpfile") && (i+1 >= len(c.toks) || c.toks[i+1].kind != tVar):
		return
	case i >= 0:
		c.asks("SELECT INTO")
	default:
		p.Class = Read
	}
	c.runs = true
}

// ddlMySQL: DDL commits, but for CREATE and DROP of a temporary table.
func (c *classifier) ddlMySQL() {
	p := c.plan
	if c.word(0) == kDrop && c.says(1, "prepare") {
		c.leaves("")
		return
	}
	c.ddl()
	p.ImplicitCommit = !p.Temp || c.word(0) == kAlter
}

// analyzeMySQL: ANALYZE TABLE makes statistics; MariaDB's ANALYZE runs the
// statement after it.
func (c *classifier) analyzeMySQL() {
	i := 1
	if c.says(i, "local") || c.says(i, "no_write_to_binlog") {
		i++
	}
	if c.word(i) == kTable {
		c.plan.Class, c.plan.ImplicitCommit = Maintenance, true
		return
	}
	c.explainElsewhere(true)
}

func (c *classifier) load() {
	switch {
	case c.says(1, "data"), c.says(1, "xml"):
		c.plan.Class = Write
	case c.word(1) == kIndex:
		c.plan.Class, c.plan.ImplicitCommit = Maintenance, true
	}
}

// show: SHOW WARNINGS and SHOW ERRORS tell of the statement before.
func (c *classifier) show() {
	if c.calls() && !c.says(1, "count") {
		return
	}
	c.asks("SHOW")
	c.plan.AsksSession = c.hasText("warnings", "errors", "profile", "profiles", "session", "local", "status", "variables")
}

// setMySQL: SET changes the session, or with GLOBAL and PERSIST everybody's.
// SET STATEMENT … FOR runs another statement.
func (c *classifier) setMySQL() {
	p := c.plan
	switch {
	case c.hasText("global", "persist", "persist_only") || c.hasGlobal() || c.says(1, "statement") || c.calls() || c.has(kSelect):
		return
	case c.says(1, "password"), c.says(1, "default", "role"), c.word(1) == kDefault:
		p.Class, p.ImplicitCommit = DDL, true
		return
	case c.says(1, "resource"):
		return
	case c.word(1) == kTransaction:
		c.leaves("transaction")
		return
	}
	i := 1
	if c.says(i, "session") || c.says(i, "local") {
		i++
	}
	name := c.variableName(i)
	switch {
	case c.word(i) == kTransaction:
		name = "transaction"
	case c.says(i, "names"), c.says(i, "character"), c.says(i, "charset"):
		name = "names"
	case c.says(i, "role"):
		name = "role"
	}
	if c.several() {
		name = ""
	}
	c.leaves(name)
	// SET autocommit = 1 commits, whichever of several it is.
	p.ImplicitCommit = c.sets("autocommit")
}

// several reports whether a comma stands outside parentheses.
func (c *classifier) several() bool {
	depth := 0
	return slices.ContainsFunc(c.toks, func(t token) bool {
		switch {
		case t.is(sLParen):
			depth++
		case t.is(sRParen):
			depth--
		}
		return depth == 0 && t.is(sComma)
	})
}

// variableName returns the name of the variable that token i is: autocommit,
// @a, @@session.autocommit without its first part.
func (c *classifier) variableName(i int) string {
	if i >= len(c.toks) {
		return ""
	}
	if c.toks[i].kind == tVar {
		return plainVariable(c.text(i))
	}
	return c.name(i)
}

// hasGlobal reports whether a variable of the server is named.
func (c *classifier) hasGlobal() bool {
	for i := range c.toks {
		if c.toks[i].kind == tVar && globalVariable(c.text(i)) {
			return true
		}
	}
	return false
}

// sets reports whether a variable of that name is mentioned.
func (c *classifier) sets(name string) bool {
	for i := range c.toks {
		if c.variableName(i) == name {
			return true
		}
	}
	return false
}
