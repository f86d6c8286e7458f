package sqlcache

import (
	"context"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// Functions (cacheops.NewFunc) are told of everything that is done with their
// context. Reads that are looked up tell by themselves; this is for the rest.

// tell is for a statement that the cache cannot answer.
func (c *conn) tell(ctx context.Context, st *statement) {
	switch st.plan.Class {
	case sqldep.Read, sqldep.Empty:
		cacheops.Untracked(ctx, "a read past the cache")
	case sqldep.Begin, sqldep.Commit, sqldep.Rollback, sqldep.Savepoint, sqldep.RollbackTo, sqldep.Release:
		cacheops.InTransaction(ctx)
	case sqldep.Write, sqldep.DDL:
		cacheops.Wrote(ctx)
	default:
		if d := c.engine.dialect; d.tunes(st.plan.Plan) || d.onlySession(st.plan.Plan) {
			cacheops.Untracked(ctx, "a statement about the session")
			return
		}
		cacheops.Wrote(ctx)
	}
}

// sessionIn returns the session that a read planned with a schema is made in; false
// where there is no scope for it.
func (e *engine) sessionIn(ctx context.Context, s *schema) (string, bool) {
	if e.opts.Scope == nil {
		return s.key, true
	}
	scope, ok := e.opts.Scope(ctx)
	return s.key + "\x00s" + scope, ok
}

// session is sessionIn with the present schema, as the cache asks for it.
func (e *engine) session(ctx context.Context) (string, bool) {
	s := e.schema.Load()
	if s == nil {
		return "", false
	}
	return e.sessionIn(ctx, s)
}

// version is that of the present schema's catalog, zero if it is not known.
func (e *engine) version() uint64 {
	if s := e.schema.Load(); s != nil {
		return s.version
	}
	return 0
}

// private says that what a read returns may be for its caller alone, for a reason
// that is not in its key.
func (s *schema) private(p sqldep.Bound) bool {
	return s.engine.dialect.uncacheable() != "" || s.session.tells != "" || p.AsksSession || s.engine.opts.Scope == nil && s.guarded(p.Tables)
}
