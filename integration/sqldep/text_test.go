package sqldep_test

import (
	"fmt"
	"strings"

	"github.com/cacheops/cacheops/internal/dep"
)

// useLines shows uses as the test files write them, one line each.
func useLines(uses []dep.Use) string {
	lines := make([]string, len(uses))
	for i, u := range uses {
		var rs []string
		for _, r := range u.Regions {
			rs = append(rs, regionText(&r))
		}
		if len(rs) == 0 {
			rs = []string{"nothing"}
		}
		lines[i] = fmt.Sprintf("%s(%s): %s", strings.TrimPrefix(u.Table, "main."), u.Cols, strings.Join(rs, " or "))
	}
	return strings.Join(lines, "\n")
}

func regionText(r *dep.Region) string {
	if len(r.Atoms) == 0 {
		return "all"
	}
	parts := make([]string, len(r.Atoms))
	for i, a := range r.Atoms {
		parts[i] = atomText(a)
	}
	s := strings.Join(parts, " and ")
	if r.Pinned {
		s += " !"
	}
	return s
}

func atomText(a dep.Atom) string {
	switch a.Kind {
	case dep.Eq:
		return a.Col + "=" + a.Value.String()
	case dep.IsNull:
		return a.Col + " null"
	case dep.IsTrue:
		return a.Col + " true"
	case dep.IsFalse:
		return a.Col + " false"
	}
	if a.Cell.Family == dep.Prefix {
		return fmt.Sprintf("%s^%q", a.Col, a.Cell.Text)
	}
	return fmt.Sprintf("%s@%s.%d.%x", a.Col, a.Cell.Family, a.Cell.Level, a.Cell.Code)
}
