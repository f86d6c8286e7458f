package pgxcache

import (
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// types are the types that a pool's hooks register with its connections. A hit
// has no connection, so a virtual one has a map of its own with the same types.
type types struct {
	own bool // there are hooks that may register some

	mu   sync.Mutex // while latest changes
	last atomic.Pointer[registered]
	// prepared are the texts of the statements that the hooks have prepared, by name.
	prepared atomic.Pointer[map[string]string]
}

// registered are the types of a connection as it was met.
type registered struct {
	types *pgtype.Map // only copied
	scans []pgtype.TryWrapScanPlanFunc
	odd   bool // arguments may be sent as other values than they are
}

// meet looks at a connection's types: at the first connection's, and again where
// a result has one that had not been registered before.
func (t *types) meet(m *pgtype.Map, fields []pgconn.FieldDescription) {
	if !t.own {
		return
	}
	if last := t.last.Load(); last != nil && !last.lacks(m, fields) {
		return
	}
	t.take(m)
}

// take makes a connection's types those of hits.
func (t *types) take(m *pgtype.Map) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last.Store(&registered{types: m.Copy(), scans: slices.Clone(m.TryWrapScanPlanFuncs), odd: odd(m)})
}

// common are the types by whose values reads and writes are narrowed. Those for which
// programs often have a codec of their own, numbers and UUIDs, are not among them:
// nobody would send another number.
var common = []uint32{
	pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.NameOID, pgtype.BoolOID, pgtype.ByteaOID, pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID,
	pgtype.Float4OID, pgtype.Float8OID, pgtype.OIDOID, pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID,
}

// odd reports whether a program has registered a codec that may send a plain value as
// another: its own for a common type, which encrypts, say. It is not tried, because it
// may do anything with a value that it does not expect.
func odd(m *pgtype.Map) bool {
	return slices.ContainsFunc(common, func(oid uint32) bool {
		t, ok := m.TypeForOID(oid)
		return ok && !ofPgtype(t.Codec)
	})
}

func ofPgtype(c pgtype.Codec) bool {
	t := reflect.TypeOf(c)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == pgtypePath
}

// names learns of the statements that a new connection has prepared. A name that
// stands for two texts stands for none.
func (t *types) names(conn *pgx.Conn) {
	if !t.own {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	last, now := t.prepared.Load(), preparedOn(conn)
	if last == nil {
		t.prepared.Store(&now)
		return
	}
	changed := maps.Clone(*last)
	for name, text := range now {
		if was, ok := changed[name]; ok && was != text {
			text = name
		}
		changed[name] = text
	}
	t.prepared.Store(&changed)
}

// text is what a text stands for that may be a name.
func (t *types) text(name string) string {
	if known := t.prepared.Load(); known != nil {
		if text, ok := (*known)[name]; ok {
			return text
		}
	}
	return name
}

// preparedOn returns the texts of the statements that a program has prepared on a
// connection, by name. pgx tells nobody of them, for which its field is read.
func preparedOn(conn *pgx.Conn) map[string]string {
	out := make(map[string]string)
	f := reflect.ValueOf(conn).Elem().FieldByName("preparedStatements")
	if f.Kind() != reflect.Map || f.Type() != reflect.TypeFor[map[string]*pgconn.StatementDescription]() {
		return out
	}
	for of := f.MapRange(); of.Next(); {
		out[of.Key().String()] = of.Value().Elem().FieldByName("SQL").String()
	}
	return out
}

// pristine reports whether nothing was registered with a map.
func pristine(m *pgtype.Map) bool {
	is, new := reflect.ValueOf(m).Elem(), reflect.ValueOf(pgtype.NewMap()).Elem()
	for _, name := range []string{"oidToType", "nameToType", "reflectTypeToName", "oidToFormatCode"} {
		if f := is.FieldByName(name); f.Kind() != reflect.Map || f.Len() > 0 {
			return false // or this version of pgx keeps them elsewhere
		}
	}
	for _, name := range []string{"TryWrapEncodePlanFuncs", "TryWrapScanPlanFuncs"} {
		a, b := is.FieldByName(name), new.FieldByName(name)
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if a.Index(i).Pointer() != b.Index(i).Pointer() {
				return false
			}
		}
	}
	return true
}

func (r *registered) lacks(m *pgtype.Map, fields []pgconn.FieldDescription) bool {
	for i := range fields {
		if _, ok := r.types.TypeForOID(fields[i].DataTypeOID); ok {
			continue
		}
		if _, ok := m.TypeForOID(fields[i].DataTypeOID); ok {
			return true
		}
	}
	return false
}

// typeMap is a virtual connection's map.
type typeMap struct {
	*pgtype.Map
	from  *registered
	alone map[uint32]bool // types whose codec is nobody else's, or needs not be
}

// current brings the map up to date.
func (m *typeMap) current(t *types) {
	last := t.last.Load()
	if m.Map != nil && m.from == last {
		return
	}
	m.from, m.alone = last, nil
	if last == nil {
		m.Map = pgtype.NewMap()
		return
	}
	m.Map, m.alone = last.types.Copy(), make(map[uint32]bool)
	m.TryWrapScanPlanFuncs = slices.Clone(last.scans)
}

// prepare makes sure that the types of a result can be decoded here while others
// decode them: an enum's codec remembers what it has seen.
func (m *typeMap) prepare(fields []pgconn.FieldDescription) {
	if m.alone == nil {
		return
	}
	for i := range fields {
		oid := fields[i].DataTypeOID
		if m.alone[oid] {
			continue
		}
		m.alone[oid] = true
		if t, ok := m.TypeForOID(oid); ok {
			if own := separate(t); own != t {
				m.RegisterType(own)
			}
		}
	}
}

// separate copies a type whose codec, or one within it, has a memory.
func separate(t *pgtype.Type) *pgtype.Type {
	codec := t.Codec
	switch c := codec.(type) {
	case *pgtype.EnumCodec:
		codec = &pgtype.EnumCodec{}
	case *pgtype.ArrayCodec:
		codec = &pgtype.ArrayCodec{ElementType: separate(c.ElementType), Delimiter: c.Delimiter}
	case *pgtype.RangeCodec:
		codec = &pgtype.RangeCodec{ElementType: separate(c.ElementType)}
	case *pgtype.MultirangeCodec:
		codec = &pgtype.MultirangeCodec{ElementType: separate(c.ElementType)}
	case *pgtype.CompositeCodec:
		fields := slices.Clone(c.Fields)
		for i := range fields {
			fields[i].Type = separate(fields[i].Type)
		}
		codec = &pgtype.CompositeCodec{Fields: fields}
	default:
		return t
	}
	return &pgtype.Type{Codec: codec, Name: t.Name, OID: t.OID}
}
