// Package elsewhere_test judges the analyses of PostgreSQL's and MySQL's
// statements against the servers.
package elsewhere_test

import (
	"database/sql"
	"database/sql/driver"
	"flag"
	"fmt"
	"math"
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
	judgeSeed = flag.Uint64("judge.seed", 0, "seed of the judge; 0 takes a fixed and a fresh one")
	maxWorlds = flag.Int("judge.worlds", 400, "schemas that the judge makes at most")
	judgeTime = flag.Duration("judge.time", 6*time.Second, "when the judge makes no more schemas")
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

// TestUpserts is the same for upserts and REPLACE alone, without reads.
func TestUpserts(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		writes(t, catalog.PostgreSQL, live.Postgres(t, pgx.QueryExecModeDescribeExec, map[string]string{"TimeZone": "UTC"}), upserting)
	})
	t.Run("mysql", func(t *testing.T) {
		writes(t, catalog.MySQL, live.MySQL(t, false, "parseTime=true&time_zone=%27%2B00%3A00%27"), upserting)
	})
	t.Run("mysql counting rows found", func(t *testing.T) {
		writes(t, catalog.MySQL, live.MySQL(t, false, "clientFoundRows=true&parseTime=true&time_zone=%27%2B00%3A00%27"), upserting)
	})
}

func upserting(w *world) { w.upserts = true }

// TestWritesOfSeveralTables is the same for UPDATE and DELETE of joined tables, writes
// in WITH, and MERGE.
func TestWritesOfSeveralTables(t *testing.T) {
	several := func(w *world) { w.several = true }
	t.Run("postgres", func(t *testing.T) {
		writes(t, catalog.PostgreSQL, live.Postgres(t, pgx.QueryExecModeDescribeExec, map[string]string{"TimeZone": "UTC"}), several)
	})
	t.Run("mysql", func(t *testing.T) {
		writes(t, catalog.MySQL, live.MySQL(t, false, "parseTime=true&time_zone=%27%2B00%3A00%27"), several)
	})
}

// writes judges writes of one kind, which bend chooses, without reads.
func writes(t *testing.T, d catalog.Dialect, db *sql.DB, bend func(*world)) {
	f := worlds(t, d, db, false, func(w *world, f *figures, where string) {
		bend(w)
		p := sqldep.NewPlanner(w.d, 0)
		for i := 0; i < 100 && !t.Failed(); i++ {
			w.step(p, f, nil, where)
		}
	})
	t.Logf("%+v", f)
	if share(f.lost, f.lost+f.kept) > 0.4+f.strays() {
		t.Error("the generator has gone dull, or the analysis has: see the figures")
	}
}

// worlds judges one world after another, until the time is over or one fails.
func worlds(t *testing.T, d catalog.Dialect, db *sql.DB, partitioned bool, judge func(w *world, f *figures, where string)) *figures {
	seed := rand.Uint64()
	if *judgeSeed != 0 {
		seed = *judgeSeed
	}
	t.Logf("seed %d", seed)
	f := &figures{why: map[string]int{}}
	end := time.Now().Add(*judgeTime)
	for i := 0; i < *maxWorlds && time.Now().Before(end) && !t.Failed(); i++ {
		w := newWorld(t, rand.New(rand.NewPCG(seed, uint64(i))), d, db, partitioned)
		judge(w, f, fmt.Sprintf("-judge.seed=%d, world %d", seed, i))
		w.close()
		f.worlds++
	}
	return f
}

type figures struct {
	worlds, reads, uncacheable, failedReads, narrowed, pinned, writes, failedWrites, wholeWrites, pairs, changed, dropped, spurious int
	targets, rivals, met, kept, lost                                                                                                int
	why                                                                                                                             map[string]int
}

// TestPartitions is the same where all tables have partitions.
func TestPartitions(t *testing.T) {
	judgeWorlds(t, catalog.PostgreSQL, live.Postgres(t, pgx.QueryExecModeDescribeExec, map[string]string{"TimeZone": "UTC"}), true)
}

func judge(t *testing.T, d catalog.Dialect, db *sql.DB) { judgeWorlds(t, d, db, false) }

func judgeWorlds(t *testing.T, d catalog.Dialect, db *sql.DB, partitioned bool) {
	f := worlds(t, d, db, partitioned, (*world).judge)
	t.Logf("%+v; precision %.2f", f, float64(f.changed)/float64(max(1, f.dropped)))
	if !t.Failed() && f.dull(partitioned) {
		t.Error("the generator has gone dull, or the analyses have: see the figures")
	}
}

// dull compares the shares with what they are in the mean of many worlds, as far as
// so few can tell.
func (f *figures) dull(partitioned bool) bool {
	whole := 0.2
	if partitioned { // partitions that are written by their own names
		whole = 0.45
	}
	return share(f.wholeWrites, f.writes) > whole+f.strays() ||
		share(f.narrowed, f.reads) < 0.25-f.strays()/2 ||
		share(f.changed, f.pairs) < 0.017-f.strays()/20
}

// strays is how far a share may be from the mean. A world is all of a kind (in one
// with triggers everywhere nothing is narrowed) and strays by 0.2: this is five times
// that of the mean of so many worlds.
func (f *figures) strays() float64 { return 1 / math.Sqrt(float64(f.worlds)) }

func share(part, whole int) float64 { return float64(part) / float64(max(1, whole)) }

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
	w.given(p, f, reads, where, text, g.args)
}

// given runs a write that is given, as step runs a random one.
func (w *world) given(p *sqldep.Planner, f *figures, reads []*open, where, text string, args []any) {
	named := arguments(args)
	plan := p.Plan(text, w.cat)
	if plan.Class != sqldep.Write {
		w.t.Fatalf("%s: class %d", text, plan.Class)
	}
	blind := plan.Changes(named, sqldep.Facts{})
	facts := sqldep.Facts{Affected: -1}
	target, targeted := plan.Target(named)
	switch {
	case targeted && target.Rows > 0:
		f.rivals++
		facts.Olds, facts.Read = w.targetRows(&target), true
		f.met += len(facts.Olds)
	case targeted:
		f.targets++
		facts.Old, facts.Read = w.targetRow(&target)
	}
	f.writes++
	err := w.counted(&target, &facts, func() error { return w.write(text, args, &facts) })
	if err != nil {
		f.failedWrites++
		facts = sqldep.Facts{}
	} else {
		w.observe(&facts, &target, targeted)
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
	for name, changes := range map[string][]dep.Change{"blind": blind, "informed": informed} {
		if reg, ok := missed(exact, changes); ok {
			w.t.Errorf("%s (%s)\n%s;\nwrite: %s %#v (%v)\nfacts: %+v\nchanges: %+v\nmisses %+v", where, name, strings.Join(w.ddl, ";\n"), text, args, err, facts, changes, reg)
			return
		}
	}
	if err == nil && (target.Rows > 0 || w.several) {
		w.precise(f, exact, informed)
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
					strings.Join(w.ddl, ";\n"), r.text, r.args, r.uses, text, args, err, facts, changes, was, r.before)
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
	images := w.readTarget(t)
	if len(images) == 0 {
		return nil, true
	}
	return images[0], true
}

// targetRows reads the rows in the way of an upsert's, but for some that another
// transaction holds, or will only have made when the statement comes to them.
func (w *world) targetRows(t *sqldep.RowTarget) []dep.Image {
	return slices.DeleteFunc(w.readTarget(t), func(dep.Image) bool { return w.one(3) })
}

func (w *world) readTarget(t *sqldep.RowTarget) (images []dep.Image) {
	args := make([]any, len(t.Args))
	for i, a := range t.Args {
		args[i] = a.Value
	}
	rel := w.tables[slices.IndexFunc(w.tables, func(r *relation) bool { return r.name == t.Table.Bare })]
	query := "SELECT " + strings.Join(names(rel), ", ") + " FROM " + t.Table.Real + " WHERE " + t.Where
	if t.Order != "" {
		query += " ORDER BY " + t.Order
	}
	rows, err := lite.Drain(w.conn.QueryContext(w.t.Context(), query, args...))
	if err != nil || len(rows) > max(1, t.Rows) {
		w.t.Fatalf("read %s where %s %v: %d rows, %v", t.Table.Real, t.Where, args, len(rows), err)
	}
	for _, vals := range rows {
		m := w.image(rel, row{vals: vals})
		if m == nil {
			m = dep.Image{}
		}
		if w.one(2) { // an adapter reads what registered shapes need, and other shapes come
			m = slices.DeleteFunc(m, func(f dep.Field) bool { return w.one(2) && !slices.Contains(t.Key, f.Col) })
		}
		images = append(images, m)
	}
	return images
}

// counted runs a write between two looks at PostgreSQL's counts of its table.
func (w *world) counted(t *sqldep.RowTarget, f *sqldep.Facts, run func() error) error {
	if w.d != catalog.PostgreSQL || t.Rows == 0 {
		return run()
	}
	w.must("BEGIN")
	inserted, updated := w.counts(t)
	if err := run(); err != nil {
		w.must("ROLLBACK")
		return err
	}
	i, u := w.counts(t)
	w.must("COMMIT")
	f.Counts = sqldep.Counts{Known: true, Inserted: i - inserted, Updated: u - updated}
	return nil
}

func (w *world) counts(t *sqldep.RowTarget) (inserted, updated int64) {
	text := fmt.Sprintf("SELECT pg_stat_get_xact_tuples_inserted('%s'::regclass), pg_stat_get_xact_tuples_updated('%[1]s'::regclass)", t.Table.Real)
	if err := w.conn.QueryRowContext(w.t.Context(), text).Scan(&inserted, &updated); err != nil {
		w.t.Fatal(err)
	}
	return inserted, updated
}

// write runs a write and says what the driver tells of it.
func (w *world) write(text string, args []any, f *sqldep.Facts) (err error) {
	if strings.Contains(text, " RETURNING ") {
		f.Returned, err = lite.Drain(w.conn.QueryContext(w.t.Context(), text, args...))
		if f.Returned == nil {
			f.Returned = [][]driver.Value{}
		}
		if w.r != nil { // in whatever order
			w.r.Shuffle(len(f.Returned), func(i, j int) { f.Returned[i], f.Returned[j] = f.Returned[j], f.Returned[i] })
		}
		return err
	}
	res, err := w.conn.ExecContext(w.t.Context(), text, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err == nil {
		f.Affected = n
	}
	id, err := res.LastInsertId()
	f.InsertID, f.HasInsertID = id, err == nil && f.Affected == 1
	return nil
}

// observe fills in what an adapter sees of a write that ran.
func (w *world) observe(f *sqldep.Facts, target *sqldep.RowTarget, targeted bool) {
	f.Ran = true
	if targeted && target.Rows > 0 {
		now := w.readTarget(target)
		if w.d == catalog.MySQL && f.Affected == 2 && len(f.Olds) == 0 && !target.Moves && !target.Numbered {
			// It must have been updated, and is what it was but for what was set.
			f.Olds = []dep.Image{slices.DeleteFunc(slices.Clone(now[0]), func(x dep.Field) bool {
				return target.Set.Contains(dep.ColumnSet(x.Col)) && !slices.Contains(target.Key, x.Col)
			})}
		}
		for _, m := range now {
			f.News = append(f.News, slices.DeleteFunc(m, func(x dep.Field) bool {
				return !slices.Contains(target.ReadAfter, x.Col) && !slices.Contains(target.Key, x.Col)
			}))
		}
		return
	}
	if targeted && len(target.ReadAfter) > 0 && f.Old != nil {
		f.New, f.Read = w.targetRow(target)
		if f.New != nil {
			f.New = slices.DeleteFunc(f.New, func(x dep.Field) bool { return !slices.Contains(target.ReadAfter, x.Col) })
		}
	}
}

// missed looks for a region, of one column's value or two columns', in which a row
// was changed and which the changes do not drop: be it for a read of all columns,
// or of one that was changed.
func missed(exact, changes []dep.Change) (u dep.Use, ok bool) {
	for _, c := range exact {
		used := []dep.Columns{dep.AllColumns()}
		for _, name := range c.Set.Names {
			used = append(used, dep.ColumnSet(name))
		}
		for _, img := range slices.Concat(c.Old, c.New) {
			img = slices.DeleteFunc(slices.Clone(img), func(f dep.Field) bool { return strings.HasPrefix(f.Col, raw) })
			for i := range img {
				for j := range i + 1 {
					for _, cols := range used {
						u := dep.Use{Table: c.Table, Cols: cols.Union(dep.ColumnSet(img[i].Col, img[j].Col)), Regions: []dep.Region{{Atoms: slices.Compact([]dep.Atom{equals(img[j]), equals(img[i])})}}}
						if !meets([]dep.Use{u}, changes, false) && differs(&u, exact) {
							return u, true
						}
					}
				}
			}
		}
	}
	return u, false
}

// differs reports whether what a use reads is not what it was. The rows are told
// apart by their keys, and one may have taken the key that another has left: what
// looks like a change of some column may then be none of what is read.
func differs(u *dep.Use, exact []dep.Change) bool {
	seen := map[string]int{}
	for i := range exact {
		for at, imgs := range [][]dep.Image{exact[i].Old, exact[i].New} {
			for _, img := range imgs {
				if exact[i].Table != u.Table || !within(img, &u.Regions[0]) {
					continue
				}
				seen[projected(img, u.Cols)] += 1 - 2*at
			}
		}
	}
	for _, n := range seen {
		if n != 0 {
			return true
		}
	}
	return false
}

// within reports whether a row may lie in a region.
func within(img dep.Image, r *dep.Region) bool {
	return !slices.ContainsFunc(r.Atoms, func(a dep.Atom) bool {
		v := img.Get(a.Col)
		return v.Known() && equals(dep.Field{Col: a.Col, Value: v}) != a
	})
}

// raw is what the names begin with under which an exact image holds the columns as
// the driver read them: what equality knows nothing of is told apart all the same.
const raw = "raw "

// projected returns what a row holds in some columns.
func projected(img dep.Image, cols dep.Columns) (line string) {
	for _, f := range img {
		if name, ok := strings.CutPrefix(f.Col, raw); ok && cols.Contains(dep.ColumnSet(name)) {
			line += f.Value.Str() + ","
		}
	}
	return line
}

// precise counts the lists of rows by one column's value which a write leaves as
// they were: those that are kept and those that are lost.
func (w *world) precise(f *figures, exact, changes []dep.Change) {
	for _, rel := range w.tables {
		t := w.resolved(rel)
		for _, r := range w.state[rel] {
			for _, field := range w.image(rel, r) {
				u := []dep.Use{{Table: t, Cols: dep.AllColumns(), Regions: []dep.Region{{Atoms: []dep.Atom{equals(field)}}}}}
				switch {
				case meets(u, exact, false):
				case meets(u, changes, false):
					f.lost++
				default:
					f.kept++
				}
			}
		}
	}
}

func equals(f dep.Field) dep.Atom {
	if f.Value.Class() == dep.Null {
		return dep.Atom{Col: f.Col, Kind: dep.IsNull}
	}
	return dep.Atom{Col: f.Col, Kind: dep.Eq, Value: f.Value}
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
