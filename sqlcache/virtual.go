package sqlcache

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// RealConn is a real connection of an adapter that is no database/sql but has a
// driver, and a pool of connections, of its own. It answers what this package
// otherwise asks the drivers that it knows.
type RealConn interface {
	driver.Conn
	// TxStatus is the server's latest word: 'I' for in no transaction, 'T' for in
	// one, 'E' for in one that has failed.
	TxStatus() byte
	// IsClosed reports whether the connection is closed or lost.
	IsClosed() bool
	// DeallocateAll forgets the statements that the driver keeps prepared.
	DeallocateAll(ctx context.Context) error
	// Hooked says that the pool does something to a connection before or after each
	// use, which a hit skips.
	Hooked() bool
	// Discard says that the session is not to be used again: Close ends it, where it
	// would otherwise give it back to the pool.
	Discard()
	// Unpack turns a row as this connection gives it, under such columns, into the
	// values that database/sql would have been given. ok is false where it cannot.
	Unpack(columns []string, row []driver.Value) (values []driver.Value, ok bool)
	// Lasting is room that stays with the session when the connection is closed and
	// the pool hands the session out again.
	Lasting() *any
}

// Connector returns a connector of virtual connections over those of bare, which
// are [RealConn]s, for an adapter that uses them without database/sql. maxConns is how
// many bare can give at a time, zero for no limit. only says that it is always one and
// the same: what is done to its session stays. Each is closed after every use.
func Connector(cache *cacheops.Cache, bare driver.Connector, maxConns int, only bool, opts *Options) driver.Connector {
	o := opts.withDefaults()
	inner := sql.OpenDB(keeping{bare})
	inner.SetMaxIdleConns(-1)
	e := newEngine(cache, inner, o)
	e.maxConns, e.only = maxConns, only
	return &connector{engine: e, driver: bare.Driver(), owned: true}
}

// Virtual is a virtual connection as an adapter uses it. It has a real one only
// while something depends on that. It is used by one goroutine at a time.
type Virtual struct{ *conn }

// Connect makes a virtual connection of a [Connector]'s.
func Connect(ctx context.Context, c driver.Connector) (*Virtual, error) {
	dc, err := c.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &Virtual{dc.(*conn)}, nil
}

// InTx reports whether the connection is in a transaction.
func (v *Virtual) InTx() bool { return v.tx != nil }

// Idle reports whether nothing depends on a real connection, as after the use of
// most: no transaction, no session of its own, no rows that are still read.
func (v *Virtual) Idle() bool { return v.held == nil && v.last == nil }

// Reads reports whether a text is a read and nothing else.
func (v *Virtual) Reads(ctx context.Context, text string) (bool, error) {
	st, err := v.statement(ctx, text)
	if err != nil {
		return false, err
	}
	return st.plan.Class == sqldep.Read && !st.plan.SetsSession, nil
}

// Pin keeps a real connection, and no longer shares what it reads, for as long as
// the virtual one lives.
func (v *Virtual) Pin(ctx context.Context) error { return v.pin(ctx, "raw connection") }

// Raw calls f with the real connection, which may do anything: see [Raw].
func (v *Virtual) Raw(ctx context.Context, f func(driver.Conn) error) error {
	return v.raw(ctx, func(dc any) error { return f(dc.(driver.Conn)) })
}

// Hold calls f with the real connection, which must leave the database, the
// transaction and the session as they are.
func (v *Virtual) Hold(ctx context.Context, f func(driver.Conn) error) error {
	cacheops.Untracked(ctx, "raw connection")
	return v.holding(ctx, func(l *lease) error { return v.settled(ctx, l, l.note(f(l.real))) })
}

// Visit is Hold for an f that may change the session where the pool's only
// connection is shared by all: the entries follow it then.
func (v *Virtual) Visit(ctx context.Context, f func(driver.Conn) error) error {
	cacheops.Untracked(ctx, "raw connection")
	return v.holding(ctx, func(l *lease) error {
		err := v.settled(ctx, l, l.note(f(l.real)))
		l.pooled.met = 0
		if meetErr := l.meet(ctx); meetErr != nil || l.pooled.session.print != v.engine.schema.Load().session.print {
			v.engine.outdated()
		}
		return err
	})
}

// Expose returns the real connection of the open transaction. What is done over
// it is not followed: the commit drops everything. It must not end the
// transaction. Without one the connection is nil.
func (v *Virtual) Expose() driver.Conn {
	if v.tx == nil || v.held == nil {
		return nil
	}
	v.tx.work.AddDDL()
	v.tx.ddl, v.tx.found = true, true
	v.pinned = "raw connection"
	v.held.part()
	return v.held.real
}

// Invalidate drops what reads the targets: at once, or, in a transaction, when
// that commits.
func (v *Virtual) Invalidate(ctx context.Context, targets ...cacheops.Target) error {
	_, err := v.ExecContext(ctx, invalidateText, []driver.NamedValue{{Ordinal: 1, Value: &invalidation{targets: targets}}})
	return err
}

// Statement is a text with its arguments.
type Statement struct {
	Text string
	Args []driver.NamedValue
}

// Together calls f, which runs the statements on the real connection in its own
// way, all of them or none: in the open transaction, or else in one of its own.
// Statements that steer a transaction or change the session run as they are, and
// drop everything.
func (v *Virtual) Together(ctx context.Context, list []Statement, f func(driver.Conn) error) error {
	c := v.conn
	for try := 0; ; try++ {
		g, err := c.group(ctx, list)
		switch {
		case err != nil:
			return err
		case g.odd:
			return v.Raw(ctx, f)
		}
		g.tell(ctx, c)
		err = c.holding(ctx, func(l *lease) error { return c.together(ctx, l, g, f) })
		if err != errReplan || try == maxReplans { //nolint:errorlint // it is never wrapped
			return err
		}
	}
}

// group is what is known of statements that run together.
type group struct {
	list   []Statement
	plans  []*statement
	odd    bool // they cannot run in a transaction of ours, or leave something behind
	writes bool
}

func (c *conn) group(ctx context.Context, list []Statement) (*group, error) {
	g := &group{list: list}
	for _, s := range list {
		st, err := c.statement(ctx, s.Text)
		if err != nil {
			return nil, err
		}
		g.plans = append(g.plans, st)
		switch st.plan.Class {
		case sqldep.Read, sqldep.Empty:
		case sqldep.Write, sqldep.DDL:
			g.writes = true
		default:
			g.odd = true
		}
		why, _ := c.engine.dialect.changesSession(st.plan.Plan, s.Text)
		g.odd = g.odd || why != "" || st.plan.Temp
	}
	return g, nil
}

func (c *conn) together(ctx context.Context, l *lease, g *group, f func(driver.Conn) error) error {
	if c.tx != nil || !g.writes {
		if c.tx != nil {
			defer g.unsettled(c, l)
			g.record(ctx, c, l, c.tx)
		}
		return c.settled(ctx, l, l.note(f(l.real)))
	}
	if err := c.checkSchema(ctx, l); err != nil {
		return err
	}
	t := c.newTransaction()
	if err := c.engine.dialect.beginWrite(ctx, l, t, false); err != nil {
		return err
	}
	c.tx = t
	defer func() { c.abandon(l, t) }()
	defer g.unsettled(c, l)
	g.record(ctx, c, l, t)
	if err := l.note(f(l.real)); err != nil {
		return c.settled(ctx, l, err)
	}
	return c.commitAlone(ctx, l, t)
}

// unsettled is that of a connection, where one of the statements calls what nobody has
// looked into.
func (g *group) unsettled(c *conn, l *lease) {
	if slices.ContainsFunc(g.plans, func(st *statement) bool { return st.restless }) {
		c.unsettled(l)
	}
}

// tell tells functions of the statements, none of which is looked up.
func (g *group) tell(ctx context.Context, c *conn) {
	switch {
	case g.writes:
		cacheops.Wrote(ctx)
	case c.tx != nil:
		c.tx.work.Read(ctx)
	default:
		cacheops.Untracked(ctx, "statements sent together")
	}
}

// record records what the statements may change, none of which has run.
func (g *group) record(ctx context.Context, c *conn, l *lease, t *transaction) {
	for i, st := range g.plans {
		switch {
		case st.plan.Class == sqldep.DDL:
			t.work.AddDDL()
			t.ddl = true
		case st.plan.Class != sqldep.Write:
		case c.blind(ctx, l, t, st):
			t.work.Add(ctx, st.schema.version, dep.Anything())
		default:
			t.work.Add(ctx, st.schema.version, st.plan.Changes(meant(g.list[i].Args), sqldep.Facts{})...)
		}
	}
	c.wrote = c.wrote || g.writes
}

// Keyed is an argument of an adapter's that knows its part of a read's key.
type Keyed interface {
	// AppendKey appends what is the same for two arguments only if they are sent
	// alike.
	AppendKey(b []byte) []byte
	// Plain is a value that the database would take for the same, of a type that
	// plans understand; any other where there is none.
	Plain() driver.Value
}

// meant returns the arguments as plans understand them.
func meant(args []driver.NamedValue) []driver.NamedValue {
	var out []driver.NamedValue
	for i := range args {
		k, ok := args[i].Value.(Keyed)
		if !ok {
			continue
		}
		if out == nil {
			out = slices.Clone(args)
		}
		out[i].Value = k.Plain()
	}
	if out == nil {
		return args
	}
	return out
}
