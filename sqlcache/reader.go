package sqlcache

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
	"sync/atomic"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/rowset"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// Reader answers reads from the cache for an adapter that keeps something of its
// own beside the recorded rows: objects made of them. What it answers is what the
// *sql.DB would, for which it takes no connection, be it virtual. Its methods may
// be called from many goroutines.
type Reader struct {
	engine *engine
	free   sync.Pool // of *reading
}

// reading is a virtual connection that never has a real one, with room for
// arguments.
type reading struct {
	conn conn
	args []driver.NamedValue
}

func newReader(e *engine) *Reader {
	e.reads = true
	r := &Reader{engine: e}
	r.free.New = func() any { return &reading{conn: conn{engine: e}} }
	return r
}

// Missed is a read that a [Reader] has looked up, and that is to be run all the
// same.
type Missed struct {
	engine *engine // where it was looked up
	text   string
	args   []byte      // encoded, to know the read again
	hit    *rowset.Set // what was found, nil if nothing
	// Otherwise: the plan that the lookup was made with, what it said, and the key.
	statement *statement
	fill      bool
	probe     cacheops.Probe
	taken     atomic.Bool
}

// Lookup returns the recorded rows of a read if it is a hit. They are never
// changed, and those of one entry are one pointer for as long as its store keeps
// it in this process. Otherwise [Missed.In] keeps the read from being looked up
// twice; missed is nil where nothing was looked up. Under a context of a Missed's
// the same read is not looked up again either.
func (r *Reader) Lookup(ctx context.Context, text string, args []any) (hit *rowset.Set, missed *Missed) {
	if ctx.Err() != nil {
		return nil, nil
	}
	rd := r.free.Get().(*reading)
	hit, missed = rd.lookup(ctx, text, args)
	r.put(rd) // after a panic the collector has it
	return hit, missed
}

// put lets go of the arguments, too.
func (r *Reader) put(rd *reading) {
	clear(rd.args)
	r.free.Put(rd)
}

func (rd *reading) lookup(ctx context.Context, text string, args []any) (hit *rowset.Set, missed *Missed) {
	c := &rd.conn
	st, err := c.statement(ctx, text) // before bind: the first one finds out how
	if err != nil || st.plan.Class != sqldep.Read || st.plan.SetsSession || !rd.bind(args) {
		return nil, nil
	}
	if m := c.looked(ctx, text, st, rd.args); m != nil {
		return m.hit, m
	}
	v, fill := c.lookup(ctx, st, rd.args)
	if v != nil {
		return v.(*rowset.Set), nil
	}
	m := &Missed{engine: c.engine, text: text, statement: st, fill: fill}
	m.args, _, _ = appendArgs(nil, rd.args)
	m.probe, c.probe = c.probe, m.probe
	return nil, m
}

// Found makes of a hit a read to be run over the *sql.DB, which hands out those
// rows.
func (r *Reader) Found(text string, args []any, hit *rowset.Set) *Missed {
	rd := r.free.Get().(*reading)
	defer r.put(rd)
	if !rd.bind(args) {
		return nil
	}
	m := &Missed{engine: r.engine, text: text, hit: hit}
	m.args, _, _ = appendArgs(nil, rd.args)
	return m
}

// bind converts arguments as database/sql does for a virtual connection. It
// reports false where that is better left to database/sql: names, errors.
func (rd *reading) bind(args []any) bool {
	if rd.args == nil || cap(rd.args) < len(args) {
		rd.args = make([]driver.NamedValue, 0, max(len(args), 8))
	}
	rd.args = rd.args[:len(args)]
	for i, a := range args {
		if _, ok := a.(sql.NamedArg); ok {
			return false
		}
		nv := &rd.args[i]
		nv.Ordinal, nv.Value = i+1, a
		err := rd.conn.CheckNamedValue(nv)
		if err == driver.ErrSkip { //nolint:errorlint // it is never wrapped
			err = defaultCheck(nv)
		}
		if err != nil {
			return false
		}
	}
	return true
}

// Taken reports whether the read was run with what is known of it. It may not have
// been, on a connection whose session is its own.
func (m *Missed) Taken() bool { return m != nil && m.taken.Load() }

type missedKey struct{}

// In returns a context in which the read is to be run, once and with the same
// arguments, over the *sql.DB. It is ctx itself where m is nil.
func (m *Missed) In(ctx context.Context) context.Context {
	if m == nil {
		return ctx
	}
	return context.WithValue(ctx, missedKey{}, m)
}

// looked returns the outcome of an earlier lookup of this very read, to the first
// who asks: what comes later must see what is then. A connection with a session of
// its own looks for itself.
func (c *conn) looked(ctx context.Context, text string, st *statement, args []driver.NamedValue) *Missed {
	if !c.engine.reads {
		return nil // nobody has looked, and asking a context is not free
	}
	m, ok := ctx.Value(missedKey{}).(*Missed)
	if !ok || m.engine != c.engine || m.text != text || c.held != nil || m.hit == nil && m.statement != st {
		return nil
	}
	if same, _, ok := appendArgs(nil, args); !ok || !bytes.Equal(same, m.args) || m.taken.Swap(true) {
		return nil
	}
	return &Missed{engine: m.engine, text: text, args: m.args, hit: m.hit, statement: m.statement, fill: m.fill, probe: m.probe}
}
