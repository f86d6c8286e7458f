package sqldep_test

import (
	"database/sql/driver"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

var (
	judgeSeed   = flag.Uint64("judge.seed", 0, "seed of the judge of reads; 0 takes a fixed and a fresh one")
	judgeWorlds = flag.Int("judge.worlds", 60, "databases that the judge of reads makes per seed")
)

// TestReadsJudge changes single rows behind random reads. Where a read's result
// changes, the exact change must share a tag with what the read's plan says it
// depends on.
func TestReadsJudge(t *testing.T) {
	seeds := []uint64{1, rand.Uint64()}
	if *judgeSeed != 0 {
		seeds = []uint64{*judgeSeed}
	}
	for _, seed := range seeds {
		t.Logf("seed %d", seed)
		f := figures{why: map[string]int{}}
		for i := range *judgeWorlds {
			judgeWorld(t, seed, uint64(i), &f)
			if t.Failed() {
				return
			}
		}
		f.log(t)
		f.demand(t)
	}
}

// figures count what the judge saw, so that a generator that makes nothing of
// interest fails the test.
type figures struct {
	reads, failed, uncacheable, narrowed, pinned, judged, changed, spurious int
	why                                                                     map[string]int
}

func (f *figures) log(t *testing.T) {
	t.Logf("%+v; precision %.2f", *f, float64(f.changed)/float64(max(1, f.changed+f.spurious)))
}

func (f *figures) demand(t *testing.T) {
	cacheable := f.reads - f.failed - f.uncacheable
	if f.changed < f.judged/50 || cacheable < f.reads/3 || f.narrowed < cacheable/4 {
		t.Errorf("the generator has gone dull: %+v", *f)
	}
}

func judgeWorld(t *testing.T, seed, n uint64, f *figures) {
	w := newWorld(t, rand.New(rand.NewPCG(seed, n)))
	p := sqldep.NewPlanner(catalog.SQLite, 0)
	for range 40 {
		w.judge(p, f, fmt.Sprintf("-judge.seed=%d, world %d", seed, n))
		if t.Failed() {
			return
		}
	}
}

// answer is a result in a form that compares.
func answer(rows [][]driver.Value) string {
	var b strings.Builder
	for _, row := range rows {
		for _, v := range row {
			fmt.Fprintf(&b, "%T:%v|", v, v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (w *world) judge(p *sqldep.Planner, f *figures, where string) {
	g := &reads{w: w, r: w.r}
	text := g.statement()
	f.reads++
	stmt, err := w.conn.PrepareContext(w.t.Context(), text)
	if err != nil {
		f.fail(err)
		return
	}
	defer func() { _ = stmt.Close() }()
	before, err := fetch(w.t.Context(), stmt, g.args...)
	if err != nil {
		f.fail(err)
		return
	}
	plan := p.Plan(text, w.cat)
	args := make([]driver.NamedValue, len(g.args))
	for i, a := range g.args {
		args[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	if plan.Class != sqldep.Read || plan.Uncacheable != "" {
		f.uncacheable++
		f.why[plan.Uncacheable]++
		return
	}
	uses := plan.Uses(args)
	f.note(uses)
	for range 16 {
		m := w.modification(uses)
		c, ok := w.change(m)
		if !ok {
			continue
		}
		after, err := fetch(w.t.Context(), stmt, g.args...)
		changed := err != nil || answer(after) != answer(before)
		hit := meets(uses, &c, len(before) > 0)
		f.judged++
		switch {
		case changed && !hit:
			w.t.Errorf("%s\n%s;\nread: %s %#v\nuses: %s\nwrite: %s %#v\nchange: %+v\nbefore:\n%safter:\n%s", where, strings.Join(w.ddl, ";\n"), text, g.args,
				useLines(uses), m.sql, m.args, c, answer(before), answer(after))
			return
		case changed:
			f.changed++
		case hit:
			f.spurious++
		}
		if err != nil {
			return // an error is never kept, so nothing is left to judge
		}
		before = after
	}
}

func (f *figures) fail(err error) {
	f.failed++
	why, _, _ := strings.Cut(err.Error(), ":")
	if _, rest, ok := strings.Cut(err.Error(), "error: "); ok {
		why, _, _ = strings.Cut(rest, ":")
	}
	f.why["failed: "+why]++
}

func (f *figures) note(uses []dep.Use) {
	for _, u := range uses {
		if len(u.Regions) != 1 || len(u.Regions[0].Atoms) > 0 {
			f.narrowed++
			break
		}
	}
	for _, u := range uses {
		if slices.ContainsFunc(u.Regions, func(r dep.Region) bool { return r.Pinned }) {
			f.pinned++
		}
	}
}

// meets reports whether c drops a tag that the uses check. found says that the
// read returned rows.
func meets(uses []dep.Use, c *dep.Change, found bool) bool {
	for i := range uses {
		if uses[i].Table != c.Table {
			continue
		}
		for j := range uses[i].Regions {
			r := &uses[i].Regions[j]
			if !meetsRegion(r, uses[i].Cols, c, found && r.Pinned) {
				continue
			}
			return true
		}
	}
	return false
}

func meetsRegion(r *dep.Region, cols dep.Columns, c *dep.Change, found bool) bool {
	s, vals := dep.NewShape(r, cols, found)
	reads := s.AppendReads(nil, vals)
	for _, tag := range s.AppendDrops(nil, c) {
		if slices.Contains(reads, tag) {
			return true
		}
	}
	return false
}
