package rowset

import (
	"database/sql/driver"
	"io"
	"reflect"
)

// Rows replays a Set as a driver's rows. Like any driver's rows it is used by
// one goroutine at a time. It has copies of its own of what a caller could
// write to: the column names and []byte cells.
type Rows struct {
	set    *Set
	result int32
	row    int32
	names  []string // room for column names, used by nobody else
}

var (
	_ driver.Rows                           = (*Rows)(nil)
	_ driver.RowsNextResultSet              = (*Rows)(nil)
	_ driver.RowsColumnTypeScanType         = (*Rows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*Rows)(nil)
	_ driver.RowsColumnTypeLength           = (*Rows)(nil)
	_ driver.RowsColumnTypeNullable         = (*Rows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*Rows)(nil)
)

// Replay returns rows that stand before the first one.
func (s *Set) Replay() *Rows { return &Rows{set: s} }

// Replayer makes replays for one connection. It allocates many at once and
// hands out each of them, and each piece of room for names, only once: what a
// program kept of an earlier one stays its own. The zero Replayer is ready. It
// is used by one goroutine at a time; the replays need not be that one's.
type Replayer struct {
	rows  []Rows
	names []string
}

const (
	rowsAtOnce  = 8
	namesAtOnce = 32
)

// Replay returns rows that stand before the first one.
func (p *Replayer) Replay(s *Set) *Rows {
	if len(p.rows) == 0 {
		p.rows = make([]Rows, rowsAtOnce)
	}
	r := &p.rows[0]
	p.rows = p.rows[1:]
	r.set = s
	n := len(s.first.columns)
	if n > len(p.names) {
		if n > namesAtOnce {
			return r
		}
		p.names = make([]string, namesAtOnce)
	}
	r.names, p.names = p.names[:0:n], p.names[n:]
	return r
}

func (r *Rows) current() *result { return r.set.at(int(r.result)) }

// Columns returns the names in a slice of the replay's own, because
// database/sql passes it on to the program.
func (r *Rows) Columns() []string { return append(r.names, r.current().columns...) }

// Close ends the replay and lets go of the set, which may be large: the rows
// made along with these keep them in memory.
func (r *Rows) Close() error {
	r.set, r.result, r.row = &over, 0, 0
	return nil
}

var over = Set{first: result{head: &head{}}}

// Next copies the next row to dest.
func (r *Rows) Next(dest []driver.Value) error {
	res := r.current()
	if r.row >= res.rows {
		if err := res.err(); err != nil {
			return err
		}
		return io.EOF
	}
	n := len(res.columns)
	from := int(r.row) * n
	copy(dest, res.values[from:from+n])
	if res.tail != nil && len(res.tail.bytes) > 0 {
		r.ownBytes(res.tail.bytes, dest)
	}
	r.row++
	return nil
}

// ownBytes replaces the []byte cells by copies, which a program may write to
// through sql.RawBytes. Every row has its own, though a Scanner must not keep what
// it is given: with the drivers that hand out new memory for each row, those that
// do are right, and would take one row's value for another's here.
func (r *Rows) ownBytes(columns []int, dest []driver.Value) {
	for _, col := range columns {
		if src, ok := dest[col].([]byte); ok && src != nil {
			dest[col] = append(make([]byte, 0, len(src)), src...)
		}
	}
}

// HasNextResultSet reports whether another result set follows.
func (r *Rows) HasNextResultSet() bool {
	return int(r.result)+1 < r.set.count() || r.set.after() != nil
}

// NextResultSet moves on to the next result set.
func (r *Rows) NextResultSet() error {
	if int(r.result)+1 >= r.set.count() {
		if err := r.set.after(); err != nil {
			return err
		}
		return io.EOF
	}
	r.result++
	r.row = 0
	return nil
}

func (r *Rows) column(i int) *columnType { return &r.current().types[i] }

// ColumnTypeScanType returns what the driver said.
func (r *Rows) ColumnTypeScanType(i int) reflect.Type { return r.column(i).scan }

// ColumnTypeDatabaseTypeName returns what the driver said.
func (r *Rows) ColumnTypeDatabaseTypeName(i int) string { return r.column(i).name }

// ColumnTypeLength returns what the driver said.
func (r *Rows) ColumnTypeLength(i int) (length int64, ok bool) {
	t := r.column(i)
	return t.length, t.hasLength
}

// ColumnTypeNullable returns what the driver said.
func (r *Rows) ColumnTypeNullable(i int) (nullable, ok bool) {
	t := r.column(i)
	return t.nullable, t.hasNullable
}

// ColumnTypePrecisionScale returns what the driver said.
func (r *Rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	t := r.column(i)
	return t.precision, t.scale, t.hasDecimal
}
