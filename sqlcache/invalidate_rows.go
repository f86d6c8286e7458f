package sqlcache

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// InvalidateRows drops, at once, what reads the rows of a table that have these
// values in these columns, as they are in the database now: it reads them, so that
// a list which shows such a row is dropped and a list which cannot is not. It
// returns how many rows there are, -1 if that was not found out.
//
// What a row was before is known to nobody. Where it was changed past the cache,
// was says which of its columns had other values then (nil: none), and what could
// have shown that row is dropped as well. Whoever does not know them uses
// [Invalidate] with a target that names the key alone, which drops whatever could
// show a row of that key with any other values.
//
// Where there is no such row, where they are too many (200), or where not all may
// be seen as they are (row-level security, a replica), everything is dropped that
// the values given do not rule out. It fails with [cacheops.ErrUnknownTable] for a
// table that the database does not have; it also fails for a view, on which no entry
// depends, and on a database that is not cached.
func InvalidateRows(ctx context.Context, db *sql.DB, table string, where, was map[string]any) (rows int, err error) {
	err = onConn(ctx, db, func(c *conn) (err error) {
		rows, err = c.invalidateRows(ctx, table, where, was)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("invalidate rows of %q: %w", table, err)
	}
	return rows, nil
}

// maxImages bounds the rows that are looked at one by one; twice as many images a
// transaction of the core still tells apart.
const maxImages = 200

var errNoRow = errors.New("no column is given")

func (c *conn) invalidateRows(ctx context.Context, name string, where, was map[string]any) (int, error) {
	if len(where) == 0 {
		return 0, errNoRow
	}
	if _, err := c.statement(ctx, "SELECT 1"); err != nil { // has the schema read, if it is out of date
		return 0, err
	}
	t, err := c.engine.table(ctx, name)
	if err != nil {
		return 0, err
	}
	if t == nil {
		return 0, cacheops.ErrUnknownTable
	}
	changes, n, err := c.rowChanges(ctx, t, where, was)
	if err != nil {
		return 0, err
	}
	w := c.engine.db.Write()
	w.Add(ctx, 0, changes...)
	return n, w.Commit(ctx, "", func(context.Context) (cacheops.Outcome, error) { return cacheops.Committed, nil })
}

// rowChanges says what may have changed, and how many rows were found, -1 if that
// is not known.
func (c *conn) rowChanges(ctx context.Context, t *catalog.Table, where, was map[string]any) ([]dep.Change, int, error) {
	name, given, _, err := c.engine.row(ctx, t.Name, where)
	if err != nil {
		return nil, 0, err
	}
	_, before, _, err := c.engine.row(ctx, t.Name, was)
	if err != nil {
		return nil, 0, err
	}
	wide := []dep.Change{{Table: name, Op: dep.Replace, Old: []dep.Image{given}}}
	// A replica shows a row as it was some time ago.
	behind := c.engine.replica != nil || c.engine.dialect.uncacheable() != "" || c.engine.schema.Load().session.never != ""
	if behind || t.Materialized || t.Opaque != "" || t.RowSecurity && (!t.RowSecurityBypassed || c.engine.scoped) {
		return wide, -1, nil
	}
	images, known, err := c.images(ctx, t, where)
	switch {
	case err != nil:
		return nil, 0, err
	case !known || len(images) > maxImages:
		return wide, -1, nil
	case len(images) == 0:
		return wide, 0, nil
	}
	n := len(images)
	if len(before) > 0 {
		for _, img := range images[:n:n] {
			images = append(images, overlaid(img, before))
		}
	}
	return []dep.Change{{Table: name, Op: dep.Replace, Old: images}}, n, nil
}

// overlaid is an image with other values in some columns.
func overlaid(img, with dep.Image) dep.Image {
	out := slices.Clone(with)
	for _, f := range img {
		if !slices.ContainsFunc(with, func(w dep.Field) bool { return w.Col == f.Col }) {
			out = append(out, f)
		}
	}
	return out
}

// images reads all columns of the rows, of one more at most than are looked at.
// known is false where the connection is not like the one that read the schema.
func (c *conn) images(ctx context.Context, t *catalog.Table, where map[string]any) (images []dep.Image, known bool, err error) {
	target, err := c.engine.rowTarget(t, where)
	if err != nil {
		return nil, false, err
	}
	var cols []string
	for i := range t.Columns {
		if !t.Columns[i].Hidden {
			cols = append(cols, t.Columns[i].Name)
		}
	}
	query := c.engine.rowsQuery(target, cols) + " LIMIT " + strconv.Itoa(maxImages+1)
	err = c.holding(ctx, func(l *lease) error {
		unlike, err := c.engine.unlike(ctx, l, c.engine.schema.Load())
		if known = unlike == ""; err != nil || !known {
			return c.settled(ctx, l, err)
		}
		rows, err := l.all(ctx, query, ordered(target.Args))
		for _, row := range rows {
			images = append(images, storedImage(t, cols, row))
		}
		return c.settled(ctx, l, err)
	})
	if err != nil {
		return nil, false, fmt.Errorf("read the rows: %w", err)
	}
	return images, known, nil
}

func storedImage(t *catalog.Table, cols []string, row []driver.Value) dep.Image {
	img := make(dep.Image, 0, len(cols))
	for i, col := range cols {
		if column, ok := t.Column(col); ok {
			img = append(img, dep.Field{Col: col, Value: column.Stored(row[i])})
		}
	}
	return img
}

// rowTarget makes the condition that the columns have these values.
func (e *engine) rowTarget(t *catalog.Table, where map[string]any) (*sqldep.RowTarget, error) {
	target := &sqldep.RowTarget{Table: t}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(where)) {
		v, err := driver.DefaultParameterConverter.ConvertValue(where[name])
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", name, err)
		}
		col := e.columnName(t, strings.ToLower(name))
		if v == nil {
			parts = append(parts, col+" IS NULL")
			continue
		}
		target.Args = append(target.Args, driver.NamedValue{Value: v})
		mark := "?"
		if e.dialect.kind() == catalog.PostgreSQL {
			mark = "$" + strconv.Itoa(len(target.Args))
		}
		parts = append(parts, col+" = "+mark)
	}
	target.Where = strings.Join(parts, " AND ")
	return target, nil
}

// columnName is a column's name as the dialect writes it.
func (e *engine) columnName(t *catalog.Table, col string) string {
	if e.dialect.kind() == catalog.MySQL {
		return backquoted(realName(t, col))
	}
	return quote(realName(t, col))
}

// rowsQuery reads columns of the rows, without a lock: nothing is written.
func (e *engine) rowsQuery(target *sqldep.RowTarget, cols []string) string {
	if e.dialect.kind() == catalog.SQLite {
		return sqliteImage(target, cols)
	}
	return rowQuery(target, target.Table.Real, cols, func(col string) string { return e.columnName(target.Table, col) })
}
