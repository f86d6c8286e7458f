package sqldep

import (
	"database/sql/driver"
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// maxAlternatives bounds the images that the IN lists of a WHERE multiply to.
const maxAlternatives = 64

// known is a column that a WHERE leaves one of a few values.
type known struct {
	col    *catalog.Column
	values []dep.Value
	// raw is the argument of a single value, for reading the row by it.
	raw driver.Value
}

// where returns what the AND-ed conditions of a WHERE say of d's table: every
// row for which the WHERE is true has one of those values in each column.
func (d *dml) where(x Expr, from From) []known {
	var out []known
	for _, c := range conjuncts(x, nil) {
		k, ok := d.condition(c, from)
		same := func(o known) bool { return o.col == k.col }
		// A second condition on a column holds as well; the first is enough.
		if ok && !slices.ContainsFunc(out, same) {
			out = append(out, k)
		}
	}
	return out
}

func conjuncts(x Expr, list []Expr) []Expr {
	if b, ok := x.(*Binary); ok && b.Op == OpAnd {
		return conjuncts(b.Y, conjuncts(b.X, list))
	}
	if x == nil {
		return list
	}
	return append(list, x)
}

func (d *dml) condition(x Expr, from From) (known, bool) {
	switch x := x.(type) {
	case *Binary:
		if x.Op != OpEq {
			return known{}, false
		}
		if k, ok := d.equals(x.X, x.Y, from); ok {
			return k, true
		}
		return d.equals(x.Y, x.X, from)
	case *Is:
		return d.is(x, from)
	case *In:
		return d.in(x, from)
	}
	return known{}, false
}

// equals reads `column = value`.
func (d *dml) equals(x, y Expr, from From) (known, bool) {
	c, ok := d.mine(x, from)
	if !ok {
		return known{}, false
	}
	if v, ok := d.constantFor(c, y); ok {
		val, ok := c.Compared(v)
		return known{col: c, values: []dep.Value{val}, raw: v}, ok
	}
	other, val := d.foreign(y, nil)
	if other == nil || !val.Known() || val.Class() == dep.Null || !catalog.SameEquality(c, other) {
		return known{}, false
	}
	return known{col: c, values: []dep.Value{val}}, true
}

// is reads `column IS NULL` and `column IS ?`. IS TRUE is a test of truth.
func (d *dml) is(x *Is, from From) (known, bool) {
	c, ok := d.mine(x.X, from)
	if !ok || x.Not {
		return known{}, false
	}
	if l, ok := x.Y.(*Literal); ok && l.Kind == LitBool {
		return known{}, false
	}
	v, ok := d.constantFor(c, x.Y)
	switch {
	case !ok || !nullable(c):
		return known{}, false
	case v == nil:
		return known{col: c, values: []dep.Value{dep.NullValue()}}, true
	}
	val, ok := c.Compared(v)
	return known{col: c, values: []dep.Value{val}, raw: v}, ok
}

// in reads `column IN (a, b)`. A NULL in the list equals nothing.
func (d *dml) in(x *In, from From) (known, bool) {
	c, ok := d.mine(x.X, from)
	if !ok || x.Not || x.List == nil {
		return known{}, false
	}
	k := known{col: c}
	for _, item := range x.List {
		v, ok := d.constantFor(c, item)
		if !ok {
			return known{}, false
		}
		if v == nil {
			continue
		}
		val, ok := c.Compared(v)
		if !ok {
			return known{}, false
		}
		if k.raw = v; !slices.Contains(k.values, val) {
			k.values = append(k.values, val)
		}
	}
	return k, true
}

// mine returns the column of d's table that x is. With other tables in FROM
// only a qualified name is certain to be.
func (d *dml) mine(x Expr, from From) (*catalog.Column, bool) {
	col, ok := x.(*Column)
	if !ok {
		return nil, false
	}
	name := d.to.Alias
	if name == "" {
		name = d.to.Name
	}
	switch {
	case col.Table == "" && from != nil:
		return nil, false
	case col.Table != "" && (col.Table != name || among(from, name)):
		return nil, false
	case col.Schema != "" && (d.to.Alias != "" || col.Schema != d.t.Schema):
		return nil, false
	}
	return d.column(col.Name)
}

// among reports whether something in FROM goes by the name.
func among(from From, name string) bool {
	found := false
	Walk(from, func(n Node) bool {
		switch n := n.(type) {
		case *Table:
			found = found || n.Alias == name || n.Alias == "" && n.Name == name
		case *SubFrom:
			found = found || n.Alias == name
		case *TableFunc:
			found = found || n.Alias == name || n.Alias == "" && n.Name == name
		}
		return true
	})
	return found
}

// rowsWhere returns images of the rows for which a WHERE may be true: each of
// those rows fits one of them.
func (d *dml) rowsWhere(x Expr, from From) []dep.Image {
	out := images(d.where(x, from))
	for _, c := range conjuncts(x, nil) {
		or, ok := c.(*Binary)
		if !ok || or.Op != OpOr {
			continue
		}
		alternatives := append(d.rowsWhere(or.X, from), d.rowsWhere(or.Y, from)...)
		tells := !slices.ContainsFunc(alternatives, func(img dep.Image) bool { return len(img) == 0 })
		if tells && len(out)*len(alternatives) <= maxAlternatives {
			out = combined(out, alternatives)
		}
	}
	return out
}

// combined returns every image of one list with what one of the other adds.
func combined(list, more []dep.Image) (out []dep.Image) {
	for _, img := range list {
		for _, m := range more {
			both := slices.Clone(img)
			for _, f := range m {
				if !slices.ContainsFunc(img, func(g dep.Field) bool { return g.Col == f.Col }) {
					both = append(both, f)
				}
			}
			out = append(out, both)
		}
	}
	return out
}

// certain is what is known of a row whichever of several values a column has.
func certain(ks []known) (img dep.Image) {
	for _, k := range ks {
		if len(k.values) == 1 {
			img = append(img, dep.Field{Col: k.col.Name, Value: k.values[0]})
		}
	}
	return img
}

// images multiplies out what is known. Lists that make too many images are
// left out, the longest first.
func images(ks []known) []dep.Image {
	ks = slices.Clone(ks)
	slices.SortStableFunc(ks, func(a, b known) int { return len(a.values) - len(b.values) })
	out := []dep.Image{nil}
	for _, k := range ks {
		if len(out)*len(k.values) > maxAlternatives {
			break
		}
		var next []dep.Image
		for _, img := range out {
			for _, v := range k.values {
				next = append(next, append(slices.Clone(img), dep.Field{Col: k.col.Name, Value: v}))
			}
		}
		out = next
	}
	return out
}
