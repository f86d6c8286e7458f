package sqlcache

import (
	"context"
	"slices"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// anything runs what cannot run in a transaction of ours or may do anything:
// session statements, maintenance, several statements in one text, and what was
// not recognised. The cache is told before it runs, because it may commit.
func (c *conn) anything(ctx context.Context, st *statement, k *run) error {
	if st.plan.Class == sqldep.Unrecognised {
		if err := c.accepted(ctx, k); err != nil {
			return err
		}
	}
	if why := c.changesSession(st.plan.Plan, k.text); why != "" && !c.engine.single() {
		if err := c.pin(ctx, why); err != nil {
			return err
		}
	}
	return c.holding(ctx, func(l *lease) error {
		if c.tx != nil && !steers(st.plan.Plan) && !c.engine.dialect.commits(st.plan.Plan) {
			if c.engine.dialect.lasting(c, st) {
				return c.writeLasting(ctx, l, st, k)
			}
			c.recordAnything(ctx, l, c.tx, st)
			defer c.unsettled(l)
			err := k.on(ctx, l)
			if err != nil || k.failed {
				c.look(ctx, l)
			}
			return err
		}
		return c.runLoose(ctx, l, st, k)
	})
}

// accepted asks the database to compile a text that we do not understand. What
// it rejects does nothing, and need not cost the connection its share in the
// cache.
func (c *conn) accepted(ctx context.Context, k *run) error {
	return c.holding(ctx, func(l *lease) error {
		s, err := l.prepare(ctx, k.text)
		if err != nil && c.engine.dialect.unprepared(err) {
			c.compiled(l, "unrecognised statement")
			return nil
		}
		if err != nil {
			return c.settled(ctx, l, err)
		}
		c.compiled(l, "unrecognised statement")
		return s.Close()
	})
}

// compiled follows the compilation of a statement that changes the session.
// SQLite carries out some pragmas while it compiles them, so the connection is
// like no other from then on.
func (c *conn) compiled(l *lease, why string) {
	if c.pinned == "" && !c.engine.single() {
		c.pinned = why
		l.part()
	}
}

// runLoose runs the statement as the COMMIT of whatever is pending and of all
// it may do itself.
func (c *conn) runLoose(ctx context.Context, l *lease, st *statement, k *run) error {
	if err := c.checkSchema(ctx, l); err != nil {
		return err
	}
	t := c.tx
	if t == nil {
		t = c.newTransaction()
	}
	c.recordAnything(ctx, l, t, st)
	defer c.unsettled(l)
	ran, err := c.commitLoose(ctx, l, t, st, k)
	if ran {
		if t.ddl {
			c.engine.outdated()
		}
		c.resume(ctx, l)
	}
	return err
}

// commitLoose runs the statement as the COMMIT of t. ran says that it was sent.
func (c *conn) commitLoose(ctx context.Context, l *lease, t *transaction, st *statement, k *run) (ran bool, err error) {
	c.wrote = true
	return c.loose(ctx, l, t, st.plan.Plan, k.text, func(ctx context.Context) (cacheops.Outcome, error) {
		err := k.on(ctx, l)
		return c.ended(ctx, l, err, k.failed), hide(err)
	})
}

// loose runs as the COMMIT of t what does not run in a transaction of ours: a text
// of this plan, or anything where that is nil. ran says that it was run.
func (c *conn) loose(ctx context.Context, l *lease, t *transaction, p *sqldep.Plan, text string, run commitFunc) (ran bool, err error) {
	others := c.reached(ctx, l, t, text)
	proof, done, err := c.engine.dialect.looseProof(ctx, l, p, others)
	if err != nil {
		return false, c.settled(ctx, l, err)
	}
	finished := false
	defer func() {
		l.bad = l.bad || !finished // a panic: whether it has ended is not known
		done(l)
	}()
	err = t.work.Commit(ctx, proof, across(others, proof, t.ddl, func(ctx context.Context) (cacheops.Outcome, error) {
		ran = true
		return run(ctx)
	}))
	finished = true
	return ran, err
}

// ended says how a statement ended that commits by itself: as if it had committed,
// if it has ended at all. Over a connection that was lost it may still run.
func (c *conn) ended(ctx context.Context, l *lease, err error, failed bool) cacheops.Outcome {
	if err == nil && !failed || c.engine.dialect.answered(ctx, l) {
		return cacheops.Committed
	}
	l.bad = true
	return cacheops.OutcomeUnknown
}

// recordAnything records what the statement may change.
func (c *conn) recordAnything(ctx context.Context, l *lease, t *transaction, st *statement) {
	if changesSchema(st.plan.Plan) || c.engine.single() && c.changesSession(st.plan.Plan, st.plan.Text) != "" {
		t.work.AddDDL()
		t.ddl = true
		return
	}
	tables, ok := written(st.plan.Plan)
	if !ok || c.blind(ctx, l, t, st) {
		t.add(ctx, st.schema.version, dep.Anything())
		return
	}
	for _, table := range tables {
		t.add(ctx, st.schema.version, dep.AnyOf(table))
	}
}

// written returns the tables that one or several plain statements touch; ok is
// false where they may do more.
func written(p *sqldep.Plan) (tables []string, ok bool) {
	switch {
	case p.Everything:
		return nil, false
	case p.Class == sqldep.Write:
		return p.Tables, true
	case p.Class != sqldep.Multi:
		return nil, false
	}
	for _, part := range p.Parts {
		switch {
		case part.Class == sqldep.Read, part.Class == sqldep.Empty:
		case part.Class == sqldep.Write && !part.Everything:
			tables = append(tables, part.Tables...)
		case !controls(part.Class):
			return nil, false
		}
	}
	return tables, true
}

// anyPart reports whether f holds for the plan or one of its parts.
func anyPart(p *sqldep.Plan, f func(*sqldep.Plan) bool) bool {
	return f(p) || slices.ContainsFunc(p.Parts, func(part *sqldep.Plan) bool { return anyPart(part, f) })
}

func changesSchema(p *sqldep.Plan) bool {
	return anyPart(p, func(p *sqldep.Plan) bool {
		return p.Class == sqldep.DDL || p.Class == sqldep.Unrecognised
	})
}

// changesSession says why a statement makes the session different from others;
// empty if it does not, or not for longer than the open transaction.
func (c *conn) changesSession(p *sqldep.Plan, text string) string {
	why, local := c.engine.dialect.changesSession(p, text)
	if local {
		return ""
	}
	return why
}

// steers reports whether the text may begin or end a transaction.
func steers(p *sqldep.Plan) bool {
	return anyPart(p, func(p *sqldep.Plan) bool { return controls(p.Class) || p.Class == sqldep.Unrecognised })
}

func controls(class sqldep.Class) bool {
	switch class {
	case sqldep.Begin, sqldep.Commit, sqldep.Rollback, sqldep.Savepoint, sqldep.RollbackTo, sqldep.Release:
		return true
	}
	return false
}
