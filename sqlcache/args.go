package sqlcache

import (
	"bytes"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cacheops/cacheops/internal/rowset"
)

// appendArgs appends the arguments in a form that differs whenever they differ
// in name, type or value. ok is false where a type is not known to be equal
// whenever it looks equal: such a read is not cached.
func appendArgs(b []byte, args []driver.NamedValue) (_ []byte, ok bool) {
	b = binary.AppendUvarint(b, uint64(len(args)))
	for i := range args {
		a := &args[i]
		b = binary.AppendUvarint(b, uint64(len(a.Name)))
		b = append(b, a.Name...)
		if b, ok = appendArg(b, a.Value); !ok {
			return b, false
		}
	}
	return b, true
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
	return rowset.AppendValue(b, v)
}

// cloned copies arguments that outlive the call: a program may write to its
// []byte afterwards.
func cloned(args []driver.NamedValue) []driver.NamedValue {
	out := append([]driver.NamedValue(nil), args...)
	for i := range out {
		if b, ok := out[i].Value.([]byte); ok {
			out[i].Value = bytes.Clone(b)
		}
	}
	return out
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
