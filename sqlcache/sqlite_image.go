package sqlcache

import (
	"context"

	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// image makes sure that the transaction holds the write lock before it reads for
// our own ends: a read that it would not have made could turn its wait for the
// lock into SQLITE_BUSY_SNAPSHOT. The statement that takes the lock changes
// nothing.
func (d *sqlite) image(ctx context.Context, l *lease, t *transaction, target *sqldep.RowTarget, cols []string, _ bool) (dep.Image, bool) {
	if !t.locked {
		t.locked = l.run(ctx, "DELETE FROM "+quotedTable(target.Table)+" WHERE 0") == nil
	}
	if !t.locked {
		return nil, false
	}
	return l.rowImage(ctx, target, cols, sqliteImage(target, cols))
}

// sqliteImage reads the columns as expressions, because for a plain column a
// driver may turn the value into what the declared type suggests.
func sqliteImage(t *sqldep.RowTarget, cols []string) string {
	return rowQuery(t, quotedTable(t.Table), cols, func(col string) string { return "+" + quote(col) })
}

func (d *sqlite) counted(ctx context.Context, l *lease, _ *run, f *sqldep.Facts) {
	rows, err := l.all(ctx, "SELECT changes(), last_insert_rowid()", nil)
	if err != nil || len(rows) != 1 {
		return
	}
	n, ok1 := rows[0][0].(int64)
	id, ok2 := rows[0][1].(int64)
	if ok1 && ok2 {
		f.Affected, f.InsertID, f.HasInsertID = n, id, n == 1
	}
}

func (d *sqlite) keyed(string, int64) bool { return true }

// rivals: of SQLite's upserts no target is told.
func (d *sqlite) rivals(context.Context, *lease, *transaction, *sqldep.RowTarget, *rivals) {}

func (d *sqlite) met(context.Context, *lease, *transaction, *sqldep.RowTarget, *rivals, *sqldep.Facts) {
}
