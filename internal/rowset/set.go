package rowset

import (
	"database/sql/driver"
	"reflect"
	"time"
)

// Set is a recorded result: the rows of one statement, in one or more result
// sets. It never changes once recorded and may be replayed by many goroutines.
type Set struct {
	results []result
	// after is the error with which moving past the last result set failed.
	after error
	size  int
	odd   bool
}

// result is one result set: its rows lie one after the other in values.
type result struct {
	columns []string
	types   []columnType
	values  []driver.Value
	rows    int
	// bytes lists the columns in which any row holds a []byte, which a replay
	// must not hand out.
	bytes []int
	// err ended the result set; nil where it was read to its end.
	err error
}

// columnType is what a driver's optional interfaces told of a column.
type columnType struct {
	name             string
	scan             reflect.Type
	length           int64
	precision, scale int64
	hasLength        bool
	nullable         bool
	hasNullable      bool
	hasDecimal       bool
}

// Size returns the memory that the set holds, in bytes.
func (s *Set) Size() int { return s.size }

// Err returns the error that ended the result, nil if it was read to its end.
// A set with an error is replayed with it and never kept.
func (s *Set) Err() error {
	if s.after != nil {
		return s.after
	}
	for i := range s.results {
		if s.results[i].err != nil {
			return s.results[i].err
		}
	}
	return nil
}

// Rows returns the number of rows in all result sets.
func (s *Set) Rows() int {
	n := 0
	for i := range s.results {
		n += s.results[i].rows
	}
	return n
}

// Plain reports whether every value is of one of the types of driver.Value.
// Only then is the set known to be immutable and fit to be kept: a driver's
// own type may refer to its connection.
func (s *Set) Plain() bool { return !s.odd }

// First returns the values of the first row of the first result set, which the
// caller must not change, or nil if there is none.
func (s *Set) First() []driver.Value {
	if len(s.results) == 0 || s.results[0].rows == 0 {
		return nil
	}
	return s.results[0].values[:len(s.results[0].columns)]
}

// Each calls f with every row of the first result set. f must not change the
// row, and may keep it.
func (s *Set) Each(f func(row []driver.Value)) {
	if len(s.results) == 0 {
		return
	}
	r := &s.results[0]
	n := len(r.columns)
	for i := range r.rows {
		f(r.values[i*n : (i+1)*n : (i+1)*n])
	}
}

// The memory of the parts, in bytes, as Size counts it.
const (
	setOverhead    = 96
	resultOverhead = 128
	columnOverhead = 16 + 80
	valueOverhead  = 16
	boxOverhead    = 24
)

func (r *result) size() int {
	n := resultOverhead + len(r.bytes)*8
	for i, c := range r.columns {
		n += columnOverhead + len(c) + len(r.types[i].name)
	}
	for _, v := range r.values {
		n += valueSize(v)
	}
	return n
}

func valueSize(v driver.Value) int {
	switch v := v.(type) {
	case nil, bool:
		return valueOverhead
	case string:
		return valueOverhead + 16 + len(v)
	case []byte:
		return valueOverhead + boxOverhead + len(v)
	case time.Time:
		return valueOverhead + boxOverhead
	}
	return valueOverhead + 8
}

// Hiding returns the set with another error in place of the one that ended it.
func (s *Set) Hiding(err error) *Set {
	c := *s
	if c.after != nil {
		c.after = err
		return &c
	}
	c.results = append([]result(nil), s.results...)
	for i := range c.results {
		if c.results[i].err != nil {
			c.results[i].err = err
		}
	}
	return &c
}
