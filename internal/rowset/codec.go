package rowset

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// codecVersion begins every encoded set; a set of another version is not read.
const codecVersion = 1

// scanTypes are the scan types that can be encoded, by index: append only.
var scanTypes = []reflect.Type{
	nil, anyType,
	reflect.TypeFor[int64](), reflect.TypeFor[float64](), reflect.TypeFor[bool](),
	reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](),
	reflect.TypeFor[sql.RawBytes](), reflect.TypeFor[sql.NullInt64](), reflect.TypeFor[sql.NullFloat64](),
	reflect.TypeFor[sql.NullBool](), reflect.TypeFor[sql.NullString](), reflect.TypeFor[sql.NullTime](),
	reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int](),
	reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[sql.NullInt32](), reflect.TypeFor[sql.NullInt16](),
	reflect.TypeFor[sql.NullByte](),
}

var scanIndex = sync.OnceValue(func() map[reflect.Type]uint64 {
	m := make(map[reflect.Type]uint64, len(scanTypes))
	for i, t := range scanTypes {
		m[t] = uint64(i)
	}
	return m
})

// The flags of an encoded column type.
const (
	flagLength = 1 << iota
	flagNullable
	flagHasNullable
	flagDecimal
)

// AppendBinary appends an encoding that [Decode] reads. It fails for a set
// with an error, and for types that only the driver knows.
func (s *Set) AppendBinary(b []byte) ([]byte, error) {
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("encode rows: they end with an error: %w", err)
	}
	b = append(b, codecVersion)
	b = binary.AppendUvarint(b, uint64(s.count()))
	for i := range s.count() {
		var err error
		if b, err = s.at(i).appendBinary(b); err != nil {
			return nil, fmt.Errorf("encode rows: %w", err)
		}
	}
	return b, nil
}

func (r *result) appendBinary(b []byte) (_ []byte, err error) {
	b = binary.AppendUvarint(b, uint64(len(r.columns)))
	for i, c := range r.columns {
		if b, err = r.types[i].appendBinary(appendString(b, c)); err != nil {
			return nil, err
		}
	}
	b = binary.AppendUvarint(b, uint64(r.rows))
	for _, v := range r.values {
		var ok bool
		if b, ok = AppendValue(b, v); !ok {
			return nil, fmt.Errorf("value of type %T", v)
		}
	}
	return b, nil
}

func (t *columnType) appendBinary(b []byte) ([]byte, error) {
	scan, ok := scanIndex()[t.scan]
	if !ok {
		return nil, fmt.Errorf("scan type %v", t.scan)
	}
	b = binary.AppendUvarint(b, scan)
	b = appendString(b, t.name)
	var flags byte
	for flag, set := range map[byte]bool{
		flagLength: t.hasLength, flagNullable: t.nullable, flagHasNullable: t.hasNullable, flagDecimal: t.hasDecimal,
	} {
		if set {
			flags |= flag
		}
	}
	b = append(b, flags)
	if t.hasLength {
		b = binary.AppendVarint(b, t.length)
	}
	if t.hasDecimal {
		b = binary.AppendVarint(binary.AppendVarint(b, t.precision), t.scale)
	}
	return b, nil
}

// Decode reads what AppendBinary wrote. It fails on anything else, and keeps
// nothing of b.
func Decode(b []byte) (*Set, error) {
	d := &decoder{rest: string(b)}
	if v := d.byte(); v != codecVersion {
		d.fail(fmt.Errorf("version %d", v))
	}
	s := &Set{size: setOverhead}
	n := d.count()
	for i := 0; i < n && d.err == nil; i++ {
		r := d.result()
		s.grow(r.head.size())
		s.add(r, i)
	}
	switch {
	case d.err == nil && d.rest != "":
		d.fail(errors.New("bytes after the end"))
	case d.err == nil && n == 0:
		d.fail(errors.New("no result"))
	}
	if d.err != nil {
		return nil, fmt.Errorf("decode rows: %w", d.err)
	}
	return s, nil
}

func (d *decoder) result() (r result) {
	r.head = &head{}
	n := d.count()
	for range n {
		if d.err != nil {
			return r
		}
		r.columns = append(r.columns, d.string())
		r.types = append(r.types, d.columnType())
	}
	if n > 0 {
		r.rows = int32(d.count())
	} else {
		// Rows without columns take no bytes, so their number is not bounded by
		// the input; nothing is allocated for them either.
		r.rows = int32(d.uvarint() & (1<<31 - 1))
	}
	for i := 0; i < int(r.rows)*n && d.err == nil; i++ {
		v := d.value()
		if _, ok := v.([]byte); ok {
			r.markBytes(i % n)
		}
		r.values = append(r.values, v)
	}
	return r
}

func (d *decoder) columnType() (t columnType) {
	scan := d.uvarint()
	if scan >= uint64(len(scanTypes)) {
		d.fail(fmt.Errorf("scan type %d", scan))
		return t
	}
	t.scan, t.name = scanTypes[scan], d.string()
	flags := d.byte()
	t.nullable, t.hasNullable = flags&flagNullable != 0, flags&flagHasNullable != 0
	if t.hasLength = flags&flagLength != 0; t.hasLength {
		t.length = d.varint()
	}
	if t.hasDecimal = flags&flagDecimal != 0; t.hasDecimal {
		t.precision, t.scale = d.varint(), d.varint()
	}
	return t
}

// decoder reads from a string, of which the decoded strings are parts. After
// an error every read returns zeros.
type decoder struct {
	rest string
	err  error
}

var errShort = errors.New("cut short")

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err, d.rest = err, ""
	}
}

func (d *decoder) take(n int) string {
	if n < 0 || n > len(d.rest) {
		d.fail(errShort)
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) byte() byte {
	if s := d.take(1); s != "" {
		return s[0]
	}
	return 0
}

func (d *decoder) uint64() uint64 { return d.littleEndian(8) }

func (d *decoder) uint32() uint32 { return uint32(d.littleEndian(4)) }

func (d *decoder) littleEndian(bytes int) uint64 {
	var n uint64
	for i, c := range []byte(d.take(bytes)) {
		n |= uint64(c) << (8 * i)
	}
	return n
}

func (d *decoder) uvarint() uint64 {
	var n uint64
	for shift := 0; shift < 64; shift += 7 {
		c := d.byte()
		if d.err != nil {
			return 0
		}
		if shift == 63 && c > 1 {
			break
		}
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
	d.fail(errors.New("number out of range"))
	return 0
}

func (d *decoder) varint() int64 {
	n := d.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

// count reads the number of things that follow, each of at least one byte.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.fail(errShort)
		return 0
	}
	return int(n)
}

func (d *decoder) string() string { return d.take(d.count()) }

// locations keeps loaded zones by name, because loading reads files.
var locations sync.Map

func loadLocation(name string) (*time.Location, error) {
	if name == "Local" {
		return time.Local, nil
	}
	if l, ok := locations.Load(name); ok {
		return l.(*time.Location), nil
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("load zone: %w", err)
	}
	locations.Store(name, l)
	return l, nil
}
