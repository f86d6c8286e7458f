package sqlcache

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
)

// sessionQuery asks for the settings that change what a statement returns, or
// the names of its columns, or the order in which rows come that nothing orders, and
// after these for what a write does by itself, of which the catalog knows what the
// connection says that read it. A collation or function in the place of one of SQLite's
// cannot be asked for.
const sessionQuery = `SELECT (SELECT * FROM pragma_read_uncommitted), 'a' LIKE 'A',
	(SELECT * FROM pragma_reverse_unordered_selects), (SELECT * FROM pragma_automatic_index),
	(SELECT * FROM pragma_short_column_names), (SELECT * FROM pragma_full_column_names),
	(SELECT * FROM pragma_foreign_keys), (SELECT * FROM pragma_recursive_triggers)`

// usual are the settings of a connection on which none of them was set.
var usual = []driver.Value{int64(0), int64(1), int64(0), int64(1), int64(1), int64(0)}

// session: most of what a connection's answers depend on is in the data source
// name. A statement changes it for all where there is one connection, though, and
// entries are shared with pools of the same name that never saw that statement.
func (d *sqlite) session(ctx context.Context, l *lease) (session, error) {
	rows, err := l.all(ctx, sessionQuery, nil)
	if err != nil {
		return session{}, err
	}
	if len(rows) != 1 || len(rows[0]) <= len(usual) {
		return session{never: "the connection's settings are not known"}, nil
	}
	reads, writes := rows[0][:len(usual)], rows[0][len(usual):]
	s := session{writes: fmt.Sprint(writes)}
	if slices.Equal(reads, usual) {
		return s, nil
	}
	s.print = fmt.Sprint(reads)
	if reads[0] != usual[0] {
		s.never = readsDirty
	}
	return s, nil
}

// demoted: a file is nobody's replica.
func (d *sqlite) demoted(context.Context, *lease) (why string, err error) { return "", nil }

const readsDirty = "connections read uncommitted rows"
