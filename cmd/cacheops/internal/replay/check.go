package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/cmd/cacheops/internal/querylog"
)

// read accounts for a read that ran through the cache, and verifies it.
func (r *run) read(ctx context.Context, s *session, st *querylog.Statement, kind querylog.Kind,
	got answer, took time.Duration, seen *observation,
) error {
	if got.err != nil {
		r.readFailed(ctx, s, st, kind, got.err)
		return nil //nolint:nilerr // it is the statement that failed, not the replay
	}
	rep := &r.report
	rep.Reads++
	rep.ReadSeconds += seconds(took)
	e, why := r.ledger.entry(st.SQL, st.Args)
	if !e.text.ordered {
		got.result.unordered()
	}
	switch {
	case seen.hit:
		rep.Hits++
		rep.HitSeconds += seconds(took)
		r.took.hit.add(took)
		e.keep(got.result.digest())
	case seen.miss:
		rep.Misses++
		r.took.miss.add(took)
		r.misses[why]++
		r.missed(e, got.result, seen)
	default:
		r.notAsked(s, st, seen)
	}
	return r.compare(ctx, s, st, kind, got.result, took, seen, e.text)
}

func (r *run) missed(e *entry, res *result, seen *observation) {
	switch {
	case seen.stored:
		e.keep(res.digest())
	case seen.refused != "":
		e.lose(whyNotKept + seen.refused)
	default:
		e.lose(whyNotKept + "too large")
	}
}

// notAsked counts a read for which the cache was not asked.
func (r *run) notAsked(s *session, st *querylog.Statement, seen *observation) {
	if seen.bypass == "transaction" || seen.bypass == "" && s.tx.Open() {
		r.report.InTransaction++
		return
	}
	r.report.Uncacheable++
	why := seen.bypass
	if why == "" {
		why = "not a read that the cache knows"
	}
	r.notCached.add(querylog.Shape(st.SQL), why, st.Line)
}

// compare runs a read on the bare database too, and compares the answers of
// those that went through the cache. Without verification it only estimates
// what the database would have taken.
func (r *run) compare(ctx context.Context, s *session, st *querylog.Statement, kind querylog.Kind,
	got *result, took time.Duration, seen *observation, t *text,
) error {
	cached := seen.hit || seen.miss
	if !r.cfg.Verify {
		r.estimate(took, seen, t)
		return nil
	}
	var bare querier = r.bare
	if !cached {
		// It may hang on its session: a transaction, a PRAGMA, a temporary table.
		bare = s.twin
	}
	began := time.Now()
	want := exec(ctx, bare, kind, st)
	bareTook := time.Since(began)
	if err := ctx.Err(); err != nil {
		r.report.Interrupted = true
		return err
	}
	r.report.BareReadSeconds += seconds(bareTook)
	switch {
	case seen.hit:
		r.report.SavedSeconds += seconds(bareTook)
		r.took.bareHit.add(bareTook)
	case seen.miss:
		r.took.bareMiss.add(bareTook)
	}
	if !cached {
		return nil
	}
	r.report.Verified++
	r.judge(st, seen, got, want, t.ordered)
	return nil
}

func (r *run) judge(st *querylog.Statement, seen *observation, got *result, want answer, ordered bool) {
	d := Difference{Line: st.Line, Session: st.Session, SQL: st.SQL, Kind: "miss"}
	if seen.hit {
		d.Kind = "hit"
	}
	if want.err != nil {
		d.Kind, d.What = "error", "the bare database fails: "+want.err.Error()
		r.report.differ(d)
		return
	}
	if !ordered {
		want.result.unordered()
	}
	if !got.equal(want.result) {
		d.What = describe(got, want.result)
		r.report.differ(d)
	}
}

// describe tells where two results part, without showing what they hold.
func describe(got, want *result) string {
	if string(got.head) != string(want.head) {
		return "other columns"
	}
	n := min(len(got.rows), len(want.rows))
	first := n
	for i := range n {
		if string(got.rows[i]) != string(want.rows[i]) {
			first = i
			break
		}
	}
	return fmt.Sprintf("%d rows, the bare database has %d; the first to differ is row %d",
		len(got.rows), len(want.rows), first+1)
}

// estimate takes what reads of the same text took when they missed for what the
// hits would have taken on the database.
func (r *run) estimate(took time.Duration, seen *observation, t *text) {
	if !seen.hit {
		t.took.add(took)
		r.report.BareReadSeconds += seconds(took)
		return
	}
	r.report.BareReadSeconds += seconds(t.took.mean())
	r.report.SavedSeconds += seconds(t.took.mean())
}

type meanTime struct {
	sum time.Duration
	n   int
}

func (m *meanTime) add(d time.Duration) { m.sum, m.n = m.sum+d, m.n+1 }

func (m *meanTime) mean() time.Duration {
	if m.n == 0 {
		return 0
	}
	return m.sum / time.Duration(m.n)
}

// readFailed tells a read that fails from one that fails through the cache only. It
// asks on the twin's session: that it fails may hang on a temporary table there, and
// a text of several statements has changed something before it failed.
func (r *run) readFailed(ctx context.Context, s *session, st *querylog.Statement, kind querylog.Kind, err error) {
	if s.twin != nil && exec(ctx, s.twin, kind, st).err == nil {
		r.differError(st, err)
		return
	}
	r.fail(st, err.Error())
}

func (r *run) differError(st *querylog.Statement, err error) {
	r.report.differ(Difference{
		Line: st.Line, Session: st.Session, SQL: st.SQL, Kind: "error",
		What: "fails through the cache only: " + err.Error(),
	})
}

// wrote accounts for a statement that is no read, and runs it on the twin.
func (r *run) wrote(ctx context.Context, s *session, st *querylog.Statement, kind querylog.Kind, got answer, took time.Duration) {
	if kind.Writes() && got.err == nil {
		r.report.Writes++
	}
	r.report.WriteSeconds += seconds(took)
	var bare answer
	if s.twin != nil {
		began := time.Now()
		bare = exec(ctx, s.twin, kind, st)
		r.report.BareWriteSeconds += seconds(time.Since(began))
	}
	switch {
	case got.err == nil && bare.err != nil:
		r.report.differ(Difference{
			Line: st.Line, Session: st.Session, SQL: st.SQL, Kind: "error",
			What: "succeeds through the cache only; the bare database says: " + bare.err.Error(),
		})
	case got.err != nil && bare.err == nil && s.twin != nil:
		r.differError(st, got.err)
	case got.err != nil:
		r.fail(st, got.err.Error())
	}
}

// sweep finds the entries that a write has dropped, and whether it had to: each
// is recomputed on the bare database and compared with what it held.
func (r *run) sweep(ctx context.Context, s *session, st *querylog.Statement, kind querylog.Kind, tables map[string]bool) error {
	if kind == querylog.Schema {
		views, err := r.views(ctx)
		if err != nil {
			return err
		}
		r.ledger.forgetTables(views)
	}
	write := querylog.Shape(st.SQL)
	if !kind.Writes() {
		write = "a transaction with " + querylog.Shape(s.lastWrite)
	}
	var report cacheops.Report
	// Without a Done channel: database/sql starts a goroutine for each query
	// whose context can end, and most peeks are hits that take less than that.
	peek := cacheops.With(context.WithoutCancel(ctx), cacheops.Call{Peek: true, Report: &report})
	for _, e := range r.ledger.affected(ctx, tables) {
		report = cacheops.Report{}
		if err := r.ask(peek, e); err == nil && report.Hit {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		spurious := r.unchanged(ctx, e)
		r.report.Drops++
		if spurious {
			r.report.SpuriousDrops++
		}
		r.dropped.add(e.text.shape, write, spurious)
		e.lose(whyDropped)
	}
	return nil
}

// ask runs a read for what its context's report says about it.
func (r *run) ask(ctx context.Context, e *entry) error {
	rows, err := r.cached.QueryContext(ctx, e.text.sql, e.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return rows.Err()
}

func (r *run) unchanged(ctx context.Context, e *entry) bool {
	st := querylog.Statement{SQL: e.text.sql, Args: e.args}
	now := exec(ctx, r.bare, querylog.Read, &st)
	if now.err != nil {
		return false
	}
	if !e.text.ordered {
		now.result.unordered()
	}
	return now.result.digest() == e.digest
}

func (r *run) views(ctx context.Context) ([]string, error) {
	res, err := r.bare.QueryContext(ctx, "SELECT lower(name) FROM sqlite_schema WHERE type = 'view'")
	if err != nil {
		return nil, fmt.Errorf("list views: %w", err)
	}
	defer res.Close()
	var views []string
	for res.Next() {
		var name string
		if err := res.Scan(&name); err != nil {
			return nil, fmt.Errorf("list views: %w", err)
		}
		views = append(views, name)
	}
	return views, res.Err()
}
