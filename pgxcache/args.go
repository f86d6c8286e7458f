package pgxcache

import (
	"bytes"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"math/big"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// appendArgs appends a program's arguments in a form in which the engine can tell
// what is in them, and which pgx sends as it would have sent them.
func appendArgs(to []driver.NamedValue, args []any, m *pgtype.Map) []driver.NamedValue {
	for i, a := range args {
		to = append(to, driver.NamedValue{Ordinal: i + 1, Value: normal(a, m)})
	}
	return to
}

// opaque is an argument of which nobody but the database knows what it stands for. A
// read with one is not kept.
type opaque struct{ value any }

// hide makes all arguments opaque.
func hide(args []driver.NamedValue) {
	for i := range args {
		if args[i].Value != nil {
			args[i].Value = opaque{args[i].Value}
		}
	}
}

// normal follows the pointers that pgx follows, where nothing hangs on the type of
// the pointer, and takes a time's monotonic reading off, which pgx does not send.
func normal(a any, m *pgtype.Map) any {
	switch v := a.(type) {
	case nil, int64, string, bool, float64, []byte, int, int32, int16, float32, uint32:
		return a
	case time.Time:
		return v.Round(0)
	case *string:
		return pointed(v)
	case *int:
		return pointed(v)
	case *int16:
		return pointed(v)
	case *int32:
		return pointed(v)
	case *int64:
		return pointed(v)
	case *bool:
		return pointed(v)
	case *float32:
		return pointed(v)
	case *float64:
		return pointed(v)
	case *time.Time:
		if v == nil {
			return nil
		}
		return v.Round(0)
	}
	return known(a, m)
}

func pointed[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// keyed is a value of one of pgtype's types, with the text that stands for it in
// a read's key.
type keyed struct {
	value any
	text  string
	plain driver.Value
}

// Plain is what the engine's plans see.
func (k *keyed) Plain() driver.Value { return k.plain }

// AppendKey appends the type and the text, each with its length before it.
func (k *keyed) AppendKey(b []byte) []byte {
	for _, s := range []string{fmt.Sprintf("%T", k.value), k.text} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

var pgtypePath = reflect.TypeFor[pgtype.Text]().PkgPath()

// known wraps a value of pgtype's own, whose text in SQL says all that is in it.
// Of a program's types that is not known: one may print less than it sends.
func known(a any, m *pgtype.Map) any {
	t := reflect.TypeOf(a)
	if t.Kind() != reflect.Struct || t.PkgPath() != pgtypePath {
		return a
	}
	plain, ok := plainOf(a)
	if !ok {
		return a
	}
	text, err := m.Encode(0, pgtype.TextFormatCode, a, []byte{})
	if err != nil {
		return a
	}
	if text == nil {
		return nil
	}
	return &keyed{value: ownOf(a), text: string(text), plain: plain}
}

// ownOf copies what a value of pgtype's refers to. A read that others wait for goes
// on when its caller has given it up, and may write to its own value: what is sent
// must still be what the key says.
func ownOf(a any) any {
	switch v := a.(type) {
	case pgtype.Numeric:
		if v.Int != nil {
			v.Int = new(big.Int).Set(v.Int)
		}
		return v
	case pgtype.Bits:
		v.Bytes = bytes.Clone(v.Bytes)
		return v
	}
	return a
}

// plainOf returns the value that a valid one of pgtype's stands for; unknown where
// no plain type has it all. ok is false for types of which the text may not say all.
func plainOf(a any) (plain driver.Value, ok bool) {
	switch v := a.(type) {
	case pgtype.Text:
		return v.String, true
	case pgtype.Int2:
		return int64(v.Int16), true
	case pgtype.Int4:
		return int64(v.Int32), true
	case pgtype.Int8:
		return v.Int64, true
	case pgtype.Bool:
		return v.Bool, true
	case pgtype.UUID:
		return v.Bytes, true
	case pgtype.Timestamptz:
		if v.InfinityModifier == pgtype.Finite {
			return v.Time.Round(0), true
		}
		return unknown{}, true
	case pgtype.Float4, pgtype.Float8, pgtype.Numeric, pgtype.Date, pgtype.Time, pgtype.Timestamp, pgtype.Interval, pgtype.Uint32, pgtype.Bits:
		return unknown{}, true
	}
	return nil, false
}

// unknown is a value that plans know nothing of. It is not NULL.
type unknown struct{}
