package cacheops

import (
	"fmt"
	"math"
	"reflect"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Codec turns the values of functions ([NewFunc], [Memo]) and of the simple
// cache ([Store], [Load]) into bytes and back. It may be used from many
// goroutines. Decode gets a pointer to a zero value and keeps nothing of its
// argument.
//
// What comes back must be the same as what went in. Functions make sure of it
// before a value is kept, by fields, elements and times; a value that the codec
// changes (for instance one with fields that are not exported) is not kept.
type Codec interface {
	Encode(v any) ([]byte, error)
	Decode(b []byte, v any) error
}

// CBOR is the codec where none is given: github.com/fxamacker/cbor, with times to
// the nanosecond, whole numbers in interfaces as int64 and maps there as
// map[string]any.
func CBOR() Codec { return cborCodec{} }

type cborCodec struct{}

// cborModes are made at first use: most programs have no need of them.
var cborModes = sync.OnceValues(func() (cbor.EncMode, cbor.DecMode) {
	enc, err := cbor.EncOptions{Time: cbor.TimeRFC3339Nano, TimeTag: cbor.EncTagRequired}.EncMode()
	if err != nil {
		panic(fmt.Sprintf("cacheops: the options of CBOR: %v", err)) // they are constants
	}
	dec, err := cbor.DecOptions{
		IntDec: cbor.IntDecConvertSigned, DefaultMapType: reflect.TypeFor[map[string]any](), TimeTagToAny: cbor.TimeTagToTime,
		MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32, MaxNestedLevels: 256,
	}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("cacheops: the options of CBOR: %v", err)) // they are constants
	}
	return enc, dec
})

func (cborCodec) Encode(v any) ([]byte, error) {
	enc, _ := cborModes()
	return enc.Marshal(v)
}

func (cborCodec) Decode(b []byte, v any) error {
	_, dec := cborModes()
	return dec.Unmarshal(b, v)
}

// plain reports whether a copy of a value of the type shares nothing with it that
// could be changed, and so is as good as one that was encoded.
func plain(t reflect.Type) bool {
	if t == timeType {
		return true
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return true
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return false
}

// maxValueDepth bounds how deep a value may be nested: one that contains itself
// has no end, and encoding it would end the program.
const maxValueDepth = 200

// measure returns about how many bytes a value holds. ok is false for one that is
// nested too deep.
func measure(v reflect.Value, depth int) (size int, ok bool) {
	if depth > maxValueDepth {
		return 0, false
	}
	if !v.IsValid() {
		return 0, true
	}
	size, ok = int(v.Type().Size()), true
	add := func(e reflect.Value) bool {
		n, fine := measure(e, depth+1)
		size += n
		return fine
	}
	if v.Type() == timeType {
		return size, true
	}
	switch v.Kind() {
	case reflect.String:
		return size + v.Len(), true
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			ok = add(v.Elem())
		}
	case reflect.Struct:
		size = 0
		for i := 0; i < v.NumField() && ok; i++ {
			ok = add(v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		if plainWord(v.Type().Elem()) {
			return size + v.Len()*int(v.Type().Elem().Size()), true
		}
		for i := 0; i < v.Len() && ok; i++ {
			ok = add(v.Index(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next() && ok; {
			ok = add(it.Key()) && add(it.Value())
		}
	}
	return size, ok
}

func plainWord(t reflect.Type) bool {
	return t.Kind() != reflect.String && t.Kind() != reflect.Struct && t.Kind() != reflect.Array && plain(t)
}

// same reports whether two values of one type are the same to a program: as
// [reflect.DeepEqual] has it, but for times, of which it looks at the moment and
// the zone, and numbers that are none, which equal themselves.
func same(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() {
		return false
	}
	if !a.IsValid() {
		return true
	}
	if a.Type() != b.Type() {
		return false
	}
	if a.Type() == timeType && a.CanInterface() && b.CanInterface() {
		return sameTime(a.Interface().(time.Time), b.Interface().(time.Time))
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		return math.Float64bits(a.Float()) == math.Float64bits(b.Float())
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return same(a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.IsNil() != b.IsNil() {
			return false
		}
		return sameElements(a, b)
	case reflect.Array:
		return sameElements(a, b)
	case reflect.Map:
		return sameMap(a, b)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return a.IsZero() && b.IsZero()
	}
	return a.Equal(b)
}

func sameTime(a, b time.Time) bool {
	nameA, offsetA := a.Zone()
	nameB, offsetB := b.Zone()
	return a.Equal(b) && nameA == nameB && offsetA == offsetB
}

func sameElements(a, b reflect.Value) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		if !same(a.Index(i), b.Index(i)) {
			return false
		}
	}
	return true
}

func sameMap(a, b reflect.Value) bool {
	if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
		return false
	}
	for it := a.MapRange(); it.Next(); {
		other := b.MapIndex(it.Key())
		if !other.IsValid() || !same(it.Value(), other) {
			return false
		}
	}
	return true
}
