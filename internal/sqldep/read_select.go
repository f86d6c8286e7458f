package sqldep

import "slices"

// query analyses a query whose names may refer to parent's as well, and returns
// the scope of its only core, nil if it has several. ordered says that the order
// of its rows may show.
func (a *readAnalysis) query(s *Select, ctes *cteEnv, parent *scope, ordered bool) *scope {
	if s.Lock != "" {
		a.refuse("locks rows (" + s.Lock + ")")
	}
	if s.Into {
		a.refuse("SELECT INTO")
	}
	a.mayFail(s)
	asked := a.asked
	a.asked = nil
	if asked != nil && !transparent(s) {
		asked = nil
	}
	ctes = a.with(s.With, ctes, parent)
	ordered = ordered || cuts(s)
	scopes := make([]*scope, len(s.Cores))
	for i, c := range s.Cores {
		scopes[i] = a.core(c, ctes, parent, ordered || len(s.Cores) > 1, asked)
	}
	a.orderBy(s, scopes)
	outside := &scope{a: a, parent: parent, ctes: ctes}
	a.expr(s.Limit, outside)
	a.expr(s.Offset, outside)
	if len(scopes) == 1 {
		return scopes[0]
	}
	return nil
}

// orderBy analyses the ORDER BY of a whole query. In a compound its terms are
// columns of the result, which are used already.
func (a *readAnalysis) orderBy(s *Select, scopes []*scope) {
	for _, o := range s.OrderBy {
		for _, sc := range scopes {
			if c, ok := o.Expr.(*Column); ok && len(scopes) > 1 {
				a.markHere(sc, c)
				continue
			}
			a.expr(o.Expr, sc)
		}
	}
}

// with analyses the common table expressions and returns the names in sight
// after them.
func (a *readAnalysis) with(w *With, ctes *cteEnv, parent *scope) *cteEnv {
	if w == nil {
		return ctes
	}
	// While the bodies are analysed each name may mean the expression, for
	// SQLite lets bodies refer to themselves and to later ones.
	inside := ctes
	for _, c := range w.CTEs {
		inside = &cteEnv{parent: inside, name: c.Name, open: true, doubtful: true}
	}
	for _, c := range w.CTEs {
		done := &cteEnv{name: c.Name, cols: c.Columns}
		body, ok := c.Body.(*Select)
		if !ok {
			a.refuse("a WITH clause that writes")
			a.writes = true
			done.open = true
		} else {
			a.in(false, func() { done.inner = a.query(body, inside, parent, true) })
			if a.named(c.Name) == 1 {
				done.body = body
			}
			if c.Columns == nil {
				done.cols, done.open = a.resultColumns(body, inside)
			}
		}
		done.parent, ctes = ctes, done
		known := *done
		known.parent = inside
		inside = &known
	}
	return ctes
}

// named counts the places of the analysed text that may mean the common table
// expression of that name.
func (a *readAnalysis) named(cte string) (n int) {
	Walk(a.text, func(node Node) bool {
		if t, ok := node.(*Table); ok && t.Schema == "" && t.Name == cte {
			n++
		}
		return true
	})
	return n
}

func (a *readAnalysis) core(c *Core, ctes *cteEnv, parent *scope, ordered bool, asked *membership) *scope {
	sc := &scope{a: a, parent: parent, ctes: ctes, whole: a.whole && !nested(c.From)}
	if c.Sub != nil {
		a.query(c.Sub, ctes, parent, ordered)
		return sc
	}
	for _, row := range c.Values {
		a.exprs(row, sc)
	}
	sc.items = c.Columns
	for i := range c.Columns {
		if alias := c.Columns[i].Alias; alias != "" {
			sc.aliases = append(sc.aliases, alias)
		}
	}
	sc.tree = &fromTree{}
	if c.From != nil {
		sc.tree = a.from(c.From, sc, ordered)
	}
	sc.asks = conjuncts(c.Where, nil)
	sc.cautious = failsIn(c.From)
	sc.restrict(sc.tree, both(sc.condition(c.Where, true), sc.member(asked, c)))
	if a.isSQLite() && (fallible(c.Where) || fallibleOn(c.From)) {
		sc.tree.expose()
	}
	a.notes.core(c, sc)
	a.joinExprs(c.From, sc)
	a.expr(c.Where, sc)
	for i := range c.Columns {
		a.resultColumn(&c.Columns[i], sc)
	}
	a.exprs(c.DistinctOn, sc)
	a.exprs(c.GroupBy, sc)
	a.expr(c.Having, sc)
	for i := range c.Windows {
		a.window(&c.Windows[i].Window, sc)
	}
	return sc
}

// nested reports whether a FROM has a join in parentheses to the right of
// another, which SQLite makes a query of.
func nested(f From) bool {
	j, ok := f.(*Join)
	if !ok {
		return false
	}
	_, right := j.Right.(*Join)
	return right || nested(j.Left)
}

func (a *readAnalysis) resultColumn(r *ResultColumn, sc *scope) {
	if !r.Star {
		a.expr(r.Expr, sc)
		return
	}
	for _, src := range sc.sources {
		if src.m != nil && src.means(r.Schema, r.Table) {
			src.m.useAll()
		}
	}
}

// joinExprs analyses the ON clauses of a FROM tree.
func (a *readAnalysis) joinExprs(f From, sc *scope) {
	if j, ok := f.(*Join); ok {
		a.joinExprs(j.Left, sc)
		a.joinExprs(j.Right, sc)
		a.expr(j.On, sc)
	}
}

func (a *readAnalysis) window(w *Window, sc *scope) {
	a.exprs(w.Partition, sc)
	for i := range w.OrderBy {
		a.expr(w.OrderBy[i].Expr, sc)
	}
	a.exprs(w.Frame, sc)
}

// derived analyses a query in FROM. It does not see its neighbours, unless it
// is LATERAL.
func (a *readAnalysis) derived(f *SubFrom, sc *scope, ordered bool) *fromTree {
	parent := sc.parent
	if f.Lateral {
		parent = sc
	}
	var inner *scope
	a.in(false, func() { inner = a.query(f.Query, sc.ctes, parent, ordered || !plain(f.Query)) })
	src := &source{name: f.Alias, cols: f.Columns}
	if f.Columns == nil {
		src.cols, src.open = a.resultColumns(f.Query, sc.ctes)
	}
	return a.inline(src, f.Query, inner, sc)
}

// plain reports whether a query passes its rows on one by one, so that their
// order shows only if the order of its own rows does.
func plain(s *Select) bool { return len(s.Cores) == 1 && !cuts(s) && passesOn(s) }

// cuts reports whether a query leaves out rows by their number. PostgreSQL has OFFSET
// without LIMIT.
func cuts(s *Select) bool { return s.Limit != nil || s.Offset != nil }

// passesOn reports whether the only core of a query makes one row of each of
// its FROM that WHERE lets through, with a value that is a matter of that row.
func passesOn(s *Select) bool {
	c := s.Cores[0]
	return rowByRow(s) && !c.Distinct && c.DistinctOn == nil && !calls(c, func(f *Func) bool { return f.Over != nil })
}

// resultColumns returns the names of a query's columns as an outer FROM sees
// them; open where they are not all known.
func (a *readAnalysis) resultColumns(s *Select, ctes *cteEnv) (names []string, open bool) {
	c := s.Cores[0]
	switch {
	case c.Sub != nil || s.With != nil:
		return nil, true
	case c.Values != nil:
		return nil, true
	}
	for i := range c.Columns {
		r := &c.Columns[i]
		col, isCol := r.Expr.(*Column)
		switch {
		case r.Alias != "":
			names = append(names, r.Alias)
		case r.Star:
			cols, more := a.starColumns(c.From, r, ctes)
			names, open = append(names, cols...), open || more
		case isCol:
			names = append(names, col.Name)
			open = open || a.isSQLite() && (isRowID(col.Name) || col.Quoted)
		default:
			open = true
		}
	}
	return names, open
}

// starColumns returns the columns that a star stands for.
func (a *readAnalysis) starColumns(f From, r *ResultColumn, ctes *cteEnv) (names []string, open bool) {
	switch f := f.(type) {
	case *Table:
		if r.Table != "" && aliasOr(f.Alias, f.Name) != r.Table {
			return nil, false
		}
		if f.Schema == "" {
			if e := ctes.find(f.Name); e != nil {
				return e.cols, e.open || e.doubtful
			}
		}
		if t, ok := a.lookup(f.Schema, f.Name); ok && len(t.Columns) > 0 {
			return viewColumns(t), false
		}
	case *SubFrom:
		if r.Table != "" && f.Alias != r.Table {
			return nil, false
		}
		if f.Columns != nil {
			return f.Columns, false
		}
		return a.resultColumns(f.Query, ctes)
	case *Join:
		l, openL := a.starColumns(f.Left, r, ctes)
		n, openR := a.starColumns(f.Right, r, ctes)
		return slices.Concat(l, n), openL || openR
	}
	return nil, true
}
