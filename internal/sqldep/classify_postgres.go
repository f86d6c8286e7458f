package sqldep

// postgres classifies a statement of PostgreSQL.
func (c *classifier) postgres() {
	p := c.plan
	switch c.word(0) {
	case kSelect, kValues, kTable, kWith:
		c.queryPostgres()
		return
	case kInsert, kUpdate, kDelete, kMerge, kTruncate:
		p.Class = Write
		return
	case kBegin, kStart, kCommit, kEnd, kRollback, kAbort, kSavepoint, kRelease:
		c.transactionElsewhere()
		return
	case kCreate, kDrop, kAlter:
		c.ddl()
		return
	case kComment, kGrant, kRevoke:
		p.Class = DDL
		return
	case kVacuum, kAnalyze, kAnalyse, kReindex:
		p.Class = Maintenance
		return
	case kExplain:
		c.explainElsewhere(false)
		return
	case kSet:
		c.setPostgres()
		return
	case kShow:
		c.asks("SHOW")
		return
	case kLock:
		c.asks("locks tables")
		return
	case kCopy:
		c.copy()
		return
	case kFetch:
		c.leaves("")
		return
	case kExecute, kCall, kDo:
		return
	}
	if c.toks[0].is(sLParen) {
		c.queryPostgres()
		return
	}
	c.morePostgres()
}

// morePostgres takes the statements whose first words are no keywords.
func (c *classifier) morePostgres() {
	p := c.plan
	switch c.first() {
	case "cluster", "checkpoint":
		p.Class = Maintenance
	case "reset":
		c.leaves(c.exactName(1))
		if c.says(1, "session", "authorization") {
			p.Name = "role"
		}
	case "discard", "listen", "unlisten", "move", "close", "deallocate", "load":
		c.leaves("")
	case "notify":
		c.asks("NOTIFY")
	case "refresh":
		// What it puts into the view nobody narrows.
		p.Class, p.Everything = Write, true
	case "reassign", "import", "security":
		p.Class = DDL
	case "prepare":
		// PREPARE TRANSACTION ends the transaction here, and commits it elsewhere.
		if c.word(1) != kTransaction {
			c.leaves("")
		}
	case "declare":
		// The query runs as its rows are fetched.
		if !c.calls() && !c.writesSomewhere() {
			c.leaves("")
		}
	}
}

// queryPostgres: a query writes by a data-modifying CTE or a function, at which
// the tree is looked at, and SELECT INTO makes a table.
func (c *classifier) queryPostgres() {
	p := c.plan
	i := c.into()
	switch {
	case i >= 0:
		p.Class = DDL
		p.Temp = c.word(i+1) == kTemp || c.word(i+1) == kTemporary
	case c.writesSomewhere():
		p.Class = Write
	default:
		p.Class = Read
		c.runs = true
	}
}

// copy: COPY t TO and COPY (query) TO read.
func (c *classifier) copy() {
	depth := 0
	for i := range c.toks {
		switch {
		case c.toks[i].is(sLParen):
			depth++
		case c.toks[i].is(sRParen):
			depth--
		case depth > 0:
		case c.word(i) == kFrom:
			c.plan.Class = Write
			return
		case c.word(i) == kTo:
			if c.writesSomewhere() {
				c.plan.Class = Write
				return
			}
			c.asks("COPY")
			c.runs = c.toks[1].is(sLParen)
			return
		}
	}
}

// setPostgres: what SET LOCAL and SET TRANSACTION set ends with the transaction.
func (c *classifier) setPostgres() {
	p := c.plan
	i := 1
	switch {
	case c.says(i, "local"):
		p.Local = true
		i++
	case c.says(i, "session", "characteristics"):
		c.leaves("transaction")
		return
	case c.says(i, "session") && !c.says(i+1, "authorization"):
		i++
	case c.word(i) == kTransaction:
		p.Local = true
		c.leaves("transaction")
		p.SetsSession = false
		return
	case c.says(i, "constraints"):
		p.Local = true
	}
	name := c.exactName(i)
	switch {
	case c.says(i, "session", "authorization"):
		name = "role"
	case c.says(i, "time", "zone"):
		name = "timezone"
	case c.says(i, "schema"):
		name = "search_path"
	case c.says(i, "names"):
		name = "client_encoding"
	}
	for ; i+2 < len(c.toks) && c.toks[i+1].is(sDot); i += 2 {
		name += "." + c.exactName(i+2)
	}
	c.leaves(name)
	p.SetsSession = !p.Local
}
