package sqlcache

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// transaction is the database's transaction that a connection is in.
type transaction struct {
	work *cacheops.Tx
	// saves are the open savepoints, outermost first. Where bySavepoint is set
	// the first one began the transaction, and releasing it commits.
	saves       []string
	bySavepoint bool
	// found says that the transaction was begun by what was not followed: which
	// savepoints it has, and whether one of them began it, is not known.
	found bool
	// locked says that the transaction certainly holds SQLite's write lock.
	locked bool
	// proof is what proves the writer over, where it was had with the beginning.
	proof string
	// snapshot says that all its statements may see one snapshot.
	snapshot bool
	// strange says that settings of the transaction's own may change what its
	// statements mean.
	strange bool
	// unread is why a row could not be read around the present statement, where that
	// ended all that the transaction could do.
	unread error
	// attaches says that tables may be those of attached files.
	attaches bool
	// ddl says that the schema may have changed inside: plans made from the
	// catalog no longer say what a statement touches.
	ddl bool
	// wide says that it may have changed anything.
	wide bool
	// after are reads to be made once it is committed.
	after []Read
}

func (c *conn) newTransaction() *transaction {
	return &transaction{work: c.engine.db.Write(), attaches: c.engine.dialect.kind() == catalog.SQLite}
}

// add records changes. What changes in an attached file may change anything
// here: it may be our own file under another name.
func (t *transaction) add(ctx context.Context, version uint64, changes ...dep.Change) {
	if t.attaches && slices.ContainsFunc(changes, ofAttached) {
		changes = append(slices.Clip(changes), dep.Anything())
	}
	t.wide = t.wide || slices.ContainsFunc(changes, func(ch dep.Change) bool { return ch.Table == "" })
	t.work.Add(ctx, version, changes...)
}

// ofAttached reports whether a change is of a table of an attached file of
// SQLite's.
func ofAttached(ch dep.Change) bool {
	return ch.Table != "" && !strings.HasPrefix(ch.Table, "main.") && !strings.HasPrefix(ch.Table, "temp.")
}

// BeginTx starts a transaction as the bare driver does, on a lease that ends
// with it.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	cacheops.InTransaction(ctx)
	var h *txHandle
	err := c.planned(ctx, "BEGIN", func(*statement) (err error) {
		h, err = c.beginOnce(ctx, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

func (c *conn) beginOnce(ctx context.Context, opts driver.TxOptions) (h *txHandle, err error) {
	err = c.holding(ctx, func(l *lease) error {
		if err := c.beforeBegin(ctx, l); err != nil {
			return err
		}
		// Drivers keep ctx for the COMMIT. A COMMIT that is cancelled halfway
		// leaves its outcome in doubt, so ctx bounds the beginning alone;
		// database/sql itself rolls back when ctx ends before the COMMIT.
		begin, end := beginning(ctx)
		real, err := l.begin(begin, opts)
		end()
		if err != nil {
			return c.settled(ctx, l, err)
		}
		h = &txHandle{conn: c, ctx: ctx, lease: l, real: real}
		c.handle = h
		c.begun(c.oneSnapshot(sql.IsolationLevel(opts.Isolation)))
		return nil
	})
	return h, err
}

// begun follows a BEGIN that succeeded. In a transaction PostgreSQL only warns of it,
// and what that has done so far is committed with the rest.
func (c *conn) begun(snapshot bool) {
	if c.tx == nil {
		c.tx = c.newTransaction()
	}
	c.tx.snapshot = c.tx.snapshot || snapshot
}

// plainBegin is the plan of a BEGIN by the driver.
var plainBegin = &sqldep.Plan{Class: sqldep.Begin, ImplicitCommit: true}

// beforeBegin checks the schema, without which a transaction that only reads can do,
// and commits the open transaction where a BEGIN is about to do so.
func (c *conn) beforeBegin(ctx context.Context, l *lease) error {
	if err := c.checkSchema(ctx, l); err != nil && !errors.Is(err, cacheops.ErrStore) {
		return err
	}
	if c.tx == nil || !c.engine.dialect.commits(plainBegin) {
		return nil
	}
	return c.commitBy(ctx, l, &run{text: "COMMIT"})
}

// oneSnapshot reports whether all statements of a transaction may see one
// snapshot.
func (c *conn) oneSnapshot(level sql.IsolationLevel) bool {
	switch level {
	case sql.LevelReadUncommitted, sql.LevelReadCommitted:
		return false
	case sql.LevelDefault:
		s := c.engine.schema.Load()
		return s == nil || s.session.snapshots
	}
	return true
}

// Begin is BeginTx for callers without a context.
func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// beginContext is a context that can no longer be cancelled once it is over. done
// is a channel of its own, because lib/pq goes on watching the one it was given;
// and what it finds closed must have an error, or it panics. So one step decides
// between the end and the cancellation, and the other does not happen any more.
type beginContext struct {
	context.Context
	fate atomic.Uint32
	done chan struct{}
}

// The fates of a beginning.
const (
	beginRuns uint32 = iota
	beginOver
	beginCancelled
)

// beginning returns such a context. end says that it is over.
func beginning(ctx context.Context) (c *beginContext, end func()) {
	c = &beginContext{Context: ctx}
	if ctx.Done() == nil {
		return c, func() {}
	}
	c.done = make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		if c.fate.CompareAndSwap(beginRuns, beginCancelled) {
			close(c.done)
		}
	})
	return c, func() {
		stop()
		c.fate.CompareAndSwap(beginRuns, beginOver)
	}
}

func (c *beginContext) Done() <-chan struct{} {
	if c.fate.Load() == beginOver {
		return nil
	}
	return c.done
}

func (c *beginContext) Err() error {
	if c.fate.Load() == beginOver {
		return nil
	}
	return c.Context.Err()
}

// txHandle is database/sql's transaction. The database may have ended its own
// before (OR ROLLBACK, a textual COMMIT); the driver then says so.
type txHandle struct {
	conn  *conn
	ctx   context.Context
	lease *lease
	real  driver.Tx
}

// Commit commits. As with SQLite's drivers a transaction that could not be
// committed is rolled back.
func (h *txHandle) Commit() error {
	c := h.conn
	var after []Read
	defer func() { c.refreshNow(h.ctx, after) }()
	defer h.end()
	switch {
	case h.lease.bad:
		return errLost
	case c.tx == nil:
		return hide(h.lease.note(h.real.Commit()))
	}
	t := c.tx
	c.tx = nil
	open, err := c.commit(h.ctx, h.lease, t, func(context.Context) error { return h.real.Commit() })
	if open {
		if rbErr := h.real.Rollback(); rbErr != nil {
			h.lease.rollback(h.ctx)
		}
		t.work.Forget()
	}
	if err == nil {
		after = t.after
	}
	return hide(err)
}

// Rollback rolls back, by closing the connection where the database cannot be
// told.
func (h *txHandle) Rollback() error {
	c := h.conn
	defer h.end()
	err := h.lease.note(h.real.Rollback())
	if err != nil && h.lease.state(h.ctx) == stateOpen {
		h.lease.rollback(h.ctx)
	}
	if c.tx != nil {
		c.tx.work.Forget()
		c.tx = nil
	}
	return hide(err)
}

func (h *txHandle) end() {
	if h.conn.handle == h {
		h.conn.handle = nil
	}
	h.conn.letGo()
}

// commit has the cache drop what the transaction changed and runs its COMMIT.
// open says that the transaction is still open, be it that the COMMIT was not
// run at all.
func (c *conn) commit(ctx context.Context, l *lease, t *transaction, run func(context.Context) error) (open bool, err error) {
	e := c.engine
	open = true
	ddl := t.ddl
	others := c.reached(ctx, l, t, "")
	proof, done := "", func(*lease) {}
	if !t.work.Empty() {
		if proof, done, err = e.dialect.proof(ctx, c, l, t, others); err != nil {
			return true, unprovedError{hide(err)}
		}
	}
	finished := false
	defer func() {
		l.bad = l.bad || !finished // a panic: whether it committed is not known
		done(l)
	}()
	err = t.work.Commit(ctx, proof, across(others, proof, ddl, func(ctx context.Context) (cacheops.Outcome, error) {
		ctx, cancel := settle(ctx)
		defer cancel()
		err := l.note(run(ctx))
		outcome := l.outcome(ctx, err)
		open = outcome == cacheops.StillOpen
		if outcome == cacheops.OutcomeUnknown {
			l.bad = true
		}
		return outcome, hide(err)
	}))
	finished = true
	if ddl {
		e.outdated()
	}
	return open, err
}

// unprovedError says that a COMMIT was not sent, because what would prove the
// writer over could not be had.
type unprovedError struct{ error }

func (e unprovedError) Unwrap() error { return e.error }

// outcome says what became of a COMMIT that returned err.
func (l *lease) outcome(ctx context.Context, err error) cacheops.Outcome {
	if err == nil {
		return cacheops.Committed
	}
	switch l.state(ctx) {
	case stateOpen:
		return cacheops.StillOpen
	case stateNone:
		if l.engine.dialect.notCommitted(err) {
			return cacheops.RolledBack
		}
	}
	return cacheops.OutcomeUnknown
}

// settled looks at an error of the real connection: inside a transaction the
// database may have ended it. It returns err.
func (c *conn) settled(ctx context.Context, l *lease, err error) error {
	if err != nil {
		c.look(ctx, l)
	}
	return err
}

// look finds out whether the transaction is still there. What follows one that
// is not is autocommit, for the database as for us.
func (c *conn) look(ctx context.Context, l *lease) {
	if c.tx != nil && l == c.held && (l.bad || l.state(ctx) == stateNone) {
		c.tx.work.Forget()
		c.tx = nil
	}
}

// beginText is a BEGIN as a statement.
func (c *conn) beginText(ctx context.Context, st *statement, k *run) error {
	return c.holding(ctx, func(l *lease) error {
		if err := c.beforeBegin(ctx, l); err != nil {
			return err
		}
		if err := k.on(ctx, l); err != nil || k.failed {
			if c.tx == nil && ctx.Err() != nil {
				l.rollback(ctx) // it may have begun all the same
			}
			return c.settled(ctx, l, err)
		}
		c.begun(c.oneSnapshot(sql.LevelDefault) || strings.Contains(strings.ToLower(k.text), "isolation"))
		c.tx.locked = c.tx.locked || st.plan.Immediate
		return nil
	})
}

// commitText is a COMMIT as a statement. One that fails may leave the
// transaction open, as it does without the cache.
func (c *conn) commitText(ctx context.Context, k *run) error {
	if c.tx == nil {
		return c.direct(ctx, k)
	}
	after := c.tx.after
	err := c.holding(ctx, func(l *lease) error { return c.commitBy(ctx, l, k) })
	if err == nil && c.tx == nil {
		c.refreshNow(ctx, after)
	}
	return err
}

// commitBy runs a statement that commits the open transaction.
func (c *conn) commitBy(ctx context.Context, l *lease, k *run) error {
	t := c.tx
	open, err := c.commit(ctx, l, t, func(ctx context.Context) error { return k.on(ctx, l) })
	switch {
	case !open:
		c.tx = nil
	case errors.Is(err, cacheops.ErrStore), errors.As(err, new(unprovedError)):
		// Nothing was sent, and the program was told that the commit failed: what
		// it did must not be committed by something that follows.
		l.rollback(ctx)
		t.work.Forget()
		c.tx = nil
	}
	return err
}

func (c *conn) rollbackText(ctx context.Context, k *run) error {
	return c.holding(ctx, func(l *lease) error {
		err := k.on(ctx, l)
		if err != nil || k.failed {
			return c.settled(ctx, l, err)
		}
		if c.tx != nil {
			c.tx.work.Forget()
			c.tx = nil
		}
		return nil
	})
}

// savepoint runs SAVEPOINT, ROLLBACK TO and RELEASE. Outside a transaction a
// SAVEPOINT begins one, which the RELEASE of the same commits.
func (c *conn) savepoint(ctx context.Context, st *statement, k *run) error {
	name := strings.ToLower(st.plan.Name)
	if err := ctx.Err(); err != nil {
		return err
	}
	// Nothing here waits for a lock of others, and a statement of which it is not
	// known whether it ran would leave the savepoints in doubt.
	ctx, cancel := settle(ctx)
	defer cancel()
	return c.holding(ctx, func(l *lease) error {
		if t := c.tx; st.plan.Class == sqldep.Release && t != nil && c.engine.dialect.savepointBegins() && t.mayCommit(name) {
			if err := c.commitBy(ctx, l, k); err != nil || !t.found && t.last(name) == 0 {
				return err
			}
			// Which savepoint that was we do not know: look what it did.
			c.resume(ctx, l)
			return nil
		}
		if err := k.on(ctx, l); err != nil || k.failed {
			return c.settled(ctx, l, err)
		}
		c.moved(st.plan.Class, name)
		return nil
	})
}

// resume finds out whether the connection is in a transaction after statements
// that may have begun or ended one, and assumes the worst of what it holds.
func (c *conn) resume(ctx context.Context, l *lease) {
	c.tx = nil
	if l.state(ctx) == stateNone {
		return
	}
	c.tx = c.newTransaction()
	c.tx.work.AddDDL()
	c.tx.ddl, c.tx.found, c.tx.snapshot = true, true, true
}

// moved follows a savepoint statement that succeeded.
func (c *conn) moved(class sqldep.Class, name string) {
	t := c.tx
	if t == nil {
		if class != sqldep.Savepoint || !c.engine.dialect.savepointBegins() {
			return
		}
		t = c.newTransaction()
		t.bySavepoint = true
		c.tx = t
	}
	switch class {
	case sqldep.Savepoint:
		t.saves = append(t.saves, name)
		t.work.Savepoint(name)
	case sqldep.RollbackTo:
		t.saves = t.saves[:t.last(name)+1]
		t.work.RollbackTo(name)
		t.locked = false
	case sqldep.Release:
		t.saves = t.saves[:max(t.last(name), 0)]
		t.work.Release(name)
	}
}

// last returns the index of the latest savepoint of a name, -1 if there is none.
func (t *transaction) last(name string) int {
	for i := len(t.saves) - 1; i >= 0; i-- {
		if t.saves[i] == name {
			return i
		}
	}
	return -1
}

// mayCommit reports whether releasing a savepoint may commit the transaction.
func (t *transaction) mayCommit(name string) bool {
	return t.found || t.bySavepoint && t.last(name) <= 0
}
