package sqlcache

import (
	"context"
	"database/sql/driver"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/rowset"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// ReadTogether answers statements that are all reads, outside of a transaction: each
// from the cache if that can, and those that are left by one call of f, which runs
// them on the real connection in their order and gives each result to take, at its
// beginning. take reads it to its end and does not close it; f returns take's errors.
//
// ok is false where the statements cannot be answered apart: they are not all reads,
// the connection has a session of its own, they would all see one snapshot, a function
// follows them, or one has failed. Nothing was then done that could not be done again.
func (v *Virtual) ReadTogether(
	ctx context.Context, list []Statement, f func(c driver.Conn, list []Statement, take func(driver.Rows) error) error,
) (results []driver.Rows, ok bool, err error) {
	c := v.conn
	if c.held != nil || cacheops.InFunction(ctx) {
		return nil, false, nil
	}
	for try := 0; ; try++ {
		t := &together{conn: c, run: f, results: make([]driver.Rows, len(list))}
		if ok, err := t.look(ctx, list); !ok || err != nil {
			return nil, false, err
		}
		err := t.fill(ctx)
		switch {
		case err == nil:
			return t.results, true, nil
		case err == errReplan && try < maxReplans: //nolint:errorlint // it is never wrapped
		case t.failed:
			return nil, false, nil
		default:
			return nil, false, hide(err)
		}
	}
}

// together are reads that are answered at once.
type together struct {
	conn    *conn
	run     func(c driver.Conn, list []Statement, take func(driver.Rows) error) error
	results []driver.Rows
	left    []*leftRead
	failed  bool // one of the reads, or what they had in common
}

// leftRead is one that the cache did not answer.
type leftRead struct {
	Statement
	at    int // among the results
	plan  *statement
	fill  bool
	probe cacheops.Probe
	large uint64
	set   *rowset.Set
}

// look asks the cache for each.
func (t *together) look(ctx context.Context, list []Statement) (ok bool, err error) {
	c := t.conn
	plans := make([]*statement, len(list))
	for i := range list {
		st, err := c.statement(ctx, list[i].Text)
		if err != nil {
			return false, err
		}
		if st.plan.Class != sqldep.Read || st.plan.SetsSession || len(list) > 1 && st.schema.session.snapshots || i > 0 && st.schema != plans[0].schema {
			return false, nil
		}
		plans[i] = st
	}
	for i, st := range plans {
		hit, fill := c.lookup(ctx, st, list[i].Args)
		if hit != nil {
			t.results[i] = hit.(*rowset.Set).Replay()
			continue
		}
		r := &leftRead{Statement: list[i], at: i, plan: st}
		if fill {
			r.large = c.engine.large.hash(r.Text, c.probe.Args)
			r.fill = !c.engine.large.has(r.large)
			r.probe, c.probe = c.probe, cacheops.Probe{}
		}
		t.left = append(t.left, r)
	}
	return true, nil
}

// fill runs what is left and keeps what may be kept of it.
func (t *together) fill(ctx context.Context) error {
	if len(t.left) == 0 {
		return nil
	}
	t.conn.yield()
	var probes []*cacheops.Probe
	var sources []cacheops.Source
	for _, r := range t.left {
		if r.fill {
			probes = append(probes, &r.probe)
			sources = append(sources, t.conn.engine.source(r.plan, &run{text: r.Text, args: r.Args}))
		}
	}
	err := t.conn.engine.db.FillTogether(ctx, probes, sources, t.load)
	if err != nil {
		return err
	}
	for _, r := range t.left {
		t.results[r.at] = r.set.Replay()
	}
	return nil
}

// load runs what is left on one connection: no statement is open there, and no
// transaction, so no snapshot is older than the call.
func (t *together) load(ctx context.Context, since time.Time) (loaded []cacheops.Loaded, err error) {
	e := t.conn.engine
	err = t.conn.holding(ctx, func(l *lease) error {
		loaded = nil
		unlike, err := e.ready(ctx, l, t.left[0].plan.schema)
		if err != nil {
			return err
		}
		var asOf time.Time
		if e.replica != nil {
			if asOf, err = e.replica.shows(ctx, l, since); err != nil {
				return err
			}
		}
		if err := t.runOn(l); err != nil {
			return err
		}
		for _, r := range t.left {
			if r.fill {
				one := loadedOf(r.set, unlike)
				one.AsOf = asOf
				r.tooLarge(e, &one)
				loaded = append(loaded, one)
			}
		}
		return nil
	})
	return loaded, err
}

// runOn runs them and records what they return.
func (t *together) runOn(l *lease) error {
	list := make([]Statement, len(t.left))
	for i, r := range t.left {
		list[i] = r.Statement
	}
	next := 0
	err := t.run(l.real, list, func(rows driver.Rows) error {
		r := t.left[next]
		next++
		var err error
		if r.set, err = rowset.Record(rows, 0, &r.plan.heads); err != nil {
			return err
		}
		return r.set.Err()
	})
	t.failed = err != nil
	return l.note(err)
}

// tooLarge discards a result beyond the limit, and has it not be tried again soon.
func (r *leftRead) tooLarge(e *engine, l *cacheops.Loaded) {
	if limit := e.opts.MaxEntryBytes; limit > 0 && r.set.Size() > limit {
		l.Discard = "result too large"
		e.large.add(r.large)
	}
}
