package sqldep

import (
	"database/sql/driver"
	"slices"
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// maxRegions bounds the regions of a use; what would multiply them further is
// left out.
const maxRegions = 64

// maxCells bounds the cells that cover a range.
const maxCells = 16

// maxTags bounds, roughly, the tags that a use checks.
const maxTags = 100

// regions is a disjunction of conjunctions of atoms. all says that it is
// everything, whatever the list holds.
type regions struct {
	any [][]dep.Atom
	all bool
}

// everywhere is the disjunction that restricts nothing.
func everywhere() regions { return regions{all: true} }

// filling fills a plan's conditions with the values of one call.
type filling struct {
	b    Bound
	args []driver.NamedValue
	cap  int
	// isMySQL: the empty string may be NULL.
	isMySQL bool
}

func (r *readPlan) uses(b Bound, args []driver.NamedValue) []dep.Use {
	f := filling{b: b, args: args, cap: maxRegions, isMySQL: r.d == catalog.MySQL}
	uses := make([]dep.Use, len(r.tables))
	for i, t := range r.tables {
		uses[i] = dep.Use{Table: t.table.Name, Cols: t.cols, Regions: f.table(t)}
	}
	if r.d != catalog.SQLite {
		r.doubt(uses, f)
	}
	return uses
}

// table returns the regions of all mentions of a table, with ever fewer of them
// until their tags are few enough.
func (f filling) table(t *tableRead) []dep.Region {
	for ; ; f.cap /= 2 {
		rs, tags := f.union(t)
		if tags <= maxTags || f.cap == 0 {
			return rs
		}
	}
}

// union returns the regions of all mentions and an upper bound of their tags.
func (f filling) union(t *tableRead) (rs []dep.Region, tags int) {
	for _, m := range t.mentions {
		r := f.mention(m)
		if r.all || len(rs)+len(r.any) > maxRegions {
			return []dep.Region{{}}, 1
		}
		for _, atoms := range r.any {
			rs = append(rs, dep.Region{Atoms: atoms})
			tags += max(1, len(atoms))
		}
	}
	if t.pins && len(rs) == 1 {
		rs[0].Pinned = pinsKey(t, rs[0].Atoms)
	}
	return rs, tags
}

// pinsKey reports whether the atoms equate every column of a key that admits
// one row.
func pinsKey(t *tableRead, atoms []dep.Atom) bool {
	equated := func(col string) bool {
		return slices.ContainsFunc(atoms, func(a dep.Atom) bool { return a.Kind == dep.Eq && a.Col == col })
	}
	for _, k := range t.table.Keys {
		if k.Pins && pinsElsewhere(t.table, k) && !slices.ContainsFunc(k.Columns, func(col string) bool { return !equated(col) }) {
			return true
		}
	}
	return false
}

func (f filling) mention(m *mention) regions {
	out := everywhere()
	for _, r := range m.restrictions {
		got := f.cond(r.cond)
		if r.rejecting && !got.rejectNull() {
			continue
		}
		out = out.and(got, f.cap)
	}
	return out
}

// rejectNull reports whether no row of NULLs lies in r.
func (r regions) rejectNull() bool {
	if r.all {
		return false
	}
	for _, atoms := range r.any {
		if !slices.ContainsFunc(atoms, func(a dep.Atom) bool { return a.Kind != dep.IsNull }) {
			return false
		}
	}
	return true
}

// and is the conjunction of r and s. Where it would have more than most
// regions, it is r alone, which is wider.
func (r regions) and(s regions, most int) regions {
	switch {
	case r.all:
		return s
	case s.all:
		return r
	case len(r.any)*len(s.any) > most && len(r.any) > 0 && len(s.any) > 0:
		return r
	}
	out := regions{any: make([][]dep.Atom, 0, len(r.any)*len(s.any))}
	for _, a := range r.any {
		for _, b := range s.any {
			out.any = append(out.any, append(a[:len(a):len(a)], b...))
		}
	}
	return out
}

// or is the disjunction of r and s.
func (r regions) or(s regions, most int) regions {
	if r.all || s.all || len(r.any)+len(s.any) > most {
		return everywhere()
	}
	return regions{any: append(r.any, s.any...)}
}

// conjunction is what holds if all of kids do. Those with the fewest regions
// come first, so that the cap leaves out the others.
func (f filling) conjunction(kids []*cond) regions {
	out := everywhere()
	var more []regions
	for _, k := range kids {
		if r := f.cond(k); r.all || len(r.any) <= 1 {
			out = out.and(r, f.cap)
		} else {
			more = append(more, r)
		}
	}
	slices.SortStableFunc(more, func(a, b regions) int { return len(a.any) - len(b.any) })
	for _, r := range more {
		out = out.and(r, f.cap)
	}
	return out
}

func (f filling) cond(c *cond) regions {
	switch c.kind {
	case condAll:
		return f.conjunction(c.kids)
	case condAny:
		var out regions
		for _, k := range c.kids {
			out = out.or(f.cond(k), f.cap)
		}
		return out
	case condEq:
		return f.equal(c)
	case condIs:
		return f.is(c)
	case condNull:
		return f.atom(dep.Atom{Col: c.name, Kind: dep.IsNull})
	case condTrue:
		return f.atom(dep.Atom{Col: c.name, Kind: dep.IsTrue})
	case condFalse:
		return f.atom(dep.Atom{Col: c.name, Kind: dep.IsFalse})
	case condRange, condEnds:
		return f.span(c)
	case condArray:
		return f.array(c)
	case condGlob, condLike:
		return f.prefix(c)
	case condGiven:
		return f.given(c)
	case condNever:
		return regions{}
	}
	return everywhere()
}

// given is a condition without columns: nothing where the arguments say that it
// does not hold.
func (f filling) given(c *cond) regions {
	var n [2]int64
	for i, e := range c.vals {
		v, ok := f.b.constant(e, f.args)
		switch {
		case !ok:
			return everywhere()
		case c.name == givenNull && plainValue(v) && (v != "" || !f.isMySQL), c.name == givenNotNull && v == nil:
			return regions{}
		case c.name == givenNull || c.name == givenNotNull:
			return everywhere()
		}
		if n[i], ok = v.(int64); !ok {
			return everywhere()
		}
	}
	if (n[0] == n[1]) != (c.name == givenEq) {
		return regions{}
	}
	return everywhere()
}

// plainValue reports whether a driver binds v as it is, and so not as NULL.
func plainValue(v driver.Value) bool {
	switch v := v.(type) {
	case int64, float64, bool, string:
		return true
	case []byte:
		return len(v) > 0
	}
	return false
}

func (f filling) atom(a dep.Atom) regions { return regions{any: [][]dep.Atom{{a}}} }

// equal is a comparison with one value or with each of a list. NULL equals
// nothing.
func (f filling) equal(c *cond) regions {
	if len(c.vals) > f.cap {
		return everywhere()
	}
	vals := make([]driver.Value, len(c.vals))
	for i, e := range c.vals {
		v, ok := f.b.constant(e, f.args)
		if !ok {
			return everywhere()
		}
		vals[i] = v
	}
	return f.among(c, vals)
}

// array is a comparison with each item of an array.
func (f filling) array(c *cond) regions {
	v, ok := f.b.constant(c.vals[0], f.args)
	vals, isArray := elements(v)
	if !ok || !isArray || len(vals) > f.cap {
		return everywhere()
	}
	return f.among(c, vals)
}

// among is a comparison with each of a few values.
func (f filling) among(c *cond, vals []driver.Value) regions {
	atoms := make([]dep.Atom, 0, len(vals))
	for _, v := range vals {
		if v == nil {
			continue
		}
		val, ok := c.col.Compared(v)
		if !ok {
			return everywhere()
		}
		if !slices.ContainsFunc(atoms, func(a dep.Atom) bool { return a.Value == val }) {
			atoms = append(atoms, dep.Atom{Col: c.name, Kind: dep.Eq, Value: val})
		}
	}
	out := regions{any: make([][]dep.Atom, len(atoms))}
	for i := range atoms {
		out.any[i] = atoms[i : i+1 : i+1]
	}
	return out
}

func (f filling) is(c *cond) regions {
	v, ok := f.b.constant(c.vals[0], f.args)
	if ok && v == nil {
		return f.atom(dep.Atom{Col: c.name, Kind: dep.IsNull})
	}
	return f.equal(c)
}

// span is a range. A bound of NULL leaves nothing.
func (f filling) span(c *cond) regions {
	lo, famLo, ok := f.bound(c.vals[0], c.col.LowerBound)
	if !ok {
		return regions{}
	}
	hi, famHi, ok := f.bound(c.vals[1], c.col.UpperBound)
	if !ok {
		return regions{}
	}
	family := famLo
	switch {
	case !lo.Known() && !hi.Known(), c.kind == condEnds && !(lo.Known() && hi.Known()):
		return everywhere()
	case !lo.Known():
		family = famHi
	case hi.Known() && famHi != famLo:
		hi = dep.Value{}
	}
	cells, ok := dep.Cover(family, lo, hi, min(maxCells, f.cap))
	if !ok {
		return everywhere()
	}
	out := regions{any: make([][]dep.Atom, len(cells))}
	for i, cell := range cells {
		out.any[i] = []dep.Atom{{Col: c.name, Kind: dep.InCell, Cell: cell}}
	}
	return out
}

// bound returns one end of a range, unknown where there is none. ok is false
// for NULL.
func (f filling) bound(e Expr, end func(driver.Value) (dep.Value, dep.Family, bool)) (dep.Value, dep.Family, bool) {
	if e == nil {
		return dep.Value{}, 0, true
	}
	v, ok := f.b.constant(e, f.args)
	switch {
	case !ok:
		return dep.Value{}, 0, true
	case v == nil:
		return dep.Value{}, 0, false
	}
	if val, family, ok := end(v); ok {
		return val, family, true
	}
	return dep.Value{}, 0, true
}

// prefix is GLOB or LIKE with what precedes the pattern's first wildcard. Beyond
// ASCII SQLite's matching and the bytes part company.
func (f filling) prefix(c *cond) regions {
	v, ok := f.b.constant(c.vals[0], f.args)
	if !ok {
		return everywhere()
	}
	if v == nil {
		return regions{}
	}
	pattern, ok := v.(string)
	if !ok || strings.IndexByte(pattern, 0) >= 0 {
		return everywhere()
	}
	wild := "*?["
	if c.kind == condLike {
		wild = `%_\`
	}
	end := strings.IndexFunc(pattern, func(r rune) bool { return strings.ContainsRune(wild, r) || r >= 0x80 })
	if end < 0 {
		end = len(pattern)
	}
	cell, ok := dep.PrefixCell(pattern[:end])
	if !ok {
		return everywhere()
	}
	return f.atom(dep.Atom{Col: c.name, Kind: dep.InCell, Cell: cell})
}
