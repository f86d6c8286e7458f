package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// errDiverged says that the store answered otherwise than the model. By itself
// that is no stale answer.
var errDiverged = errors.New("the store and the model part")

// errStale is the one thing that must not happen.
var errStale = errors.New("stale")

// replay takes a real store through a scenario's steps, beside the model. The
// database is the model's; the store's answers are compared with the model's
// and each hit is judged.
type replay struct {
	*Harness
	sc       *scenario
	ctx      context.Context
	table    string
	key      [shapes]*cacheops.Key
	writer   [writers]cacheops.Writer
	plan     [writers]cacheops.Registry
	grant    [readers]cacheops.Grant
	value    [readers]uint8
	restore  func() error
	stamps   [32]cacheops.Stamp // the real stamp of each of the model's
	returned []cacheops.Stamp   // every stamp ever handed out
}

var (
	shapeText = [shapes]string{"storetest/known", "storetest/new"}
	shapeTag  = [shapes]cacheops.Tag{0x1001, 0x2002}
)

// newReplay prepares a table as the model's start has it.
func newReplay(ctx context.Context, h *Harness, sc *scenario) (*replay, error) {
	p := &replay{Harness: h, sc: sc, ctx: ctx, table: newTable()}
	for i := range p.key {
		p.key[i] = newKey()
	}
	for i := range p.writer {
		p.writer[i] = newWriter()
	}
	g, err := h.Store.Acquire(ctx, p.reads(0))
	if err != nil {
		return nil, err
	}
	if g.Refused != cacheops.Granted || len(g.Deps) != 2 {
		return nil, fmt.Errorf("the first acquire: %+v", g)
	}
	p.stamps[1], p.stamps[2] = g.Deps[0].Stamp, g.Deps[1].Stamp
	p.returned = []cacheops.Stamp{p.stamps[1], p.stamps[2]}
	return p, nil
}

func (p *replay) reads(shape uint8) []cacheops.TableRead {
	return []cacheops.TableRead{read(p.table, shapeText[shape], shapeTag[shape])}
}

// take takes the store through s, which leads the model from x to y.
func (p *replay) take(s step, x, y *world) error {
	switch s.op {
	case opPlan:
		return p.replan(s.i)
	case opBegin:
		return p.begin(s.i, y.w[s.i].at == wPlanned)
	case opEnd, opEndUnknown:
		return p.Store.End(p.ctx, p.writer[s.i], []string{p.table})
	case opDoubt:
		return p.expire(p.ctx, p.writer[s.i], p.table)
	case opClear:
		return p.clear(p.writer[s.i])
	case opClearAll:
		return p.clear(cacheops.Writer{})
	case opGet:
		return p.get(s.i, x, y)
	case opAcquire:
		return p.acquire(s.i, x, y)
	case opQuery:
		p.value[s.i] = x.db
	case opJoin:
		return p.join(s.i, x)
	case opStore:
		return p.store(s.i)
	case opLose:
		return p.Lose([]string{p.table})
	case opSave:
		return p.save()
	case opRestore:
		return p.restore()
	}
	return nil // a step of the database or of a writer's fate
}

func (p *replay) replan(i uint8) (err error) {
	p.plan[i], err = p.Store.Registry(p.ctx, p.table)
	return err
}

func (p *replay) begin(i uint8, moves bool) error {
	reg := &p.plan[i]
	w := cacheops.TableWrite{Table: p.table, Epoch: reg.Epoch, Version: reg.Version}
	for sh, text := range shapeText {
		if slices.Contains(reg.Shapes, text) {
			w.Tags = append(w.Tags, shapeTag[sh])
		}
	}
	if p.sc.wide[i] {
		w.Unverified, w.Tags = true, []cacheops.Tag{cacheops.TableTag}
	}
	moved, err := p.Store.Begin(p.ctx, p.writer[i], []cacheops.TableWrite{w})
	switch {
	case err != nil:
		return err
	case moves != (len(moved) == 1):
		return fmt.Errorf("%w: begin moved %+v, the model says %v", errDiverged, moved, moves)
	case moves:
		p.plan[i] = moved[0]
	}
	return nil
}

func (p *replay) clear(w cacheops.Writer) error {
	reg, err := p.Store.Registry(p.ctx, p.table)
	if err != nil {
		return err
	}
	return p.Store.Clear(p.ctx, cacheops.Doubt{Table: p.table, Writer: w, Epoch: reg.Epoch})
}

func (p *replay) get(i uint8, x, y *world) error {
	v, err := p.Store.Get(p.ctx, p.key[p.sc.shape[i]])
	hits := y.r[i].at == rIdle
	switch {
	case errors.Is(err, cacheops.ErrMiss):
		if hits {
			return fmt.Errorf("%w: a miss, the model hits", errDiverged)
		}
		return nil
	case err != nil:
		return err
	}
	n, ok := v.(number)
	if !ok {
		return fmt.Errorf("a value of type %T", v)
	}
	if bad := judge("the hit", uint8(n), x.db); bad != "" {
		return fmt.Errorf("%w: %s", errStale, bad)
	}
	if !hits {
		return fmt.Errorf("%w: a hit, the model misses", errDiverged)
	}
	return nil
}

func (p *replay) acquire(i uint8, x, y *world) error {
	sh := p.sc.shape[i]
	g, err := p.Store.Acquire(p.ctx, p.reads(sh))
	if err != nil {
		return err
	}
	p.grant[i] = g
	if granted := y.r[i].table != 0; granted != (g.Refused == cacheops.Granted) {
		return fmt.Errorf("%w: refusal %d, the model grants: %v", errDiverged, g.Refused, granted)
	}
	if err := p.doubts(&g, x); err != nil || g.Refused != cacheops.Granted {
		return err
	}
	if len(g.Deps) != 2 || g.Deps[0].Tag != cacheops.TableTag || g.Deps[1].Tag != shapeTag[sh] {
		return fmt.Errorf("deps %+v", g.Deps)
	}
	return errors.Join(
		p.same(g.Deps[0].Stamp, x.mem.table, y.mem.table),
		p.same(g.Deps[1].Stamp, x.mem.stamp[sh], y.mem.stamp[sh]))
}

// same checks that a real stamp is the old one where the model has an old one,
// and otherwise one that was never seen before.
func (p *replay) same(got cacheops.Stamp, before, after uint8) error {
	if before != 0 {
		if got != p.stamps[before] {
			return fmt.Errorf("stamp %d changed to %d and nobody dropped it", p.stamps[before], got)
		}
		return nil
	}
	if got == 0 || slices.Contains(p.returned, got) {
		return fmt.Errorf("stamp %d is not a new one", got)
	}
	p.stamps[after] = got
	p.returned = append(p.returned, got)
	return nil
}

// doubts checks that a refusal reports the doubtful writers behind it.
func (p *replay) doubts(g *cacheops.Grant, x *world) error {
	for _, d := range g.Doubts {
		real := x.mem.unknown && d.Writer.ID == 0
		for i := range p.writer {
			real = real || x.mem.held[i].doubt && d.Writer == p.writer[i]
		}
		if !real || d.Table != p.table {
			return fmt.Errorf("a doubt about %+v that is none", d)
		}
	}
	none := x.mem.unknown
	for _, h := range x.mem.held {
		none = none || h.on && !h.doubt
	}
	if g.Refused != cacheops.Granted && len(g.Doubts) == 0 && !none {
		return errors.New("refused for a doubt that is not reported")
	}
	if x.mem.unknown && len(g.Doubts) == 0 {
		return errors.New("the state is unknown and no doubt says so")
	}
	return nil
}

// join is what the core does: it compares the stamps it acquired itself with
// those of the fill that is under way.
func (p *replay) join(i uint8, x *world) error {
	mine, other := &p.grant[i], &p.grant[1-i]
	equal := mine.Refused == cacheops.Granted && other.Refused == cacheops.Granted && slices.Equal(mine.Deps, other.Deps)
	if !equal && p.sc.flaw != flawJoin {
		return fmt.Errorf("%w: the model joins, the stamps differ", errDiverged)
	}
	if bad := judge("the joined fill", p.value[1-i], x.r[i].start); bad != "" {
		return fmt.Errorf("%w: %s", errStale, bad)
	}
	return nil
}

func (p *replay) store(i uint8) error {
	g := &p.grant[i]
	if g.Refused != cacheops.Granted {
		return nil
	}
	e := &cacheops.Entry{Value: number(p.value[i]), Deps: g.Deps, TTL: suiteTTL}
	return p.Store.Put(p.ctx, p.key[p.sc.shape[i]], e)
}

func (p *replay) save() (err error) {
	save := p.Save
	if p.sc.flaw == flawRestore {
		save = p.SaveUnnoticed
	}
	p.restore, err = save()
	return err
}

// follow takes a fresh table through a trace.
func (sc *scenario) follow(ctx context.Context, h *Harness, t trace) (*replay, error) {
	p, err := newReplay(ctx, h, sc)
	if err != nil {
		return nil, err
	}
	x := start()
	for n, s := range t {
		y, _, ok := sc.next(x, s)
		if !ok {
			return nil, fmt.Errorf("step %d, %v, cannot happen", n, s)
		}
		if err := p.take(s, &x, &y); err != nil {
			return nil, fmt.Errorf("%w\n%v", err, t[:n+1])
		}
		x = y
	}
	return p, nil
}

// replaysPerStore bounds the tables that pile up in one store.
const replaysPerStore = 16

// walk takes the real store through every step of every state of the scenario.
// A run starts at a state with a step not taken yet, goes there by the shortest
// way, and then on, by steps not taken where there are any, until it sees none.
type walk struct {
	testing.TB
	open    Open
	sc      *scenario
	graph   *graph
	left    []uint64 // of each state, the set of steps not taken yet
	harness Harness
	runs    int
	steps   int
}

func (w *walk) run(most int) {
	began := time.Now()
	w.graph = explore(w.sc, most)
	if w.graph.bad != "" {
		w.Fatalf("the model: %s:\n%v", w.graph.bad, w.graph.badAt)
	}
	w.left = make([]uint64, len(w.graph.worlds))
	for at, out := range w.graph.out {
		w.left[at] = 1<<len(out) - 1
	}
	defer func() { w.close() }()
	for at := range w.left {
		for w.left[at] != 0 {
			if most > 0 && w.steps > most {
				w.Logf("stopped at %d steps", w.steps)
				return
			}
			w.runFrom(int32(at))
		}
	}
	w.Logf("%d states, %d steps, %d runs of %d calls, %v",
		len(w.graph.worlds), w.graph.edges, w.runs, w.steps, time.Since(began).Round(time.Millisecond))
}

func (w *walk) close() {
	if w.harness.Store != nil {
		if err := w.harness.Store.Close(); err != nil {
			w.Errorf("close: %v", err)
		}
	}
}

// choose returns which step to take from a state: one not taken that leads to
// a state with more of them, or one not taken, or one that leads to such a
// state. It returns -1 if there is none of these.
func (w *walk) choose(at int32) int {
	best := -1
	if w.left[at] != 0 {
		best = bits.TrailingZeros64(w.left[at])
	}
	for i, e := range w.graph.out[at] {
		fresh := w.left[at]&(1<<i) != 0
		if w.left[e.to] != 0 && (fresh || best < 0) {
			best = i
			if fresh {
				break
			}
		}
	}
	return best
}

func (w *walk) runFrom(at int32) {
	if w.runs%replaysPerStore == 0 {
		w.close()
		w.harness = w.open(w.TB)
	}
	w.runs++
	path := w.graph.path(at)
	w.steps += len(path)
	p, err := w.sc.follow(w.Context(), &w.harness, path)
	for err == nil {
		i := w.choose(at)
		if i < 0 {
			return
		}
		e := w.graph.out[at][i]
		w.left[at] &^= 1 << i
		w.steps++
		path = append(path, e.step)
		if err = p.take(e.step, &w.graph.worlds[at], &w.graph.worlds[e.to]); err != nil {
			err = fmt.Errorf("%w\n%v", err, path)
		}
		at = e.to
	}
	w.Fatal(err)
}

// interleavings runs every walk that the harness allows.
func interleavings(t *testing.T, open Open) {
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			if !sc.restore { // which may concern a whole server
				t.Parallel()
			}
			s := newSuite(t, open)
			if sc.loss && s.Lose == nil || sc.restore && s.Save == nil {
				t.Skip("cannot happen to this store")
			}
			w := walk{TB: t, open: open, sc: &sc}
			w.run(bound(s.MaxSteps))
		})
	}
}

// fewSteps bounds a walk in short tests, and under the race detector, which has
// nothing to find in one goroutine's calls and makes them ten times as slow.
const fewSteps = 20_000

func bound(steps int) int {
	if (raceEnabled || testing.Short()) && (steps == 0 || steps > fewSteps) {
		return fewSteps
	}
	return steps
}
