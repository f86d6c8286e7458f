package sqlcache

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// Execer is a *sql.DB, *sql.Conn or *sql.Tx of a cached database, or whatever
// passes statements on to one.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Invalidate drops what reads the targets: at once, or, on a connection that is
// in a transaction, when that commits. It fails on a database that is not
// cached.
func Invalidate(ctx context.Context, db Execer, targets ...cacheops.Target) error {
	_, err := db.ExecContext(ctx, invalidateText, &invalidation{targets: targets})
	if err != nil {
		return fmt.Errorf("invalidate: %w", err)
	}
	return nil
}

// invalidateText is a statement to nobody but us: elsewhere it is no SQL.
const invalidateText = "@cacheops invalidate@"

// invalidation is the argument of invalidateText. No program can make one, so
// the text alone does nothing.
type invalidation struct{ targets []cacheops.Target }

var errReserved = errors.New("sqlcache: reserved statement")

func (c *conn) invalidate(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if len(args) != 1 {
		return nil, errReserved
	}
	inv, ok := args[0].Value.(*invalidation)
	if !ok {
		return nil, errReserved
	}
	changes, err := c.engine.db.Changes(context.WithValue(ctx, holds{}, c.held != nil), inv.targets...)
	switch {
	case errors.Is(err, cacheops.ErrUnknownTable) && c.held != nil && c.engine.stale.Load():
		changes = []dep.Change{dep.Anything()} // it may have been made since
	case err != nil:
		return nil, err
	}
	if c.tx != nil {
		c.tx.work.Add(ctx, 0, changes...)
		return driver.ResultNoRows, nil
	}
	w := c.engine.db.Write()
	w.Add(ctx, 0, changes...)
	err = w.Commit(ctx, "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil })
	if err != nil {
		return nil, err
	}
	return driver.ResultNoRows, nil
}

// row resolves a table and the values of a row as a program names them.
func (e *engine) row(ctx context.Context, table string, row map[string]any) (string, dep.Image, bool, error) {
	t, err := e.table(ctx, table)
	if t == nil || err != nil {
		return "", nil, false, err
	}
	if t.IsView {
		return "", nil, false, fmt.Errorf("%s is a view, on which no entry depends: name the tables under it (%s)", t.Name, strings.Join(t.Base, ", "))
	}
	img := make(dep.Image, 0, len(row))
	for name, given := range row {
		col, ok := t.Column(name)
		if !ok {
			return "", nil, false, fmt.Errorf("table %s has no column %q", t.Name, name)
		}
		v, err := driver.DefaultParameterConverter.ConvertValue(given)
		if err != nil {
			return "", nil, false, fmt.Errorf("column %q of %s: %w", name, t.Name, err)
		}
		img = append(img, dep.Field{Col: strings.ToLower(name), Value: meantBy(col, v)})
	}
	if t.Root != "" {
		return t.Root, img, true, nil // what is written through it is a change of it alone
	}
	return t.Name, img, true, nil
}

// meantBy is the value of a column by which a program names rows. Where writing it
// stores one and comparing with it finds others (a number, in a column of texts of
// MySQL's), it is unknown: rows are named to be dropped, and to depend on.
func meantBy(c *catalog.Column, v driver.Value) dep.Value {
	written := c.Written(v)
	if compared, ok := c.Compared(v); v != nil && (!ok || compared != written) {
		return dep.Value{}
	}
	return written
}

// holds is the key of a context's value: whether the caller holds a real
// connection, which may be the only one.
type holds struct{}

// table finds a table by the name that a program uses, nil if there is none.
// The schema is read anew where that could help and takes no second connection.
func (e *engine) table(ctx context.Context, name string) (*catalog.Table, error) {
	schemaName, bare := "", name
	if before, after, ok := strings.Cut(name, "."); ok {
		schemaName, bare = before, after
	}
	s := e.schema.Load()
	held, _ := ctx.Value(holds{}).(bool)
	if t, ok := s.catalog.Lookup(schemaName, bare); ok || held || !e.stale.Load() {
		return t, nil
	}
	s, err := e.current(ctx)
	if err != nil {
		return nil, err
	}
	t, _ := s.catalog.Lookup(schemaName, bare)
	return t, nil
}
