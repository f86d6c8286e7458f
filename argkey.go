package cacheops

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Keyer is an argument of a function ([NewFunc], [Extra]) that knows its own
// part of the key: what is appended must be the same for two values only if the
// function would return the same for both. It may contain any bytes.
type Keyer interface {
	AppendKey(b []byte) []byte
}

// The marks that stand in front of a value in a key. No value's encoding is the
// beginning of another's: lengths and types come first.
const (
	markNil byte = iota + 1
	markFalse
	markTrue
	markInt
	markUint
	markFloat
	markComplex
	markString
	markList
	markMap
	markStruct
	markTime
	markPointer
	markTyped
	markKeyer
)

// maxKeyDepth bounds how deep an argument may be nested: one that contains itself
// has no end.
const maxKeyDepth = 64

// appendArg appends an argument to a key. The usual types need no reflection.
func appendArg(b []byte, arg any) ([]byte, error) {
	switch v := arg.(type) {
	case nil:
		return append(b, markNil), nil
	case int:
		return appendInt(b, int64(v)), nil
	case int64:
		return appendInt(b, v), nil
	case string:
		return appendPart(append(b, markString), v), nil
	case bool:
		return appendBool(b, v), nil
	case struct{}:
		return b, nil
	case Keyer:
		if p := reflect.ValueOf(arg); p.Kind() == reflect.Pointer && p.IsNil() {
			return append(b, markNil), nil
		}
		b = appendPart(append(b, markKeyer), typeName(reflect.TypeOf(arg)))
		return appendPart(b, string(v.AppendKey(nil))), nil
	}
	v := reflect.ValueOf(arg) // of an interface, perhaps, and so with its type
	return appendValue(appendPart(append(b, markTyped), typeName(v.Type())), v, 0)
}

func appendInt(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, markInt), uint64(n))
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, markTrue)
	}
	return append(b, markFalse)
}

var timeType = reflect.TypeFor[time.Time]()

func appendValue(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if depth > maxKeyDepth {
		return nil, fmt.Errorf("a value nested more than %d deep cannot be part of a key", maxKeyDepth)
	}
	if v.Type() == timeType && v.CanInterface() {
		t := v.Interface().(time.Time)
		zone, offset := t.Zone()
		b = binary.BigEndian.AppendUint64(append(b, markTime), uint64(t.Unix()))
		b = binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
		b = binary.BigEndian.AppendUint32(b, uint32(offset))
		// The place besides: its summer may begin on another day.
		return appendPart(appendPart(b, zone), t.Location().String()), nil
	}
	switch v.Kind() {
	case reflect.Bool:
		return appendBool(b, v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(b, v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return binary.BigEndian.AppendUint64(append(b, markUint), v.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return binary.BigEndian.AppendUint64(append(b, markFloat), math.Float64bits(v.Float())), nil
	case reflect.Complex64, reflect.Complex128:
		c := v.Complex()
		b = binary.BigEndian.AppendUint64(append(b, markComplex), math.Float64bits(real(c)))
		return binary.BigEndian.AppendUint64(b, math.Float64bits(imag(c))), nil
	case reflect.String:
		return appendPart(append(b, markString), v.String()), nil
	case reflect.Slice, reflect.Array:
		return appendList(b, v, depth)
	case reflect.Map:
		return appendMap(b, v, depth)
	case reflect.Struct:
		return appendFields(b, v, depth)
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, markNil), nil
		}
		return appendValue(append(b, markPointer), v.Elem(), depth+1)
	case reflect.Interface:
		if v.IsNil() {
			return append(b, markNil), nil
		}
		e := v.Elem()
		return appendValue(appendPart(append(b, markTyped), typeName(e.Type())), e, depth+1)
	}
	return nil, fmt.Errorf("a %s cannot be part of a key", v.Type())
}

func appendList(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return append(b, markNil), nil
	}
	b = binary.AppendUvarint(append(b, markList), uint64(v.Len()))
	var err error
	for i := range v.Len() {
		if b, err = appendValue(b, v.Index(i), depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendMap(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if v.IsNil() {
		return append(b, markNil), nil
	}
	pairs := make([]string, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		pair, err := appendValue(nil, it.Key(), depth+1)
		if err == nil {
			pair, err = appendValue(pair, it.Value(), depth+1)
		}
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, string(pair))
	}
	slices.Sort(pairs)
	b = binary.AppendUvarint(append(b, markMap), uint64(len(pairs)))
	for _, p := range pairs {
		b = appendPart(b, p)
	}
	return b, nil
}

// appendFields appends all fields, those that are not exported included: two
// arguments that differ in one of these are two arguments.
func appendFields(b []byte, v reflect.Value, depth int) ([]byte, error) {
	b = binary.AppendUvarint(append(b, markStruct), uint64(v.NumField()))
	var err error
	for i := range v.NumField() {
		if b, err = appendValue(b, v.Field(i), depth+1); err != nil {
			return nil, fmt.Errorf("field %s of %s: %w", v.Type().Field(i).Name, v.Type(), err)
		}
	}
	return b, nil
}

func typeName(t reflect.Type) string {
	if t.PkgPath() != "" {
		return t.PkgPath() + "." + t.Name()
	}
	name := t.String()
	if !strings.Contains(name, ".") {
		return name
	}
	switch t.Kind() { // name has only the last part of a package's path
	case reflect.Pointer:
		return "*" + typeName(t.Elem())
	case reflect.Slice:
		return "[]" + typeName(t.Elem())
	case reflect.Array:
		return fmt.Sprintf("[%d]", t.Len()) + typeName(t.Elem())
	case reflect.Map:
		return "map[" + typeName(t.Key()) + "]" + typeName(t.Elem())
	}
	return name
}
