package sqlcache

import (
	"context"
	"slices"

	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// rivals locks and reads the row that an upsert will meet. A locking read of a key
// that is not there locks the gap, and others' inserts out of it, which the
// statement itself would not: a plain read asks first whether it is there. In a
// program's transaction with a snapshot that read would take it, earlier than
// the program's own.
func (d *mysql) rivals(ctx context.Context, l *lease, t *transaction, target *sqldep.RowTarget, r *rivals) {
	if !d.skips || t.snapshot {
		return
	}
	s := spelled(target)
	name := func(col string) string { return backquoted(realName(target.Table, col)) }
	there, err := l.rowImages(ctx, s, target.Key, rowQuery(s, s.Table.Real, target.Key, name))
	if err != nil || len(there) == 0 {
		d.unreadable(ctx, l, t, err)
		return
	}
	r.olds, err = l.rowImages(ctx, s, r.cols, myImage(s, r.cols))
	d.unreadable(ctx, l, t, err)
	r.read = err == nil
}

// met says what the statement did to the row. One that was updated is locked by
// now, and what the statement did not set was so before.
func (d *mysql) met(ctx context.Context, l *lease, t *transaction, target *sqldep.RowTarget, r *rivals, f *sqldep.Facts) {
	f.Olds, f.Read = r.olds, r.read
	const updated = 2
	if f.Affected != updated || target.Moves || !d.skips || target.Numbered && len(r.olds) == 0 {
		return
	}
	cols := r.after(target)
	if len(r.olds) == 0 {
		cols = r.cols
	}
	if cols == nil {
		return
	}
	s := spelled(target)
	now, err := l.rowImages(ctx, s, cols, myImage(s, cols))
	d.unreadable(ctx, l, t, err)
	if err != nil || len(now) != 1 {
		return
	}
	if len(r.olds) == 0 {
		f.Olds, f.Read = []dep.Image{untouched(now[0], target)}, true
	}
	f.News = []dep.Image{slices.DeleteFunc(now[0], func(x dep.Field) bool {
		return !slices.Contains(target.ReadAfter, x.Col) && !slices.Contains(target.Key, x.Col)
	})}
}

// untouched is what is known before a write of a row as it is after it.
func untouched(img dep.Image, target *sqldep.RowTarget) (out dep.Image) {
	for _, f := range img {
		if slices.Contains(target.Key, f.Col) || !target.Set.Contains(dep.ColumnSet(f.Col)) {
			out = append(out, f)
		}
	}
	return out
}
