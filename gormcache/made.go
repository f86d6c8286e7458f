package gormcache

import (
	"database/sql"
	"encoding"
	"encoding/gob"
	"encoding/json"
	"reflect"
)

// Values that GORM, encoding/json and encoding/gob make are trees. Those that a
// type's own code makes need not be: a Scanner may choose one of a few values that
// programs compare by address, or one that leads back to itself. Types whose values
// lead nowhere but to a list of plain ones can be copied all the same.

// scanned says that the type's own Scan makes values that lead elsewhere.
func scanned(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return makes(t, scanners) && !clonerOf(t).shallow()
}

// decoded says that code of the type's own, or of one within, may make values that
// lead elsewhere. registered says that an interface may be given a type of the
// program's.
func decoded(t reflect.Type, registered bool) bool {
	return decodedIn(t, registered, map[reflect.Type]bool{})
}

func decodedIn(t reflect.Type, registered bool, seen map[reflect.Type]bool) bool {
	if seen[t] || clonerOf(t).shallow() {
		return false
	}
	seen[t] = true
	if t.Kind() != reflect.Pointer && makes(t, decoders) {
		return true
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return decodedIn(t.Elem(), registered, seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if decodedIn(t.Field(i).Type, registered, seen) {
				return true
			}
		}
	case reflect.Interface:
		return registered
	}
	return false
}

var (
	scanners = []reflect.Type{reflect.TypeFor[sql.Scanner]()}
	decoders = []reflect.Type{
		reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
		reflect.TypeFor[gob.GobDecoder](), reflect.TypeFor[encoding.BinaryUnmarshaler](),
	}
)

func makes(t reflect.Type, by []reflect.Type) bool {
	for _, code := range by {
		if t.Implements(code) || reflect.PointerTo(t).Implements(code) {
			return true
		}
	}
	return false
}

// shallow says that values lead to nothing but lists of plain ones.
func (c *cloner) shallow() bool {
	switch {
	case c.flat:
		return true
	case c.kind == reflect.Slice:
		return c.elem.flat
	case c.kind == reflect.Array:
		return c.elem.shallow()
	case c.kind == reflect.Struct:
		for i := range c.fields {
			if !c.fields[i].shallow() {
				return false
			}
		}
		return true
	}
	return false
}
