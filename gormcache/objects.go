package gormcache

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/maypok86/otter/v2"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/cacheops/cacheops/internal/rowset"
)

// objects keeps what GORM made of recorded rows, beside them. The rows are the key,
// by identity: whoever finds them by a lookup in the cache has had them validated,
// and what is kept for rows that nobody finds any more is never asked for.
type objects struct {
	made *otter.Cache[objectKey, *object]
	// near holds some of them where they are found in a few nanoseconds, by the
	// rows' address. One that made has dropped is dropped here.
	near [1 << 12]atomic.Pointer[object]
}

type objectKey struct {
	rows *rowset.Set
	typ  reflect.Type
}

// object is a result as GORM leaves it in a query's destination, before hooks and
// preloads. It never changes and is copied for every caller.
type object struct {
	objectKey
	value   reflect.Value
	pointer any // to value
	cloner  *cloner
	count   int64 // DB.RowsAffected
	size    int
	gone    atomic.Bool
	// array is the type of the elements of a short list as one piece of memory, and
	// elems the list itself so. Nil and invalid for others.
	array reflect.Type
	elems reflect.Value
}

const objectOverhead = 250

// newObjects returns room for that many bytes, nil for none.
func newObjects(bytes int) *objects {
	if bytes < 0 {
		return nil
	}
	o := &objects{}
	o.made = otter.Must(&otter.Options[objectKey, *object]{
		MaximumWeight:    uint64(bytes),
		Weigher:          func(_ objectKey, made *object) uint32 { return uint32(min(made.size, math.MaxUint32)) },
		OnAtomicDeletion: func(e otter.DeletionEvent[objectKey, *object]) { o.drop(e.Value) },
	})
	return o
}

func (o *objects) slot(rows *rowset.Set) *atomic.Pointer[object] {
	at := uint64(uintptr(unsafe.Pointer(rows))) * 0x9e3779b97f4a7c15
	return &o.near[at>>52]
}

// get asks made now and then even for what is near, so that it knows what is in
// use.
func (o *objects) get(rows *rowset.Set, t reflect.Type) *object {
	if o == nil {
		return nil
	}
	slot := o.slot(rows)
	key := objectKey{rows, t}
	if made := slot.Load(); made != nil && made.objectKey == key && rand.Uint32()&31 != 0 {
		return made
	}
	made, ok := o.made.GetIfPresent(key)
	if !ok {
		return nil
	}
	slot.Store(made)
	if made.gone.Load() { // since it was found
		slot.CompareAndSwap(made, nil)
	}
	return made
}

func (o *objects) drop(made *object) {
	made.gone.Store(true)
	o.slot(made.rows).CompareAndSwap(made, nil)
}

// put keeps a copy of what v holds.
func (o *objects) put(rows *rowset.Set, v reflect.Value, count int64) {
	to := reflect.New(v.Type())
	made := &object{objectKey: objectKey{rows, v.Type()}, value: to.Elem(), pointer: to.Interface(), cloner: clonerOf(v.Type()), count: count}
	if !made.cloner.into(made.value, v) {
		return
	}
	made.size = objectOverhead + 2*rows.Size() + int(v.Type().Size())
	if v.Kind() == reflect.Slice {
		made.size += v.Len() * int(v.Type().Elem().Size())
		made.asArray()
	}
	o.made.Set(made.objectKey, made)
}

func (o *object) asArray() {
	if n := o.value.Len(); n > 0 && n <= maxArray {
		o.array = reflect.ArrayOf(n, o.typ.Elem())
		o.elems = reflect.NewAt(o.array, o.value.UnsafePointer()).Elem()
	}
}

// copyTo makes dst, which is addressable, a deep copy.
func (o *object) copyTo(dst reflect.Value) {
	if o.array == nil {
		o.cloner.into(dst, o.value)
		return
	}
	made := reflect.New(o.array)
	made.Elem().Set(o.elems)
	h := (*sliceHeader)(dst.Addr().UnsafePointer())
	n := o.array.Len()
	*h = sliceHeader{made.UnsafePointer(), n, n}
	if !o.cloner.elem.flat {
		o.cloner.ownElems(dst)
	}
}

// maxArray is the longest list that is copied as an array: their types are never
// forgotten.
const maxArray = 64

// usual says that an object fits a statement whose destination is of its type: the
// destination is empty, and the names of columns are as in the SQL.
func usual(db *gorm.DB) bool {
	stmt := db.Statement
	v := stmt.ReflectValue
	if len(stmt.ColumnMapping) > 0 || !v.CanSet() || v.Kind() == reflect.Struct && !v.IsZero() {
		return false
	}
	for i := range stmt.Joins {
		if stmt.Joins[i].Alias != "" {
			return false
		}
	}
	return true
}

// keepable says whether what GORM makes of rows in a destination of a type depends
// on the rows and the type alone, and all of it is theirs. related says that there
// may be columns of related models.
func (p *Plugin) keepable(db *gorm.DB, related bool) bool {
	if p.objects == nil {
		return false
	}
	t := db.Statement.ReflectValue.Type()
	switch t.Kind() {
	case reflect.Struct:
		return p.plain(db, t, related)
	case reflect.Slice:
		if t = t.Elem(); t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		return p.plain(db, t, related)
	case reflect.Array, reflect.Map, reflect.Interface:
		return false
	}
	return clonerOf(t).flat
}

// related says that GORM may take a column for one of a related model's: by its
// name, wherever that is from.
func related(rows *rowset.Set) bool {
	return slices.ContainsFunc(rows.Columns(), func(name string) bool { return strings.Contains(name, "__") })
}

// plain says that a type of elements can be copied, and none of its fields is
// made by code that may look at the context, or that may hand out what is not ours
// to copy.
func (p *Plugin) plain(db *gorm.DB, t reflect.Type, related bool) bool {
	known := &p.plains
	if related {
		known = &p.plainRelated
	}
	if v, ok := known.Load(t); ok {
		return v.(bool)
	}
	plain := t.Kind() != reflect.Map && t.Kind() != reflect.Interface && !clonerOf(t).never && !scanned(t)
	if plain && t.Kind() == reflect.Struct && t != timeType {
		plain = p.plainModel(db, t, related)
	}
	known.Store(t, plain)
	return plain
}

func (p *Plugin) plainModel(db *gorm.DB, t reflect.Type, related bool) bool {
	s, err := schema.Parse(reflect.New(t).Interface(), &p.schemas, db.NamingStrategy)
	if err != nil {
		return false
	}
	return plainSchema(s, related, map[*schema.Schema]bool{})
}

func plainSchema(s *schema.Schema, related bool, seen map[*schema.Schema]bool) bool {
	if seen[s] {
		return true
	}
	seen[s] = true
	for _, f := range s.Fields {
		if f.DBName != "" && !plainField(f) {
			return false
		}
	}
	if !related {
		return true
	}
	for _, r := range s.Relationships.Relations {
		if !plainSchema(r.FieldSchema, related, seen) {
			return false
		}
	}
	return true
}

func plainField(f *schema.Field) bool {
	switch f.Serializer.(type) {
	case nil:
		return !scanned(f.FieldType)
	case schema.JSONSerializer, *schema.JSONSerializer:
		return !decoded(f.FieldType, false)
	case schema.GobSerializer, *schema.GobSerializer:
		return !decoded(f.FieldType, true)
	case schema.UnixSecondSerializer, *schema.UnixSecondSerializer:
		return true
	}
	return false
}
