package sqlcache

import (
	"context"
	"strconv"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// image locks the row as the statement is about to, and reads it. A read that
// locks sees what is committed, whatever the transaction's snapshot. Nobody is
// waited for: a wait may end in a deadlock, over which the server would roll the
// transaction back and then run the statement outside it. A row that somebody else
// holds is not known, nor is one that is not there told from it.
func (d *mysql) image(ctx context.Context, l *lease, t *transaction, target *sqldep.RowTarget, cols []string, _ bool) (dep.Image, bool) {
	if !d.skips {
		return nil, false
	}
	s := spelled(target)
	img, known := l.rowImage(ctx, s, cols, myImage(s, cols))
	d.unreadable(ctx, l, t, l.unread)
	return img, known && img != nil
}

// unreadable keeps an error over which the server rolled the transaction back: who
// holds tables waits for no more of them in a circle with LOCK TABLES or with DDL.
// What followed would be autocommit.
func (d *mysql) unreadable(ctx context.Context, l *lease, t *transaction, err error) {
	if err != nil && l.state(ctx) != stateOpen {
		t.unread = err
	}
}

// spelled puts whole numbers into the text: where the driver does not do so, an
// argument costs two more round trips. With other arguments the target is as it was.
func spelled(t *sqldep.RowTarget) *sqldep.RowTarget {
	parts := strings.Split(t.Where, "?")
	if len(parts) != len(t.Args)+1 {
		return t // a column with such a name
	}
	var where strings.Builder
	for i, part := range parts {
		where.WriteString(part)
		if i == len(t.Args) {
			break
		}
		n, ok := catalog.Whole(t.Args[i].Value)
		if !ok {
			return t
		}
		where.WriteString(strconv.FormatInt(n, 10))
	}
	out := *t
	out.Where, out.Args = where.String(), nil
	return &out
}

func myImage(t *sqldep.RowTarget, cols []string) string {
	name := func(col string) string { return backquoted(realName(t.Table, col)) }
	return rowQuery(t, t.Table.Real, cols, name) + " FOR UPDATE SKIP LOCKED"
}

func backquoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// counted: after rows ROW_COUNT() says -1.
func (d *mysql) counted(context.Context, *lease, *run, *sqldep.Facts) {}

// keyed: an upsert that updated the row, and with clientFoundRows one that left it
// as it was, may report one row as well.
func (d *mysql) keyed(text string, id int64) bool {
	return id > 0 && !strings.Contains(strings.ToLower(text), "duplicate")
}
