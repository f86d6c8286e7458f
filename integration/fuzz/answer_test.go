package fuzz

import "testing"

func TestRepresentatives(t *testing.T) {
	for _, c := range []struct {
		a, b []string
		want bool
	}{
		{[]string{`"a", 2`, `"B  ", 1`}, []string{`"b", 1`, `"Á", 2`}, true},
		{[]string{`x"ß"`}, []string{`x"SS"`}, true},
		{[]string{`"a", 2`}, []string{`"a", 3`}, false},
		{[]string{`"a"`}, []string{`"b"`}, false},
		{[]string{`"a"`}, []string{`"a"`, `"a"`}, false},
		{nil, nil, false},
	} {
		a, b := answer{rows: c.a}, answer{rows: c.b}
		if a.represents(&b) != c.want {
			t.Errorf("%q, %q: want %v", c.a, c.b, c.want)
		}
	}
}
