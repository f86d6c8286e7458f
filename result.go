package cacheops

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// result is what a function returned, as it is kept. It is immutable.
type result struct {
	// Either what was returned, where a copy of it is no alias (see plain), or
	// its encoding: callers get a value of their own each.
	bare any
	// renew is the time from when a hit has it made anew, in Unix nanoseconds, zero
	// for never.
	renew int64
	fail  string // the error that was returned instead, by the name of what it matches
	// fresh says that each hit is to be made certain of, see [Rule.Fresh].
	fresh bool
	// All that a hit of a bare value reads is above.

	data  []byte
	codec Codec
	text  string // of the error itself

	size int
	// deps are the entry's, for the functions that call this one: a hit hands them
	// on. The stamps need not be acquired again, because while they stand nothing
	// has changed, and the shapes they are of stay registered for as long.
	deps []Dep
	// ends is when the entry ends, for functions that call this one; in Unix
	// nanoseconds.
	ends int64
}

var _ Value = (*result)(nil)

// Size implements [Value].
func (r *result) Size() int { return 160 + r.size + 40*len(r.deps) }

var errChanged = errors.New("the codec does not keep the value as it is")

// newResult makes a result of a value, which is of the type that callers want: an
// interface, perhaps. It fails for one that cannot be kept.
func newResult(v reflect.Value, codec Codec) (*result, error) {
	r := &result{codec: codec}
	if plain(v.Type()) {
		r.bare = v.Interface()
		r.size, _ = measure(v, 0) // nothing plain is deep
		return r, nil
	}
	data, err := encode(v, codec)
	if err != nil {
		return nil, err
	}
	r.data, r.size = data, len(data)
	return r, nil
}

// encode encodes a value and makes sure that it comes back.
func encode(v reflect.Value, codec Codec) ([]byte, error) {
	if _, ok := measure(v, 0); !ok {
		return nil, fmt.Errorf("encode a %s: it is nested too deep", v.Type())
	}
	data, err := codec.Encode(v.Interface())
	if err != nil {
		return nil, fmt.Errorf("encode a %s: %w", v.Type(), err)
	}
	back := reflect.New(v.Type())
	if err := codec.Decode(data, back.Interface()); err != nil {
		return nil, fmt.Errorf("decode a %s: %w", v.Type(), err)
	}
	if !same(v, back.Elem()) {
		return nil, fmt.Errorf("encode a %s: %w", v.Type(), errChanged)
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

// open returns the caller's own copy of what was returned.
func open[T any](r *result) (v T, err error) {
	switch {
	case r.fail != "":
		return v, nil
	case r.data == nil:
		v, ok := r.bare.(T)
		if !ok {
			return v, fmt.Errorf("a result is a %T where it should be a %T", r.bare, v)
		}
		return v, nil
	}
	err = r.codec.Decode(r.data, &v)
	return v, err
}

// resultVersion is the first byte of an encoded result.
const resultVersion = 1

// AppendBinary implements [Value].
func (r *result) AppendBinary(b []byte) ([]byte, error) {
	data := r.data
	if data == nil && r.fail == "" {
		var err error
		if data, err = encode(reflect.ValueOf(r.bare), r.codec); err != nil {
			return nil, err
		}
	}
	b = binary.BigEndian.AppendUint64(append(b, resultVersion), uint64(r.ends))
	b = binary.BigEndian.AppendUint64(b, uint64(r.renew))
	b = appendBool(b, r.fresh)
	b = appendPart(appendPart(b, r.fail), r.text)
	b = binary.AppendUvarint(b, uint64(len(r.deps)))
	for i, d := range r.deps {
		table := d.Table
		if i > 0 && table == r.deps[i-1].Table {
			table = "" // none has that name
		}
		b = appendPart(b, table)
		b = binary.BigEndian.AppendUint64(b, uint64(d.Tag))
		b = binary.BigEndian.AppendUint64(b, uint64(d.Stamp))
	}
	return append(b, data...), nil
}

// decodeResult reads what AppendBinary wrote. A result that is not of this
// version, or not whole, is a miss.
func decodeResult(codec Codec) func([]byte) (Value, error) {
	return func(b []byte) (Value, error) {
		in := reader{b: b}
		if in.byte() != resultVersion {
			return nil, ErrMiss
		}
		r := &result{codec: codec, ends: int64(in.uint64()), renew: int64(in.uint64()), fresh: in.byte() == markTrue, fail: in.part(), text: in.part()}
		n := in.uvarint()
		if n > uint64(len(in.b))/16 {
			return nil, ErrMiss
		}
		r.deps = make([]Dep, n)
		table := ""
		for i := range r.deps {
			if name := in.part(); name != "" {
				table = name
			}
			r.deps[i] = Dep{Table: table, Tag: Tag(in.uint64()), Stamp: Stamp(in.uint64())}
		}
		if in.short {
			return nil, ErrMiss
		}
		r.data = slices.Clone(in.b)
		if r.data == nil {
			r.data = []byte{}
		}
		r.size = len(r.data)
		return r, nil
	}
}

// reader takes bytes apart; short says that they ended too early.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n uint64) []byte {
	if r.short || n > uint64(len(r.b)) {
		r.short = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.short = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) part() string { return string(r.take(r.uvarint())) }

// sortDeps puts those of one table together, the table's own tag first.
func sortDeps(deps []Dep) {
	slices.SortFunc(deps, func(a, b Dep) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Tag, b.Tag))
	})
}

// left returns when the result ends, by a clock that other processes share more
// or less.
func (r *result) left(now time.Time) time.Time {
	if r.ends == 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(r.ends - now.UnixNano()))
}
