package sqlcache

import (
	"context"

	"github.com/cacheops/cacheops/internal/catalog"
)

// A connection whose session is not like the others' reads other rows, or other
// forms of them: what it reads is not kept, and it keeps to itself.

// meet finds out what makes the connection's answers what they are: once, and
// again where that may have changed since.
func (l *lease) meet(ctx context.Context) error {
	moves := l.engine.moves.Load()
	if l.pooled.met == moves+1 && !l.engine.foreign {
		return nil
	}
	s, err := l.engine.dialect.session(ctx, l)
	if err != nil {
		return l.note(err)
	}
	l.pooled.session, l.pooled.met = s, moves+1
	return nil
}

// changed reports whether the session is another one than was met: PostgreSQL reads its
// configuration anew in the middle of all of them, and what was kept since depends on
// other tables than its plan says.
func (l *lease) changed(ctx context.Context) bool {
	p := l.pooled
	if l.engine.dialect.kind() != catalog.PostgreSQL || l.engine.preparing() || p.met != l.engine.moves.Load()+1 {
		return false
	}
	was := p.session
	p.met = 0
	return l.meet(ctx) == nil && p.session != was
}

// asksFirst reports whether a connection is asked for its session before all else:
// asked in a transaction of SQLite's, the answer would be of a snapshot, behind which a
// write could no longer wait for another.
func (e *engine) asksFirst() bool {
	return !e.foreign && e.schema.Load() != nil && e.dialect.kind() == catalog.SQLite
}

// preparing reports whether a connection's session may be another one at each use.
func (e *engine) preparing() bool {
	return e.schema.Load() != nil && e.scoped // which is set up with the first schema
}

// unlike says why nothing that is read on the connection may be kept; empty if it
// may.
func (e *engine) unlike(ctx context.Context, l *lease, s *schema) (why string, err error) {
	if err := l.meet(ctx); err != nil {
		return "", err
	}
	switch is := l.pooled.session; {
	case is.never != "":
		return is.never, nil
	case is.print != s.session.print:
		return "the connection's session is unlike the others'", nil
	}
	return "", nil
}

// meansElse reports whether a text may mean something else on the connection than its
// plan says: the pool's connections differ (in the search path, in what "a" is and
// where '\' ends), or settings were changed since the schema was read. A connection is
// asked once.
func (l *lease) meansElse(ctx context.Context, st *statement) bool {
	switch {
	case l.engine.asksFirst():
		return l.pooled.met == 0 || l.pooled.session.writes != st.schema.session.writes
	case l.engine.dialect.kind() == catalog.SQLite:
		return false // over a foreign pool the catalog expects anything
	case l.pooled.met == 0 && l.meet(ctx) != nil:
		return true
	}
	return l.pooled.session.mode != st.schema.session.mode || l.pooled.session.print != st.schema.session.print
}

// unsettled says that the session may have been changed by what nobody has looked
// into: a function that sets the search path. It is asked again.
func (c *conn) unsettled(l *lease) {
	if c.engine.dialect.kind() == catalog.SQLite {
		return
	}
	l.pooled.met = 0
	if c.tx != nil {
		c.tx.strange = true // to ask in the transaction could end it
	}
	if c.engine.single() {
		c.engine.outdated()
	}
}

// setsSession prepares for a statement that leaves something in the session, of
// whatever class it is.
func (c *conn) setsSession(ctx context.Context, st *statement, k *run) error {
	why, local := c.engine.dialect.changesSession(st.plan.Plan, k.text)
	if c.tx != nil && why != "" {
		c.tx.strange = true
	}
	if why == "" || local {
		return nil
	}
	if c.engine.single() {
		c.engine.outdated() // all connections share it
		return nil
	}
	return c.pin(ctx, why)
}

// sessionOnly runs a statement that changes the session and no row.
func (c *conn) sessionOnly(ctx context.Context, st *statement, k *run) error {
	if err := c.setsSession(ctx, st, k); err != nil {
		return err
	}
	err := c.direct(ctx, k)
	if c.engine.single() {
		c.engine.outdated()
	}
	return err
}
