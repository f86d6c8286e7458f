package lite

import (
	"database/sql/driver"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Args reads a list of arguments: 1, 1.5, 'text', x'00', NULL, true,
// time(2024-01-02T10:00:00Z), name='text'. What is none of these is text.
func Args(t testing.TB, list string) (args []driver.NamedValue) {
	t.Helper()
	if list == "" {
		return nil
	}
	for i, s := range strings.Split(list, ", ") {
		a := driver.NamedValue{Ordinal: i + 1}
		if name, rest, ok := strings.Cut(s, "="); ok {
			a.Name, s = name, rest
		}
		a.Value = Arg(t, s)
		args = append(args, a)
	}
	return args
}

// Arg reads one argument.
func Arg(t testing.TB, s string) driver.Value {
	t.Helper()
	must := func(v driver.Value, err error) driver.Value {
		if err != nil {
			t.Fatalf("read the argument %s: %v", s, err)
		}
		return v
	}
	switch {
	case s == "NULL":
		return nil
	case s == "true", s == "false":
		return s == "true"
	case strings.HasPrefix(s, "x'"):
		b, err := hex.DecodeString(strings.Trim(s[1:], "'"))
		return must(b, err)
	case strings.HasPrefix(s, "time("):
		at, err := time.Parse(time.RFC3339, strings.Trim(s[len("time"):], "()"))
		return must(at, err)
	case strings.HasPrefix(s, "'"):
		return strings.Trim(s, "'")
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f
	}
	return s
}
