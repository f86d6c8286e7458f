package sqlcache

import (
	"context"
	"database/sql/driver"
	"slices"
	"strconv"

	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// rivals is what is seen of the rows in the way of an upsert's, around it.
type rivals struct {
	// cols are the columns that are read, the key's among them.
	cols []string
	// olds are the rows that were there, under a lock, if read is set.
	olds []dep.Image
	read bool
	// counts is what the server had counted before, of which nothing is said
	// without known.
	counts sqldep.Counts
}

// rivalsOf begins to look at the rows in the way of those of an upsert.
func rivalsOf(target *sqldep.RowTarget, wanted []string) *rivals {
	cols := slices.Concat(target.Key, wanted)
	if target.Numbered { // which row it was, a change tells
		cols = append(cols, target.ReadAfter...)
	}
	slices.Sort(cols)
	return &rivals{cols: slices.Compact(cols)}
}

// after lists the columns to be read after the write: those of the ones that
// count which the statement does not tell.
func (r *rivals) after(target *sqldep.RowTarget) []string {
	var cols []string
	for _, col := range target.ReadAfter {
		if slices.Contains(r.cols, col) {
			cols = append(cols, col)
		}
	}
	if cols != nil {
		cols = append(cols, target.Key...)
		slices.Sort(cols)
	}
	return slices.Compact(cols)
}

// rowImages reads columns of the target's rows with a query of ours.
func (l *lease) rowImages(ctx context.Context, t *sqldep.RowTarget, cols []string, query string) ([]dep.Image, error) {
	rows, err := l.all(ctx, query, ordered(t.Args))
	l.unread = err
	images := make([]dep.Image, 0, len(rows))
	for _, row := range rows {
		images = append(images, storedImage(t.Table, cols, row))
	}
	return images, err
}

// count reads a number, which a driver may give as text.
func count(v driver.Value) (int64, bool) {
	if n, ok := v.(int64); ok {
		return n, true
	}
	n, err := strconv.ParseInt(text(v), 10, 64)
	return n, err == nil
}
