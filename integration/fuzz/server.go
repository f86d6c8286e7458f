package fuzz

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
)

// Server is a place on a database server for scripts: two databases that each
// script empties.
type Server struct {
	d *dialect
	// open returns a pool for the work on a database outside of the cache.
	open func(scratch bool) (*sql.DB, error)
	// prelude empties it, and makes what a script takes for granted.
	prelude []string
	// after comes when a script's tables are there; what fails is left out.
	after []string
	// ways are how its sessions reach the database, in turn, under the settings
	// of the script for the last of them.
	ways func(settings []string) []way
	// uptime asks how long the server has been up, nil where it never falls. MariaDB
	// 10.11 crashes at one in some hundred thousand of the statements that scripts
	// make, and is started again by who watches over it.
	uptime func(context.Context) (time.Duration, error)
	// fault says what became of a statement that failed.
	fault func(error) fault
	// literal is the way, if not 0, on which values are written into the text, by a
	// cache those of prepared statements too. So it does with statements without any.
	// The server then names and types columns without a table in another way.
	literal int
	// settings are what Generate chooses those of the script from.
	settings []string
	// patient are settings with which a statement waits for locks.
	patient []string
}

// way is how a program reaches a database: a driver with its settings, through
// the cache and past it.
type way interface {
	cached(context.Context, *cacheops.Cache) (source, error)
	bare(context.Context) (source, error)
}

// source is where a session's connections come from.
type source interface {
	session(context.Context) (teller, error)
	Close() error
}

// teller executes the steps of one session.
type teller interface {
	do(ctx context.Context, op *Op) answer
	close()
	// forget closes what is prepared, with all also what the driver keeps prepared
	// by itself: PostgreSQL goes on with the tables that it found when they were
	// prepared, although there are others now that come first in the search path.
	forget(ctx context.Context, all bool)
	// discard closes the connection too: what a session leaves on it is not for
	// the next one.
	discard()
}

// fault is what an error is to the judge.
type fault int

const (
	plainFault fault = iota // the same with the cache and without
	blocked                 // by another session's lock: it says nothing of rows
	outOfDate               // a prepared statement, which is all right when prepared anew
)

// reset empties a database and makes what scripts take for granted. It goes on
// until no lock is in the way: a server may work on what a session asked for
// for some time after the session has hung up.
func (v *Server) reset(ctx context.Context, scratch bool) (*sql.DB, error) {
	deadline := time.Now().Add(serverPatience)
	for {
		db, err := v.empty(ctx, scratch)
		if err == nil || v.fault(err) != blocked || time.Now().After(deadline) {
			return db, err
		}
	}
}

func (v *Server) empty(ctx context.Context, scratch bool) (*sql.DB, error) {
	db, err := v.open(scratch)
	if err != nil {
		return nil, err
	}
	for _, text := range v.prelude {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", text, err), db.Close())
		}
	}
	return db, nil
}

// Generate makes the script of a seed on the scratch database, which tells what
// the server takes.
func (v *Server) Generate(ctx context.Context, seed uint64, size Size) (*Script, error) {
	g, err := v.generator(ctx, seed, size)
	if err != nil {
		return nil, err
	}
	defer g.scratch.close()
	g.runServer()
	return g.script, nil
}

func (v *Server) generator(ctx context.Context, seed uint64, size Size) (*generator, error) {
	db, err := v.reset(ctx, true)
	if err != nil {
		return nil, fmt.Errorf("empty the scratch database: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	g := newGenerator(v.d, seed, size, &scratch{db: db, conn: conn, prepares: true})
	for _, s := range v.settings {
		if chance(g.r, 25) {
			g.script.Pragmas = append(g.script.Pragmas, s)
		}
	}
	return g, nil
}

// setUp makes the script's database. A step that fails is left out.
func (v *Server) setUp(ctx context.Context, s *Script) error {
	db, err := v.reset(ctx, false)
	if err != nil {
		return fmt.Errorf("empty the database: %w", err)
	}
	for _, text := range append(s.Setup[:len(s.Setup):len(s.Setup)], v.after...) {
		db.ExecContext(ctx, text) // what fails is simply not there
	}
	return db.Close()
}

// Run executes a script in several sessions behind caches over one store, and
// compares every read outside of a transaction with the same read on a bare
// connection with the same session. It returns a *Mismatch for the first that
// differs. bend, if not nil, changes the store.
func (v *Server) Run(ctx context.Context, s *Script, bend func(cacheops.Store) cacheops.Store, fig *Figures) (err error) {
	ctx, cancel := context.WithTimeout(ctx, serverPatience)
	defer cancel()
	defer func() {
		if ctx.Err() != nil && err != nil {
			fig.Abandoned++
			err = nil
		}
	}()
	if err := v.setUp(ctx, s); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	p, err := v.players(ctx, s, bend)
	if err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	defer func() { err = errors.Join(err, p.close()) }()
	for i := range s.Ops {
		if err := p.step(ctx, i, &s.Ops[i], fig); err != nil {
			return err
		}
	}
	return nil
}

const serverPatience = 60 * time.Second

// dear is how long a read may take that is compared again. A few products of
// whole tables would else take most of the time there is.
const dear = 100 * time.Millisecond

// players are the sessions of a script and what they stand on.
type players struct {
	v        *Server
	store    cacheops.Store
	caches   []*cacheops.Cache
	ways     []sources
	sessions map[int]*player
	trace    trace
	altered  map[int]bool // sessions that changed the schema and did not say so yet
	dear     map[string]bool
}

type sources struct{ cached, bare source }

// player is a session and its bare twin, which has the same settings and makes
// no changes.
type player struct{ cached, bare teller }

// theirs is a store that outlives the caches over it.
type theirs struct{ cacheops.Store }

func (theirs) Close() error { return nil }

func (v *Server) players(ctx context.Context, s *Script, bend func(cacheops.Store) cacheops.Store) (*players, error) {
	return v.over(ctx, v.ways(s.Pragmas), bend)
}

// over opens ways to the database through caches over one store, and bare.
func (v *Server) over(ctx context.Context, ways []way, bend func(cacheops.Store) cacheops.Store) (_ *players, err error) {
	p := &players{v: v, store: memstore.New(64 << 20), sessions: map[int]*player{}, trace: newTrace(), altered: map[int]bool{}, dear: map[string]bool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if bend != nil {
		p.store = bend(p.store)
	}
	for _, w := range ways {
		cache, err := cacheops.New(theirs{p.store}, &cacheops.Config{
			Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}},
		})
		if err != nil {
			return p, err
		}
		p.caches = append(p.caches, cache)
		c, err := w.cached(ctx, cache)
		if err != nil {
			return p, err
		}
		p.ways = append(p.ways, sources{cached: c})
		if p.ways[len(p.ways)-1].bare, err = w.bare(ctx); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p *players) close() (err error) {
	for _, s := range p.sessions {
		s.close()
	}
	for _, w := range p.ways {
		err = errors.Join(err, w.cached.Close())
		if w.bare != nil {
			err = errors.Join(err, w.bare.Close())
		}
	}
	for _, c := range p.caches {
		err = errors.Join(err, c.Close())
	}
	return errors.Join(err, p.store.Close())
}

func (s *player) close() {
	s.cached.close()
	s.bare.discard()
}

func (p *players) session(ctx context.Context, i int) (*player, error) {
	if s, ok := p.sessions[i]; ok {
		return s, nil
	}
	w := p.ways[i%len(p.ways)]
	c, err := w.cached.session(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	b, err := w.bare.session(ctx)
	if err != nil {
		c.close()
		return nil, fmt.Errorf("open a bare session: %w", err)
	}
	p.sessions[i] = &player{c, b}
	return p.sessions[i], nil
}

func (p *players) step(ctx context.Context, i int, op *Op, fig *Figures) error {
	if op.Action == Reopen {
		if s, ok := p.sessions[op.Session]; ok {
			// A transaction that a text began would go on for the connection's next user.
			s.cached.do(ctx, &Op{Action: Exec, SQL: "ROLLBACK"})
			s.close()
			delete(p.sessions, op.Session)
			delete(p.trace.sessions, op.Session)
		}
		return nil
	}
	s, err := p.session(ctx, op.Session)
	if err != nil {
		return err
	}
	switch {
	case op.Read:
		return p.read(ctx, s, i, op, fig)
	case op.Class == "oddity":
		s.bare.do(ctx, op)
	}
	got := s.cached.do(ctx, op)
	p.trace.note(op, false, &got, fig)
	if op.Class == "ddl" || op.Class == "multi" {
		p.altered[op.Session] = true
	}
	if p.altered[op.Session] && !p.trace.alone(op.Session) {
		delete(p.altered, op.Session)
		for _, s := range p.sessions {
			s.cached.forget(ctx, false)
			s.bare.forget(ctx, true)
		}
	}
	return nil
}

// read compares a read, unless it may see what its own session has not
// committed.
func (p *players) read(ctx context.Context, s *player, i int, op *Op, fig *Figures) error {
	o := *op
	if v := p.v.literal; v > 0 && (op.Session%len(p.ways) == v || len(op.Args) == 0) {
		o.Prepared = false
	}
	op = &o
	if p.dear[op.SQL] {
		return nil
	}
	began := time.Now()
	var got, want answer
	var report cacheops.Report
	for try := 0; ; try++ {
		report = cacheops.Report{}
		got = s.cached.do(cacheops.With(ctx, cacheops.Call{Report: &report}), op)
		if p.trace.alone(op.Session) {
			return nil
		}
		want = s.bare.do(ctx, op)
		if !got.differs(&want, op.Ordered) {
			break
		}
		a, b := p.v.fault(got.err), p.v.fault(want.err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case try == 0 && !report.Hit && p.v.d == postgres:
			// The driver's own: a session that has not heard yet that there are other
			// tables than those that it prepared the statement with. What it read must
			// not be kept, so the next answer is right.
			fig.Accepted++
			continue
		case report.Why != "miss" && !report.Hit && p.v.d == postgres:
			// The same where the cache is not asked, and so hears of nothing: that read
			// is the driver's, which goes on with what it has prepared.
			fig.Accepted++
			return nil
		case report.Why == "sql_auto_is_null is on" && !report.Hit:
			// It finds what the session has inserted last, and its twin inserts nothing.
			fig.Accepted++
			return nil
		case a == blocked || b == blocked, !report.Hit && p.v.d == mysql && got.represents(&want):
			fig.Accepted++
			return nil
		case (a == outOfDate || b == outOfDate) && try < 6:
			s.cached.forget(ctx, false)
			s.bare.forget(ctx, true)
			continue
		}
		return &Mismatch{Step: i, Op: *op, Got: got.String(), Want: want.String(), Hit: report.Hit && got.err == nil}
	}
	p.trace.note(op, report.Hit, &want, fig)
	if time.Since(began) > dear {
		p.dear[op.SQL] = true
	}
	return nil
}

// alone reports whether a session may see rows that others may not: it is in a
// transaction, or has tables of its own.
func (t *trace) alone(i int) bool {
	s := t.sessions[i]
	return s != nil && (s.inTx || s.own)
}

// secludes reports whether a statement gives its session something that its
// bare twin has not.
func secludes(text string) bool {
	text = strings.ToUpper(text)
	return strings.Contains(text, "TEMP") || strings.Contains(text, "AUTOCOMMIT") || strings.Contains(text, "INSERT_ID") || strings.Contains(text, "AUTO_IS_NULL")
}

// sqlWay is database/sql with one driver.
type sqlWay struct {
	over func(*cacheops.Cache) (*sql.DB, error)
	pool func() (*sql.DB, error)
}

func (w sqlWay) cached(_ context.Context, c *cacheops.Cache) (source, error) {
	db, err := w.over(c)
	return sqlSource{db}, err
}

func (w sqlWay) bare(context.Context) (source, error) {
	db, err := w.pool()
	return sqlSource{db}, err
}

type sqlSource struct{ *sql.DB }

func (s sqlSource) session(ctx context.Context) (teller, error) { return openSession(ctx, s.DB) }
