package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/rowset"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// schema is a catalog with the statements planned under it.
type schema struct {
	engine  *engine
	catalog *catalog.Catalog
	// version is the catalog version that the store had before the catalog was
	// read, zero if it could not say. With zero nothing is kept.
	version uint64
	// session is that of the connection that read the catalog. Entries are made in
	// it, and by connections alone that are like that one; key is its part of their
	// keys.
	session session
	key     string
	planner *sqldep.Planner

	mu         sync.Mutex
	statements plans
	older      plans // the previous generation
}

// statement is a text planned under one schema. It is shared.
type statement struct {
	schema *schema
	text   string
	plan   sqldep.Bound
	query  cacheops.Query // of a Read
	heads  rowset.Heads
	// clocked says that an argument may ask the clock.
	clocked bool
	// restless says that the session may be another one after the statement.
	restless bool

	mu       sync.Mutex
	prepared *preparation
}

// single says that the text is one statement that reads or writes rows.
func (s *statement) single() bool {
	return s.plan.Class == sqldep.Read || s.plan.Class == sqldep.Write
}

// preparation is what preparing a text on a real connection told.
type preparation struct {
	inputs   int
	converts bool
}

// statement returns the plan of a text, from memory if it can. Two generations
// of statements are kept, so that texts in use survive a stream of others.
func (s *schema) statement(text string) *statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.statements.byText[text]; ok {
		return st
	}
	st, ok := s.older.byText[text]
	if !ok {
		st = s.plan(strings.Clone(text)) // it may be part of something large
	}
	most := s.engine.opts.PlanCache/2 + 1
	if s.statements.full(most) {
		s.older, s.statements = s.statements, plans{}
	}
	s.statements.keep(st, most)
	return st
}

func (s *schema) plan(text string) *statement {
	st := &statement{schema: s, text: text, plan: s.planner.Plan(text, s.catalog)}
	if st.plan.Class == sqldep.Read {
		st.query = s.query(text, st.plan)
		s.engine.db.Prepare(&st.query)
		st.text = st.query.Text // one copy in memory
		st.clocked = st.plan.MayAskClock(s.engine.dialect.kind())
	}
	st.restless = s.restless(st.plan.Plan)
	return st
}

// setsInside finds what sets something in the body of a trigger: SET where a statement
// may begin, and PostgreSQL's function. It finds more than that.
var setsInside = regexp.MustCompile(`(?i)set_config|(^|;|\n|\*/|\$|\b(begin|then|else|loop|do))\s*(set|reset)\s`)

// restless reports whether a statement may leave the session changed by what it calls,
// which its own text does not show.
func (s *schema) restless(p *sqldep.Plan) bool {
	return p.Class == sqldep.Write && (p.Everything || slices.ContainsFunc(p.Tables, func(name string) bool {
		t, ok := s.catalog.Tables[name]
		return ok && slices.ContainsFunc(t.Triggers, func(g *catalog.Trigger) bool { return setsInside.MatchString(g.Body) })
	}))
}

func (s *schema) query(text string, p sqldep.Bound) cacheops.Query {
	q := cacheops.Query{
		Text: text, Op: opOf(p.Op), Main: p.Main, Uses: p.Tables, Catalog: s.version, Session: s.key,
		Hints:       s.planner.Hints(text),
		Uncacheable: p.Uncacheable, Private: s.private(p), Decode: decode,
	}
	switch {
	case q.Uncacheable != "":
	case s.engine.dialect.uncacheable() != "":
		q.Uncacheable = s.engine.dialect.uncacheable()
	case s.session.tells != "":
		q.Uncacheable = s.session.tells
	case p.AsksSession:
		q.Uncacheable = "tells of its own connection"
	case s.engine.opts.Scope == nil && s.guarded(p.Tables):
		q.Uncacheable = "row-level security, and Options.Scope does not say for whom"
	case s.version == 0:
		q.Uncacheable = "the catalog's version is not known"
	}
	return q
}

// guarded reports whether row-level security may decide which rows of a table a
// reader sees. Under a view it is that of the view's owner, whoever reads.
func (s *schema) guarded(tables []string) bool {
	return slices.ContainsFunc(tables, func(name string) bool {
		t, ok := s.catalog.Tables[name]
		return ok && t.RowSecurity
	})
}

func opOf(op sqldep.ReadOp) cacheops.Ops {
	switch op {
	case sqldep.OpGet:
		return cacheops.Get
	case sqldep.OpCount:
		return cacheops.Count
	case sqldep.OpExists:
		return cacheops.Exists
	case sqldep.OpAggregate:
		return cacheops.Aggregate
	}
	return cacheops.Fetch
}

func decode(b []byte) (cacheops.Value, error) {
	s, err := rowset.Decode(b)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// current returns the schema to plan with, reading it first if it is not known
// or out of date. It takes a lease for that, so a caller that holds one does
// not call it.
func (e *engine) current(ctx context.Context) (*schema, error) {
	if s := e.schema.Load(); s != nil && (!e.stale.Load() || e.replica.rests(s)) {
		return s, nil
	}
	if err := acquire(ctx, e.loading); err != nil {
		return nil, err
	}
	defer func() { <-e.loading }()
	if s := e.schema.Load(); s != nil && (!e.stale.Load() || e.replica.rests(s)) {
		return s, nil
	}
	if err := e.unreadable(); err != nil {
		return nil, err
	}
	var s *schema
	err := e.onLease(ctx, func(l *lease) (err error) {
		s, err = e.read(ctx, l)
		return err
	})
	if err != nil {
		return nil, err
	}
	e.schema.Store(s)
	e.attached()
	return s, nil
}

// read reads the schema. The version is asked first: DDL after that makes
// another one, and marks the schema stale again.
func (e *engine) read(ctx context.Context, l *lease) (*schema, error) {
	if e.db == nil {
		if err := e.setUp(ctx, l); err != nil {
			return nil, err
		}
	}
	e.stale.Store(false)
	if err := l.meet(ctx); err != nil {
		e.stale.Store(true)
		return nil, err
	}
	version, err := e.db.CatalogVersion(ctx)
	if err != nil {
		version = 0
		e.stale.Store(true)
	}
	if e.replica != nil && version != 0 {
		if version = e.replica.follows(ctx, l, version); version == 0 {
			e.stale.Store(true)
		}
	}
	cat, err := e.dialect.readCatalog(ctx, l)
	if err != nil {
		e.failedToRead(ctx, l, err)
		return nil, err
	}
	cat.Functions = e.opts.pureFunctions()
	e.checked.Store(int64(e.sinceStart()))
	return e.newSchema(cat, version, l.pooled.session), nil
}

// newSchema makes a schema to plan with. The planner is the last one's where that
// plans in the same mode.
func (e *engine) newSchema(cat *catalog.Catalog, version uint64, in session) *schema {
	s := &schema{engine: e, catalog: cat, version: version, session: in}
	s.key = e.opts.Session
	if in.print != "" {
		s.key += "\x00p" + digest(in.print)
	}
	if last := e.schema.Load(); last != nil && last.session.mode == in.mode {
		s.planner = last.planner
	} else {
		s.planner = sqldep.NewPlannerMode(e.dialect.kind(), in.mode, e.opts.PlanCache)
	}
	return s
}

func (e *engine) setUp(ctx context.Context, l *lease) error {
	if err := e.detect(ctx, l); err != nil {
		return err
	}
	e.convert = l.defers()
	name, identity, err := e.dialect.identify(ctx, l)
	if err != nil {
		return err
	}
	if e.opts.Name != "" {
		name = e.opts.Name
	}
	backend := cacheops.Backend{Name: name, Identity: identity, Prove: e.dialect.prove, Row: e.row}
	backend.Session, backend.Version, backend.Gone = e.session, e.version, e.gone.Load
	if e.replica != nil {
		backend.Replica, backend.Prove = true, nil
		if backend.Identity, err = e.replicaOf(identity); err != nil {
			return err
		}
	}
	db, err := e.cache.Attach(backend)
	if err != nil {
		return fmt.Errorf("attach the database to the cache: %w", err)
	}
	e.db = db
	e.dark.Store(e.newDark(0))
	return nil
}

// replicaOf returns the identity that a replica shares with its primary, empty if
// it has one of its own.
func (e *engine) replicaOf(identity string) (string, error) {
	switch d := e.dialect.(type) {
	case *postgres:
		e.replica.kind = d
		return identity, nil
	case *mysql:
		if e.opts.Name == "" {
			return "", errors.New("sqlcache: Options.Name must name the database that this one replicates, as the primary's options do")
		}
		return "", nil
	}
	return "", errors.New("sqlcache: Options.Replica: SQLite has no replicas")
}

// newDark returns a schema of which nothing is known, not even its version: no
// read is cached under it, and a write may be anything.
func (e *engine) newDark(mode sqldep.Mode) *schema {
	empty := &catalog.Catalog{Dialect: e.dialect.kind(), Tables: map[string]*catalog.Table{}}
	empty.Index()
	return &schema{
		engine: e, catalog: empty,
		session: session{mode: mode, snapshots: true}, planner: sqldep.NewPlannerMode(e.dialect.kind(), mode, e.opts.PlanCache),
	}
}

// catalogMoved hears of DDL by others.
func (e *engine) catalogMoved(version uint64) {
	if s := e.schema.Load(); s == nil || s.version != version {
		e.outdated()
	}
}

// look has a connection look at the schema if that has changed since it did so
// last. Without the cache the session's reads would have told the connection;
// hits take none.
//
// A connection that cannot be made to look tells of that with the statement
// itself. Nothing counts as sent: a look may well be repeated elsewhere.
func (l *lease) look(ctx context.Context) error {
	if l.pooled.met == 0 && (l.engine.preparing() || l.engine.asksFirst()) {
		sent := l.sent
		err := l.meet(ctx)
		if l.sent = sent; errors.Is(err, driver.ErrBadConn) {
			return err
		}
	}
	moves := l.engine.moves.Load()
	if l.pooled.seen == moves {
		return nil
	}
	sent := l.sent
	l.pooled.kept.forget() // none that was compiled would outlast the change
	err := l.engine.dialect.refresh(ctx, l)
	l.sent = sent
	switch {
	case errors.Is(err, driver.ErrBadConn):
		return err
	case err == nil:
		l.pooled.seen = moves
	}
	return nil
}
