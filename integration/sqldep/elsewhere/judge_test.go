// Package elsewhere_test judges the analyses of PostgreSQL's and MySQL's
// statements against the servers.
package elsewhere_test

import (
	"database/sql"
	"database/sql/driver"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/integration/lite"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

var (
	judgeSeed   = flag.Uint64("judge.seed", 0, "seed of the judge; 0 takes a fixed and a fresh one")
	judgeWorlds = flag.Int("judge.worlds", 400, "schemas that the judge makes at most")
	judgeTime   = flag.Duration("judge.time", 15*time.Second, "when the judge makes no more schemas")
)

// Random writes run behind random reads. Where a read's result changes, both
// what the write's plan says it changes and what it really changed, row by row,
// must share a tag with what the read's plan says it depends on.

func TestPostgresReadsAndWrites(t *testing.T) {
	for name, mode := range map[string]pgx.QueryExecMode{"described": pgx.QueryExecModeDescribeExec, "simple": pgx.QueryExecModeSimpleProtocol} {
		t.Run(name, func(t *testing.T) {
			judge(t, catalog.PostgreSQL, live.Postgres(t, mode, map[string]string{"TimeZone": "UTC"}))
		})
	}
}

func TestMySQLReadsAndWrites(t *testing.T) {
	for name, interpolate := range map[string]bool{"prepared": false, "interpolated": true} {
		t.Run(name, func(t *testing.T) {
			judge(t, catalog.MySQL, live.MySQL(t, interpolate, "parseTime=true&time_zone=%27%2B00%3A00%27"))
		})
	}
}

type figures struct {
	reads, uncacheable, failedReads, narrowed, pinned, writes, failedWrites, wholeWrites, pairs, changed, dropped, spurious int
	targets                                                                                                                 int
	why                                                                                                                     map[string]int
}

func judge(t *testing.T, d catalog.Dialect, db *sql.DB) {
	seed := rand.Uint64()
	if *judgeSeed != 0 {
		seed = *judgeSeed
	}
	t.Logf("seed %d", seed)
	f := figures{why: map[string]int{}}
	end := time.Now().Add(*judgeTime)
	for i := range *judgeWorlds {
		if time.Now().After(end) || t.Failed() {
			break
		}
		w := newWorld(t, rand.New(rand.NewPCG(seed, uint64(i))), d, db)
		w.judge(&f, fmt.Sprintf("-judge.seed=%d, world %d", seed, i))
		w.close()
	}
	t.Logf("%+v; precision %.2f", f, float64(f.changed)/float64(max(1, f.dropped)))
	if !t.Failed() && (f.changed < f.pairs/300 || f.narrowed < f.reads/8 || f.wholeWrites > f.writes/2) {
		t.Error("the generator has gone dull, or the analyses have: see the figures")
	}
}

// open is a read whose result is kept.
type open struct {
	text   string
	args   []any
	named  []driver.NamedValue
	total  bool
	uses   []dep.Use
	before string
	rows   int
	dead   bool
}

func arguments(args []any) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return out
}

func (w *world) judge(f *figures, where string) {
	p := sqldep.NewPlanner(w.d, 0)
	var reads []*open
	for range 60 {
		if r := w.open(p, f); r != nil {
			reads = append(reads, r)
		}
	}
	for range 30 {
		w.step(p, f, reads, where)
		if w.t.Failed() {
			return
		}
	}
}

func (w *world) open(p *sqldep.Planner, f *figures) *open {
	g := &statements{w: w}
	r := &open{}
	r.text, r.total = g.read()
	r.args, r.named = g.args, arguments(g.args)
	f.reads++
	plan := p.Plan(r.text, w.cat)
	if plan.Class != sqldep.Read || plan.Uncacheable != "" || plan.AsksClock(w.d, r.named) {
		f.uncacheable++
		f.why[plan.Uncacheable]++
		return nil
	}
	if !w.run(r) {
		f.failedReads++
		return nil
	}
	r.uses = plan.Uses(r.named)
	if slices.ContainsFunc(r.uses, func(u dep.Use) bool { return len(u.Regions) != 1 || len(u.Regions[0].Atoms) > 0 }) {
		f.narrowed++
	}
	if slices.ContainsFunc(r.uses, func(u dep.Use) bool {
		return slices.ContainsFunc(u.Regions, func(r dep.Region) bool { return r.Pinned })
	}) {
		f.pinned++
	}
	return r
}

// run runs the read and keeps its result.
func (w *world) run(r *open) bool {
	rows, err := lite.Drain(w.conn.QueryContext(w.t.Context(), r.text, r.args...))
	r.before, r.rows, r.dead = answer(rows, !r.total), len(rows), err != nil
	return err == nil
}

func (w *world) step(p *sqldep.Planner, f *figures, reads []*open, where string) {
	g := &statements{w: w}
	text := g.write()
	named := arguments(g.args)
	plan := p.Plan(text, w.cat)
	if plan.Class != sqldep.Write {
		w.t.Fatalf("%s: class %d", text, plan.Class)
	}
	blind := plan.Changes(named, sqldep.Facts{})
	facts := sqldep.Facts{Affected: -1}
	target, targeted := plan.Target(named)
	if targeted {
		f.targets++
		facts.Old, facts.Read = w.targetRow(&target)
	}
	f.writes++
	res, err := w.conn.ExecContext(w.t.Context(), text, g.args...)
	if err != nil {
		f.failedWrites++
		facts = sqldep.Facts{}
	} else {
		w.observe(&facts, res, &target, targeted)
	}
	informed := plan.Changes(named, facts)
	if slices.ContainsFunc(informed, func(c dep.Change) bool { return c.Op == dep.AnyOp }) {
		f.wholeWrites++
	}
	var exact []dep.Change
	for _, rel := range w.tables {
		now := w.snapshot(rel)
		exact = append(exact, w.exact(rel, w.state[rel], now)...)
		w.state[rel] = now
	}
	for _, r := range reads {
		if r.dead {
			continue
		}
		was, found := r.before, r.rows > 0
		w.run(r)
		f.pairs++
		changed := r.dead || was != r.before
		dropped := meets(r.uses, informed, found)
		for name, changes := range map[string][]dep.Change{"blind": blind, "informed": informed, "exact": exact} {
			if changed && !meets(r.uses, changes, found) {
				w.t.Errorf("%s (%s)\n%s;\nread: %s %#v\nuses: %+v\nwrite: %s %#v (%v)\nfacts: %+v\nchanges: %+v\nbefore:\n%s\nafter:\n%s", where, name,
					strings.Join(w.ddl, ";\n"), r.text, r.args, r.uses, text, g.args, err, facts, changes, was, r.before)
				return
			}
		}
		switch {
		case changed:
			f.changed++
			f.dropped++
		case dropped:
			f.dropped++
			f.spurious++
		}
	}
}

func (w *world) targetRow(t *sqldep.RowTarget) (dep.Image, bool) {
	args := make([]any, len(t.Args))
	for i, a := range t.Args {
		args[i] = a.Value
	}
	rel := w.tables[slices.IndexFunc(w.tables, func(r *relation) bool { return r.name == t.Table.Bare })]
	rows, err := lite.Drain(w.conn.QueryContext(w.t.Context(), "SELECT "+strings.Join(names(rel), ", ")+" FROM "+t.Table.Real+" WHERE "+t.Where, args...))
	if err != nil || len(rows) > 1 {
		w.t.Fatalf("read %s where %s %v: %d rows, %v", t.Table.Real, t.Where, args, len(rows), err)
	}
	if len(rows) == 0 {
		return nil, true
	}
	m := w.image(rel, row{vals: rows[0]})
	if m == nil {
		m = dep.Image{}
	}
	return m, true
}

// observe fills in what an adapter sees of a write that ran.
func (w *world) observe(f *sqldep.Facts, res sql.Result, target *sqldep.RowTarget, targeted bool) {
	f.Ran = true
	if n, err := res.RowsAffected(); err == nil {
		f.Affected = n
	}
	id, err := res.LastInsertId()
	f.InsertID, f.HasInsertID = id, err == nil && f.Affected == 1
	if targeted && len(target.ReadAfter) > 0 && f.Old != nil {
		f.New, f.Read = w.targetRow(target)
		if f.New != nil {
			f.New = slices.DeleteFunc(f.New, func(x dep.Field) bool { return !slices.Contains(target.ReadAfter, x.Col) })
		}
	}
}

// meets reports whether one of the changes drops a tag that the uses check.
// found says that the read returned rows.
func meets(uses []dep.Use, changes []dep.Change, found bool) bool {
	for i := range changes {
		c := &changes[i]
		for j := range uses {
			u := &uses[j]
			switch {
			case c.Table == "" || u.Table == "":
				return true
			case u.Table != c.Table:
				continue
			case c.Op == dep.AnyOp:
				return true
			}
			for k := range u.Regions {
				r := &u.Regions[k]
				s, vals := dep.NewShape(r, u.Cols, found && r.Pinned)
				reads := s.AppendReads(nil, vals)
				if slices.ContainsFunc(s.AppendDrops(nil, c), func(tag dep.Tag) bool { return slices.Contains(reads, tag) }) {
					return true
				}
			}
		}
	}
	return false
}
