package sqldep

import (
	"database/sql/driver"
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
)

// TestParamArg finds the argument of the last parameter of a text.
func TestParamArg(t *testing.T) {
	arg := func(n int, name string, v driver.Value) driver.NamedValue {
		return driver.NamedValue{Ordinal: n, Name: name, Value: v}
	}
	plain := []driver.NamedValue{arg(1, "", "one"), arg(2, "", "two"), arg(3, "", "three")}
	mixed := []driver.NamedValue{arg(1, "x", "X"), arg(2, "", "two"), arg(3, "y", "Y")}
	twice := []driver.NamedValue{arg(1, "x", "X"), arg(2, "x", "other")}
	for _, tt := range []struct {
		text string
		d    catalog.Dialect
		args []driver.NamedValue
		want driver.Value // nil: not known
	}{
		{"SELECT ?", catalog.SQLite, plain, "one"},
		{"SELECT ?, ?", catalog.SQLite, plain, "two"},
		{"SELECT ?2, ?", catalog.SQLite, plain, "three"},
		{"SELECT ?3", catalog.SQLite, plain, "three"},
		{"SELECT ?4", catalog.SQLite, plain, nil},
		{"SELECT :a, :b, :a, :b", catalog.SQLite, plain, "two"},
		{"SELECT :y", catalog.SQLite, mixed, "Y"},
		{"SELECT @y, ?", catalog.SQLite, mixed, "two"},
		{"SELECT ?", catalog.SQLite, mixed, nil},
		{"SELECT :z", catalog.SQLite, mixed, nil},
		{"SELECT :x", catalog.SQLite, twice, nil},
		{"SELECT $1", catalog.SQLite, plain, "one"},
		{"SELECT $2", catalog.SQLite, plain, nil},
		{"SELECT $2, $1", catalog.SQLite, plain, nil},
		{"SELECT $2", catalog.PostgreSQL, plain, "two"},
		{"SELECT ?, ?", catalog.MySQL, plain, "two"},
	} {
		var last *Param
		Walk(Parse(tt.text, tt.d), func(n Node) bool {
			if p, ok := n.(*Param); ok {
				last = p
			}
			return true
		})
		v, ok := last.Arg(tt.args)
		if ok != (tt.want != nil) || v != tt.want {
			t.Errorf("%s: argument %v, known %v, want %v", tt.text, v, ok, tt.want)
		}
	}
}
