package sqldep

// tidy returns c with the ranges on one column put together, so that a range of
// two ends is covered as one.
func (c *cond) tidy() *cond {
	switch c.kind {
	case condAny:
		out := &cond{kind: condAny}
		for _, k := range c.kids {
			out.kids = append(out.kids, k.tidy())
		}
		return out
	case condAll:
		out := &cond{kind: condAll}
		for _, k := range c.kids {
			out.keep(k.tidy())
		}
		if len(out.kids) == 1 {
			return out.kids[0]
		}
		return out
	}
	return c
}

// keep adds k to a conjunction, into a range that lacks its end if it can.
func (c *cond) keep(k *cond) {
	if k.kind == condRange {
		for i, r := range c.kids {
			if r.kind == condRange && r.name == k.name && r.col == k.col && r.complements(k) {
				c.kids[i] = r.joined(k)
				return
			}
		}
	}
	c.kids = append(c.kids, k)
}

// complements reports whether r and k are the two ends of a range.
func (c *cond) complements(k *cond) bool {
	return (c.vals[0] == nil) != (k.vals[0] == nil) && (c.vals[1] == nil) != (k.vals[1] == nil)
}

func (c *cond) joined(k *cond) *cond {
	d := *c
	d.vals = []Expr{c.vals[0], c.vals[1]}
	if d.vals[0] == nil {
		d.vals[0] = k.vals[0]
	} else {
		d.vals[1] = k.vals[1]
	}
	return &d
}
