package pgxcache

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// types are the types that a pool's hooks register with its connections. A hit
// has no connection, so a virtual one has a map of its own with the same types.
type types struct {
	own bool // there are hooks that may register some

	mu   sync.Mutex // while latest changes
	last atomic.Pointer[registered]
}

// registered are the types of a connection as it was met.
type registered struct {
	types *pgtype.Map // only copied
	scans []pgtype.TryWrapScanPlanFunc
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
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last.Store(&registered{types: m.Copy(), scans: slices.Clone(m.TryWrapScanPlanFuncs)})
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
