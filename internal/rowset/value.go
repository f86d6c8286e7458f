package rowset

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// The tags of encoded values. They are kept in shared stores: new ones may be
// added, none changed.
const (
	tagNil byte = iota
	tagInt
	tagFloat
	tagFalse
	tagTrue
	tagString
	tagBytes
	tagNilBytes
	tagTime
	tagUint    // MySQL's driver for BIGINT UNSIGNED
	tagFloat32 // MySQL's driver for FLOAT
)

// AppendValue appends a value in a form that is different for every two values
// that differ in type or in content: 1 is not "1", NULL is not "". ok is false
// for a type that is neither one of driver.Value's nor uint64 or float32.
func AppendValue(b []byte, v driver.Value) (_ []byte, ok bool) {
	switch v := v.(type) {
	case nil:
		return append(b, tagNil), true
	case int64:
		return binary.AppendVarint(append(b, tagInt), v), true
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, tagFloat), math.Float64bits(v)), true
	case bool:
		if v {
			return append(b, tagTrue), true
		}
		return append(b, tagFalse), true
	case string:
		return appendString(append(b, tagString), v), true
	case []byte:
		if v == nil {
			return append(b, tagNilBytes), true
		}
		b = binary.AppendUvarint(append(b, tagBytes), uint64(len(v)))
		return append(b, v...), true
	case time.Time:
		return appendTime(append(b, tagTime), v), true
	case uint64:
		return binary.AppendUvarint(append(b, tagUint), v), true
	case float32:
		return binary.LittleEndian.AppendUint32(append(b, tagFloat32), math.Float32bits(v)), true
	}
	return b, false
}

// AppendInt is AppendValue for an int64 after a byte, without a detour for a small
// one.
func AppendInt(b []byte, before byte, v int64) []byte {
	if u := uint64(v)<<1 ^ uint64(v>>63); u < 0x80 {
		return append(b, before, tagInt, byte(u)) // as AppendVarint would
	}
	return binary.AppendVarint(append(b, before, tagInt), v)
}

// AppendCount appends a number of things that is mostly small.
func AppendCount(b []byte, n int) []byte {
	if n < 0x80 {
		return append(b, byte(n)) // as AppendUvarint would
	}
	return binary.AppendUvarint(b, uint64(n))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// The kinds of encoded time zones.
const (
	zoneUTC byte = iota
	zoneFixed
	zoneNamed
)

// appendTime encodes the instant and the zone: a program that formats the time
// must see what it would have seen. A zone whose offset never changes in that
// year is kept as it is; another one by its name.
func appendTime(b []byte, t time.Time) []byte {
	b = binary.AppendVarint(b, t.Unix())
	b = binary.AppendUvarint(b, uint64(t.Nanosecond()))
	if t.Location() == time.UTC {
		return append(b, zoneUTC)
	}
	name, offset := t.Zone()
	kind := zoneFixed
	if !fixedZone(t) {
		kind = zoneNamed
	}
	b = binary.AppendVarint(append(b, kind), int64(offset))
	b = appendString(b, name)
	return appendString(b, t.Location().String())
}

func fixedZone(t time.Time) bool {
	name, offset := t.Zone()
	for _, months := range []int{-9, -6, -3, 3, 6, 9} {
		n, o := t.AddDate(0, months, 0).Zone()
		if n != name || o != offset {
			return false
		}
	}
	return t.Location().String() == name
}

// value reads what AppendValue wrote.
func (d *decoder) value() driver.Value {
	switch tag := d.byte(); tag {
	case tagNil:
		return nil
	case tagInt:
		return d.varint()
	case tagFloat:
		return math.Float64frombits(d.uint64())
	case tagFalse:
		return false
	case tagTrue:
		return true
	case tagString:
		return d.string()
	case tagBytes:
		return []byte(d.string())
	case tagNilBytes:
		return []byte(nil)
	case tagTime:
		return d.time()
	case tagUint:
		return d.uvarint()
	case tagFloat32:
		return math.Float32frombits(d.uint32())
	default:
		d.fail(fmt.Errorf("unknown tag %d", tag))
		return nil
	}
}

func (d *decoder) time() time.Time {
	sec, nsec := d.varint(), d.uvarint()
	if nsec >= uint64(time.Second) {
		d.fail(fmt.Errorf("%d nanoseconds", nsec))
		return time.Time{}
	}
	t := time.Unix(sec, int64(nsec))
	kind := d.byte()
	if kind == zoneUTC {
		return t.UTC()
	}
	offset, name, location := int(d.varint()), d.string(), d.string()
	switch {
	case d.err != nil:
		return time.Time{}
	case kind == zoneFixed:
		return t.In(time.FixedZone(name, offset))
	case kind != zoneNamed:
		d.fail(fmt.Errorf("unknown kind of zone %d", kind))
		return time.Time{}
	}
	loc, err := loadLocation(location)
	if err != nil {
		d.fail(err)
		return time.Time{}
	}
	// The writer's zone of that name may differ from ours: "Local" above all.
	t = t.In(loc)
	if n, o := t.Zone(); n != name || o != offset {
		d.fail(fmt.Errorf("zone %q differs here", location))
	}
	return t
}
