package sqldep

import (
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// named returns every table and view of the catalog whose name occurs among the
// tokens, in whatever quotes.
func named(src string, toks []token, cat *catalog.Catalog) []*catalog.Table {
	var list []*catalog.Table
	for i := range toks {
		t := &toks[i]
		if t.names() {
			list = append(list, cat.Named(rawName(src, t))...)
		}
	}
	return list
}

// floor collects the tables that a statement may touch.
type floor struct {
	cat  *catalog.Catalog
	seen map[*catalog.Table]bool
	// everything is set where a view's body could not be read.
	everything bool
	// cascade says that whatever refers to a table is written with it.
	cascade bool
	// leaves says that a trigger or a view may leave something in the session.
	leaves bool
	// raises says what a trigger may do to a statement that fails.
	rollsBack, keeps bool
}

// add adds a table, and what lies under a view. With write set it adds what
// else a write to it may change: by foreign key actions, and by triggers.
func (f *floor) add(t *catalog.Table, write bool) {
	if f.seen[t] {
		return
	}
	f.seen[t] = true
	f.leaves = f.leaves || t.Leaves && (t.IsView || write)
	if t.IsView {
		f.view(t, write)
	}
	if t.Root != "" {
		for _, u := range treeOf(f.cat, t) {
			f.add(u, write)
		}
	}
	if !write {
		f.policies(t)
		return
	}
	f.everything = f.everything || elsewhere(t)
	f.keeps = f.keeps || t.ConflictFails
	f.rollsBack = f.rollsBack || t.ConflictRollsBack
	for _, k := range t.Children {
		if f.cascade || k.OnDelete != "RESTRICT" && k.OnDelete != "NO ACTION" || k.OnUpdate != "RESTRICT" && k.OnUpdate != "NO ACTION" {
			f.addName(k.Child, write)
		}
	}
	for _, g := range t.Triggers {
		f.trigger(g)
	}
}

// elsewhere reports whether a table's rows lie in other tables (MERGE, FEDERATED,
// postgres_fdw), which may be this database's own.
func elsewhere(t *catalog.Table) bool { return t.Opaque == "foreign table" }

func (f *floor) view(t *catalog.Table, write bool) {
	if t.Base == nil {
		f.everything = true
	}
	for _, b := range t.Base {
		f.addName(b, write)
	}
}

// policies adds what decides which rows of a table are seen.
func (f *floor) policies(t *catalog.Table) {
	if !t.RowSecurity {
		return
	}
	f.everything = f.everything || t.PolicyLost
	for _, b := range t.PolicyBase {
		f.addName(b, false)
	}
}

func (f *floor) addName(resolved string, write bool) {
	t, ok := f.cat.Tables[resolved]
	if !ok {
		f.everything = true
		return
	}
	f.add(t, write)
}

// trigger adds every table that a trigger's body names: whether it reads or
// writes them is not looked at.
func (f *floor) trigger(g *catalog.Trigger) {
	f.leaves = f.leaves || g.Leaves
	l := lexer{src: g.Body, d: f.cat.Dialect}
	toks := l.lex(nil)
	if f.cat.Dialect != catalog.SQLite {
		// The catalog has looked for the names in what the trigger calls, too.
		f.everything = f.everything || g.Unclear || g.When == "RULE" || g.Body == ""
		for _, name := range g.Writes {
			f.addName(name, true)
		}
		for _, t := range named(g.Body, toks, f.cat) {
			f.add(t, true)
		}
		return
	}
	if g.Body == "" || l.murky || bad(toks) {
		f.everything = true
		return
	}
	for i := range toks {
		f.rollsBack = f.rollsBack || toks[i].word == kRollback
		f.keeps = f.keeps || toks[i].word == kFail
	}
	for _, t := range named(g.Body, toks, f.cat) {
		f.add(t, true)
	}
}

// bad reports a token that the lexer could not read.
func bad(toks []token) bool {
	return slices.ContainsFunc(toks, func(t token) bool { return t.kind == tBad })
}

// lay computes the floor of the statement and puts it into its plan.
func lay(src string, toks []token, cat *catalog.Catalog, plan *Plan) {
	if plan.Everything || plan.Class != Read && plan.Class != Write {
		return
	}
	f := floor{cat: cat, seen: map[*catalog.Table]bool{}}
	f.cascade = toks[0].word == kTruncate && slices.ContainsFunc(toks, func(t token) bool { return t.word == kCascade })
	for _, t := range named(src, toks, cat) {
		f.add(t, plan.Class == Write)
	}
	plan.Everything = f.everything
	if plan.Class == Write {
		plan.Everything = plan.Everything || len(f.seen) == 0
		plan.EndsTxOnError = f.rollsBack
		plan.KeepsOnError = f.keeps
		for i := range toks {
			plan.EndsTxOnError = plan.EndsTxOnError || toks[i].word == kRollback
			plan.KeepsOnError = plan.KeepsOnError || toks[i].word == kFail
			plan.Returns = plan.Returns || toks[i].word == kReturning
		}
	}
	if plan.Everything {
		return
	}
	plan.Tables = make([]string, 0, len(f.seen))
	for t := range f.seen {
		if !t.IsView {
			plan.Tables = append(plan.Tables, t.Name)
		}
		plan.Temp = plan.Temp || t.Temp
	}
	slices.SortFunc(plan.Tables, strings.Compare)
}

// floorUses is what a read depends on when nothing narrows it: all of every
// table that its text may name.
func (p *Plan) floorUses() []dep.Use {
	if p.Everything {
		return []dep.Use{dep.Whole("")}
	}
	uses := make([]dep.Use, len(p.Tables))
	for i, t := range p.Tables {
		uses[i] = dep.Whole(t)
	}
	return uses
}

// floorChanges is what a write changes when nothing narrows it.
func (p *Plan) floorChanges() []dep.Change {
	if p.Everything {
		return []dep.Change{dep.Anything()}
	}
	changes := make([]dep.Change, len(p.Tables))
	for i, t := range p.Tables {
		changes[i] = dep.AnyOf(t)
	}
	return changes
}
