package sqldep

import (
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// fromTree is what was found of a FROM tree.
type fromTree struct {
	sources  []*source
	mentions []*mention // base tables among them
	nullable []*mention // those that an outer join inside it may replace by NULLs
	// holds are the ON clauses that every row of the tree fulfils.
	holds []*Join
	outer []outerJoin
}

type outerJoin struct {
	join *Join
	side *fromTree
	left *fromTree
}

// from builds the sources of a FROM tree into sc.
func (a *readAnalysis) from(f From, sc *scope, ordered bool) *fromTree {
	switch f := f.(type) {
	case *Table:
		return a.table(f, sc, ordered)
	case *SubFrom:
		return a.derived(f, sc, ordered)
	case *TableFunc:
		a.tableFunc(f, sc)
		return a.single(&source{name: aliasOr(f.Alias, f.Name), open: true}, sc)
	case *Join:
		return a.join(f, sc, ordered)
	}
	a.refuse("FROM item not understood")
	src := &source{open: true}
	if f, ok := f.(*OddFrom); ok {
		src.name = f.Alias
	}
	return a.single(src, sc)
}

func (a *readAnalysis) single(s *source, sc *scope) *fromTree {
	sc.sources = append(sc.sources, s)
	t := &fromTree{sources: []*source{s}}
	if s.m != nil {
		t.mentions = []*mention{s.m}
	}
	return t
}

func (a *readAnalysis) join(j *Join, sc *scope, ordered bool) *fromTree {
	l := a.from(j.Left, sc, ordered)
	r := a.from(j.Right, sc, ordered)
	a.mergeColumns(j, l, r, sc)
	t := &fromTree{
		sources:  slices.Concat(l.sources, r.sources),
		mentions: slices.Concat(l.mentions, r.mentions),
		nullable: slices.Concat(l.nullable, r.nullable),
		outer:    slices.Concat(l.outer, r.outer),
	}
	switch j.Kind {
	case InnerJoin, CrossJoin:
		t.holds = append(slices.Concat(l.holds, r.holds), j)
	case LeftJoin:
		t.holds = l.holds
		t.nullable = append(t.nullable, r.mentions...)
		t.outer = append(t.outer, outerJoin{j, r, l})
	case RightJoin:
		t.holds = r.holds
		t.nullable = append(t.nullable, l.mentions...)
		t.outer = append(t.outer, outerJoin{j, l, r})
	default:
		t.nullable = append(t.nullable, t.mentions...)
	}
	return t
}

// mergeColumns takes the columns that USING and NATURAL compare as used.
func (a *readAnalysis) mergeColumns(j *Join, l, r *fromTree, sc *scope) {
	a.misfits = a.misfits || j.Natural || j.Using != nil
	if j.Natural {
		sc.muddled = true
		for _, m := range slices.Concat(l.mentions, r.mentions) {
			m.useAll()
		}
	}
	for _, col := range j.Using {
		sc.merged = append(sc.merged, col)
		for _, s := range slices.Concat(l.sources, r.sources) {
			if s.m != nil && s.has(col) {
				s.m.use(strings.ToLower(col))
			}
		}
	}
	if len(j.Using) > 0 && (j.Kind == RightJoin || j.Kind == FullJoin) {
		sc.muddled = true
	}
}

// joinCond is what a join's ON or USING says.
func (s *scope) joinCond(j *Join) *cond {
	out := s.condition(j.On, true)
	if s.muddled {
		return out
	}
	for _, name := range j.Using {
		out = both(out, s.usingCond(j, name))
	}
	return out
}

// usingCond is the equality that USING (name) says, where the column is a base
// table's on both sides.
func (s *scope) usingCond(j *Join, name string) *cond {
	l, okL := s.sideColumn(j.Left, name)
	r, okR := s.sideColumn(j.Right, name)
	if !okL || !okR {
		return nil
	}
	a, ok1 := l.table.Column(name)
	b, ok2 := r.table.Column(name)
	if !ok1 || !ok2 {
		return nil
	}
	return s.same(l, a, r, b)
}

// sideColumn returns the one base table under f that has the column.
func (s *scope) sideColumn(f From, name string) (m *mention, ok bool) {
	t, isTable := f.(*Table)
	if !isTable {
		return nil, false
	}
	alias := aliasOr(t.Alias, t.Name)
	for _, src := range s.sources {
		if src.name != alias {
			continue
		}
		if m != nil || src.m == nil || !src.has(name) {
			return nil, false
		}
		m = src.m
	}
	return m, m != nil
}

// restrict hands the conditions of WHERE and of the joins to the mentions.
func (s *scope) restrict(t *fromTree, where *cond) {
	s.facts = &facts{}
	s.facts.add(where)
	for _, j := range t.holds {
		s.facts.add(s.joinCond(j))
	}
	s.close(s.facts)
	whole := s.facts.cond()
	for _, m := range t.mentions {
		m.nullable = slices.Contains(t.nullable, m)
		m.restrict(whole.of(m), m.nullable)
	}
	for _, o := range t.outer {
		s.restrictSide(o, t)
	}
}

// restrictSide uses the ON of an outer join for its nullable side: a row there
// matters only if it meets the condition. Inner joins within that side are met
// by every row of it that has no NULLs put in. An equality with a row of the
// other side, which WHERE sees as it is, carries over what WHERE says of it.
func (s *scope) restrictSide(o outerJoin, t *fromTree) {
	f := &facts{}
	f.add(s.joinCond(o.join))
	for _, j := range o.side.holds {
		f.add(s.joinCond(j))
	}
	for _, c := range s.facts.conds {
		if c.leaf() && slices.Contains(o.left.mentions, c.m) && !slices.Contains(t.nullable, c.m) {
			f.conds = append(f.conds, c)
		}
	}
	s.close(f)
	whole := f.cond()
	for _, m := range o.side.mentions {
		m.restrict(whole.of(m), slices.Contains(o.side.nullable, m))
	}
}

// close adds what follows from equalities, unless something in FROM may fail at
// a row before the row that it is equal to rules it out.
func (s *scope) close(f *facts) {
	if !s.cautious {
		f.close()
	}
}

func (m *mention) restrict(c *cond, rejecting bool) {
	if c != nil && !m.exposed {
		m.restrictions = append(m.restrictions, restriction{c.tidy(), rejecting})
	}
}

func aliasOr(alias, name string) string {
	if alias != "" {
		return alias
	}
	return name
}

// table makes the source of a table, view or common table expression.
func (a *readAnalysis) table(t *Table, sc *scope, ordered bool) *fromTree {
	if t.Sample {
		a.refuse("TABLESAMPLE")
	}
	src := &source{name: aliasOr(t.Alias, t.Name)}
	if t.Schema == "" {
		if e := sc.ctes.find(t.Name); e != nil {
			src.cols, src.open = e.cols, e.open
			if e.doubtful {
				a.alsoTable(t)
			}
			if e.body != nil {
				return a.inline(renamed(src, t.Columns), e.body, e.inner, sc)
			}
			return a.single(renamed(src, t.Columns), sc)
		}
	}
	found, ok := a.lookup(t.Schema, t.Name)
	if !ok {
		a.unknown(t.Name)
		src.open = true
		return a.single(src, sc)
	}
	if t.Alias == "" {
		src.schema = found.Schema
	}
	if found.IsView {
		src.cols, src.open = viewColumns(found), len(found.Columns) == 0
		return a.view(found, renamed(src, t.Columns), sc)
	}
	src.m = a.mention(found, ordered)
	if t.IndexedBy != "" || t.Parts {
		src.m.useAll() // the rows' order is that index's, and any column may decide a partition
	}
	return a.single(renamed(src, t.Columns), sc)
}

// renamed applies a list of column aliases, under which no name is followed
// further.
func renamed(s *source, columns []string) *source {
	if columns == nil {
		return s
	}
	if s.m != nil {
		s.m.useAll()
	}
	return &source{name: s.name, cols: columns, open: true}
}

// alsoTable uses a whole table that a name may mean besides the common table
// expression being defined.
func (a *readAnalysis) alsoTable(t *Table) {
	found, ok := a.lookup("", t.Name)
	switch {
	case !ok:
	case found.IsView:
		a.view(found, &source{}, &scope{a: a})
	default:
		a.mention(found, true).useAll()
	}
}

func viewColumns(t *catalog.Table) []string {
	cols := make([]string, len(t.Columns))
	for i := range t.Columns {
		cols[i] = t.Columns[i].Name
	}
	return cols
}
