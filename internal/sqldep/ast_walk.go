package sqldep

// Walk calls f for n and then, if f returned true, for every node below it:
// subqueries, common table expressions and window definitions included. A nil n
// is no node.
//
// The analyses were made for SQLite, and one that has never heard of a node must
// not take its silence for harmlessness. Nodes that only other dialects have
// are therefore followed by an *Opaque that holds their parts: who knows them
// looks at them and returns false, who does not comes to the Opaque.
func Walk(n Node, f func(Node) bool) {
	if absent(n) || !f(n) {
		return
	}
	w := walker(f)
	switch n := n.(type) {
	case Statement:
		w.statement(n)
	case From:
		w.from(n)
	case Expr:
		w.expr(n)
	default:
		w.part(n)
	}
}

type walker func(Node) bool

// absent reports a nil, or a nil pointer among the types that are optional.
func absent(n Node) bool {
	switch n := n.(type) {
	case nil:
		return true
	case *Select:
		return n == nil
	case *With:
		return n == nil
	case *Table:
		return n == nil
	case *TableFunc:
		return n == nil
	}
	return false
}

func (w walker) all(es ...Expr) {
	for _, e := range es {
		Walk(e, w)
	}
}

func (w walker) rows(rows [][]Expr) {
	for _, r := range rows {
		w.all(r...)
	}
}

func (w walker) columns(cs []ResultColumn) {
	for i := range cs {
		Walk(cs[i].Expr, w)
	}
}

func (w walker) orders(os []Order) {
	for i := range os {
		Walk(os[i].Expr, w)
	}
}

func (w walker) assignments(as []Assignment) {
	for i := range as {
		Walk(as[i].Value, w)
	}
}

func (w walker) window(x *Window) {
	if x == nil {
		return
	}
	w.all(x.Partition...)
	w.orders(x.OrderBy)
	w.all(x.Frame...)
}

func (w walker) statement(s Statement) {
	switch s := s.(type) {
	case *Select:
		Walk(s.With, w)
		for _, c := range s.Cores {
			Walk(c, w)
		}
		w.orders(s.OrderBy)
		w.all(s.Limit, s.Offset)
	case *Insert:
		Walk(s.With, w)
		w.rows(s.Rows)
		Walk(s.Query, w)
		for _, u := range s.Upserts {
			Walk(u, w)
		}
		w.columns(s.Returning)
	case *Update:
		Walk(s.With, w)
		w.assignments(s.Set)
		Walk(s.From, w)
		Walk(s.Tables, w)
		w.all(s.Where)
		w.columns(s.Returning)
		w.orders(s.OrderBy)
		w.all(s.Limit, s.Offset)
	case *Delete:
		Walk(s.With, w)
		Walk(s.Using, w)
		w.all(s.Where)
		w.columns(s.Returning)
		w.orders(s.OrderBy)
		w.all(s.Limit, s.Offset)
	case *Merge:
		w.merge(s)
	case *Copy:
		Walk(s.Query, w)
		w.all(s.Where)
		w.assignments(s.Set)
	case *Explain:
		Walk(s.Body, w)
	}
}

func (w walker) merge(s *Merge) {
	Walk(s.With, w)
	Walk(s.Using, w)
	w.all(s.On)
	for i := range s.Whens {
		w.all(s.Whens[i].Cond)
		w.assignments(s.Whens[i].Set)
		w.all(s.Whens[i].Values...)
	}
	w.columns(s.Returning)
}

func (w walker) part(n Node) {
	switch n := n.(type) {
	case *With:
		for _, c := range n.CTEs {
			Walk(c, w)
		}
	case *CTE:
		Walk(n.Body, w)
	case *Core:
		w.all(n.DistinctOn...)
		w.columns(n.Columns)
		Walk(n.From, w)
		w.all(n.Where)
		w.all(n.GroupBy...)
		w.all(n.Having)
		for i := range n.Windows {
			w.window(&n.Windows[i].Window)
		}
		w.rows(n.Values)
		Walk(n.Sub, w)
	case *Upsert:
		w.all(n.Columns...)
		w.all(n.Where)
		w.assignments(n.Set)
		w.all(n.SetWhere)
	}
}

func (w walker) from(f From) {
	switch f := f.(type) {
	case *SubFrom:
		Walk(f.Query, w)
	case *TableFunc:
		w.all(f.Args...)
	case *Join:
		Walk(f.Left, w)
		Walk(f.Right, w)
		w.all(f.On)
	case *OddFrom:
		for _, item := range f.Items {
			Walk(item, w)
		}
		w.all(f.Exprs...)
	}
}

func (w walker) expr(e Expr) {
	switch e := e.(type) {
	case *Unary:
		w.all(e.X)
	case *Binary:
		w.all(e.X, e.Y)
	case *Between:
		w.all(e.X, e.Lo, e.Hi)
	case *In:
		w.all(e.X)
		w.all(e.List...)
		Walk(e.Query, w)
		Walk(e.Table, w)
		Walk(e.Func, w)
	case *Any:
		w.all(e.X)
		Walk(e.Query, w)
		w.all(e.Array)
	case *Like:
		w.all(e.X, e.Pattern, e.Escape)
	case *Is:
		w.all(e.X, e.Y)
	case *Case:
		w.all(e.X)
		for _, b := range e.Whens {
			w.all(b.Cond, b.Then)
		}
		w.all(e.Else)
	case *Cast:
		w.all(e.X)
	case *Collate:
		w.all(e.X)
	case *Array:
		if e.Query != nil {
			w.foreign("array", &Subquery{Query: e.Query})
			return
		}
		w.foreign("array", e.Items...)
	case *Subscript:
		w.foreign("subscript", append([]Expr{e.X}, e.Index...)...)
	case *Field:
		w.foreign("field", e.X)
	case *Interval:
		w.foreign("interval", e.X)
	case *Variable:
		w.foreign("variable", e.Assign)
	case *CurrentOf:
		w.foreign("current of")
	case *Func:
		if e.Odd {
			w.foreign("arguments of " + e.Name)
		}
		w.all(e.Args...)
		w.orders(e.OrderBy)
		w.all(e.Filter)
		w.window(e.Over)
	case *Exists:
		Walk(e.Query, w)
	case *Subquery:
		Walk(e.Query, w)
	case *Row:
		w.all(e.Items...)
	case *Opaque:
		w.all(e.Exprs...)
	}
}

// foreign shows what only other dialects have.
func (w walker) foreign(why string, parts ...Expr) {
	Walk(&Opaque{Why: why, Exprs: parts}, w)
}
