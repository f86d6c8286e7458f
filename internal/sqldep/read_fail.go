package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// A condition that fails for some values, malformed JSON for one, fails the
// whole read when it meets them. Which rows it meets is the database's choice:
// it may well ask it of a row before the condition that rules that row out. So
// such a read depends on all rows, unless it goes to a single one by its key.

// fallible reports whether evaluating e may fail for some values of a column.
func fallible(e Expr) (found bool) {
	if e == nil {
		return false
	}
	Walk(e, func(n Node) bool {
		switch n := n.(type) {
		case *Func:
			found = found || fallibleFunction(n.Name) || !catalog.PureFunction(catalog.SQLite, n.Name, max(2, len(n.Args)))
		case *Binary:
			found = found || n.Op == OpArrow || n.Op == OpArrowText
		}
		return !found
	})
	return found
}

func fallibleFunction(name string) bool {
	switch name {
	case "json_valid", "json_error_position":
		return false
	case "abs", "unistr":
		return true
	}
	return strings.HasPrefix(name, "json")
}

// fallibleOn is fallible for the ON clauses of a FROM tree.
func fallibleOn(f From) bool {
	j, ok := f.(*Join)
	return ok && (fallible(j.On) || fallibleOn(j.Left) || fallibleOn(j.Right))
}

// failsIn reports whether a FROM calls a function that may fail for what it is
// given of the tables before it.
func failsIn(f From) bool {
	switch f := f.(type) {
	case *TableFunc:
		return fallibleFunction(f.Name) && len(f.Args) > 0
	case *Join:
		return failsIn(f.Left) || failsIn(f.Right)
	}
	return false
}

// expose lifts the restrictions of all mentions that are not keyed, those to
// come included.
func (t *fromTree) expose() {
	for _, m := range t.mentions {
		if !m.keyed() {
			m.exposed, m.restrictions = true, nil
		}
	}
}
