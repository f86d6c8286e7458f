package write_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// The judge of writes: random statements run on random schemas in a real
// SQLite. Whatever a region of a table, seen through a set of columns, held
// before and holds no longer, a tag of that region must be among those that the
// statement's changes drop.

func TestWritesDropWhatTheyChange(t *testing.T) {
	seed, schemas := uint64(time.Now().UnixNano()), 120
	if s := os.Getenv("CACHEOPS_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	if n, err := strconv.Atoi(os.Getenv("CACHEOPS_SCHEMAS")); err == nil {
		schemas = n
	}
	t.Logf("seed %d", seed)
	var tally tally
	for i := range schemas {
		judgeSchema(t, seed+uint64(i), &tally)
		if t.Failed() {
			t.Fatalf("CACHEOPS_SEED=%d CACHEOPS_SCHEMAS=1", seed+uint64(i))
		}
	}
	t.Logf("%+v", tally)
	if tally.Regions == 0 || tally.Narrow*2 < tally.Changed {
		t.Errorf("too little was judged, or too little narrowed: %+v", tally)
	}
}

// tally counts what was judged.
type tally struct {
	Statements, Failed, Changed, Targets int
	Narrow                               int // changing statements whose changes name images alone
	Regions                              int // regions that changed
	Spared, Bystanders                   int // unchanged regions of touched tables: all, and those not dropped
}

type bench struct {
	t       *testing.T
	m       *maker
	conn    *sql.Conn
	cat     *catalog.Catalog
	planner *sqldep.Planner
	tally   *tally
	ddl     string
}

func judgeSchema(t *testing.T, seed uint64, tally *tally) {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 3))}
	ddl := m.schema()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), ddl); err != nil {
		return // such schemas happen: a trigger on a column that is not there
	}
	b := &bench{t: t, m: m, conn: conn, cat: lite.Catalog(t, conn), planner: sqldep.NewPlanner(catalog.SQLite, 0), tally: tally, ddl: ddl}
	for range 40 {
		var args []any
		stmt := m.statement(env{args: &args})
		b.judge(stmt, args)
		if t.Failed() {
			return
		}
	}
}

func (b *bench) judge(stmt string, args []any) {
	named := make([]driver.NamedValue, len(args))
	for i, a := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	bound := b.planner.Plan(stmt, b.cat)
	if bound.Class != sqldep.Write {
		b.t.Fatalf("%s: class %d", stmt, bound.Class)
	}
	before := b.dump()
	changes := bound.Changes(named, sqldep.Facts{})
	facts, ran := b.run(bound, stmt, args, named)
	after := b.dump()
	b.tally.Statements++
	if !ran {
		b.tally.Failed++
	}
	b.compare(stmt, args, "", changes, before, after)
	if ran {
		b.compare(stmt, args, fmt.Sprintf(" facts %+v", facts), bound.Changes(named, facts), before, after)
	}
}

// run executes the statement as an adapter does, with the row read around it.
func (b *bench) run(bound sqldep.Bound, stmt string, args []any, named []driver.NamedValue) (f sqldep.Facts, ran bool) {
	target, ok := bound.Target(named)
	if ok {
		b.tally.Targets++
		f.Read, f.Old = true, b.read(target)
	}
	// Triggers may set one another off for ever.
	ctx, cancel := context.WithTimeout(b.t.Context(), 200*time.Millisecond)
	defer cancel()
	res, err := b.conn.ExecContext(ctx, stmt, args...)
	if err != nil {
		return sqldep.Facts{}, false
	}
	f.Ran = true
	if f.Affected, err = res.RowsAffected(); err != nil {
		b.t.Fatal(err)
	}
	if f.InsertID, err = res.LastInsertId(); err != nil {
		b.t.Fatal(err)
	}
	f.HasInsertID = strings.HasPrefix(stmt, "INSERT") || strings.HasPrefix(stmt, "REPLACE")
	if ok && f.Old != nil && len(target.ReadAfter) > 0 && !target.Set.All {
		f.New = b.read(target)
	}
	if b.m.tables != nil && b.m.chance(20) {
		f.Affected = -1
	}
	if b.m.tables != nil && b.m.chance(50) {
		// An adapter reads the columns that registered shapes need; others come.
		f.Old = slices.DeleteFunc(f.Old, func(dep.Field) bool { return b.m.chance(50) })
	}
	return f, true
}

// read reads the target's row, as an adapter does.
func (b *bench) read(t sqldep.RowTarget) dep.Image {
	args := make([]any, len(t.Args))
	for i, a := range t.Args {
		args[i] = a.Value
	}
	rows := b.rows(t.Table, " WHERE "+t.Where, args...)
	if len(rows) == 0 {
		return nil
	}
	img := dep.Image{}
	for i, v := range rows[0].values {
		if b.m.chance(80) {
			img = append(img, dep.Field{Col: t.Table.Columns[i].Name, Value: v})
		}
	}
	return img
}

// row is a row as its table's columns hold it, canonical and as it is.
type row struct {
	values []dep.Value
	raw    []string
	id     string
}

func (b *bench) dump() map[string][]row {
	out := make(map[string][]row)
	for name, t := range b.cat.Tables {
		if t.Opaque == "" && !t.IsView {
			out[name] = b.rows(t, "")
		}
	}
	return out
}

func (b *bench) rows(t *catalog.Table, where string, args ...any) (out []row) {
	var cols []string
	for _, c := range t.Columns {
		cols = append(cols, `coalesce("`+c.Name+`", NULL)`)
	}
	if !t.WithoutRowID {
		cols = append(cols, "rowid")
	}
	rs, err := lite.Query(b.conn)(b.t.Context(), "SELECT "+strings.Join(cols, ", ")+" FROM "+t.Bare+where, args...)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range rs {
		var made row
		for i := range t.Columns {
			made.values = append(made.values, t.Columns[i].Stored(r[i]))
			made.raw = append(made.raw, fmt.Sprintf("%T %v", r[i], r[i]))
		}
		if !t.WithoutRowID {
			made.id = fmt.Sprint(r[len(r)-1])
		}
		out = append(out, made)
	}
	return out
}

func (b *bench) compare(stmt string, args []any, facts string, changes []dep.Change, before, after map[string][]row) {
	changed, narrow := false, true
	for _, c := range changes {
		narrow = narrow && c.Table != "" && c.Op != dep.AnyOp
	}
	for name := range before {
		gone, come := difference(before[name], after[name])
		if len(gone)+len(come) == 0 {
			continue
		}
		changed = true
		moved := slices.Concat(gone, come)
		for range 12 {
			r := moved[b.m.IntN(len(moved))]
			if b.m.chance(20) { // a bystander
				all := slices.Concat(before[name], after[name])
				r = all[b.m.IntN(len(all))]
			}
			b.region(stmt, args, facts, b.cat.Tables[name], r, changes, before[name], after[name])
			if b.t.Failed() {
				return
			}
		}
	}
	if changed && facts == "" {
		b.tally.Changed++
		if narrow {
			b.tally.Narrow++
		}
	}
}

// difference returns the rows of one that are not in the other.
func difference(before, after []row) (gone, come []row) {
	key := func(r row) string { return r.id + strings.Join(r.raw, "|") }
	count := make(map[string]int)
	for _, r := range before {
		count[key(r)]++
	}
	for _, r := range after {
		if count[key(r)]--; count[key(r)] < 0 {
			come = append(come, r)
		}
	}
	for _, r := range before {
		if count[key(r)] > 0 {
			count[key(r)]--
			gone = append(gone, r)
		}
	}
	return gone, come
}

// region makes a random region in which r lies, seen through random columns,
// and judges whether the changes drop it if it differs.
func (b *bench) region(stmt string, args []any, facts string, t *catalog.Table, r row, changes []dep.Change, before, after []row) {
	among := b.m.Perm(len(t.Columns))[:b.m.IntN(min(4, len(t.Columns)+1))]
	var more []string
	for _, c := range t.Columns {
		if b.m.chance(30) {
			more = append(more, c.Name)
		}
	}
	cols := dep.ColumnSet(more...)
	if b.m.chance(20) {
		cols = dep.AllColumns()
	}
	b.look(stmt, args, facts, t, r, among, cols, changes, before, after)
}

// look judges the region that r's values in some columns make, seen through
// those and cols.
func (b *bench) look(stmt string, args []any, facts string, t *catalog.Table, r row, among []int, cols dep.Columns, changes []dep.Change, before, after []row) {
	var reg dep.Region
	var used []string
	for _, i := range among {
		a := dep.Atom{Col: t.Columns[i].Name, Kind: dep.Eq, Value: r.values[i]}
		switch r.values[i].Class() {
		case dep.Unknown:
			continue
		case dep.Null:
			a.Kind = dep.IsNull
		}
		reg.Atoms = append(reg.Atoms, a)
		used = append(used, a.Col)
	}
	cols = cols.Union(dep.ColumnSet(used...))
	had, has := seen(t, reg, cols, before), seen(t, reg, cols, after)
	found := pins(t, reg) && len(had) > 0
	drops := dropped(t, reg, cols, found, changes)
	if slices.Equal(had, has) {
		b.tally.Bystanders++
		if !drops {
			b.tally.Spared++
		}
		return
	}
	b.tally.Regions++
	if !drops {
		b.t.Errorf("%s\n%s %#v%s\nchanged %s %+v seen through %v\nfrom %v\nto %v\nwhich is not in %s",
			b.ddl, stmt, args, facts, t.Name, reg.Atoms, cols, had, has, show(changes))
	}
}

func pins(t *catalog.Table, reg dep.Region) bool {
	return slices.ContainsFunc(t.Keys, func(k catalog.Key) bool {
		return k.Pins && !slices.ContainsFunc(k.Columns, func(c string) bool {
			return !slices.ContainsFunc(reg.Atoms, func(a dep.Atom) bool { return a.Col == c && a.Kind == dep.Eq })
		})
	})
}

// seen returns what a region shows of its rows, sorted.
func seen(t *catalog.Table, reg dep.Region, cols dep.Columns, rows []row) (out []string) {
	for _, r := range rows {
		in := true
		var shown []string
		for i, c := range t.Columns {
			for _, a := range reg.Atoms {
				if a.Col == c.Name {
					in = in && (a.Kind == dep.IsNull && r.values[i].Class() == dep.Null || a.Kind == dep.Eq && r.values[i] == a.Value)
				}
			}
			if cols.Contains(dep.ColumnSet(c.Name)) {
				shown = append(shown, r.raw[i])
			}
		}
		if cols.All {
			shown = append(shown, r.id)
		}
		if in {
			out = append(out, strings.Join(shown, "|"))
		}
	}
	slices.Sort(out)
	return out
}

// dropped reports whether the changes drop a tag of the region.
func dropped(t *catalog.Table, reg dep.Region, cols dep.Columns, found bool, changes []dep.Change) bool {
	shape, values := dep.NewShape(&reg, cols, found)
	reads := shape.AppendReads(nil, values)
	for i := range changes {
		c := &changes[i]
		switch {
		case c.Table == "":
			return true
		case c.Table != t.Name:
			continue
		case c.Op == dep.AnyOp:
			return true
		}
		for _, tag := range shape.AppendDrops(nil, c) {
			if slices.Contains(reads, tag) {
				return true
			}
		}
	}
	return false
}
