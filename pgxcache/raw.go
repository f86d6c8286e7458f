package pgxcache

import (
	"database/sql/driver"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
)

// rawRows are rows of the database in packed form. A command tag that does not
// follow from the number of rows is told after them, by the column of a second
// result without rows.
type rawRows struct {
	rows pgx.Rows
	more bool // rows stand on a row that was not handed out yet
	n    int
	buf  []byte
	tag  string // of the second result, empty before it
}

var _ driver.RowsNextResultSet = (*rawRows)(nil)

func (r *rawRows) Columns() []string {
	if r.tag != "" {
		return []string{r.tag}
	}
	return []string{packFields(r.rows.FieldDescriptions())}
}

func (r *rawRows) Next(dest []driver.Value) error {
	if r.tag != "" {
		return io.EOF
	}
	if !r.more {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	r.buf = packRow(r.buf[:0], r.rows.RawValues())
	dest[0] = string(r.buf)
	r.n++
	r.more = r.rows.Next()
	return nil
}

func (r *rawRows) HasNextResultSet() bool {
	return r.tag == "" && r.rows.Err() == nil && !r.more && r.rows.CommandTag().String() != selected(r.n)
}

func (r *rawRows) NextResultSet() error {
	if !r.HasNextResultSet() {
		return io.EOF
	}
	r.tag = tagPrefix + r.rows.CommandTag().String()
	return nil
}

// tagPrefix makes a tag a name that is not empty.
const tagPrefix = "tag "

// selected is the tag of a SELECT.
func selected(n int) string { return fmt.Sprintf("SELECT %d", n) }

func (r *rawRows) Close() error {
	r.rows.Close()
	return r.rows.Err()
}
