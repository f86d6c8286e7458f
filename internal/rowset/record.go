package rowset

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
	"time"
)

// ErrTooLarge says that a result outgrew the limit of its recording.
var ErrTooLarge = errors.New("result too large to record")

// Record reads rows to their end and returns what they held. It does not close
// them. An error of the rows is part of the record, to be replayed after the
// rows before it; the only error returned is [ErrTooLarge], once the record
// takes more than limit bytes (zero: no limit).
func Record(rows driver.Rows, limit int) (*Set, error) {
	s := &Set{size: setOverhead}
	for {
		if err := s.record(rows, limit); err != nil {
			return nil, err
		}
		if s.results[len(s.results)-1].err != nil {
			return s, nil
		}
		next, ok := rows.(driver.RowsNextResultSet)
		if !ok || !next.HasNextResultSet() {
			return s, nil
		}
		if err := next.NextResultSet(); err != nil {
			if !errors.Is(err, io.EOF) {
				s.after = err
			}
			return s, nil
		}
	}
}

func (s *Set) record(rows driver.Rows, limit int) error {
	columns := bytesFree(rows.Columns())
	r := result{columns: columns, types: columnTypes(rows, len(columns))}
	s.size += r.size()
	dest := make([]driver.Value, len(columns))
	for {
		if limit > 0 && s.size > limit {
			return ErrTooLarge
		}
		if err := rows.Next(dest); err != nil {
			if !errors.Is(err, io.EOF) {
				r.err = err
			}
			break
		}
		s.take(&r, dest)
	}
	s.size += len(r.bytes) * 8
	s.results = append(s.results, r)
	return nil
}

// bytesFree copies the names: the driver may reuse the slice.
func bytesFree(names []string) []string { return append(make([]string, 0, len(names)), names...) }

// take appends a row. The driver may reuse a []byte at the next row, hence the
// copies.
func (s *Set) take(r *result, row []driver.Value) {
	for i, v := range row {
		switch b := v.(type) {
		case nil, int64, float64, bool, string, time.Time:
		case []byte:
			v = bytes.Clone(b)
			r.markBytes(i)
		default:
			s.odd = true
		}
		s.size += valueSize(v)
		r.values = append(r.values, v)
	}
	r.rows++
}

func (r *result) markBytes(column int) {
	for _, c := range r.bytes {
		if c == column {
			return
		}
	}
	r.bytes = append(r.bytes, column)
}

var anyType = reflect.TypeFor[any]()

// columnTypes asks the driver before the first row, as database/sql's users
// do: some drivers answer by the row they stand on. What the driver does not
// offer is what database/sql assumes then.
func columnTypes(rows driver.Rows, n int) []columnType {
	types := make([]columnType, n)
	for i := range types {
		t := &types[i]
		t.scan = anyType
		if r, ok := rows.(driver.RowsColumnTypeScanType); ok {
			t.scan = r.ColumnTypeScanType(i)
		}
		if r, ok := rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
			t.name = r.ColumnTypeDatabaseTypeName(i)
		}
		if r, ok := rows.(driver.RowsColumnTypeLength); ok {
			t.length, t.hasLength = r.ColumnTypeLength(i)
		}
		if r, ok := rows.(driver.RowsColumnTypeNullable); ok {
			t.nullable, t.hasNullable = r.ColumnTypeNullable(i)
		}
		if r, ok := rows.(driver.RowsColumnTypePrecisionScale); ok {
			t.precision, t.scale, t.hasDecimal = r.ColumnTypePrecisionScale(i)
		}
	}
	return types
}
