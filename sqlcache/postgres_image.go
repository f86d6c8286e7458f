package sqlcache

import (
	"context"
	"database/sql/driver"
	"strings"

	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// The server's codes for what a read names that is not there.
const (
	pgNoColumn = "42703"
	pgNoTable  = "42P01"
)

// image locks the row as the statement is about to, and reads it; after the
// statement it reads what it wrote. A transaction with one snapshot for all its
// statements is left alone: the lock could fail where the statement would not
// have. Nobody is waited for in a program's transaction, nor where the statement may
// not want the row after all, because it would not have waited here; a row that
// somebody else holds is not known.
func (d *postgres) image(ctx context.Context, l *lease, t *transaction, target *sqldep.RowTarget, cols []string, before bool) (dep.Image, bool) {
	if t.snapshot || target.Table.RowSecurity || !d.readableRow(ctx, l, target) {
		return nil, false
	}
	defer func() {
		if l.unread != nil && (l.state(ctx) == stateUnknown || doomed(l)) {
			t.unread = l.unread
		}
	}()
	query := pgImage(target, cols)
	if !before {
		return l.rowImage(ctx, target, cols, query)
	}
	query += pgRowLock(target)
	if t.proof != "" && !target.Maybe { // a transaction of ours, which waits for the row in any case
		return l.rowImage(ctx, target, cols, query)
	}
	img, known := l.rowImage(ctx, target, cols, query+" SKIP LOCKED")
	return img, known && img != nil
}

func pgImage(t *sqldep.RowTarget, cols []string) string {
	return rowQuery(t, t.Table.Real, cols, func(col string) string { return quote(realName(t.Table, col)) })
}

// pgRowLock is the lock that the statement itself would take: a weaker one would
// have to be raised, over which two transactions can come to wait for each other.
func pgRowLock(t *sqldep.RowTarget) string {
	if t.Table.HasOddKeys {
		return " FOR UPDATE"
	}
	for _, k := range t.Table.Keys {
		if t.Set.Meets(dep.ColumnSet(k.Columns...)) {
			return " FOR UPDATE"
		}
	}
	return " FOR NO KEY UPDATE"
}

// readableRow reports whether the role may read and lock rows of the table. It is
// asked once per table and catalog: a refused read would end the program's
// transaction.
func (d *postgres) readableRow(ctx context.Context, l *lease, t *sqldep.RowTarget) bool {
	if known, ok := d.readable.Load(t.Table); ok {
		return known.(bool)
	}
	name := "'" + strings.ReplaceAll(t.Table.Real, "'", "''") + "'"
	may, err := l.says(ctx, "SELECT has_table_privilege("+name+", 'SELECT') AND has_table_privilege("+name+", 'UPDATE')")
	if err != nil {
		return false
	}
	d.readable.Store(t.Table, may)
	return may
}

// maxReturned is how many returned rows are looked at.
const maxReturned = 500

// counted: whether the rows returned are those written the plan knows.
func (d *postgres) counted(_ context.Context, l *lease, k *run, f *sqldep.Facts) {
	if k.set == nil || k.set.Rows() > maxReturned {
		return
	}
	plain := func(row []driver.Value) ([]driver.Value, bool) { return row, true }
	if r, packed := l.real.(RealConn); packed {
		columns := k.rows.Columns()
		plain = func(row []driver.Value) ([]driver.Value, bool) { return r.Unpack(columns, row) }
	}
	returned, ok := make([][]driver.Value, 0, k.set.Rows()), true
	k.set.Each(func(row []driver.Value) {
		vals, plain := plain(row)
		returned, ok = append(returned, vals), ok && plain
	})
	if ok {
		f.Returned = returned
	}
}

// keyed: the drivers tell of no keys.
func (d *postgres) keyed(string, int64) bool { return false }
