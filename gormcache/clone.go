package gormcache

import (
	"reflect"
	"slices"
	"sync"
	"time"
	"unsafe"
)

// cloner makes deep copies of the values of one type. What it copies are trees
// that GORM has just made of rows: there are no cycles, and no two pointers to one
// thing.
type cloner struct {
	typ  reflect.Type
	kind reflect.Kind
	// bytes says that it is a slice of bytes.
	bytes bool
	// flat says that copying the memory is enough.
	flat bool
	// never says that values of the type cannot be copied without knowing it.
	never  bool
	fields []fieldCloner // of a struct, those that are not flat
	elem   *cloner       // of a pointer, slice, array or map
	key    *cloner       // of a map
}

type fieldCloner struct {
	index  int
	offset uintptr
	*cloner
}

// cloners are the cloners of all types that were asked for.
var cloners struct {
	sync.Mutex
	byType map[reflect.Type]*cloner
}

// clonerOf returns the cloner of a type.
func clonerOf(t reflect.Type) *cloner {
	cloners.Lock()
	defer cloners.Unlock()
	if c, ok := cloners.byType[t]; ok {
		return c
	}
	m := making{}
	m.of(t)
	m.settle()
	if cloners.byType == nil {
		cloners.byType = make(map[reflect.Type]*cloner)
	}
	for t, c := range m {
		cloners.byType[t] = c
	}
	return cloners.byType[t]
}

// making are the cloners of a type and of all that it consists of, which may
// refer to each other.
type making map[reflect.Type]*cloner

var timeType = reflect.TypeFor[time.Time]()

func (m making) of(t reflect.Type) *cloner {
	if c, ok := m[t]; ok {
		return c
	}
	c := &cloner{typ: t, kind: t.Kind(), bytes: t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8}
	m[t] = c
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128, reflect.String:
		c.flat = true
	case reflect.Struct:
		m.ofStruct(c)
	case reflect.Array, reflect.Pointer, reflect.Slice:
		c.elem = m.of(t.Elem())
	case reflect.Map:
		c.key, c.elem = m.of(t.Key()), m.of(t.Elem())
	case reflect.Interface:
	default: // channels, functions, unsafe pointers
		c.never = true
	}
	return c
}

func (m making) ofStruct(c *cloner) {
	if c.typ == timeType { // its pointer is to a time zone, which does not change
		c.flat = true
		return
	}
	for i := range c.typ.NumField() {
		f := c.typ.Field(i)
		c.fields = append(c.fields, fieldCloner{i, f.Offset, m.of(f.Type)})
	}
}

// settle works out which types are flat, and then which can never be copied, each
// in as many rounds as that takes to spread along the references. A type that
// contains itself is neither by that.
func (m making) settle() {
	m.spread(func(c *cloner) *bool { return &c.flat }, (*cloner).isFlat)
	m.spread(func(c *cloner) *bool { return &c.never }, (*cloner).isNever)
	for _, c := range m {
		c.fields = slices.DeleteFunc(c.fields, func(f fieldCloner) bool { return f.flat })
	}
}

func (m making) spread(mark func(*cloner) *bool, holds func(*cloner) bool) {
	for changed := true; changed; {
		changed = false
		for _, c := range m {
			if at := mark(c); !*at && holds(c) {
				*at, changed = true, true
			}
		}
	}
}

func (c *cloner) isFlat() bool {
	switch c.typ.Kind() {
	case reflect.Struct:
		return !slices.ContainsFunc(c.fields, func(f fieldCloner) bool { return !f.flat })
	case reflect.Array:
		return c.elem.flat
	}
	return c.flat
}

// isNever: a field that is not exported may point at anything, and what is not
// flat in the key of a map is its identity.
func (c *cloner) isNever() bool {
	switch c.typ.Kind() {
	case reflect.Struct:
		return slices.ContainsFunc(c.fields, func(f fieldCloner) bool {
			return f.never || !f.flat && !c.typ.Field(f.index).IsExported()
		})
	case reflect.Array, reflect.Pointer, reflect.Slice:
		return c.elem.never
	case reflect.Map:
		return c.elem.never || !c.key.flat
	}
	return c.never
}

// into makes dst, which is addressable, a deep copy of src. ok is false where an
// interface in src holds what cannot be copied; dst is then not to be used.
func (c *cloner) into(dst, src reflect.Value) (ok bool) {
	if c.never {
		return false
	}
	dst.Set(src)
	return c.flat || c.own(dst.Addr().UnsafePointer())
}

// own gives the value at p, which is a copy of another's memory, everything that
// it leads to for its own. Types that are mostly of plain fields cost no more than
// a look at the others.
func (c *cloner) own(p unsafe.Pointer) bool {
	switch c.kind {
	case reflect.Struct:
		for i := range c.fields {
			f := &c.fields[i]
			if !f.own(unsafe.Add(p, f.offset)) {
				return false
			}
		}
		return true
	case reflect.Pointer:
		return c.ownPointer((*unsafe.Pointer)(p))
	case reflect.Slice:
		return c.ownSlice(p)
	case reflect.Map:
		return c.ownMap(reflect.NewAt(c.typ, p).Elem())
	case reflect.Interface:
		return ownInterface(reflect.NewAt(c.typ, p).Elem())
	case reflect.Array:
		return c.ownElems(reflect.NewAt(c.typ, p).Elem())
	}
	return false
}

func (c *cloner) ownPointer(p *unsafe.Pointer) bool {
	if *p == nil {
		return true
	}
	made := reflect.New(c.elem.typ)
	made.Elem().Set(reflect.NewAt(c.elem.typ, *p).Elem())
	*p = made.UnsafePointer()
	return c.elem.flat || c.elem.own(*p)
}

// sliceHeader is a slice in memory.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

func (c *cloner) ownSlice(p unsafe.Pointer) bool {
	if c.bytes {
		if b := (*[]byte)(p); *b != nil {
			*b = append(make([]byte, 0, len(*b)), *b...)
		}
		return true
	}
	h := (*sliceHeader)(p)
	if h.data == nil {
		return true
	}
	made := reflect.MakeSlice(c.typ, h.len, h.len)
	reflect.Copy(made, reflect.NewAt(c.typ, p).Elem())
	h.data, h.cap = made.UnsafePointer(), h.len
	return c.elem.flat || c.ownElems(made)
}

func (c *cloner) ownElems(v reflect.Value) bool {
	for i := range v.Len() {
		if !c.elem.own(v.Index(i).Addr().UnsafePointer()) {
			return false
		}
	}
	return true
}

func (c *cloner) ownMap(at reflect.Value) bool {
	if at.IsNil() {
		return true
	}
	made := reflect.MakeMapWithSize(c.typ, at.Len())
	for it := at.MapRange(); it.Next(); {
		v := reflect.New(c.elem.typ).Elem()
		if !c.elem.into(v, it.Value()) {
			return false
		}
		made.SetMapIndex(it.Key(), v)
	}
	at.Set(made)
	return true
}

func ownInterface(at reflect.Value) bool {
	if at.IsNil() {
		return true
	}
	c := clonerOf(at.Elem().Type())
	if c.flat {
		return true // what an interface holds is never written to
	}
	v := reflect.New(c.typ).Elem()
	if !c.into(v, at.Elem()) {
		return false
	}
	at.Set(v)
	return true
}
