package sqlcache

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/cacheops/cacheops/internal/keysum"
	"github.com/cacheops/cacheops/internal/rowset"
)

// appendArgs appends the arguments in a form that differs whenever they differ
// in name, type or value, and sums them. ok is false where a type is not known to
// be equal whenever it looks equal: such a read is not cached.
func appendArgs(b []byte, args []driver.NamedValue) (_ []byte, sum uint64, ok bool) {
	sum = uint64(len(args))
	b = rowset.AppendCount(b, len(args))
	for i := range args {
		a := &args[i]
		if n, is := a.Value.(int64); is && a.Name == "" { // most are keys
			b = rowset.AppendInt(b, 0, n)
			sum = keysum.Word(sum, uint64(n))
			continue
		}
		from := len(b)
		b = binary.AppendUvarint(b, uint64(len(a.Name)))
		b = append(b, a.Name...)
		if b, ok = appendArg(b, a.Value); !ok {
			return b, 0, false
		}
		sum = keysum.Bytes(sum, b[from:])
	}
	return b, sum, true
}

// goTypes are tags of types that only reach a driver with its own checker;
// rowset's tags stay far below.
const goTypes = 0x80

func appendArg(b []byte, v driver.Value) (_ []byte, ok bool) {
	switch v := v.(type) {
	case int:
		return binary.AppendVarint(append(b, goTypes), int64(v)), true
	case int32:
		return binary.AppendVarint(append(b, goTypes+1), int64(v)), true
	case uint32:
		return binary.AppendUvarint(append(b, goTypes+2), uint64(v)), true
	case uint64:
		return binary.AppendUvarint(append(b, goTypes+3), v), true
	case time.Time:
		// Drivers may format a time with its monotonic reading.
		if v != v.Round(0) { //nolint:staticcheck // == sees the monotonic reading, Equal does not
			return b, false
		}
	}
	if b, ok := rowset.AppendValue(b, v); ok {
		return b, true
	}
	if k, ok := v.(Keyed); ok {
		return k.AppendKey(append(b, goTypes+5)), true
	}
	return appendKind(b, v)
}

// appendKind appends values of a program's own types, and arrays, which drivers
// with a checker of their own accept. The type is part of it, since it decides how
// the driver sends the value; with pointers in it, it would not be all.
func appendKind(b []byte, v any) (_ []byte, ok bool) {
	r := reflect.ValueOf(v)
	if !r.IsValid() {
		return b, false
	}
	t := r.Type()
	name := t.PkgPath() + "." + t.String()
	b = append(b, goTypes+4)
	b = binary.AppendUvarint(b, uint64(len(name)))
	b = append(b, name...)
	if k := r.Kind(); k != reflect.Slice && k != reflect.Array {
		return appendBasic(b, r)
	}
	if r.Kind() == reflect.Slice && r.IsNil() {
		return append(b, 0), true
	}
	b = binary.AppendUvarint(append(b, 1), uint64(r.Len()))
	for i := range r.Len() {
		if b, ok = appendBasic(b, r.Index(i)); !ok {
			return b, false
		}
	}
	return b, true
}

// appendBasic appends a value that is all in itself. The type has been said.
func appendBasic(b []byte, r reflect.Value) (_ []byte, ok bool) {
	switch {
	case r.Kind() == reflect.Bool && r.Bool():
		return append(b, 1), true
	case r.Kind() == reflect.Bool:
		return append(b, 0), true
	case r.Kind() == reflect.String:
		b = binary.AppendUvarint(b, uint64(r.Len()))
		return append(b, r.String()...), true
	case r.CanInt():
		return binary.AppendVarint(b, r.Int()), true
	case r.CanUint():
		return binary.AppendUvarint(b, r.Uint()), true
	case r.CanFloat():
		return binary.BigEndian.AppendUint64(b, math.Float64bits(r.Float())), true
	}
	return b, false
}

// cloned copies arguments that outlive the call: a program may write to its
// slices afterwards.
func cloned(args []driver.NamedValue) []driver.NamedValue {
	out := append([]driver.NamedValue(nil), args...)
	for i := range out {
		switch v := out[i].Value.(type) {
		case nil, int64, string, bool, float64, time.Time:
		case []byte:
			out[i].Value = bytes.Clone(v)
		default:
			out[i].Value = clonedSlice(v)
		}
	}
	return out
}

func clonedSlice(v any) any {
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice || r.IsNil() {
		return v
	}
	c := reflect.MakeSlice(r.Type(), r.Len(), r.Len())
	reflect.Copy(c, r)
	return c.Interface()
}

var timeType = reflect.TypeFor[time.Time]()

// pointedAt returns what a pointer to a plain value points at, and what a null of
// database/sql holds, as every driver with rules of its own does before anything
// else: ORMs pass both. Otherwise nothing would be known of the value, and a
// program could change it while the read is still to be made.
func pointedAt(v any) any {
	switch v := v.(type) {
	case nil, string, int64, bool, float64, []byte, time.Time:
		return v
	case driver.Valuer:
		return unwrapNull(v)
	}
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Pointer {
		return v
	}
	switch t := r.Type().Elem(); {
	case t != timeType && (!basic(t) || r.Type().NumMethod() > 0): // a method may say how it is sent
		return v
	case r.IsNil():
		return nil
	}
	return r.Elem().Interface()
}

func basic(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return true
	}
	return false
}

// unwrapNull returns what a null of database/sql holds, or a type that is made of
// one without a rule of its own, as ORMs' time of deletion.
func unwrapNull(v driver.Valuer) any {
	t := reflect.TypeOf(v)
	if t.Kind() != reflect.Struct || t.PkgPath() != "database/sql" && !t.ConvertibleTo(reflect.TypeFor[sql.NullTime]()) {
		return v
	}
	plain, err := v.Value()
	if err != nil || !driver.IsValue(plain) {
		return v
	}
	return plain
}

// positional strips the names for a driver that has none, as database/sql does.
func positional(args []driver.NamedValue) ([]driver.Value, error) {
	plain := make([]driver.Value, len(args))
	for i, a := range args {
		if a.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		plain[i] = a.Value
	}
	return plain, nil
}

// defers reports whether arguments are converted only when there is a real
// connection: the driver has rules of its own for them, or it has no fast path,
// so that its statements may have.
func (l *lease) defers() bool {
	_, checks := l.real.(driver.NamedValueChecker)
	return checks || !l.fast()
}

// fast reports whether the driver runs statements without preparing them.
func (l *lease) fast() bool {
	_, query := l.real.(driver.QueryerContext)
	_, oldQuery := l.real.(driver.Queryer) //nolint:staticcheck // old drivers have only this one
	_, exec := l.real.(driver.ExecerContext)
	_, oldExec := l.real.(driver.Execer) //nolint:staticcheck // old drivers have only this one
	return (query || oldQuery) && (exec || oldExec)
}

// converted applies the conversion that was put off until now.
func (l *lease) converted(args []driver.NamedValue) ([]driver.NamedValue, error) {
	if len(args) == 0 || !l.engine.convert {
		return args, nil
	}
	return convertAll(args, l.check)
}

func (l *lease) check(nv *driver.NamedValue) error {
	if c, ok := l.real.(driver.NamedValueChecker); ok {
		return c.CheckNamedValue(nv)
	}
	return driver.ErrSkip
}

func convertAll(args []driver.NamedValue, check func(*driver.NamedValue) error) ([]driver.NamedValue, error) {
	out := make([]driver.NamedValue, 0, len(args))
	for _, nv := range args {
		nv.Ordinal = len(out) + 1
		err := check(&nv)
		if errors.Is(err, driver.ErrSkip) {
			err = defaultCheck(&nv)
		}
		switch {
		case err == nil:
			out = append(out, nv)
		case errors.Is(err, driver.ErrRemoveArgument):
		default:
			return nil, fmt.Errorf("sql: converting argument %s type: %w", describe(&nv), err)
		}
	}
	return out, nil
}

func defaultCheck(nv *driver.NamedValue) (err error) {
	nv.Value, err = driver.DefaultParameterConverter.ConvertValue(nv.Value)
	return err
}

func describe(nv *driver.NamedValue) string {
	if nv.Name != "" {
		return fmt.Sprintf("with name %q", nv.Name)
	}
	return fmt.Sprintf("$%d", nv.Ordinal)
}
