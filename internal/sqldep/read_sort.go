package sqldep

import "github.com/cacheops/cacheops/internal/catalog"

// sortTerms are the columns by which a statement on SQLite sorts: for ORDER BY,
// GROUP BY, DISTINCT, MIN and MAX. Names are enough: a query in FROM may be merged
// with the one around it, and its terms with it.
type sortTerms struct {
	// any says that no one knows.
	any   bool
	names map[string]bool
	// shown are the items of select lists that have another name.
	shown []*ResultColumn
}

// has reports whether a statement sorts by a column of that name. s may be nil.
func (s *sortTerms) has(name string) bool { return s != nil && (s.any || s.names[name]) }

// byRowID reports whether a statement sorts by a table's rowid: SQLite then tries to
// walk any of its indexes.
func (s *sortTerms) byRowID(t *catalog.Table) bool {
	return s.has(t.RowID) || s.has("rowid") || s.has("oid") || s.has("_rowid_")
}

func sortsOf(sel *Select, cat *catalog.Catalog) *sortTerms {
	if cat.Dialect != catalog.SQLite {
		return nil
	}
	s := &sortTerms{names: make(map[string]bool)}
	Walk(sel, func(n Node) bool {
		switch n := n.(type) {
		case *Table:
			t, ok := cat.Lookup(n.Schema, n.Name)
			s.any = s.any || !ok || t.IsView
		case *Select:
			s.any = s.any || n.With != nil // columns have yet other names
			s.query(n)
		case *SubFrom:
			s.any = s.any || n.Columns != nil
		case *Func:
			s.call(n)
		case *Opaque:
			s.any = true
		}
		return !s.any
	})
	s.follow()
	return s
}

// follow adds the columns that sorted names stand for.
func (s *sortTerms) follow() {
	for added := true; added && !s.any; {
		added = false
		for _, item := range s.shown {
			to, ok := item.Expr.(*Column)
			switch {
			case !s.names[item.Alias]:
			case !ok:
				s.any = true
			case !s.names[to.Name]:
				s.names[to.Name], added = true, true
			}
		}
	}
}

func (s *sortTerms) query(q *Select) {
	for _, o := range q.OrderBy {
		s.term(o.Expr)
	}
	for _, c := range q.Cores {
		for _, e := range c.GroupBy {
			s.term(e)
		}
		s.any = s.any || len(c.Windows) > 0
		for i := range c.Columns {
			item := &c.Columns[i]
			if item.Alias != "" {
				s.shown = append(s.shown, item)
			}
			switch {
			case !c.Distinct:
			case item.Star:
				s.any = true
			default:
				s.term(item.Expr)
			}
		}
	}
	s.any = s.any || len(q.Ops) > 0 && len(q.OrderBy) > 0
}

func (s *sortTerms) call(f *Func) {
	if f.Over != nil || len(f.OrderBy) > 0 {
		s.any = true
	}
	if f.Distinct || f.Name == "min" || f.Name == "max" {
		for _, e := range f.Args {
			s.term(e)
		}
	}
}

// term adds a column. Anything else may be one by its number.
func (s *sortTerms) term(e Expr) {
	if c, ok := e.(*Collate); ok {
		e = c.X
	}
	if col, ok := e.(*Column); ok {
		s.names[col.Name] = true
		return
	}
	s.any = true
}
