package sqlcache

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// Explanation says what the cache makes of a statement, without running it.
type Explanation struct {
	// Kind is "read", "write", "schema change", or another word for what is neither.
	Kind string
	// Op and Main are a read's: its op and its main table, by which rules go.
	Op   cacheops.Ops
	Main string
	// Decision is what the rules say of a read, under the context given; its Why
	// also holds what makes it uncacheable in itself.
	cacheops.Decision
	// Tables are what a read depends on, or what a write changes.
	Tables []ExplainedTable
	// Everything says that a write may change anything in the database.
	Everything bool
	// Notes say what of a read narrows nothing, and why.
	Notes []ExplainedNote
}

// ExplainedTable is what a statement makes of one table.
type ExplainedTable struct {
	Name string
	// Columns are those that a read uses: an update of others drops nothing. "*" is
	// all of them.
	Columns []string
	// Regions are the parts of the table that a read depends on, or what is known of
	// the rows that a write changes; "everything" is all of it.
	Regions []string
	// Tags are what an entry checks besides the table's own tag.
	Tags []cacheops.Tag
	// InsertsSpare says that a read which finds its row does not depend on inserts.
	InsertsSpare bool
}

// ExplainedNote is a condition that narrows nothing. Condition is empty where it is
// the statement as a whole.
type ExplainedNote struct{ Condition, Why string }

// Explain says what the cache makes of a statement on a cached database, given
// its arguments as the program gives them. It reads the schema and nothing else:
// the statement is not run. ctx is the read's: With and NoCache count. It fails on
// a database that is not cached.
func Explain(ctx context.Context, db *sql.DB, query string, args ...any) (e *Explanation, err error) {
	err = onConn(ctx, db, func(c *conn) (err error) {
		e, err = c.explain(ctx, query, args)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return e, nil
}

// onConn runs f on one of our connections of db.
func onConn(ctx context.Context, db *sql.DB, f func(*conn) error) (err error) {
	one, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, one.Close()) }()
	return one.Raw(func(dc any) error {
		c, ok := dc.(*conn)
		if !ok {
			return errNotOurs
		}
		return f(c)
	})
}

var errNotOurs = errors.New("sqlcache: not a cached database")

func (c *conn) explain(ctx context.Context, query string, args []any) (*Explanation, error) {
	st, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	given, err := numbered(args)
	if err != nil {
		return nil, err
	}
	e := &Explanation{Kind: kindOf(st.plan.Class), Everything: st.plan.Everything, Main: st.plan.Main}
	e.Rule = -1
	switch st.plan.Class {
	case sqldep.Read:
		c.explainRead(ctx, e, st, query, given)
	case sqldep.Write:
		e.changes(st.plan.Changes(meant(given), sqldep.Facts{}))
		fallthrough
	default:
		e.Why = "it is no read"
	}
	return e, nil
}

func (c *conn) explainRead(ctx context.Context, e *Explanation, st *statement, query string, args []driver.NamedValue) {
	e.Op = opOf(st.plan.Op)
	e.Decision = c.engine.db.Decide(ctx, &st.query)
	uses := st.plan.Uses(meant(args))
	for i := range uses {
		uses[i].Regions = slices.Clone(uses[i].Regions)
	}
	for _, line := range c.engine.db.Limit(uses) {
		e.Notes = append(e.Notes, ExplainedNote{Why: line})
	}
	for i := range uses {
		e.Tables = append(e.Tables, explainUse(&uses[i]))
	}
	for _, n := range st.schema.planner.Notes(query, st.schema.catalog, meant(args)) {
		e.Notes = append(e.Notes, ExplainedNote(n))
	}
}

// numbered makes arguments as database/sql hands them to a driver, but for types of
// the driver's own, which nothing is known of.
func numbered(args []any) ([]driver.NamedValue, error) {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		out[i].Ordinal = i + 1
		if n, ok := a.(sql.NamedArg); ok {
			out[i].Name, a = n.Name, n.Value
		}
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		out[i].Value = v
	}
	return out, nil
}

func kindOf(c sqldep.Class) string {
	switch c {
	case sqldep.Read:
		return "read"
	case sqldep.Write:
		return "write"
	case sqldep.DDL:
		return "schema change"
	case sqldep.Multi:
		return "several statements"
	case sqldep.Empty:
		return "no statement"
	case sqldep.Session, sqldep.Maintenance:
		return "session or maintenance"
	case sqldep.Unrecognised:
		return "unrecognised"
	}
	return "transaction"
}

func columnsOf(c dep.Columns) []string {
	if c.All {
		return []string{"*"}
	}
	return c.Names
}

func explainUse(u *dep.Use) ExplainedTable {
	t := ExplainedTable{Name: u.Table, Columns: columnsOf(u.Cols)}
	for i := range u.Regions {
		r := &u.Regions[i]
		t.Regions = append(t.Regions, regionText(r.Atoms))
		t.InsertsSpare = t.InsertsSpare || r.Pinned
		shape, values := dep.NewShape(r, u.Cols, false)
		t.Tags = shape.AppendReads(t.Tags, values)
		if r.Pinned {
			shape, values = dep.NewShape(r, u.Cols, true)
			t.Tags = shape.AppendReads(t.Tags, values)
		}
	}
	slices.Sort(t.Tags)
	t.Tags = slices.Compact(t.Tags)
	return t
}

const everything = "everything"

func regionText(atoms []dep.Atom) string {
	parts := make([]string, len(atoms))
	for i := range atoms {
		parts[i] = atomText(&atoms[i])
	}
	if len(parts) == 0 {
		return everything
	}
	return strings.Join(parts, " AND ")
}

func atomText(a *dep.Atom) string {
	switch a.Kind {
	case dep.Eq:
		return a.Col + " = " + a.Value.String()
	case dep.IsNull:
		return a.Col + " IS NULL"
	case dep.IsTrue:
		return a.Col
	case dep.IsFalse:
		return "NOT " + a.Col
	}
	if a.Cell.Family == dep.Prefix {
		return fmt.Sprintf("%s starts with %q", a.Col, a.Cell.Text)
	}
	lo, hi := a.Cell.Bounds()
	return a.Col + " from " + lo + " to " + hi
}

// changes renders what a write changes.
func (e *Explanation) changes(list []dep.Change) {
	for i := range list {
		ch := &list[i]
		if ch.Table == "" {
			e.Everything = true
			continue
		}
		t := ExplainedTable{Name: ch.Table}
		if ch.Op == dep.Update {
			t.Columns = columnsOf(ch.Set)
		}
		for _, img := range slices.Concat(ch.Old, ch.New) {
			t.Regions = append(t.Regions, imageText(img))
		}
		if ch.Op == dep.AnyOp || len(t.Regions) == 0 {
			t.Regions = []string{everything}
		}
		slices.Sort(t.Regions)
		t.Regions = slices.Compact(t.Regions)
		e.Tables = append(e.Tables, t)
	}
}

func imageText(img dep.Image) string {
	var parts []string
	for _, f := range img {
		switch {
		case f.Value.Class() == dep.Null:
			parts = append(parts, f.Col+" IS NULL")
		case f.Value.Known():
			parts = append(parts, f.Col+" = "+f.Value.String())
		}
	}
	if len(parts) == 0 {
		return everything
	}
	return strings.Join(parts, " AND ")
}
