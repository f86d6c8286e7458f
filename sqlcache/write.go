package sqlcache

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// write runs DML or DDL: inside the open transaction, or in one of its own.
func (c *conn) write(ctx context.Context, st *statement, k *run) error {
	return c.holding(ctx, func(l *lease) error {
		if c.tx != nil {
			err := c.change(ctx, l, c.tx, st, k)
			if err != nil || k.failed {
				c.look(ctx, l)
			}
			return err
		}
		return c.writeAlone(ctx, l, st, k)
	})
}

// writeAlone runs an autocommit write in a transaction of its own.
func (c *conn) writeAlone(ctx context.Context, l *lease, st *statement, k *run) error {
	if err := c.checkSchema(ctx, l); err != nil {
		return err
	}
	if st.plan.Class == sqldep.DDL {
		l.pooled.kept.forget()
		if err := c.engine.dialect.refresh(ctx, l); err != nil { // it may have been changed outside
			return err
		}
	}
	t := c.newTransaction()
	images := st.plan.Class != sqldep.DDL && !c.blind(ctx, l, t, st)
	if err := c.engine.dialect.beginWrite(ctx, l, t, images); err != nil {
		return l.rejected(ctx, k.text, err)
	}
	c.tx = t
	defer func() { c.abandon(l, t) }()
	if err := c.change(ctx, l, t, st, k); err != nil || k.failed {
		return c.endFailed(ctx, l, t, st, err)
	}
	err := c.commitAlone(ctx, l, t)
	if err != nil {
		k.rows, k.result = nil, nil
	}
	return err
}

// rejected returns the error with which the database rejects a text as soon as
// it compiles it, or else err, with which it refused the write lock: without
// the cache the lock comes second.
func (l *lease) rejected(ctx context.Context, text string, err error) error {
	if l.bad || ctx.Err() != nil || errors.Is(err, driver.ErrBadConn) {
		return err
	}
	s, rejection := l.prepare(ctx, text)
	if rejection != nil {
		return rejection
	}
	_ = s.Close() // err says more
	return err
}

// abandon rolls back the transaction of an autocommit write, unless it has
// ended already.
func (c *conn) abandon(l *lease, t *transaction) {
	if c.tx != t {
		return
	}
	l.rollback(context.Background())
	t.work.Forget()
	c.tx = nil
}

// endFailed ends the transaction of a statement that failed with err, or with
// an error among its rows. Without the cache the statement would have kept
// what OR FAIL keeps, and so it is committed where it may have kept anything.
// Otherwise it is rolled back: SQLite undoes some failures (a STRICT table's
// type error in a trigger, say) only with the transaction that they end, and a
// commit of nothing would make other transactions' snapshots stale.
func (c *conn) endFailed(ctx context.Context, l *lease, t *transaction, st *statement, err error) error {
	if c.look(ctx, l); c.tx == nil {
		return err
	}
	if !c.keeps(ctx, l, t, st) || !c.engine.dialect.mayKeep(err) {
		c.abandon(l, t)
		return err
	}
	if commitErr := c.commitAlone(ctx, l, t); commitErr != nil && err == nil {
		return commitErr
	}
	return err
}

// keeps says that a statement that fails may keep what it has done so far.
func (c *conn) keeps(ctx context.Context, l *lease, t *transaction, st *statement) bool {
	return st.plan.Class != sqldep.Write || st.plan.KeepsOnError || c.blind(ctx, l, t, st)
}

// commitAlone commits the transaction of an autocommit write, or rolls it back
// where that fails: there is nobody else who could.
func (c *conn) commitAlone(ctx context.Context, l *lease, t *transaction) error {
	open, err := c.commit(ctx, l, t, func(ctx context.Context) error { return l.run(ctx, l.ending("COMMIT")) })
	if open {
		l.rollback(ctx)
		t.work.Forget()
	}
	c.tx = nil
	return err
}

// change runs a write within t and records what it changes, whatever becomes
// of it: a statement that fails may keep rows, and one that panics anything.
func (c *conn) change(ctx context.Context, l *lease, t *transaction, st *statement, k *run) (err error) {
	c.wrote = true
	if st.plan.Class == sqldep.DDL {
		t.work.AddDDL()
		t.ddl = true
		return k.on(ctx, l)
	}
	changes := []dep.Change{dep.Anything()}
	defer func() { t.add(ctx, st.schema.version, changes...) }()
	if st.restless {
		defer c.unsettled(l)
	}
	if c.blind(ctx, l, t, st) {
		return k.on(ctx, l)
	}
	t.unread = nil
	w := c.around(ctx, l, t, st, k)
	if t.unread != nil {
		return c.unreadRow(ctx, t) // after the statement it would say nothing
	}
	err = k.on(ctx, l)
	facts := w.facts(ctx, l, t, k)
	if t.unread != nil {
		return hide(t.unread)
	}
	if facts.Ran {
		t.locked = true
	}
	changes = st.plan.Changes(meant(k.args), facts)
	return err
}

// blind says that the plan does not tell what the statement touches here: the
// schema is not the one it was planned with, or may not be because the store
// could not tell its version, or the session has objects and settings of its
// own. Whoever records a write asks it, so that no way of writing forgets that the
// connection may be unlike the others.
func (c *conn) blind(ctx context.Context, l *lease, t *transaction, st *statement) bool {
	t.strange = t.strange || c.pinned == "" && l.meansElse(ctx, st)
	return t.ddl || t.strange || st.schema.version == 0 || c.pinned != "" || st.plan.Everything || st.plan.Temp
}

// around reads the one row that a write changes, before and after.
type around struct {
	target sqldep.RowTarget
	set    bool
	old    dep.Image
	// rivals is set for an upsert.
	rivals *rivals
}

// around reads the row before the write, where it is known which one that is
// and its values matter.
func (c *conn) around(ctx context.Context, l *lease, t *transaction, st *statement, k *run) *around {
	w := &around{}
	target, ok := st.plan.Target(meant(k.args))
	if !ok {
		return w
	}
	wanted, err := c.engine.db.Wanted(ctx, target.Table.Name, target.Set)
	wanted = slices.DeleteFunc(wanted, func(col string) bool { // shapes outlive the columns they were made of
		_, there := target.Table.Column(col)
		return !there
	})
	if err != nil || len(wanted) == 0 {
		return w
	}
	if !t.locked && l.keeps() && !l.compiles(ctx, k) {
		return w // it fails before it has a lock, and ours would stay with the transaction
	}
	w.target = target
	if target.Rows > 0 {
		w.rivals = rivalsOf(&target, wanted)
		c.engine.dialect.rivals(ctx, l, t, &w.target, w.rivals)
		return w
	}
	w.target.ReadAfter = slices.DeleteFunc(slices.Clone(target.ReadAfter), func(col string) bool {
		return !slices.Contains(wanted, col)
	})
	w.old, w.set = c.engine.dialect.image(ctx, l, t, &w.target, wanted, true)
	return w
}

// unreadRow returns the error with which a statement fails whose row could not be
// read before it: mostly what the statement would have met. A column or table that is
// not there it may not even name. Then the schema is another by now, and who only
// writes in transactions would hear of it nowhere else; a write of our own
// transaction is planned anew.
func (c *conn) unreadRow(ctx context.Context, t *transaction) error {
	switch sqlState(t.unread) {
	case pgNoColumn, pgNoTable:
		err := c.engine.checkVersion(ctx)
		if err == nil {
			err = c.engine.outside(ctx)
		}
		if t.proof != "" {
			return err
		}
	}
	return hide(t.unread)
}

// rowImage reads columns of the target's row with a query of ours. A row that is
// not there has a nil image.
func (l *lease) rowImage(ctx context.Context, t *sqldep.RowTarget, cols []string, query string) (dep.Image, bool) {
	rows, err := l.all(ctx, query, ordered(t.Args))
	l.unread = err
	if err != nil || len(rows) > 1 {
		return nil, false
	}
	if len(rows) == 0 {
		return nil, true
	}
	return storedImage(t.Table, cols, rows[0]), true
}

// rowQuery selects columns of the target's row. from is the table and name a
// column as the dialect writes them.
func rowQuery(t *sqldep.RowTarget, from string, cols []string, name func(col string) string) string {
	names := make([]string, len(cols))
	for i, col := range cols {
		names[i] = name(col)
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM " + from + " WHERE " + t.Where
}

// realName is a column's name as the database spells it.
func realName(t *catalog.Table, col string) string {
	if c, ok := t.Column(col); ok && c.Real != "" {
		return c.Real
	}
	return col
}

// ordered numbers arguments that were taken out of their statement.
func ordered(args []driver.NamedValue) []driver.NamedValue {
	out := slices.Clone(args)
	for i := range out {
		out[i].Ordinal = i + 1
	}
	return out
}

// facts says what was seen of the write that k ran.
func (w *around) facts(ctx context.Context, l *lease, t *transaction, k *run) sqldep.Facts {
	if k.failed {
		return sqldep.Facts{}
	}
	f := sqldep.Facts{Ran: true, Affected: -1}
	d := l.engine.dialect
	if k.result != nil {
		if n, err := k.result.RowsAffected(); err == nil {
			f.Affected = n
		}
		id, err := k.result.LastInsertId()
		f.InsertID, f.HasInsertID = id, err == nil && f.Affected == 1 && d.keyed(k.text, id)
	} else {
		d.counted(ctx, l, k, &f)
	}
	if w.rivals != nil {
		d.met(ctx, l, t, &w.target, w.rivals, &f)
	}
	if w.set {
		f.Read, f.Old = true, w.old
		if len(w.target.ReadAfter) > 0 && w.old != nil {
			f.New, f.Read = d.image(ctx, l, t, &w.target, w.target.ReadAfter, false)
		}
	}
	return f
}
