package sqldep

import (
	"slices"

	"github.com/cacheops/cacheops/internal/catalog"
)

// PostgreSQL matches no pattern under a collation that is not deterministic, and
// compares nothing where two columns' collations do not go together. It says so when
// it comes to the first row, so that a read that met none fails with the first row
// that it meets, inside its regions or not.

// collated is what is known of the collations in an expression.
type collated struct {
	names   []string // of columns, but for the database's own
	loose   bool     // one that is not deterministic, or a COLLATE that may name one
	unknown bool     // a query, or a name that is no base table's column
}

// mixed reports whether two collations may meet.
func (c *collated) mixed() bool { return c.unknown || len(c.names) > 1 }

// collation notes whether n may fail over a collation.
func (a *readAnalysis) collation(n Node, sc *scope) {
	if a.cat.Dialect != catalog.PostgreSQL {
		return
	}
	switch n := n.(type) {
	case *Collate:
		a.collates = true
	case *Like:
		c := sc.collated(n)
		a.misfits = a.misfits || c.mixed()
		a.unmatched = a.unmatched || c.loose || c.unknown
	case *Binary:
		a.misfits = a.misfits || n.Op != OpAnd && n.Op != OpOr && sc.collated(n).mixed()
	case *Between, *In, *Is, *Any, *Case, *Func:
		a.misfits = a.misfits || sc.collated(n).mixed()
	}
}

func (s *scope) collated(n Node) *collated {
	c := &collated{}
	Walk(n, func(n Node) bool {
		switch n := n.(type) {
		case *Column:
			c.add(s.resolve(n))
		case *Collate: // goes before the columns'
			c.loose = true
		case *Select:
			c.unknown = true
		}
		return !c.unknown
	})
	return c
}

func (c *collated) add(col *catalog.Column) {
	switch {
	case col == nil:
		c.unknown = true
	case col.Collation != "" && col.Collation != "default" && !slices.Contains(c.names, col.Collation):
		c.names = append(c.names, col.Collation)
	}
	c.loose = c.loose || col != nil && col.Nondeterministic
}

// resolve returns the base table's column that a name means, here or in a query
// around this one; nil if that is not certain.
func (s *scope) resolve(c *Column) *catalog.Column {
	for ; s != nil; s = s.parent {
		if hits, open := s.named(c); open || len(hits) > 0 {
			_, col, _ := s.column(c)
			return col
		}
	}
	return nil
}

// unfit reports whether the tables that are read have the collations for it.
func (a *readAnalysis) unfit() bool {
	if a.cat.Dialect != catalog.PostgreSQL || !a.misfits && !a.unmatched {
		return false
	}
	all := collated{loose: a.collates}
	for _, t := range a.tables {
		for i := range t.table.Columns {
			all.add(&t.table.Columns[i])
		}
	}
	return a.unmatched && all.loose || a.misfits && (len(all.names) > 1 || a.collates)
}
