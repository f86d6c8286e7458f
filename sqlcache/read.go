package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/rowset"
)

// own says why this connection's reads do not ask the cache; empty if they do.
func (c *conn) own() string {
	switch {
	case c.held == nil:
		return ""
	case c.tx != nil:
		return "transaction"
	case c.pinned != "":
		return c.pinned
	}
	return "connection in use"
}

// lookup asks the cache for a read, unless this connection may see something
// else than the others do.
func (c *conn) lookup(ctx context.Context, st *statement, args []driver.NamedValue) (hit cacheops.Value, fill bool) {
	e := c.engine
	if why := c.own(); why != "" {
		if c.tx != nil {
			c.tx.work.Read(ctx)
		}
		e.db.Bypass(ctx, &st.query, why)
		return nil, false
	}
	var ok bool
	if c.probe.Args, c.probe.Sum, ok = appendArgs(c.probe.Args[:0], args); !ok {
		e.db.Bypass(ctx, &st.query, "argument of an unknown type")
		return nil, false
	}
	if st.clocked && st.plan.AsksClock(e.dialect.kind(), args) {
		e.db.Bypass(ctx, &st.query, "an argument that may ask the clock")
		return nil, false
	}
	key, ok := e.sessionIn(ctx, st.schema)
	if !ok {
		e.db.Bypass(ctx, &st.query, "no scope")
		return nil, false
	}
	return e.db.Lookup(ctx, &st.query, key, &c.probe)
}

// miss runs a read that the cache did not answer; fill is what lookup said just
// before.
func (c *conn) miss(ctx context.Context, st *statement, fill bool, k *run) error {
	k.single = st.single()
	if !fill {
		return c.direct(ctx, k)
	}
	large := c.engine.large.hash(k.text, c.probe.Args)
	if c.engine.large.has(large) {
		cacheops.Untracked(ctx, "result too large to keep")
		return c.direct(ctx, k)
	}
	c.yield()
	v, err := c.engine.db.Fill(ctx, &c.probe, c.engine.source(st, k))
	switch {
	case errors.Is(err, errTooLarge):
		c.engine.large.add(large)
		return c.direct(ctx, k)
	case err != nil:
		return hide(err)
	}
	k.rows = c.replayer.Replay(v.(*rowset.Set))
	return nil
}

var errTooLarge = errors.New("sqlcache: result too large to keep")

// source says how a missed read gets its result. Others may wait for it after
// this caller has gone, hence the copy of the arguments.
func (e *engine) source(st *statement, k *run) cacheops.Source {
	text, args := k.text, cloned(k.args)
	src := cacheops.Source{
		CatalogMoved: e.catalogMoved,

		Uses: func() ([]dep.Use, error) { return st.plan.Uses(meant(args)), nil },
	}
	if e.replica == nil {
		src.Load = func(ctx context.Context) (loaded cacheops.Loaded, err error) {
			err = e.onLease(ctx, func(l *lease) error {
				loaded, err = e.load(ctx, l, st, text, args)
				return err
			})
			return loaded, err
		}
		return src
	}
	src.LoadSince = func(ctx context.Context, since time.Time) (loaded cacheops.Loaded, err error) {
		err = e.onLease(ctx, func(l *lease) error {
			asOf, err := e.replica.shows(ctx, l, since)
			if err != nil {
				return err
			}
			loaded, err = e.load(ctx, l, st, text, args)
			loaded.AsOf = asOf
			return err
		})
		return loaded, err
	}
	return src
}

// load runs a read on a fresh lease: no statement is open there, and no
// transaction, so its snapshot begins now.
func (e *engine) load(ctx context.Context, l *lease, st *statement, text string, args []driver.NamedValue) (cacheops.Loaded, error) {
	unlike, err := e.ready(ctx, l, st.schema)
	if err != nil {
		return cacheops.Loaded{}, err
	}
	if e.foreign {
		end, err := e.dialect.beginRead(ctx, l)
		if err != nil {
			return cacheops.Loaded{}, err
		}
		defer end()
	}
	k := run{text: text, args: args, single: true}
	var set *rowset.Set
	err = l.patiently(func() (err error) {
		set, err = k.record(ctx, l, max(e.opts.MaxEntryBytes, 0), &st.heads)
		return err
	})
	if err != nil {
		return cacheops.Loaded{}, err
	}
	return loadedOf(set, unlike), nil
}

// ready finds out whether reads that were planned under a schema may be made on a
// lease; unlike says why nothing of them is kept, empty if it is.
func (e *engine) ready(ctx context.Context, l *lease, s *schema) (unlike string, err error) {
	if s.version == 0 {
		return "the catalog's version is not known", nil
	}
	switch err := e.checkSchema(ctx, l); {
	case errors.Is(err, cacheops.ErrStore):
		return "the store could not be told that the schema has changed", nil
	case err != nil:
		return "", err
	}
	if e.stale.Load() { // as the acquire has found, if not before
		if err := e.checkVersion(ctx); err != nil {
			return "", err
		}
	}
	if unlike, err = e.unlike(ctx, l, s); err != nil || unlike != "" {
		return unlike, err
	}
	return e.dialect.demoted(ctx, l)
}

// loadedOf is a recorded result as the cache takes it.
func loadedOf(set *rowset.Set, unlike string) cacheops.Loaded {
	loaded := cacheops.Loaded{Value: set, Rows: set.Rows() > 0}
	switch {
	case unlike != "":
		loaded.Discard = unlike
	case set.Err() != nil:
		loaded.Discard = "error"
	case !set.Plain():
		loaded.Discard = "value of an unknown type"
	}
	return loaded
}

// record runs a query and records what it returns, an error after the first
// row included.
func (k *run) record(ctx context.Context, l *lease, limit int, heads *rowset.Heads) (*rowset.Set, error) {
	rows, err := k.query(ctx, l)
	if err != nil {
		return nil, err
	}
	set, err := rowset.Record(unwrap(rows), limit, heads)
	closeErr := l.note(rows.Close())
	switch {
	case errors.Is(err, rowset.ErrTooLarge):
		return nil, errTooLarge
	case err != nil:
		return nil, err
	case set.Err() != nil:
		return set.Hiding(hide(l.note(set.Err()))), nil
	case closeErr != nil:
		return nil, closeErr
	}
	return set, nil
}

// buffer runs the statement and keeps its rows.
func (k *run) buffer(ctx context.Context, l *lease) error {
	set, err := k.record(ctx, l, 0, nil)
	if err != nil {
		return err
	}
	k.set, k.failed = set, set.Err() != nil
	k.rows = set.Replay()
	return nil
}

// direct runs a statement on the database and hands its rows on as they come.
func (c *conn) direct(ctx context.Context, k *run) error {
	return c.holding(ctx, func(l *lease) (err error) {
		if !k.wantsRows {
			k.result, err = k.exec(ctx, l)
			return c.settled(ctx, l, err)
		}
		var rows driver.Rows
		read := func() (err error) {
			rows, err = k.query(ctx, l)
			return err
		}
		if k.single && c.tx == nil && c.handle == nil && c.streams == 0 && c.pinned == "" {
			err = l.patiently(read)
		} else {
			err = read()
		}
		if err != nil {
			return c.settled(ctx, l, err)
		}
		c.streams++
		k.rows = &liveRows{rows: rows, bare: unwrap(rows), conn: c, lease: l}
		return nil
	})
}

// checkSchema asks now and then, on a connection at hand, whether somebody
// outside has changed the schema. Such a change drops everything, as our own
// does: what else was changed there is not known.
func (e *engine) checkSchema(ctx context.Context, l *lease) error {
	if e.replaced(l) || e.untold.Load() != 0 {
		return e.outside(ctx)
	}
	s := e.schema.Load()
	if e.replica != nil && s.version == 0 || s.catalog.Stamp == "" || e.unreadable() != nil {
		return nil // it is about to be read again
	}
	last := e.checked.Load()
	now := int64(e.sinceStart())
	if e.opts.SchemaCheck < 0 || now-last < int64(e.opts.SchemaCheck) || !e.checked.CompareAndSwap(last, now) {
		return nil
	}
	stamp, err := e.dialect.stamp(ctx, l)
	switch {
	case err == nil:
	case ctx.Err() != nil || e.dialect.kind() == catalog.SQLite || l.state(ctx) == stateUnknown:
		return nil // the statement itself is about to meet what ails the connection
	default:
		return e.outside(ctx) // who cannot look must not go on as if nothing had happened
	}
	if err := e.checkVersion(ctx); err != nil {
		return err
	}
	if stamp == s.catalog.Stamp && !l.changed(ctx) {
		return nil
	}
	return e.outside(ctx)
}

// checkSchema is the engine's, where nothing has begun on the connection yet and its
// session is like the others'. Whatever may write comes by here once, or who only
// writes in transactions would go on by the schema of the day it started.
func (c *conn) checkSchema(ctx context.Context, l *lease) error {
	if c.pinned != "" || c.tx != nil || c.streams > 0 {
		return nil
	}
	return c.engine.checkSchema(ctx, l)
}

// checkVersion asks whether somebody's DDL has made the plans old. What they
// read would not be kept.
func (e *engine) checkVersion(ctx context.Context) error {
	version, err := e.db.CatalogVersion(ctx)
	if err != nil || version == e.schema.Load().version {
		return nil //nolint:nilerr // the store's failures are the core's to handle
	}
	e.outdated()
	return errReplan
}

// outside records a change of the schema that went past the cache. The schema that is
// read next shows nothing of it any more, so where the store cannot be told, whoever
// checks next tells it.
func (e *engine) outside(ctx context.Context) error {
	told := e.untold.Add(1)
	w := e.db.Write()
	w.AddDDL()
	err := w.Commit(ctx, "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil })
	e.outdated()
	if err != nil {
		return err
	}
	e.untold.CompareAndSwap(told, 0) // else somebody has noticed another since
	return errReplan
}
