package write_test

import (
	"fmt"
	"strings"

	"github.com/cacheops/cacheops/internal/dep"
)

// show writes changes as the test files have them.
func show(changes []dep.Change) string {
	if len(changes) == 0 {
		return "nothing"
	}
	var lines []string
	for _, c := range changes {
		lines = append(lines, showChange(c))
	}
	return strings.Join(lines, "\n")
}

func showChange(c dep.Change) string {
	switch {
	case c.Table == "":
		return "anything"
	case c.Op == dep.AnyOp:
		return "any " + c.Table
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", [...]string{"any", "insert", "update", "delete", "replace"}[c.Op], c.Table)
	for _, m := range c.Old {
		b.WriteString(" -" + showImage(m))
	}
	for _, m := range c.New {
		b.WriteString(" +" + showImage(m))
	}
	if c.Op == dep.Update {
		b.WriteString(" set " + c.Set.String())
	}
	return b.String()
}

func showImage(m dep.Image) string {
	var fields []string
	for _, f := range m {
		fields = append(fields, f.Col+"="+f.Value.String())
	}
	return "(" + strings.Join(fields, " ") + ")"
}
