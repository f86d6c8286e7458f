package rowset

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
	"slices"
	"sync/atomic"
	"time"
)

// ErrTooLarge says that a result outgrew the limit of its recording.
var ErrTooLarge = errors.New("result too large to record")

// Record reads rows to their end and returns what they held. It does not close
// them. An error of the rows is part of the record, to be replayed after the
// rows before it; the only error returned is [ErrTooLarge], once the record
// takes more than limit bytes (zero: no limit). What earlier records of the
// same statement told of its columns is shared with them through heads, which
// may be nil.
func Record(rows driver.Rows, limit int, heads *Heads) (*Set, error) {
	s := &Set{size: setOverhead}
	for n := 0; ; n++ {
		r, err := s.record(rows, limit, heads)
		if err != nil {
			return nil, err
		}
		s.add(r, n)
		if r.err() != nil {
			return s, nil
		}
		next, ok := rows.(driver.RowsNextResultSet)
		if !ok || !next.HasNextResultSet() {
			return s, nil
		}
		if err := next.NextResultSet(); err != nil {
			if !errors.Is(err, io.EOF) {
				if s.rest == nil {
					s.rest = &rest{}
				}
				s.rest.after = err
			}
			return s, nil
		}
	}
}

func (s *Set) record(rows driver.Rows, limit int, heads *Heads) (result, error) {
	h, shared := heads.of(rows)
	if !shared {
		s.grow(h.size())
	}
	r := result{head: h}
	size := s.Size()
	dest := make([]driver.Value, len(h.columns))
	for {
		if limit > 0 && size > limit {
			return r, ErrTooLarge
		}
		if err := rows.Next(dest); err != nil {
			if !errors.Is(err, io.EOF) {
				r.ended().err = err
			}
			r.trim()
			return r, nil
		}
		size += s.take(&r, dest)
	}
}

// Heads remembers what the results of one statement told of their columns. The
// zero Heads is ready, and may be used from many goroutines; it must not be
// copied.
type Heads struct{ last atomic.Pointer[head] }

// of returns what rows tell of their columns: an earlier head that says the
// same, if there is one.
func (hs *Heads) of(rows driver.Rows) (h *head, shared bool) {
	names := rows.Columns()
	if hs != nil {
		if old := hs.last.Load(); old != nil && old.is(rows, names) {
			return old, true
		}
	}
	h = &head{columns: slices.Clone(names), types: make([]columnType, len(names))} // the driver may reuse the slice
	for i := range h.types {
		h.types[i] = typeOf(rows, i)
	}
	if hs != nil {
		hs.last.Store(h)
	}
	return h, false
}

// is reports whether rows say the same as h.
func (h *head) is(rows driver.Rows, names []string) bool {
	if !slices.Equal(h.columns, names) {
		return false
	}
	for i := range h.types {
		if h.types[i] != typeOf(rows, i) {
			return false
		}
	}
	return true
}

// take appends a row. The driver may reuse a []byte at the next row, hence the
// copies. It returns the memory that the row takes.
func (s *Set) take(r *result, row []driver.Value) (size int) {
	if r.values == nil {
		r.values = make([]driver.Value, 0, len(row)) // mostly there is one row
	}
	for i, v := range row {
		switch b := v.(type) {
		case nil, int64, float64, bool, string, time.Time, uint64, float32:
		case []byte:
			v = bytes.Clone(b)
			r.markBytes(i)
		default:
			s.odd = true
		}
		size += valueSize(v)
		r.values = append(r.values, v)
	}
	r.rows++
	return size
}

// trim gives back the room that growing has left over.
func (r *result) trim() {
	if n := len(r.values); cap(r.values) > n+n/8 {
		r.values = append(make([]driver.Value, 0, n), r.values...)
	}
}

func (r *result) markBytes(column int) {
	if !slices.Contains(r.bytes(), column) {
		r.ended().bytes = append(r.bytes(), column)
	}
}

var anyType = reflect.TypeFor[any]()

// typeOf asks the driver before the first row, as database/sql's users do: some
// drivers answer by the row they stand on. What the driver does not offer is
// what database/sql assumes then.
func typeOf(rows driver.Rows, i int) (t columnType) {
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
	return t
}
