package sqlcache

import (
	"context"
	"database/sql/driver"
	"strings"

	"github.com/cacheops/cacheops/internal/sqldep"
)

// maxLocked is how many rows are looked for before an upsert: putting them into
// its order costs the square of it.
const maxLocked = 128

// rivals locks and reads the rows that an upsert will meet, in the order in which
// it is about to lock them itself. A row that is not there cannot be locked, and
// may be by the time the statement comes to it; that none was met, the server's
// counts of what the transaction has inserted and updated tell.
//
// In a program's transaction one row is read at most: several, locked before the
// statement inserts its first, could close a circle of waits with a transaction
// that holds a key which it inserts.
func (d *postgres) rivals(ctx context.Context, l *lease, t *transaction, target *sqldep.RowTarget, r *rivals) {
	if !d.countable(ctx, l) {
		return
	}
	locks := !t.snapshot && !target.Table.RowSecurity && (target.Rows == 1 || t.proof != "" && target.Rows <= maxLocked) && d.readableRow(ctx, l, target)
	query, args := "SELECT "+pgCounts(target), []driver.NamedValue(nil)
	if locks {
		query, args = pgRivals(target, r.cols, t.proof == ""), ordered(target.Args)
	}
	rows, err := l.all(ctx, query, args)
	if err != nil || len(rows) == 0 {
		d.unreadable(ctx, l, t, err)
		return
	}
	r.counts = countsOf(rows[0])
	if r.read = locks; !locks || rows[0][2] == nil {
		return
	}
	for _, row := range rows {
		r.olds = append(r.olds, storedImage(target.Table, r.cols, row[3:]))
	}
}

// unreadable keeps an error that ended all that the transaction could do.
func (d *postgres) unreadable(ctx context.Context, l *lease, t *transaction, err error) {
	if l.unread = err; err != nil && (l.state(ctx) == stateUnknown || doomed(l)) {
		t.unread = err
	}
}

// pgRivals reads the counts beside each of the rows, or beside none.
func pgRivals(target *sqldep.RowTarget, cols []string, skip bool) string {
	query := pgImage(target, cols)
	if target.Order != "" {
		query += " ORDER BY " + target.Order
	}
	query += pgRowLock(target)
	if skip {
		query += " SKIP LOCKED"
	}
	return "WITH r AS (" + strings.Replace(query, "SELECT ", "SELECT true, ", 1) + ") SELECT " + pgCounts(target) + ", r.* FROM (VALUES (1)) AS v LEFT JOIN r ON true"
}

// pgCounts are the server's counts of the present transaction, and of those
// before it that it has not reported yet: how much they grow is what tells.
func pgCounts(target *sqldep.RowTarget) string {
	name := "'" + strings.ReplaceAll(target.Table.Real, "'", "''") + "'::regclass"
	return "pg_stat_get_xact_tuples_inserted(" + name + "), pg_stat_get_xact_tuples_updated(" + name + ")"
}

func countsOf(row []driver.Value) (c sqldep.Counts) {
	inserted, ok1 := count(row[0])
	updated, ok2 := count(row[1])
	return sqldep.Counts{Known: ok1 && ok2, Inserted: inserted, Updated: updated}
}

// met says what the statement did to the rows.
func (d *postgres) met(ctx context.Context, l *lease, t *transaction, target *sqldep.RowTarget, r *rivals, f *sqldep.Facts) {
	f.Olds, f.Read = r.olds, r.read
	if cols := r.after(target); cols != nil && len(r.olds) > 0 {
		var err error
		f.News, err = l.rowImages(ctx, target, cols, pgImage(target, cols))
		d.unreadable(ctx, l, t, err)
	}
	if !r.counts.Known || len(r.olds) == target.Rows || t.unread != nil {
		return
	}
	rows, err := l.all(ctx, "SELECT "+pgCounts(target), nil)
	d.unreadable(ctx, l, t, err)
	if err != nil || len(rows) != 1 {
		return
	}
	now := countsOf(rows[0])
	f.Counts = sqldep.Counts{Known: now.Known, Inserted: now.Inserted - r.counts.Inserted, Updated: now.Updated - r.counts.Updated}
}

// countable reports whether the role may ask for the counts: a refusal would end
// the program's transaction.
func (d *postgres) countable(ctx context.Context, l *lease) bool {
	const counts = "counts"
	if known, ok := d.readable.Load(counts); ok {
		return known.(bool)
	}
	may, err := l.says(ctx, "SELECT has_function_privilege('pg_stat_get_xact_tuples_inserted(oid)', 'EXECUTE') AND has_function_privilege('pg_stat_get_xact_tuples_updated(oid)', 'EXECUTE')")
	if err != nil {
		return false
	}
	d.readable.Store(counts, may)
	return may
}
