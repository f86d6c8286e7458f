package write_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

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

// parseImage reads a:1,b:x as the image of a row.
func parseImage(t *testing.T, s string) dep.Image {
	img := dep.Image{}
	for field := range strings.SplitSeq(s, ",") {
		col, v, ok := strings.Cut(field, ":")
		if !ok {
			t.Fatalf("field %q", field)
		}
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			img = append(img, dep.Field{Col: col, Value: dep.IntValue(n)})
		} else {
			img = append(img, dep.Field{Col: col, Value: dep.TextValue(v)})
		}
	}
	return img
}
