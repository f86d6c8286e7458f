package cacheops

import (
	"context"
	"errors"
	"fmt"

	"github.com/cacheops/cacheops/internal/dep"
)

// Target is what an invalidation by hand drops: [Everything], a [Table], or the
// rows of a table that a [Target.Where] describes.
type Target struct {
	table    string
	database string
	row      map[string]any
}

// Everything is every entry of every attached database.
func Everything() Target { return Target{} }

// Table is every entry that reads the table. The name may have a schema in
// front, as in SQL.
func Table(name string) Target { return Target{table: name} }

// Where narrows a table to rows that have this value in a column, and all the
// values of earlier Wheres; other columns are unknown, so that entries which
// restrict only those are dropped. nil is NULL. To follow a row that moved,
// invalidate its old and its new values.
func (t Target) Where(column string, value any) Target {
	row := make(map[string]any, len(t.row)+1)
	for k, v := range t.row {
		row[k] = v
	}
	row[column] = value
	t.row = row
	return t
}

// In narrows a target to one of the attached databases, by its name.
func (t Target) In(database string) Target {
	t.database = database
	return t
}

// Invalidate drops entries by hand, in every attached database that has the
// target's table. Fills that are running are not kept. It fails with
// [ErrUnknownTable] if no database has the table, if no database of the name
// that [Target.In] gave is attached, and when the store fails; some targets may
// then be dropped and some not. With Config.DegradeOnFailure a failure of the
// store is none: the drops are queued, as a write's are.
//
// Inside a transaction use the adapter's way (sqlcache.Invalidate), which waits
// for the commit.
func (c *Cache) Invalidate(ctx context.Context, targets ...Target) error {
	found := make([]bool, len(targets))
	for _, d := range c.attached() {
		var changes []dep.Change
		for i, t := range targets {
			ch, ok, err := d.change(ctx, t)
			if err != nil {
				return err
			}
			if ok {
				found[i] = true
				changes = append(changes, ch)
			}
		}
		if err := d.invalidate(ctx, changes); err != nil {
			return err
		}
	}
	for i, ok := range found {
		switch t := &targets[i]; {
		case ok:
		case t.table != "":
			return fmt.Errorf("cacheops: invalidate %q: %w", t.table, ErrUnknownTable)
		case t.database != "":
			return fmt.Errorf("cacheops: invalidate: no database %q is attached", t.database)
		}
	}
	return nil
}

func (d *Database) invalidate(ctx context.Context, changes []dep.Change) error {
	Wrote(ctx)
	t := d.Write()
	for i := range changes {
		t.add(&changes[i])
	}
	return t.Commit(ctx, "", func(context.Context) (Outcome, error) { return Committed, nil })
}

// Changes resolves targets of an invalidation by hand to changes of this
// database. It fails with [ErrUnknownTable] for a table it does not have.
func (d *Database) Changes(ctx context.Context, targets ...Target) ([]dep.Change, error) {
	var changes []dep.Change
	for _, t := range targets {
		c, ok, err := d.change(ctx, t)
		switch {
		case err != nil:
			return nil, err
		case ok:
			changes = append(changes, c)
		case t.database == "" || t.database == d.name:
			return nil, fmt.Errorf("cacheops: invalidate %q: %w", t.table, ErrUnknownTable)
		}
	}
	return changes, nil
}

// change resolves one target; ok is false where it is not of this database.
func (d *Database) change(ctx context.Context, t Target) (c dep.Change, ok bool, err error) {
	if t.database != "" && t.database != d.name {
		return c, false, nil
	}
	if t.table == "" {
		if len(t.row) > 0 {
			return c, false, errors.New("cacheops: invalidate: Where needs a table")
		}
		return dep.Anything(), true, nil
	}
	row := d.backend.Load().Row
	if row == nil {
		return c, false, nil
	}
	table, img, found, err := row(ctx, t.table, t.row)
	switch {
	case err != nil:
		return c, false, fmt.Errorf("cacheops: invalidate %q: %w", t.table, err)
	case !found:
		return c, false, nil
	case len(t.row) == 0:
		return dep.AnyOf(table), true, nil
	}
	return dep.Change{Table: table, Op: dep.Replace, Old: []dep.Image{img}}, true, nil
}
