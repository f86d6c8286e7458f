package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/rowset"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// conn is a virtual connection. It holds a real one only while something
// depends on it: an open transaction, a changed session, rows being read. Like
// any driver's connection it is used by one goroutine at a time.
type conn struct {
	engine *engine
	closed bool

	schema     *schema    // of plans
	plans      plans      // a share of the schema's, found without a lock
	recent     *statement // the plan of recentText, nil if there is none
	recentText string
	probe      cacheops.Probe // of the read being looked up
	replayer   rowset.Replayer

	held    *lease       // the real connection, nil while nothing depends on it
	tx      *transaction // the open transaction, nil in autocommit
	handle  *txHandle    // database/sql's transaction, which may outlive tx
	streams int          // rows being read from held
	pinned  string       // why held stays; empty if it need not

	// last is the real connection that was written over latest, kept for what a
	// program may ask it about that write: last_insert_rowid(), changes(). It is
	// given back with the virtual one.
	last  *lease
	wrote bool // over held or last
}

var (
	_ driver.Conn               = (*conn)(nil)
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.ExecerContext      = (*conn)(nil)
	_ driver.QueryerContext     = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
)

// maxPlans bounds a connection's share of the schema's statements.
const maxPlans = 256

// maxKeptArgs bounds, in bytes, the room for arguments that a connection keeps while
// nobody uses it: there may be hundreds that wait, each with the largest it has met.
const maxKeptArgs = 16 << 10

// statement returns the plan of a text. Within a transaction or a session of
// its own the schema that is known has to do: what the connection itself sees
// is not what the others see.
func (c *conn) statement(ctx context.Context, text string) (*statement, error) {
	s := c.engine.schema.Load()
	if s == nil || c.held == nil && c.engine.stale.Load() {
		c.yield()
		now, err := c.engine.current(ctx)
		switch {
		case err == nil:
			s = now
		case c.engine.schema.Load() == nil || ctx.Err() != nil || errors.Is(err, driver.ErrBadConn):
			return nil, err
		default:
			s = c.engine.dark.Load() // what ails the database the statement itself will tell, if it ails that
		}
	}
	if c.schema != s {
		c.schema, c.plans, c.recent = s, plans{}, nil
	}
	if c.recent != nil && c.recentText == text { // mostly the same string, which costs no comparison
		return c.recent, nil
	}
	st := c.plans.byText[text]
	if st == nil {
		if c.plans.full(maxPlans) {
			c.plans = plans{}
		}
		if st = s.statement(text); !c.plans.keep(st, maxPlans) {
			return st, nil
		}
	}
	c.recent, c.recentText = st, text
	return st, nil
}

// errReplan says that the schema was found to have changed before anything was
// run: the statement is planned and run anew.
var errReplan = errors.New("sqlcache: the schema has changed")

// maxReplans bounds how often that may happen to one statement, should
// somebody change the schema all the time.
const maxReplans = 10

// planned runs f with the text's plan, anew while the schema moves.
func (c *conn) planned(ctx context.Context, text string, f func(*statement) error) error {
	for try := 0; ; try++ {
		st, err := c.statement(ctx, text)
		if err != nil {
			return err
		}
		if err = f(st); !errors.Is(err, errReplan) || try == maxReplans {
			return err
		}
	}
}

// ExecContext runs a statement whose rows are not wanted.
func (c *conn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if text == invalidateText {
		return c.invalidate(ctx, args)
	}
	if text == refreshText {
		return c.refresh(ctx, args)
	}
	k := run{text: text, args: args}
	err := c.planned(ctx, text, func(st *statement) error { return c.do(ctx, st, &k) })
	if err != nil {
		return nil, err
	}
	return k.result, nil
}

// QueryContext runs a statement that may return rows. What a miss needs is
// apart, so that a hit does not allocate it.
func (c *conn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	st, err := c.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	if st.plan.Class != sqldep.Read || st.plan.SetsSession {
		return c.queryOther(ctx, text, args)
	}
	if m := c.looked(ctx, text, st, args); m != nil {
		if m.hit != nil {
			return c.replayer.Replay(m.hit), nil
		}
		c.probe = m.probe
		return c.queryMissed(ctx, st, m.fill, run{text: text, args: args, wantsRows: true})
	}
	hit, fill := c.lookup(ctx, st, args)
	if hit != nil {
		return c.replayer.Replay(hit.(*rowset.Set)), nil
	}
	return c.queryMissed(ctx, st, fill, run{text: text, args: args, wantsRows: true})
}

func (c *conn) queryOther(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	k := run{text: text, args: args, wantsRows: true}
	err := c.planned(ctx, text, func(st *statement) error { return c.do(ctx, st, &k) })
	if err != nil {
		return nil, err
	}
	return k.rows, nil
}

func (c *conn) queryMissed(ctx context.Context, st *statement, fill bool, k run) (driver.Rows, error) {
	err := c.miss(ctx, st, fill, &k)
	if errors.Is(err, errReplan) {
		err = c.planned(ctx, k.text, func(st *statement) error {
			if st.plan.Class != sqldep.Read || st.plan.SetsSession {
				return c.do(ctx, st, &k)
			}
			hit, fill := c.lookup(ctx, st, k.args)
			if hit != nil {
				k.rows = c.replayer.Replay(hit.(*rowset.Set))
				return nil
			}
			return c.miss(ctx, st, fill, &k)
		})
	}
	if err != nil {
		return nil, err
	}
	return k.rows, nil
}

// do runs a statement that the cache cannot answer.
func (c *conn) do(ctx context.Context, st *statement, k *run) error {
	c.tell(ctx, st)
	k.single = st.single()
	if st.plan.Temp && !c.engine.single() {
		if err := c.pin(ctx, "temporary objects"); err != nil {
			return err
		}
	}
	if st.plan.SetsSession && (k.single || st.plan.Class == sqldep.DDL) {
		if err := c.setsSession(ctx, st, k); err != nil {
			return err
		}
	}
	switch st.plan.Class {
	case sqldep.Read, sqldep.Empty:
		return c.direct(ctx, k)
	case sqldep.Write, sqldep.DDL:
		d := c.engine.dialect
		if c.tx == nil && d.alone(st.plan.Plan) || d.commits(st.plan.Plan) || d.lasting(c, st) {
			return c.anything(ctx, st, k)
		}
		return c.write(ctx, st, k)
	case sqldep.Begin:
		return c.beginText(ctx, st, k)
	case sqldep.Commit:
		return c.commitText(ctx, k)
	case sqldep.Rollback:
		return c.rollbackText(ctx, k)
	case sqldep.Savepoint, sqldep.RollbackTo, sqldep.Release:
		return c.savepoint(ctx, st, k)
	}
	switch {
	case c.engine.dialect.tunes(st.plan.Plan):
		return c.direct(ctx, k)
	case c.engine.dialect.onlySession(st.plan.Plan):
		return c.sessionOnly(ctx, st, k)
	}
	return c.anything(ctx, st, k)
}

// run is one execution of a statement, and then its outcome.
type run struct {
	text      string
	args      []driver.NamedValue
	wantsRows bool
	single    bool // the text is one statement, which may be kept prepared

	result driver.Result
	rows   driver.Rows
	set    *rowset.Set // what rows are of, where they were read to their end
	// failed says that the statement failed, be it after its first rows, where
	// its error is part of the rows.
	failed bool
}

// on runs the statement to its end, so that nothing of it is left to happen.
func (k *run) on(ctx context.Context, l *lease) (err error) {
	k.failed = true
	if k.wantsRows {
		return k.buffer(ctx, l)
	}
	k.result, err = k.exec(ctx, l)
	k.failed = err != nil
	return err
}

func (k *run) exec(ctx context.Context, l *lease) (driver.Result, error) {
	if k.single {
		return l.execKept(ctx, k.text, k.args)
	}
	return l.exec(ctx, k.text, k.args)
}

func (k *run) query(ctx context.Context, l *lease) (driver.Rows, error) {
	if k.single {
		return l.queryKept(ctx, k.text, k.args)
	}
	return l.query(ctx, k.text, k.args)
}

// holding runs f on the connection's real connection if it holds one, and on a
// fresh lease otherwise, which f may keep.
func (c *conn) holding(ctx context.Context, f func(*lease) error) error {
	if c.held == nil {
		c.held, c.last = c.last, nil
	}
	if c.held != nil {
		if c.held.bad {
			return errLost
		}
		return hide(c.lettingGo(ctx, c.held, f))
	}
	for left := -1; ; left-- {
		l, err := c.engine.lease(ctx)
		if err != nil {
			return err
		}
		c.held = l
		err = c.lettingGo(ctx, l, f)
		if err == nil || !errors.Is(err, driver.ErrBadConn) {
			return err
		}
		if left < 0 {
			left = c.engine.inner.Stats().Idle + 1
		}
		if l.sent || left == 0 || c.held != nil {
			return hide(err)
		}
	}
}

func (c *conn) lettingGo(ctx context.Context, l *lease, f func(*lease) error) (err error) {
	finished := false
	defer func() {
		l.bad = l.bad || !finished // after a panic of the driver
		c.letGo()
	}()
	if c.tx == nil && c.handle == nil && c.streams == 0 { // else its snapshot is begun, or the program's to begin
		err = l.look(ctx)
	}
	if err == nil {
		err = f(l)
	}
	finished = true
	return err
}

// letGo gives the real connection back once nothing depends on it.
func (c *conn) letGo() {
	if c.held == nil || c.tx != nil || c.handle != nil || c.streams > 0 || c.pinned != "" {
		return
	}
	l := c.held
	c.held = nil
	if c.wrote && !c.closed && !l.bad && !l.dirty && !c.engine.single() {
		c.last = l
		return
	}
	c.wrote = false
	l.release()
}

// forget gives back the connection of the latest write.
func (c *conn) forget() {
	if l := c.last; l != nil {
		c.last, c.wrote = nil, false
		l.release()
	}
}

// yield does so where we are about to lease one that could have to be this: the
// pool is limited, or each of its connections has a database of its own.
func (c *conn) yield() {
	if c.last != nil && (c.engine.limited() || c.engine.inMemory) {
		c.forget()
	}
}

// pin keeps the real connection for as long as the virtual one lives, because
// its session is no longer like the others'.
func (c *conn) pin(ctx context.Context, why string) error {
	if c.pinned != "" {
		return nil
	}
	return c.holding(ctx, func(l *lease) error {
		c.pinned = why
		l.part()
		return nil
	})
}

// PrepareContext checks a statement on a real connection, once per text and
// schema. What it returns is bound to no connection.
func (c *conn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	if c.tx != nil && feeds(text) {
		return c.feed(ctx, text)
	}
	s := &stmt{conn: c, text: text}
	err := c.planned(ctx, text, func(st *statement) (err error) {
		s.preparation, err = c.prepare(ctx, st, text)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Prepare is PrepareContext for callers without a context.
func (c *conn) Prepare(text string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), text)
}

// prepare remembers what preparing the text told. A session of its own may
// know tables that others do not, so nothing is shared with it.
func (c *conn) prepare(ctx context.Context, st *statement, text string) (*preparation, error) {
	private := c.held != nil
	if !private {
		if p := st.preparation(); p != nil {
			return p, nil
		}
	}
	var p *preparation
	err := c.holding(ctx, func(l *lease) error {
		s, err := l.prepare(ctx, text)
		if err != nil {
			return err
		}
		p = &preparation{inputs: s.NumInput(), converts: s.converts()}
		err = s.Close()
		if why := c.changesSession(st.plan.Plan, text); why != "" {
			private = true
			c.compiled(l, why)
			if c.engine.single() {
				err = errors.Join(err, c.engine.outside(ctx))
			}
		}
		return err
	})
	if errors.Is(err, errReplan) {
		return p, nil
	}
	if err == nil && !private {
		st.setPreparation(p)
	}
	return p, err
}

func (s *statement) preparation() *preparation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.prepared
}

func (s *statement) setPreparation(p *preparation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared = p
}

// CheckNamedValue accepts whatever the bare driver may accept, which is asked
// when there is a real connection. A driver without rules of its own leaves
// the conversion to database/sql, and so do we.
func (c *conn) CheckNamedValue(nv *driver.NamedValue) error {
	switch v := nv.Value.(type) {
	case int64, string, nil, bool, float64, []byte, time.Time, *invalidation, *refreshment:
		return nil
	case int:
		if !c.engine.convert {
			nv.Value = int64(v) // as database/sql would, but for its detour through reflect
		}
		return nil
	}
	if !c.engine.convert {
		return driver.ErrSkip
	}
	nv.Value = pointedAt(nv.Value)
	return nil
}

// Ping asks the database, not the cache.
func (c *conn) Ping(ctx context.Context) error {
	return c.holding(ctx, func(l *lease) error {
		if p, ok := l.real.(driver.Pinger); ok {
			return l.note(p.Ping(ctx))
		}
		return nil
	})
}

// ResetSession forwards to the real connection if one is held; those of the
// inner pool are reset there.
func (c *conn) ResetSession(ctx context.Context) error {
	if c.held == nil && c.last == nil {
		return nil
	}
	c.forget()
	if c.held == nil {
		return nil
	}
	if r, ok := c.held.real.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// IsValid reports whether database/sql may keep the connection. One with a
// session of its own is given up where its kind could exhaust the inner pool, or
// the server.
func (c *conn) IsValid() bool {
	if cap(c.probe.Args) > maxKeptArgs {
		c.probe = cacheops.Probe{}
	}
	if c.held == nil && c.last == nil {
		return !c.closed
	}
	c.forget() // database/sql asks when its user is done with the connection
	if c.held == nil {
		return !c.closed
	}
	if c.held.bad || c.pinned != "" && !c.engine.single() && (c.engine.limited() || !c.engine.dialect.keepsPinned()) {
		return false
	}
	return c.held.usable() == nil
}

// Close gives back or closes what is held. A transaction left open is rolled
// back with its connection.
func (c *conn) Close() error {
	c.closed = true
	c.forget()
	if c.held == nil {
		return nil
	}
	if c.tx != nil {
		c.held.rollback(context.Background())
		c.tx = nil
	}
	c.handle, c.streams, c.pinned = nil, 0, ""
	c.letGo()
	return nil
}
