package rowset

import (
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// fakeRows are rows of a driver that reuses its byte buffers from row to row,
// as the contract allows.
type fakeRows struct {
	sets [][][]driver.Value
	cols [][]string
	err  error // after the last row of the last set
	next error // of NextResultSet after the last set
	set  int
	row  int
	buf  [][]byte
}

func (r *fakeRows) Columns() []string { return r.cols[r.set] }
func (r *fakeRows) Close() error      { return nil }

func (r *fakeRows) Next(dest []driver.Value) error {
	rows := r.sets[r.set]
	for _, b := range r.buf {
		for i := range b {
			b[i] = '!'
		}
	}
	r.buf = nil
	if r.row == len(rows) {
		if r.err != nil && r.set == len(r.sets)-1 {
			return r.err
		}
		return io.EOF
	}
	for i, v := range rows[r.row] {
		if b, ok := v.([]byte); ok && b != nil {
			b = append([]byte{}, b...)
			r.buf = append(r.buf, b)
			v = b
		}
		dest[i] = v
	}
	r.row++
	return nil
}

func (r *fakeRows) HasNextResultSet() bool { return r.set < len(r.sets)-1 || r.next != nil }

func (r *fakeRows) NextResultSet() error {
	if r.set == len(r.sets)-1 {
		return r.next
	}
	r.set++
	r.row = 0
	return nil
}

func (r *fakeRows) ColumnTypeScanType(i int) reflect.Type {
	return []reflect.Type{reflect.TypeFor[int64](), reflect.TypeFor[string](), nil}[i%3]
}

func (r *fakeRows) ColumnTypeDatabaseTypeName(i int) string      { return []string{"INT", "TEXT", ""}[i%3] }
func (r *fakeRows) ColumnTypeLength(i int) (int64, bool)         { return int64(i), i%2 == 0 }
func (r *fakeRows) ColumnTypeNullable(i int) (nullable, ok bool) { return i%2 == 0, i%3 == 0 }
func (r *fakeRows) ColumnTypePrecisionScale(i int) (int64, int64, bool) {
	return int64(i), int64(i + 1), i == 1
}

// oneSet returns rows with names c0, c1, … for the given values.
func oneSet(rows ...[]driver.Value) *fakeRows {
	cols := []string{"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"}
	n := 0
	if len(rows) > 0 {
		n = len(rows[0])
	}
	return &fakeRows{sets: [][][]driver.Value{rows}, cols: [][]string{cols[:n]}}
}

// drain reads rows as database/sql does, keeping copies.
func drain(r driver.Rows) (rows [][]driver.Value, err error) {
	dest := make([]driver.Value, len(r.Columns()))
	for {
		if err := r.Next(dest); err != nil {
			if errors.Is(err, io.EOF) {
				return rows, nil
			}
			return rows, err
		}
		row := append([]driver.Value(nil), dest...)
		for i, v := range row {
			if b, ok := v.([]byte); ok && b != nil {
				row[i] = append([]byte{}, b...)
			}
		}
		rows = append(rows, row)
	}
}
