package sqldep

// facts are conditions that hold together, with the columns that they make
// equal.
type facts struct {
	conds []*cond // no condAll among them
}

// maxFacts bounds what equalities are followed through: the work grows with its
// cube.
const maxFacts = 150

// add puts c's conjuncts among the facts.
func (f *facts) add(c *cond) { f.conds = append(f.conds, c.conjuncts()...) }

// place is a column of a mention.
type place struct {
	m   *mention
	col string
}

// about returns the conditions known of a column, carried over from those of
// the columns that are equal to it, itself included only if own is set.
func (f *facts) about(p place, own bool) []*cond {
	var out []*cond
	for _, q := range f.equals(p) {
		if q == p && !own {
			continue
		}
		for _, c := range f.conds {
			if c.leaf() && c.m == q.m && c.name == q.col {
				out = append(out, c)
			}
		}
	}
	return out
}

// equals returns the places equal to p, p the first.
func (f *facts) equals(p place) []place {
	class := []place{p}
	seen := map[place]bool{p: true}
	for i := 0; i < len(class); i++ {
		for _, c := range f.conds {
			if c.kind != condSame {
				continue
			}
			a, b := place{c.m, c.name}, place{c.other, c.otherCol.Name}
			if a != class[i] {
				a, b = b, a
			}
			if a == class[i] && !seen[b] {
				seen[b] = true
				class = append(class, b)
			}
		}
	}
	return class
}

// close adds what follows from the equalities between columns.
func (f *facts) close() {
	if len(f.conds) > maxFacts {
		return
	}
	var derived []*cond
	for _, p := range f.places() {
		for _, c := range f.about(p, false) {
			derived = append(derived, c.moved(p))
		}
	}
	f.conds = append(f.conds, derived...)
}

// places returns the columns that take part in an equality.
func (f *facts) places() []place {
	var out []place
	seen := map[place]bool{}
	for _, c := range f.conds {
		if c.kind != condSame {
			continue
		}
		for _, p := range [...]place{{c.m, c.name}, {c.other, c.otherCol.Name}} {
			if !seen[p] {
				seen[p] = true
				out = append(out, p)
			}
		}
	}
	return out
}

// cond returns the facts as one condition.
func (f *facts) cond() *cond {
	if len(f.conds) == 0 {
		return nil
	}
	return &cond{kind: condAll, kids: f.conds}
}

// moved returns the condition on another column that has the same value. The
// values are still compared as c's own column compares them.
func (c *cond) moved(p place) *cond {
	d := *c
	d.m, d.name = p.m, p.col
	return &d
}
