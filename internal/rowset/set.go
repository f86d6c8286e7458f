package rowset

import (
	"database/sql/driver"
	"math"
	"reflect"
	"slices"
	"time"
)

// Set is a recorded result: the rows of one statement, in one or more result
// sets. It never changes once recorded and may be replayed by many goroutines.
//
// A million of them may be kept, so what nearly every set lacks is behind a
// pointer, and what all sets of a statement have in common is shared.
type Set struct {
	first result
	rest  *rest // nil for one result set that was moved past without an error
	size  int32 // saturated
	odd   bool
}

// rest is what follows the first result set.
type rest struct {
	results []result
	// after is the error with which moving past the last result set failed.
	after error
}

// result is one result set: its rows lie one after the other in values.
type result struct {
	*head
	values []driver.Value
	tail   *tail // nil without bytes and error
	rows   int32
}

// head is what a result set tells of its columns.
type head struct {
	columns []string
	types   []columnType
}

// tail is what few result sets have.
type tail struct {
	// bytes lists the columns in which any row holds a []byte, which a replay
	// must not hand out.
	bytes []int
	// err ended the result set; nil where it was read to its end.
	err error
}

func (r *result) err() error {
	if r.tail == nil {
		return nil
	}
	return r.tail.err
}

func (r *result) bytes() []int {
	if r.tail == nil {
		return nil
	}
	return r.tail.bytes
}

func (r *result) ended() *tail {
	if r.tail == nil {
		r.tail = &tail{}
	}
	return r.tail
}

// count returns the number of result sets.
func (s *Set) count() int {
	if s.rest == nil {
		return 1
	}
	return 1 + len(s.rest.results)
}

func (s *Set) at(i int) *result {
	if i == 0 {
		return &s.first
	}
	return &s.rest.results[i-1]
}

func (s *Set) after() error {
	if s.rest == nil {
		return nil
	}
	return s.rest.after
}

// add appends a result set, of which the set has n so far.
func (s *Set) add(r result, n int) {
	s.grow(r.size())
	if n == 0 {
		s.first = r
		return
	}
	if s.rest == nil {
		s.rest = &rest{}
	}
	s.rest.results = append(s.rest.results, r)
}

func (s *Set) grow(n int) { s.size = int32(min(int64(s.size)+int64(n), math.MaxInt32)) }

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
func (s *Set) Size() int { return int(s.size) }

// Err returns the error that ended the result, nil if it was read to its end.
// A set with an error is replayed with it and never kept.
func (s *Set) Err() error {
	if err := s.after(); err != nil {
		return err
	}
	for i := range s.count() {
		if err := s.at(i).err(); err != nil {
			return err
		}
	}
	return nil
}

// Columns returns the names of the first result set's columns, which the caller
// must not change.
func (s *Set) Columns() []string { return s.first.columns }

// Rows returns the number of rows in all result sets.
func (s *Set) Rows() int {
	n := 0
	for i := range s.count() {
		n += int(s.at(i).rows)
	}
	return n
}

// Plain reports whether every value is of one of the types of driver.Value, or a
// uint64 or float32.
// Only then is the set known to be immutable and fit to be kept: a driver's
// own type may refer to its connection.
func (s *Set) Plain() bool { return !s.odd }

// First returns the values of the first row of the first result set, which the
// caller must not change, or nil if there is none.
func (s *Set) First() []driver.Value {
	if s.first.rows == 0 {
		return nil
	}
	return s.first.values[:len(s.first.columns)]
}

// Each calls f with every row of the first result set. f must not change the
// row, and may keep it.
func (s *Set) Each(f func(row []driver.Value)) {
	r := &s.first
	n := len(r.columns)
	for i := range int(r.rows) {
		f(r.values[i*n : (i+1)*n : (i+1)*n])
	}
}

// The memory of the parts, in bytes, as Size counts it.
const (
	setOverhead    = 64
	resultOverhead = 48
	columnOverhead = 16 + 80
	valueOverhead  = 16
	boxOverhead    = 24
)

func (r *result) size() int {
	n := resultOverhead + len(r.bytes())*8
	for _, v := range r.values {
		n += valueSize(v)
	}
	return n
}

// size is counted for a head that is not shared with an earlier set.
func (h *head) size() int {
	n := 0
	for i, c := range h.columns {
		n += columnOverhead + len(c) + len(h.types[i].name)
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
	if c.rest != nil {
		c.rest = &rest{results: slices.Clone(s.rest.results), after: s.rest.after}
		if c.rest.after != nil {
			c.rest.after = err
			return &c
		}
	}
	for i := range c.count() {
		if r := c.at(i); r.err() != nil {
			r.tail = &tail{bytes: r.tail.bytes, err: err}
		}
	}
	return &c
}
