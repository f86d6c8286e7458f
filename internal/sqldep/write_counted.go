package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// counted is a column that an UPDATE sets to what it holds and a whole number more
// (SET views = views + 1): the row as it was, read under its lock, tells what it
// will hold, and need not be read again.
type counted struct {
	col *catalog.Column
	by  int64
}

// counts reports whether x is c and a whole number more. On MySQL alone: elsewhere
// a + may be somebody's own, or a number become another kind of number.
func (d *dml) counts(c *catalog.Column, x Expr) (by int64, ok bool) {
	e, ok := x.(*Binary)
	if !ok || d.w.cat.Dialect != catalog.MySQL || d.row != nil || c.Form.Kind != catalog.Integer {
		return 0, false
	}
	var sign int64
	switch e.Op {
	case OpAdd:
		sign = 1
	case OpSub:
		sign = -1
	default:
		return 0, false
	}
	held, number := e.X, e.Y
	if _, ok := number.(*Column); ok && sign > 0 {
		held, number = number, held
	}
	own, ok := held.(*Column)
	if !ok {
		return 0, false
	}
	if of, _ := d.mine(own, nil); of != c {
		return 0, false
	}
	v, _ := d.b.constant(number, d.args)
	n, ok := catalog.Whole(v)
	return sign * n, ok
}

// uncounted returns the columns that are not among the counted.
func (a *assigned) uncounted(cols []string) []string {
	return slices.DeleteFunc(cols, func(name string) bool {
		return slices.ContainsFunc(a.counted, func(k counted) bool { return k.col.Name == name })
	})
}

// from returns what is written to a row that was old before. What the server does
// where the number does not fit depends on its mode, and is not known.
func (a *assigned) from(old dep.Image) []dep.Field {
	fields := slices.Clone(a.fields)
	for _, k := range a.counted {
		i := slices.IndexFunc(fields, func(f dep.Field) bool { return f.Col == k.col.Name })
		switch v := old.Get(k.col.Name); v.Class() {
		case dep.Null:
			fields[i].Value = v
		case dep.Int:
			if sum := v.Int() + k.by; (sum > v.Int()) == (k.by > 0) {
				fields[i].Value = k.col.Written(sum)
			}
		}
	}
	return fields
}

func lastIndex(names []string, name string) int {
	for i := len(names) - 1; i >= 0; i-- {
		if names[i] == name {
			return i
		}
	}
	return -1
}
